"""Estimate of a customer's wait: a range from the queue's own recent past, or none."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from workers.contracts.decisions import Decision
from workers.contracts.events import Wait
from workers.contracts.ledger import LedgerRecord, ToldWait
from workers.contracts.time import HOUR, to_ms
from workers.routing.ledger_record import waits_on
from workers.routing.plan import claimed_on

RECENT_MS: Final = 12 * HOUR
ENOUGH: Final = 5
"""Claims of the recent past without which nothing is said."""
LOW, HIGH = 0.1, 0.9
"""Eight in ten of the past waits lie between: so many customers should be told right."""
_COARSE_S: Final = 600


@dataclass(frozen=True, slots=True)
class PastClaim:
    """One escalation that was claimed on the queue: how long it waited, and behind how many."""

    at_ms: int
    waited_ms: int
    ahead: int = 0


def estimate(
    claims: Iterable[PastClaim], ahead: int, free_slots: int | None, now_ms: int
) -> Wait | None:
    """Return the wait of one more escalation behind `ahead` others; None if too little is known.

    Each past wait is taken per place in the line; people who are free shorten the line.
    """
    per_place = sorted(
        claim.waited_ms / (claim.ahead + 1) for claim in claims if now_ms - claim.at_ms <= RECENT_MS
    )
    if len(per_place) < ENOUGH:
        return None
    places = max(1, ahead + 1 - (free_slots or 0))
    low, high = (_percentile(per_place, share) * places / 1000 for share in (LOW, HIGH))
    return Wait(low_s=_rounded(low, up=False), high_s=_rounded(high, up=True))


def has_left(told: ToldWait | None, wait: Wait, now_ms: int) -> bool:
    """Return True if the estimate of now no longer fits the range that the customer was told.

    The range that was told shrinks as time passes; the middle of `wait` must still lie in it.
    """
    if told is None:
        return True
    passed_s = (now_ms - to_ms(told.at)) / 1000
    middle_s = (wait.low_s + wait.high_s) / 2
    return not told.low_s - passed_s <= middle_s <= told.high_s - passed_s


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[round(share * (len(ordered) - 1))]


def _rounded(seconds: float, *, up: bool) -> int:
    """To ten seconds, or to a minute where ten seconds are noise; never a promise of none."""
    step = 10 if seconds < _COARSE_S else 60
    whole = int(seconds // step) * step
    return whole + step if up else whole


def past_claim(decision: Decision, before: LedgerRecord | None) -> tuple[str, PastClaim] | None:
    """Return the queue and how long it waited, when this decision is a claim from a queue."""
    queue = waits_on(before)
    if decision.action != "claim" or before is None or before.placed_at is None or queue is None:
        return None
    if before.escalation_id != decision.escalation_id or claimed_on(decision, before) != queue:
        return None
    at_ms = to_ms(decision.decided_at)
    waited_ms = max(0, at_ms - to_ms(before.placed_at))
    return queue, PastClaim(at_ms=at_ms, waited_ms=waited_ms, ahead=before.plan.ahead)
