"""The routing worker's protocol as a generator."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from tests.model.escalation import DECISIONS, LOG, decision_of
from tests.model.neighbours import TICKETS, Note, place_topic
from tests.model.simulated_servers import IDLE, FailStop, Op, Redis, Worker, World
from workers.contracts import ids
from workers.contracts.codec import encode
from workers.contracts.decisions import Decision
from workers.contracts.events import Routed, Wait
from workers.contracts.ledger import LedgerRecord, Plan
from workers.contracts.topics import Topics
from workers.routing.availability import LastPresence, Load
from workers.routing.ledger_record import is_passing, leaves_record, next_record, waits_on
from workers.routing.plan import is_placing, plan
from workers.routing.wait import has_left

GROUP: Final = "handoff-routing"
LEDGER: Final = "escalation-ledger"
CONTROL: Final = "conversation-control"

PARTS: Final = frozenset(
    {
        "decisions below the ledger's seq are skipped",
        "an equal seq repeats the recorded plan",
        "the plan is written by compare-and-set",
        "what Redis has lost of the ledger is read from its topic",
        "a ledger that went back in time ends the router",
        "withdrawals elsewhere",
        "routed on the log",
        "commit after everything",
        "a place is a set of escalation ids",
    }
)


class Done(NamedTuple):
    """The trace of a decision: whether the ledger has a record, and its offset if written."""

    recorded: bool = True
    end: int | None = None


def routing_worker(
    world: World, generation: int, parts: frozenset[str], topics: Topics, started: int
) -> Worker:
    """One life of the router, from the assignment of the partition to a crash."""
    redis = world.redis
    position: int = yield Op("read", lambda: world.committed.get(GROUP, 0))
    if "what Redis has lost of the ledger is read from its topic" in parts:
        seen: int = yield Op("write", lambda: _catch_up(world))
    else:
        seen = yield Op("read", lambda: _ledger_end(redis))
    while True:
        records = world.topic(DECISIONS)[position : position + 1]
        if not records:
            yield IDLE
            continue
        position += 1
        commit = Op("commit", partial(world.commit, GROUP, generation, position))
        if "commit after everything" not in parts:
            yield commit
        decision = decision_of(records[0])
        # Both in one round trip, as the router reads them.
        found, previous = yield Op("read", partial(_look, redis, decision))
        if "a ledger that went back in time ends the router" in parts and found < seen:
            raise FailStop("Redis has lost what the ledger topic has")
        done: Done = yield from _handle(world, parts, topics, started, decision, previous)
        settled: bool = yield Op("write", partial(_settle, redis, decision, done))
        if "a ledger that went back in time ends the router" in parts and not settled:
            raise FailStop("Redis has lost the record that was just written")
        reached: int = yield Op("read", lambda: _ledger_end(redis))
        seen = max(seen, reached)
        if "commit after everything" in parts:
            yield commit


def _look(redis: Redis, decision: Decision) -> tuple[int, LedgerRecord | None]:
    """Return how far the ledger topic is in Redis, and the record of a decision's conversation."""
    return _ledger_end(redis), _record(redis, decision.conversation_id)


def _handle(
    world: World,
    parts: frozenset[str],
    topics: Topics,
    started: int,
    decision: Decision,
    previous: LedgerRecord | None,
) -> Generator[Op, Any, Done]:
    """Carry out one decision."""
    name = decision.conversation_id
    skips = "decisions below the ledger's seq are skipped" in parts
    if skips and previous is not None and decision.seq < previous.seq:
        return Done()
    repeats = "an equal seq repeats the recorded plan" in parts
    if previous is not None and decision.seq == previous.seq and repeats:
        record, planned = previous, previous.plan
        if is_passing(decision):
            planned = plan(decision, topics, Load(since_ms=0), world.now, previous)
            planned = _told_before(decision, previous, planned)
    else:
        placed = yield from _place(world, parts, topics, started, decision, previous)
        if placed is None:
            return Done(recorded=False)
        record, planned = placed
    ledger = Op("publish", lambda: world.append(LEDGER, name.encode(), encode(record)))
    end: int | None = None
    if not is_passing(decision) or (decision.action == "update" and planned.wait is not None):
        end = yield ledger
    yield from _tell_places(world, parts, decision, planned, record)
    if is_placing(decision) and "routed on the log" in parts:
        yield _routed(world, decision, planned)
    yield from _control(world, decision, planned)
    return Done(end=end)


