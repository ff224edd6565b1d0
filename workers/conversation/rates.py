"""Shares of escalated conversations in a sliding window by event time, overall and by subject.

A conversation counts in the slice of the window in which it began: once, once for each intent and
version of the AI agent, and once as escalated for all that it was about by then.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, Literal, NamedTuple

import msgspec

from workers.contracts.events import Event, Message, Signal
from workers.contracts.ids import derive
from workers.contracts.tickets import Notification, NotificationKind
from workers.contracts.time import from_ms
from workers.conversation.state import OVERALL, State, subject_key
from workers.policy import Bands, duration_ms

Verdict = Literal["few", "below", "in", "above", "not_ready"]
"""`few`: too few conversations to say; `not_ready` is said of a version of the AI agent."""
Kind = Literal["overall", "intent", "version"]

SLICES: Final = 24
SUBJECTS: Final = 64
"""Intents and versions that are counted at once; more are left out until others have gone."""


class Subject(msgspec.Struct, array_like=True, frozen=True):
    """The subject of a share; `overall` has no name."""

    kind: Kind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".rstrip()


class Count(msgspec.Struct, array_like=True, frozen=True):
    """Conversations, and how many of them were escalated."""

    conversations: int = 0
    escalated: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.conversations + other.conversations, self.escalated + other.escalated)

    @property
    def share(self) -> float:
        """Escalated conversations as a share of all; 0 without any."""
        return self.escalated / self.conversations if self.conversations else 0.0


class ReportedRate(msgspec.Struct, array_like=True, frozen=True):
    """The verdict on a share that was told last, and in which slice."""

    verdict: Verdict
    slice: int


_NEVER: Final = ReportedRate("in", -1)


class Rates(msgspec.Struct, array_like=True):
    """The window of one partition; slices are numbered by time / `slice_ms`."""

    slice_ms: int
    newest: int = 0
    slices: dict[int, dict[int, Count]] = {}
    subjects: dict[int, Subject] = msgspec.field(
        default_factory=lambda: {OVERALL: Subject("overall")}
    )
    outcomes: dict[int, dict[str, Count]] = {}
    """By slice of the time at which something ended or was rated: of each share how many there
    are, and how many of those are good (`escalated`)."""


class Rate(NamedTuple):
    """One share, read out against its band."""

    subject: Subject
    found: Count
    low: float
    high: float
    verdict: Verdict


def empty_rates(bands: Bands) -> Rates:
    """Return a window without conversations, as long as the policy says."""
    return Rates(slice_ms(bands))


def slice_ms(bands: Bands) -> int:
    """Return the length of one slice of the policy's window, in ms."""
    return duration_ms(bands.window) // SLICES


def copied(rates: Rates) -> Rates:
    """Return a copy that may be changed."""
    slices = {number: dict(counts) for number, counts in rates.slices.items()}
    outcomes = {number: dict(counts) for number, counts in rates.outcomes.items()}
    return Rates(rates.slice_ms, rates.newest, slices, dict(rates.subjects), outcomes)


def is_counted(before: State, after: State) -> bool:
    """Return True if an event that led from one state to the other changes rates."""
    return after.rated is not before.rated or after.escalated is not before.escalated


def count(rates: Rates, before: State, after: State, event: Event) -> None:
    """Count in `rates` what one event added to its conversation."""
    number = after.started_at // rates.slice_ms
    _slide(rates, number)
    if number <= rates.newest - SLICES:
        return
    afresh = after.started_at != before.started_at
    added = set(after.rated) if afresh else set(after.rated).difference(before.rated)
    for subject in _named(event):
        if len(rates.subjects) < SUBJECTS:
            rates.subjects.setdefault(subject_key(subject.kind, subject.name), subject)
    counts = rates.slices.setdefault(number, {})
    for key in sorted(added.intersection(rates.subjects)):
        counts[key] = counts.get(key, Count()) + Count(1, 0)
    if after.escalated and (afresh or not before.escalated):
        for key in {key for key in after.rated if key in counts}:
            counts[key] += Count(0, 1)


def _slide(rates: Rates, number: int) -> None:
    if number <= rates.newest:
        return
    rates.newest = number
    gone = [old for old in rates.slices if old <= number - SLICES]
    for old in gone:
        del rates.slices[old]
    if gone:
        kept = {OVERALL}.union(*rates.slices.values())
        rates.subjects = {key: one for key, one in rates.subjects.items() if key in kept}


def _named(event: Event) -> Iterator[Subject]:
    intents: tuple[str, ...] = ()
    if type(event) is Signal:
        intents = event.intents
    elif type(event) is Message and event.agent is not None:
        intents = event.agent.intents
        if event.agent.version is not None:
            yield Subject("version", event.agent.version)
    for intent in intents:
        yield Subject("intent", intent)


