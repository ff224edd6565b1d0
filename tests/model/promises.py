"""The promises that a finished run must keep, checked from the topics."""

import msgspec

from tests.model.escalation import DECISIONS, LOG, decision_of, incoming_of, quiet
from tests.model.neighbours import note_of, place_topic
from tests.model.routing import CONTROL
from tests.model.simulated_servers import World
from workers.contracts.decisions import Decision
from workers.contracts.events import Closed, Event, Message
from workers.contracts.time import MINUTE
from workers.contracts.topics import Topics
from workers.conversation.partition_meta import PartitionMeta
from workers.conversation.state import State, decode_state, next_due

SILENT = ("suppress", "refuse", "update", "rate")
"""Actions of which the customer need not hear anything."""


def unfolded(world: World, meta: PartitionMeta) -> list[str]:
    """Conversations whose stored state is not what a quiet fold of the log makes of them."""
    told = quiet(world.topic(LOG), meta)
    return [
        f"{name}: the state is not the fold of the log"
        for name, change in told.changes.items()
        if world.redis.data.get(f"s:{name}") != change.blob
    ]


def check(
    world: World, meta: PartitionMeta, topics: Topics, *, may_leak: bool, may_orphan: bool
) -> list[str]:
    """The promises that a run broke, once it has come to rest; empty when all hold.

    `may_leak`: places may stay taken until a router starts again and frees what is nobody's.
    `may_orphan`: a queue may show what has ended until somebody there tries to take it.
    """
    told = quiet(world.topic(LOG), meta)
    states = {name: decode_state(name, change.blob) for name, change in told.changes.items()}
    broken = unfolded(world, meta)
    for name, state in states.items():
        due = next_due(state)
        if due is not None and due < world.now - MINUTE:
            broken.append(f"{name}: a deadline passed and nobody noticed")
    expected = {output.value: output for output in told.outputs if output.topic == DECISIONS}
    published = {record.value for record in world.topic(DECISIONS)}
    broken += [f"lost: {_brief(value)}" for value in expected if value not in published]
    broken += [f"invented: {_brief(value)}" for value in published if value not in expected]
    dead = {out.value for out in told.outputs if out.topic == "dead-letters"}
    if dead - {record.value for record in world.topic("dead-letters")}:
        broken.append("a dead letter is missing")
    decisions = [decision_of(record) for record in world.topic(DECISIONS)]
    broken += _in_order(decisions)
    broken += _outcomes(decisions)
    broken += _gone(world, decisions)
    broken += _places(_held(world, topics), states, may_orphan=may_orphan)
    broken += _controls(world, decisions)
    if not may_leak:
        broken += _reservations(world, topics, states)
    return broken


def _brief(value: bytes | None) -> str:
    if not value:
        return "?"
    decision = msgspec.json.decode(value, type=Decision)
    return f"{decision.conversation_id} {decision.action} {decision.cause or decision.reason}"


def _in_order(decisions: list[Decision]) -> list[str]:
    last: dict[str, int] = {}
    seen: set[str] = set()
    broken = []
    for decision in decisions:
        if decision.decision_id in seen:
            continue
        seen.add(decision.decision_id)
        if decision.seq <= last.get(decision.conversation_id, -1):
            broken.append(f"{decision.conversation_id}: seq ran backwards")
        last[decision.conversation_id] = decision.seq
    return broken


def _outcomes(decisions: list[Decision]) -> list[str]:
    ends: dict[str, set[str]] = {}
    for decision in decisions:
        if decision.outcome is not None and decision.escalation_id is not None:
            ends.setdefault(decision.escalation_id, set()).add(decision.decision_id)
    return [f"{name}: {len(found)} outcomes" for name, found in ends.items() if len(found) > 1]


def _gone(world: World, decisions: list[Decision]) -> list[str]:
    """A ticket outlives the chat; a customer who closed the chat is not given back to the AI."""
    log, order = _events(world)
    broken = []
    for before, decision in _pairs(decisions):
        at, opened = order[decision.trigger_event_id], order.get(str(decision.opened_by), 0)
        if decision.outcome is None:
            continue
        ends = log[at]
        ticketed = before is not None and before.cause == "ticketed"
        if ticketed and isinstance(ends, Closed) and ends.by != "human_agent":
            broken.append(f"{decision.conversation_id}: a closed chat ended a ticket")
        name = decision.conversation_id
        if decision.owner != "closed" and _has_left(log[opened + 1 : at + 1], name):
            broken.append(f"{name}: the AI was given a chat that is closed")
    return broken