def _place(
    world: World,
    parts: frozenset[str],
    topics: Topics,
    started: int,
    decision: Decision,
    previous: LedgerRecord | None,
) -> Generator[Op, Any, tuple[LedgerRecord, Plan] | None]:
    redis = world.redis
    if not leaves_record(decision, previous):
        return None
    load: Load = yield Op("read", lambda: _load(redis, topics, world.now, started))
    while True:
        planned = plan(decision, topics, load, world.now, previous)
        if decision.action == "update" and decision.lead is None:
            planned = _look_at_wait(redis, decision, previous, planned, world.now)
        if planned.place != "queue" or planned.queue is None:
            break
        planned = _estimated(redis, planned, planned.queue)
        queue = str(planned.queue)
        reserved: bool = yield Op(
            "write", partial(_reserve, redis, topics, queue, str(decision.escalation_id), parts)
        )
        if reserved:
            break
        load = load.with_waiting(queue, topics.queues[queue].max_waiting)
    record = next_record(previous, decision, planned)
    seq = None if previous is None else previous.seq
    checked = "the plan is written by compare-and-set" in parts
    written: bool = yield Op("write", lambda: _compare_and_set(redis, record, seq, checked))
    if not written:
        raise FailStop("the ledger was written by somebody else")
    yield Op("write", lambda: _release(redis, record, previous, parts))
    return record, planned


def _tell_places(
    world: World,
    parts: frozenset[str],
    decision: Decision,
    planned: Plan,
    record: LedgerRecord,
) -> Generator[Op, Any, None]:
    if is_placing(decision) and planned.place == "queue":
        yield _note(world, f"handoff-{planned.queue}", decision, "handoff")
    elif is_placing(decision) and planned.place == "ticket":
        yield _note(world, TICKETS, decision, "handoff")
    elif decision.action == "claim" and decision.queue is not None:
        yield _note(world, f"handoff-{decision.queue}", decision, "claimed")
    elif decision.action == "refuse" and decision.queue is not None:
        yield _note(world, f"handoff-{decision.queue}", decision, "refused")
    waits, same = waits_on(record), record.escalation_id == decision.escalation_id
    hurried = decision.action == "update" and decision.lead is not None
    if hurried and same and waits is not None:
        yield _note(world, f"handoff-{waits}", decision, "handoff")
    if "withdrawals elsewhere" in parts:
        for place in planned.withdraw_from:
            yield _note(world, place_topic(place), decision, "withdrawn")


def _estimated(redis: Redis, planned: Plan, queue: str) -> Plan:
    """A wait of up to two hours for each who waits on the queue."""
    ahead = len(_waiting(redis, queue))
    wait = Wait(low_s=0, high_s=7_200 * (ahead + 1))
    return msgspec.structs.replace(planned, wait=wait)


def _look_at_wait(
    redis: Redis, decision: Decision, previous: LedgerRecord | None, planned: Plan, now: int
) -> Plan:
    queue = waits_on(previous)
    if previous is None or queue is None or previous.escalation_id != decision.escalation_id:
        return planned
    estimated = _estimated(redis, planned, queue)
    left = estimated.wait is not None and has_left(previous.told, estimated.wait, now)
    return estimated if left else planned


def _told_before(decision: Decision, previous: LedgerRecord, planned: Plan) -> Plan:
    told = previous.told
    if told is None or told.seq != decision.seq:
        return planned
    wait = Wait(low_s=told.low_s, high_s=told.high_s)
    return msgspec.structs.replace(planned, wait=wait)


def _note(world: World, topic: str, decision: Decision, kind: str, wait: Wait | None = None) -> Op:
    note = Note(
        kind=kind,
        conversation_id=decision.conversation_id,
        escalation_id=decision.escalation_id,
        epoch=decision.epoch,
        seq=decision.seq,
        owner=decision.owner,
        person=decision.person,
        told=None if wait is None else (wait.low_s, wait.high_s),
    )
    key = decision.conversation_id.encode()
    return Op("publish", lambda: world.append(topic, key, msgspec.json.encode(note)))


def _control(world: World, decision: Decision, planned: Plan) -> Generator[Op, Any, None]:
    told = decision.action != "update" or planned.wait is not None
    if told and decision.action not in ("suppress", "refuse", "rate"):
        yield _note(world, CONTROL, decision, decision.action, planned.wait)


