"""The first words of a backtest's page: the answer in three sentences."""

from collections.abc import Mapping
from typing import Final

from workers.policy.document import Band, Bands
from workers.replay.report import Judged, RateRow, Summary
from workers.replay.sweep import SweepSummary

_TURNS: Final = (
    ("1 turn", 1, 1), ("2 or 3", 2, 3), ("4 to 9", 4, 9), ("10 or more", 10, 1_000_000_000),
)  # fmt: skip


def in_three_sentences(summary: Summary) -> list[str]:
    """Return how much is escalated, what changes, and whether it is right."""
    return [_how_much(summary), _what_changes(summary), _how_right(summary)]


def _how_much(summary: Summary) -> str:
    judged = summary.policies[0]
    row = judged.overall
    if row.rate is None or row.interval is None:
        return "This log has no conversation."
    low, high = row.interval
    told = (
        f"{judged.policy} calls for a person in {row.escalated:,} of {row.conversations:,} "
        f"conversations, {row.rate:.1%} (95 % interval {low:.1%} to {high:.1%}), "
        f"{_beside(row, row.band)}"
    )
    if len(summary.policies) == 1:
        return f"{told}."
    other = summary.policies[1]
    return (
        f"{told}; that is {_more_or_fewer(row.escalated - other.overall.escalated)} than under "
        f"{other.policy} ({other.overall.escalated:,}, {other.overall.rate or 0:.1%})."
    )


def _more_or_fewer(number: int) -> str:
    if number == 0:
        return "no more and no fewer"
    return f"{abs(number):,} {'more' if number > 0 else 'fewer'}"


def _beside(row: RateRow, band: Band | None) -> str:
    if band is None or row.verdict is None:
        return "too few conversations to judge by the healthy band"
    words = {"in": "within", "below": "below", "above": "above"}[row.verdict]
    return f"{words} the healthy {band[0]:.0%} to {band[1]:.0%}"


def _what_changes(summary: Summary) -> str:
    judged, change, kinds = summary.policies[0], summary.change, summary.changed or {}
    asked = _offered(judged)
    if change is None or change.interval is None:
        return f"It {asked}."
    if not any(kinds.values()):
        return f"No conversation is decided differently; it {asked}."
    low, high = change.interval
    moved = kinds.get("earlier", 0), kinds.get("later", 0)
    return (
        f"It gains {_conversations(change.gained)}, where only it calls for a person, and loses "
        f"{change.lost:,}, where only {summary.policies[1].policy} does "
        f"({_points(change.difference or 0)} percentage points, 95 % interval {_points(low)} to "
        f"{_points(high)}), calls earlier "
        f"in {moved[0]:,} and later in {moved[1]:,}, and {asked}."
    )


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def turns_in_words(turns_earlier: Mapping[str, int]) -> list[str]:
    """Return how many conversations call so many turns sooner, and how many later."""
    told = []
    for sign, word in ((1, "sooner"), (-1, "later")):
        by_turns = {sign * int(turns): n for turns, n in turns_earlier.items()}
        counts = [
            (name, sum(n for turns, n in by_turns.items() if low <= turns <= high))
            for name, low, high in _TURNS
        ]
        if listed := ", ".join(f"{n:,} by {name}" for name, n in counts if n):
            told.append(f"{word}: {listed}")
    return told


def _offered(judged: Judged) -> str:
    of = judged.overall.conversations
    if not judged.offered:
        return "offers a person in no conversation"
    share = f", {judged.offered / of:.1%}" if of else ""
    return f"offers a person in {_conversations(judged.offered)}{share}"


def _conversations(number: int) -> str:
    return f"{number:,} conversation" if number == 1 else f"{number:,} conversations"


def _how_right(summary: Summary) -> str:
    found, *others = [one.agreement for one in summary.policies]
    if found is None:
        return (
            "Nothing in this log says who needed a person, so it cannot say whether that is right: "
            "give labels (--labels), or a log in which people took over."
        )
    by = "the labels" if found.source == "labels" else "the people who came"
    told = (
        f"By {by}, {found.needed:,} of {found.judged:,} conversations needed a person: "
        f"{found.caught:,} are caught ({found.early:,} too early, {found.late:,} too late), "
        f"{found.missed:,} missed, and {found.false_alarms:,} calls were not needed"
    )
    if not others or others[0] is None:
        return f"{told}."
    before = others[0]
    return (
        f"{told}; under {summary.policies[1].policy}: {before.caught:,} caught, "
        f"{before.missed:,} missed, {before.false_alarms:,} not needed."
    )


def sweep_in_words(summary: SweepSummary, bands: Bands) -> list[str]:
    """Return how many settings reach the bands, and what they range over."""
    low, high = bands.overall
    rates = [one.overall.rate for one in summary.settings if one.overall.rate is not None]
    reached = summary.in_band["overall"]
    varied = ", ".join(summary.axes)
    ranged = (
        f"{len(summary.settings):,} settings of {varied} in {summary.policy} over "
        f"{summary.conversations:,} conversations call for a person in "
        f"{min(rates, default=0):.1%} to {max(rates, default=0):.1%} of them."
    )
    told = [ranged, f"{len(reached):,} of them reach the healthy {low:.0%} to {high:.0%}."]
    by_intent = [
        f"{name}: {len(settings):,}"
        for name, settings in summary.in_band.items()
        if name != "overall"
    ]
    told.append(
        f"Settings that reach the band of an intent: {', '.join(by_intent)}."
        if by_intent
        else "The policy names no band for an intent."
    )
    return told
