"""Desks and ticket systems that answer the router, as generators, and the messages they get."""

from __future__ import annotations

import random
from typing import Final

import msgspec

from tests.model.escalation import LOG
from tests.model.simulated_servers import IDLE, Op, Record, Worker, World
from workers.contracts import ids
from workers.contracts.codec import encode
from workers.contracts.events import Ownership
from workers.contracts.time import from_ms

TICKETS: Final = "support-tickets"
_TICKET_ANSWERS: Final = ("ticketed", "ticketed", "ticket_refused", None)


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a message to a desk or chat system that the promises speak of."""

    kind: str
    conversation_id: str
    escalation_id: str | None
    epoch: int
    seq: int
    owner: str = ""
    person: str | None = None
    told: tuple[int, int] | None = None
    """The range of the wait that the customer is told."""


def desk(world: World, queue: str, rng: random.Random) -> Worker:
    """Somebody who takes what waits on one queue, and ends, returns or ignores it."""
    position = 0
    seen: dict[str, tuple[int, int]] = {}
    while True:
        records = world.topic(f"handoff-{queue}")[position : position + 1]
        if not records:
            yield IDLE
            continue
        position += 1
        note = note_of(records[0])
        if note.escalation_id is None or (note.epoch, note.seq) <= seen.get(
            note.escalation_id, (-1, -1)
        ):
            continue
        seen[note.escalation_id] = (note.epoch, note.seq)
        action = _answer(note, rng)
        for _ in range(1 + (rng.random() < 0.3) if action else 0):
            yield _report(world, note, queue, str(action))


def _answer(note: Note, rng: random.Random) -> str | None:
    if note.kind == "handoff":
        return rng.choice(["accepted", "accepted", None])
    if note.kind == "claimed":
        return rng.choice(["resolved", "returned", "replied", "abandoned", None])
    return None


def ticket_system(world: World, rng: random.Random) -> Worker:
    """A ticket system that takes, refuses or forgets what it is asked for; some it solves."""
    position = 0
    solved: list[Note] = []
    while True:
        records = world.topic(TICKETS)[position : position + 1]
        if not records:
            if solved and rng.random() < 0.1:
                yield _report(world, solved.pop(), "ticket", "resolved")
            yield IDLE
            continue
        position += 1
        note = note_of(records[0])
        action = rng.choice(_TICKET_ANSWERS) if note.kind == "handoff" else None
        if action:
            yield _report(world, note, "ticket", action)
        if action == "ticketed" and rng.random() < 0.5:
            solved.append(note)


def _report(world: World, note: Note, queue: str, action: str) -> Op:
    """Return the desk agent's event for a desk's report; the same report has the same id."""
    event = Ownership(
        event_id=ids.ownership_event_id(f"{action}/{queue}/{note.escalation_id}/{note.seq}"),
        conversation_id=note.conversation_id,
        occurred_at=from_ms(world.now),
        type="ownership",
        action=action,  # type: ignore[arg-type]
        escalation_id=str(note.escalation_id),
        desk_event_id=f"{action}/{queue}/{note.escalation_id}/{note.seq}",
        epoch=note.epoch,
        queue=queue,
        agent_id=f"agent-of-{queue}",
        reason="out of scope" if action in ("returned", "ticket_refused") else None,
        ticket_id="T-1" if action == "ticketed" else None,
    )
    key, value = note.conversation_id.encode(), encode(event)
    return Op("publish", lambda: world.append(LOG, key, value))


def place_topic(place: str) -> str:
    """The topic of a queue, or of the tickets."""
    return TICKETS if place == "ticket" else f"handoff-{place}"


def note_of(record: Record) -> Note:
    """The note in a record of a queue, of the tickets or of the control topic."""
    return msgspec.json.decode(record.value, type=Note)
