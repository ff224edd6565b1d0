"""Shares of outcomes in the sliding window, told when they fall below what the policy aims at."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from workers.contracts.events import Event, Ownership, Rating
from workers.contracts.ids import derive
from workers.contracts.tickets import Notification
from workers.contracts.time import DAY, from_ms
from workers.conversation.rates import SLICES, Count, Rates, ReportedRate, slice_ms
from workers.conversation.state import Ended, State
from workers.policy import Bands, duration_ms

SATISFIED: Final = 4
"""Points from which on a rating is one of a satisfied customer."""
_SAID: Final = {
    "resolution": (
        "of {of:,} escalations that ended in {window} were resolved by people",
        "Look at how they end in handoff outcomes --by queue,reason.",
    ),
    "satisfaction": (
        "of {of:,} ratings in {window} were 4 or 5 points",
        "Look at handoff outcomes --by queue,tier.",
    ),
    "justified": (
        "of {of:,} handovers that people judged in {window} were right",
        "The policy hands over too soon: look at handoff outcomes --by rule.",
    ),
}


def count_outcomes(rates: Rates, before: State, after: State, event: Event) -> None:
    """Count in `rates` what one event says of an outcome, in the slice of its own time."""
    found = [*_outcomes(before, after, event)]
    if not found:
        return
    number = after.clock // rates.slice_ms
    newest = max(number, max(rates.outcomes, default=0))
    for old in [old for old in rates.outcomes if old <= newest - SLICES]:
        del rates.outcomes[old]
    if number > newest - SLICES:
        counts = rates.outcomes.setdefault(number, {})
        for name, good in found:
            counts[name] = counts.get(name, Count()) + Count(1, int(good))


def tells_outcome(before: State, after: State, event: Event) -> bool:
    """Return whether an event between two states of a conversation tells an outcome."""
    rated = isinstance(event, Rating | Ownership) and event.csat is not None
    return rated or _ended(before, after) is not None


def _outcomes(before: State, after: State, event: Event) -> Iterator[tuple[str, bool]]:
    if isinstance(event, Rating | Ownership) and event.csat is not None:
        yield "satisfaction", event.csat >= SATISFIED
    ended = _ended(before, after)
    if ended is None:
        return
    yield "resolution", ended.outcome == "resolved"
    if type(event) is Ownership and event.justified is not None:
        yield "justified", event.justified


def _ended(before: State, after: State) -> Ended | None:
    """Return the escalation that ended between two states, if one did."""
    if after.earlier is before.earlier or not after.earlier:
        return None
    last = after.earlier[-1]
    known = before.earlier[-1].escalation_id if before.earlier else None
    return None if last.escalation_id == known else last


def below_band(
    windows: Collection[Rates],
    told: Mapping[str, ReportedRate],
    bands: Bands,
    topic: str,
    at_ms: int,
) -> list[tuple[Notification, ReportedRate]]:
    """Return what to tell of outcomes below what the policy aims at, each at most once a day.

    The windows are those of all partitions of `topic`; `told` is by subject. A window whose last
    outcome is older than it is long says nothing, nor do fewer outcomes than the policy asks for.
    """
    alike = [rates.outcomes for rates in windows if rates.slice_ms == slice_ms(bands)]
    newest = max([number for slices in alike for number in slices], default=0)
    if newest * slice_ms(bands) < at_ms - duration_ms(bands.window):
        return []
    aims = {
        "resolution": bands.resolution,
        "satisfaction": bands.satisfaction,
        "justified": bands.justified,
    }
    day, said = at_ms // DAY, []
    for name, aim in aims.items():
        found = Count()
        for slices in alike:
            for number, counts in slices.items():
                if number > newest - SLICES:
                    found += counts.get(name, Count())
        subject = f"outcome {name}"
        before = told.get(subject)
        if found.conversations < bands.min_conversations or found.share >= aim:
            continue
        if before is None or before.slice != day:
            notification = _notification(name, found, aim, bands, topic, at_ms)
            said.append((notification, ReportedRate("below", day)))
    return said


def _notification(
    name: str, found: Count, aim: float, bands: Bands, topic: str, at_ms: int
) -> Notification:
    what, advice = _SAID[name]
    about = what.format(of=found.conversations, window=bands.window)
    return Notification(
        notification_id=derive("outcome", topic, name, at_ms // DAY),
        kind="outcome_below_band",
        occurred_at=from_ms(at_ms),
        text=f"{name}: {found.share:.0%} {about} ({topic}); the aim is {aim:.0%}. {advice}",
        subject=f"outcome {name}",
        value=round(found.share, 4),
        low=aim,
        high=1.0,
    )