def _routed(world: World, decision: Decision, planned: Plan) -> Op:
    event = Routed(
        event_id=ids.routed_event_id(
            decision.decision_id, planned.place or "contact", planned.queue or ""
        ),
        conversation_id=decision.conversation_id,
        occurred_at=planned.planned_at,
        type="routed",
        decision_id=decision.decision_id,
        escalation_id=str(decision.escalation_id),
        seq=decision.seq,
        place=planned.place or "contact",
        queue=planned.queue or "",
        rung=planned.rung,
        skipped=planned.skipped,
        claim_due_at=planned.claim_due_at,
        reply_minutes=planned.reply_minutes,
        idle_minutes=planned.idle_minutes,
        on_idle=planned.on_idle,
        update_minutes=planned.update_minutes,
        warn_share=planned.warn_share,
        assignee=planned.assignee,
        assigned_until=planned.assigned_until,
        expires_at=planned.expires_at,
    )
    key = decision.conversation_id.encode()
    return Op("publish", lambda: world.append(LOG, key, encode(event)))


def _record(redis: Redis, name: str) -> LedgerRecord | None:
    blob = redis.data.get(f"ledger:{name}")
    return msgspec.json.decode(blob, type=LedgerRecord) if isinstance(blob, bytes) else None


def _ledger_end(redis: Redis) -> int:
    found = redis.data.get("ledger-end", 0)
    return found if isinstance(found, int) else 0


def _settle(redis: Redis, decision: Decision, done: Done) -> bool:
    """Note how far the ledger topic is in Redis, never over a gap; False when a record is gone."""
    if not done.recorded:
        return True
    written = done.end
    record = _record(redis, decision.conversation_id)
    if record is None or record.seq < decision.seq:
        return False
    if written is not None and _ledger_end(redis) == written:
        redis.write({"ledger-end": written + 1})
    return True


def _catch_up(world: World) -> int:
    """Bring Redis to where the ledger topic is; return where that is."""
    redis, records = world.redis, world.topic(LEDGER)
    for record in records[_ledger_end(redis) :]:
        entry = msgspec.json.decode(record.value, type=LedgerRecord)
        before = _record(redis, entry.conversation_id)
        if before is None or entry.seq > before.seq:
            redis.write({f"ledger:{entry.conversation_id}": record.value})
            queue = waits_on(entry)
            if queue is not None:
                names = _waiting(redis, queue) | {str(entry.escalation_id)}
                redis.write({f"waiting:{queue}": names})
            _release(redis, entry, before, PARTS)
    redis.write({"ledger-end": len(records)})
    return len(records)


def _waiting(redis: Redis, queue: str) -> frozenset[str]:
    found = redis.data.get(f"waiting:{queue}", frozenset())
    return found if isinstance(found, frozenset) else frozenset()


def _load(redis: Redis, topics: Topics, now: int, started: int) -> Load:
    return Load(
        since_ms=started,
        waiting={queue: len(_waiting(redis, queue)) for queue in topics.queues},
        presence={
            queue: LastPresence(
                at_ms=now,
                agents_online=(now // 4_000 + number) % 3,
                agents=frozenset({f"agent-of-{queue}"}),
            )
            for number, queue in enumerate(topics.queues)
        },
    )


def _reserve(redis: Redis, topics: Topics, queue: str, name: str, parts: frozenset[str]) -> bool:
    waiting = _waiting(redis, queue)
    counted = "a place is a set of escalation ids" not in parts
    if counted:
        # A counter does not know who is in it: a repeat takes a second place.
        name = f"{name}#{len(waiting)}"
    if name not in waiting and len(waiting) >= topics.queues[queue].max_waiting:
        return False
    redis.write({f"waiting:{queue}": waiting | {name}})
    return True


def _compare_and_set(redis: Redis, record: LedgerRecord, seq: int | None, checked: bool) -> bool:
    found = _record(redis, record.conversation_id)
    if checked and (None if found is None else found.seq) != seq:
        return False
    redis.write({f"ledger:{record.conversation_id}": encode(record)})
    return True


def _release(
    redis: Redis, record: LedgerRecord, previous: LedgerRecord | None, parts: frozenset[str]
) -> None:
    keep = waits_on(record)
    changes: dict[str, Any] = {}
    for key in redis.keys("waiting:"):
        queue = key.removeprefix("waiting:")
        waiting = _waiting(redis, queue)
        gone = {name for name in waiting if name.split("#")[0] == record.escalation_id}
        if "a place is a set of escalation ids" not in parts:
            left = waits_on(previous) == queue
            gone = set(sorted(gone)[: 1 if left else 0])
        if gone and queue != keep:
            changes[key] = waiting - gone
    if changes:
        redis.write(changes)