def _events(world: World) -> tuple[list[Event | None], dict[str, int]]:
    """Return the events of the log by offset, None for what is none, and where each came first."""
    log = [incoming_of(record).event for record in world.topic(LOG)]
    order: dict[str, int] = {}
    for number, event in enumerate(log):
        if event is not None and order.setdefault(event.event_id, number) != number:
            log[number] = None
    return log, order


def _pairs(decisions: list[Decision]) -> list[tuple[Decision | None, Decision]]:
    """Return each decision with the one before it that moved its escalation."""
    last: dict[str, Decision] = {}
    pairs = []
    for decision in sorted(decisions, key=lambda one: one.seq):
        before = last.get(str(decision.escalation_id))
        pairs.append((before, decision))
        if decision.action not in SILENT:
            last[str(decision.escalation_id)] = decision
    return pairs


def _has_left(log: list[Event | None], name: str) -> bool:
    """Return True if the conversation was closed and no person has written in it since."""
    left = False
    for event in log:
        if event is None or event.conversation_id != name:
            continue
        if isinstance(event, Closed):
            left = True
        elif isinstance(event, Message) and event.role in ("customer", "human_agent"):
            left = False
    return left


def _held(world: World, topics: Topics) -> dict[str, set[str]]:
    """Return the queues on which desks see each escalation; the greater (epoch, seq) wins."""
    held: dict[str, set[str]] = {}
    for place in [*topics.queues, "ticket"]:
        last: dict[str, tuple[int, int]] = {}
        kinds: dict[str, str] = {}
        for note in map(note_of, world.topic(place_topic(place))):
            name = str(note.escalation_id)
            if (note.epoch, note.seq) > last.get(name, (-1, -1)):
                last[name] = (note.epoch, note.seq)
                if note.kind != "refused":
                    kinds[name] = note.kind
                elif note.owner != "pending" and kinds.get(name) == "handoff":
                    # The desk that came late learns that there is nothing to take.
                    kinds[name] = "refused"
        for name, kind in kinds.items():
            if kind in ("handoff", "claimed"):
                held.setdefault(name, set()).add(place)
    return held


def _places(held: dict[str, set[str]], states: dict[str, State], *, may_orphan: bool) -> list[str]:
    """Each open escalation is held by one place, each ended one by none."""
    open_now = {state.open.id: state for state in states.values() if state.open is not None}
    broken = []
    for name, places in held.items():
        state = open_now.get(name)
        if may_orphan:
            continue
        if state is None or state.open is None:
            broken.append(f"{name}: ended, yet held by {sorted(places)}")
        elif len(places) > 1:
            broken.append(f"{name}: held by {sorted(places)}")
    for name, state in open_now.items():
        if state.owner == "pending" and name not in held:
            broken.append(f"{name}: awaited and held by nobody")
    return broken


def _controls(world: World, decisions: list[Decision]) -> list[str]:
    told = {(note.conversation_id, note.seq) for note in map(note_of, world.topic(CONTROL))}
    owed = {
        (decision.conversation_id, decision.seq)
        for decision in decisions
        if decision.action not in SILENT
    }
    may = owed | {(one.conversation_id, one.seq) for one in decisions if one.action == "update"}
    broken = [f"{name}: the customer was not told of {seq}" for name, seq in sorted(owed - told)]
    broken += [f"{name}: told of {seq} for no reason" for name, seq in sorted(told - may)]
    return broken + _told_differently(world)


def _told_differently(world: World) -> list[str]:
    """One change is told in one way, however often it is told."""
    said: dict[tuple[str, int], set[tuple[int, int] | None]] = {}
    for note in map(note_of, world.topic(CONTROL)):
        said.setdefault((note.conversation_id, note.seq), set()).add(note.told)
    return [
        f"{name}: told {len(ranges)} ranges for {seq}"
        for (name, seq), ranges in said.items()
        if len(ranges) > 1
    ]


def _reservations(world: World, topics: Topics, states: dict[str, State]) -> list[str]:
    waiting = {
        state.open.id: state.open.queue
        for state in states.values()
        if state.open is not None and state.owner == "pending" and state.open.place == "queue"
    }
    broken = []
    for queue in topics.queues:
        found = world.redis.data.get(f"waiting:{queue}", frozenset())
        names = {name.split("#")[0] for name in found} if isinstance(found, frozenset) else set()
        size = len(found) if isinstance(found, frozenset) else 0
        expected = {name for name, where in waiting.items() if where == queue}
        if names != expected or size != len(expected):
            broken.append(f"{queue}: {size} places taken by {len(expected)}")
    return broken