def read_rates(windows: Iterable[Rates], bands: Bands) -> list[Rate]:
    """Return the shares of one or several partitions together; overall first, then by name.

    The window is that of the partition which is furthest; counts of others from before it, or in
    slices of another length, are left out.
    """
    alike = [rates for rates in windows if rates.slice_ms == slice_ms(bands)]
    newest = max([rates.newest for rates in alike], default=0)
    together: dict[Subject, tuple[Count, Count]] = {}
    for rates in alike:
        for key, subject in rates.subjects.items():
            more, more_settled = _counts(rates, key, newest)
            if not more.conversations:
                continue
            whole, settled = together.get(subject, (Count(), Count()))
            together[subject] = (whole + more, settled + more_settled)
    order = sorted(together, key=lambda subject: (subject.kind != "overall", str(subject)))
    return [_rate(subject, *together[subject], bands) for subject in order]


def _counts(rates: Rates, key: int, newest: int) -> tuple[Count, Count]:
    """Return the counts of the window with and without its newest, unfinished slice."""
    whole = settled = Count()
    for number, counts in rates.slices.items():
        one = counts.get(key)
        if one is not None and number > newest - SLICES:
            whole += one
            settled = settled if number == newest else settled + one
    return whole, settled


def _rate(subject: Subject, whole: Count, settled: Count, bands: Bands) -> Rate:
    low, high = 0.0, 1.0
    if subject.kind == "overall":
        low, high = bands.overall
    elif subject.kind == "intent":
        low, high = bands.intents.get(subject.name, (low, high))
    verdict: Verdict = "in"
    if whole.conversations < bands.min_conversations:
        verdict = "few"
    elif subject.kind == "version" and whole.share >= bands.not_ready:
        verdict = "not_ready"
    elif whole.share > high:
        verdict = "above"
    elif settled.conversations >= bands.min_conversations and max(whole.share, settled.share) < low:
        verdict = "below"
    return Rate(subject, whole, low, high, verdict)


_KINDS: Final[dict[Verdict, NotificationKind]] = {
    "below": "rate_below_band",
    "in": "rate_in_band",
    "above": "rate_above_band",
    "not_ready": "ai_not_ready",
}


_MEANS: Final[dict[Verdict, str]] = {
    "below": " The AI agent is probably over-confident: look for poor resolutions.",
    "in": "",
    "above": " The AI agent probably lacks authority or knowledge.",
    "not_ready": " Shut it down.",
}


def notifications(
    windows: Collection[Rates],
    told: Mapping[str, ReportedRate],
    bands: Bands,
    topic: str,
    at_ms: int,
    left_on: Collection[str] = (),
) -> list[tuple[Notification, ReportedRate]]:
    """Return what to tell of shares that left or entered their band since they were `told`.

    The windows are those of all partitions of `topic`; `told` is by subject. Each comes with what
    is told of it then. At most once in each slice. Versions in `left_on` are not switched off.
    """
    newest = max([rates.newest for rates in windows], default=0)
    said = []
    for rate in read_rates(windows, bands):
        before = told.get(str(rate.subject), _NEVER)
        if rate.verdict not in ("few", before.verdict) and newest > before.slice:
            notification = _notification(rate, newest, bands, topic, at_ms, left_on)
            said.append((notification, ReportedRate(rate.verdict, newest)))
    return said


def _notification(
    rate: Rate, newest: int, bands: Bands, topic: str, at_ms: int, left_on: Collection[str]
) -> Notification:
    subject = str(rate.subject)
    band = f"{rate.low:.0%} to {rate.high:.0%}"
    if rate.subject.kind == "version":
        band = f"below {bands.not_ready:.0%}"
    text = (
        f"{subject}: {rate.found.share:.0%} of {rate.found.conversations} conversations in "
        f"{bands.window} were escalated ({topic}); healthy is {band}."
    )
    if rate.verdict != "not_ready" or not bands.silence_not_ready:
        text += _MEANS[rate.verdict]
    elif rate.subject.name in left_on:
        text += (
            " It was switched on again since then, and stays on; handoff ai off switches it off."
        )
    else:
        text += " It is switched off; handoff ai on switches it on again."
    return Notification(
        notification_id=derive("rate", topic, subject, newest, rate.verdict),
        kind=_KINDS[rate.verdict],
        occurred_at=from_ms(at_ms),
        text=text,
        subject=subject,
        value=round(rate.found.share, 4),
        low=rate.low,
        high=rate.high,
    )
