"""The audit's record of one conversation while it reads the topics."""

from dataclasses import dataclass, field
from enum import IntFlag
from typing import Final, NamedTuple

from workers.contracts.decisions import Decision
from workers.contracts.ledger import LedgerRecord
from workers.contracts.time import to_ms

TAIL: Final = 32
"""Decisions of a conversation that are remembered once settled, to tell a repeat from a change."""

OPENING: Final = frozenset({"escalate", "claim"})
LASTING: Final = frozenset({"move", "claim", "transfer", "return", "outcome"})
"""Actions that speak about an escalation that is already open (a claim may open one)."""


class At(NamedTuple):
    """The place of a record, and its Kafka timestamp."""

    partition: int
    offset: int
    timestamp_ms: int


class Effect(IntFlag):
    """The records that the routing agent publishes for a decision."""

    CONTROL = 1
    ROUTED = 2
    PLACED = 4
    ANSWER = 8


NOTHING: Final = Effect(0)
NOWHERE: Final = At(0, -1, 0)


def effects_of(decision: Decision) -> Effect:
    """Return what must follow this decision on the topics downstream."""
    if decision.observe:
        return NOTHING
    match decision.action:
        case "escalate" | "transfer":
            return Effect.ROUTED | Effect.PLACED | Effect.CONTROL
        case "move":
            if decision.cause == "ticketed":
                return Effect.CONTROL
            return Effect.ROUTED | Effect.PLACED | Effect.CONTROL
        case "claim":
            answered = Effect.ANSWER if decision.queue and decision.person else NOTHING
            return Effect.CONTROL | answered
        case "refuse":
            return Effect.ANSWER if decision.queue else NOTHING
        case "suppress" | "update" | "rate":
            # Of an `update` the customer hears only when the wait has changed.
            return NOTHING
        case _:
            return Effect.CONTROL


@dataclass(slots=True)
class Case:
    """One decision (or an effect whose decision was not read yet) and what followed it."""

    expected: Effect | None = None
    """None until the decision itself is read."""
    seen: Effect = NOTHING
    fingerprint: int = 0
    told: int | None = None
    """Fingerprint of what the customer was told."""
    action: str = ""
    handled: bool = False
    """True if the routing agent has handled the decision."""
    timestamp_ms: int = 0

    @property
    def missing(self) -> Effect:
        """Return the effects not seen so far; none while the decision itself is unknown."""
        return NOTHING if self.expected is None else self.expected & ~self.seen

    @property
    def settled(self) -> bool:
        """Return True if the decision and everything that must follow it were seen."""
        return self.expected is not None and not self.missing


@dataclass(slots=True)
class Open:
    """The escalation that is open in a conversation."""

    escalation_id: str
    reason: str | None
    level: int
    opened_ms: int
    owner: str
    partition: int
    person: str | None = None


@dataclass(slots=True)
class Waiting:
    """The greatest message about a conversation on one queue (or `ticket`)."""

    rank: tuple[int, int, int]
    escalation_id: str
    waits: bool


@dataclass(slots=True)
class Place:
    """The place of an escalation according to the last record in the ledger."""

    seq: int
    escalation_id: str | None
    place: str | None
    queue: str | None
    rung: int
    claimed: bool
    ended: bool
    ticketed: bool
    claim_due_ms: int | None
    expires_ms: int | None


@dataclass(slots=True)
class Track:
    """One conversation as the decisions, the ledger, the queues and the control topic show it."""

    seq: int = -1
    epoch: int = 0
    recorded: int = -1
    """The last `seq` that the ledger must have; it may lack decisions that change no place."""
    at: At = NOWHERE
    """The place of the conversation's last decision."""
    ended: str | None = None
    """The escalation that ended last: a second end of it is worth a finding of its own."""
    open: Open | None = None
    place: Place | None = None
    cases: dict[int, Case] = field(default_factory=dict)
    queues: dict[str, Waiting] = field(default_factory=dict)

    @property
    def place_now(self) -> Place | None:
        """Return the place of the open escalation; None while only a former one has a place."""
        place, current = self.place, self.open
        if place is None or current is None or place.escalation_id != current.escalation_id:
            return None
        return place

    def case(self, seq: int, timestamp_ms: int) -> Case:
        """Return the case of a decision, a new one when nothing about it was seen yet."""
        case = self.cases.get(seq)
        if case is None:
            case = self.cases[seq] = Case(timestamp_ms=timestamp_ms)
            if len(self.cases) > TAIL:
                self._forget_one()
        return case

    def _forget_one(self) -> None:
        for seq, case in self.cases.items():
            if case.settled:
                del self.cases[seq]
                return

    @property
    def is_recorded(self) -> bool:
        """Return True if the ledger has every record that it must have."""
        return self.recorded < 0 or (self.place is not None and self.place.seq >= self.recorded)

    @property
    def proven(self) -> bool:
        """Return True if nothing is left to check in this conversation."""
        return (
            self.open is None
            and all(case.settled for case in self.cases.values())
            and self.is_recorded
            and not any(queue.waits for queue in self.queues.values())
        )


def place_of(record: LedgerRecord) -> Place:
    """Reduce a ledger record to the fields that the audit compares."""
    plan = record.plan
    return Place(
        seq=record.seq,
        escalation_id=record.escalation_id,
        place=record.place,
        queue=record.queue,
        rung=plan.rung,
        claimed=record.claimed_by is not None,
        ended=record.outcome is not None,
        ticketed=record.ticket_id is not None,
        claim_due_ms=None if plan.claim_due_at is None else to_ms(plan.claim_due_at),
        expires_ms=None if plan.expires_at is None else to_ms(plan.expires_at),
    )
