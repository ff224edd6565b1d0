"""The result of a replay as it is printed: counts, rates and how they lie to the policy's bands.

Every number is a function of counts that add up, so that parts of a log can be put together.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from workers.detection import DETECTION_VERSION
from workers.policy import Policy
from workers.policy.document import Band, Bands
from workers.replay.backtest import Result
from workers.replay.counts import SPLITS, LabelAgreement, Missed, Share, Split, Tally
from workers.replay.first_decisions import KINDS, Flip
from workers.replay.intervals import Interval, paired, wilson

_DIGITS: Final = 6
_IN_ORDER: Final = frozenset({"day", "hour"})
"""Splits that are listed by name, not by size."""


class RateRow(msgspec.Struct, kw_only=True, frozen=True):
    """The share of one kind of conversations that was escalated, and its healthy band."""

    subject: str
    conversations: int
    escalated: int
    rate: float | None
    interval: Interval | None
    """Wilson's, at 95 % confidence."""
    band: Band | None
    verdict: str | None
    """below, in or above the band; None: too few conversations, or no band."""
    not_ready: bool = False
    """An AI version of which so many conversations are escalated that it should not be live."""


class AgreementRow(msgspec.Struct, kw_only=True, frozen=True):
    """Escalations against what is known of who needed a person."""

    source: str
    """`labels`, or `people`: a person came, and did not say that no one was needed."""
    judged: int
    needed: int
    escalated: int
    caught: int
    missed: int
    false_alarms: int
    early: int
    late: int
    precision: float | None
    precision_interval: Interval | None
    recall: float | None
    recall_interval: Interval | None


class LoadRow(msgspec.Struct, kw_only=True, frozen=True):
    """Escalations to one queue in one hour of its own clock, all days together."""

    queue: str
    hour: str
    in_hours: int
    out_of_hours: int


class Judged(msgspec.Struct, kw_only=True, frozen=True):
    """The effects of one policy."""

    policy: str
    version: str | None
    hash: str | None
    decisions: int
    escalations: int
    overall: RateRow
    splits: dict[Split, list[RateRow]]
    stepped_in: int
    """Conversations in which a person spoke who was not called."""
    offered: int
    """Conversations in which a person was offered."""
    offered_interval: Interval | None
    actions: dict[str, int]
    reasons: dict[str, int]
    rules: dict[str, int]
    queues: dict[str, int]
    offers: dict[str, int]
    answers: dict[str, int]
    outcomes: dict[str, int]
    load: list[LoadRow]
    agreement: AgreementRow | None
    missed: list[Missed]
    """Conversations without a person that needed one according to the labels, at most 1,000."""
    silent_rules: list[str]
    """Rules of the policy that decided nothing in this log."""
    absent_intents: list[str]
    """Intents that the policy names and this log never had."""
    hypothetical: dict[str, int]
    """Decisions after the runs had parted; they are in no other number."""


class Change(msgspec.Struct, kw_only=True, frozen=True):
    """The number of conversations that the first policy escalates more or fewer than the second."""

    conversations: int
    gained: int
    lost: int
    difference: float | None
    interval: Interval | None
    """Interval of the difference at 95 % confidence; the same conversations stand on both sides."""


class RefusedLine(msgspec.Struct, kw_only=True, frozen=True):
    """A record that is no event, and why."""

    where: str
    reason: str
    detail: str


class Summary(msgspec.Struct, kw_only=True, frozen=True):
    """The document that `handoff replay --json` prints."""

    inputs: list[str]
    """The files as they were named, or the topic."""
    records: int
    events: int
    duplicates: int
    late: int
    """Events that are older than what their conversation had come to."""
    detection_version: str
    """The detection that read the texts here."""
    recorded_detections: list[str]
    """Versions of the detection that the log's policy events name."""
    refused: dict[str, int]
    conversations: int
    policies: list[Judged]
    change: Change | None
    changed: dict[str, int] | None
    """Conversations that the first policy decides otherwise than the second, by kind."""
    turns_earlier: dict[str, int]
    """Conversations by the number of turns that the first policy calls before the second; negative:
    after it."""
    changes: list[Flip]
    """At most 10,000 of them, by conversation."""
    changes_left_out: int
    refusals: list[RefusedLine]


Judge = tuple[str, Policy | None, Bands]
"""The name of a policy, the policy (None: the log's own, which may change) and its bands."""


def summarise(
    result: Result, policies: Sequence[Judge], *, labelled: bool, inputs: Sequence[str]
) -> Summary:
    """Put a result of some inputs beside the policies it is of."""
    judged = [
        _judge(name, policy, bands, tally, labelled=labelled)
        for (name, policy, bands), tally in zip(policies, result.tallies, strict=True)
    ]
    compared = len(policies) > 1
    conversations = judged[0].overall.conversations
    return Summary(
        inputs=list(inputs),
        records=result.records,
        events=result.events,
        duplicates=result.repeated,
        late=result.late,
        detection_version=DETECTION_VERSION,
        recorded_detections=sorted(result.detections),
        refused=_sorted(result.refused),
        conversations=conversations,
        policies=judged,
        change=_change(result.changed, conversations) if compared else None,
        changed={kind: result.changed[kind] for kind in KINDS if result.changed[kind]}
        if compared
        else None,
        turns_earlier={
            str(turns): n for turns, n in sorted(result.turns_earlier.items(), reverse=True)
        },
        changes=result.changes,
        changes_left_out=result.changed.total() - len(result.changes),
        refusals=[
            RefusedLine(where=one.where, reason=one.reason, detail=one.detail)
            for one in result.refusals
        ],
    )


def _change(changed: Mapping[str, int], of: int) -> Change:
    gained, lost = changed["gained"], changed["lost"]
    return Change(
        conversations=of,
        gained=gained,
        lost=lost,
        difference=round((gained - lost) / of, _DIGITS) if of else None,
        interval=_rounded(paired(gained, lost, of)),
    )


def _judge(
    name: str, policy: Policy | None, bands: Bands, tally: Tally, *, labelled: bool
) -> Judged:
    return Judged(
        policy=name,
        version=None if policy is None else policy.version,
        hash=None if policy is None else policy.hash,
        decisions=tally.decisions,
        escalations=tally.escalations,
        overall=rate_of("overall", tally.overall, bands.overall, bands),
        splits={split: _rows(split, tally.splits[split], bands) for split in SPLITS},
        stepped_in=tally.stepped_in,
        offered=tally.offered,
        offered_interval=_rounded(wilson(tally.offered, tally.overall.conversations)),
        actions=_sorted(tally.actions),
        reasons=_sorted(tally.reasons),
        rules=_sorted(tally.rules),
        queues=_sorted(tally.queues),
        offers=_sorted(tally.offers),
        answers=_sorted(tally.answers),
        outcomes=_sorted(tally.outcomes),
        load=_load(tally.load),
        agreement=agreement_of(tally.agreement, labelled=labelled),
        missed=tally.missed,
        silent_rules=[] if policy is None else silent_rules(policy, tally),
        absent_intents=[] if policy is None else absent_intents(policy, tally),
        hypothetical=_sorted(tally.hypothetical),
    )


def _sorted(counts: Counter[str]) -> dict[str, int]:
    """Return counts by size, equal ones by name, so that the order of reading does not matter."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _rows(split: Split, shares: Mapping[str, Share], bands: Bands) -> list[RateRow]:
    rows = []
    for name, share in shares.items():
        band = bands.intents.get(name) if split == "intent" else None
        if split == "ai_version":
            band = bands.overall
        row = rate_of(name, share, band, bands)
        if split == "ai_version" and share.conversations >= bands.min_conversations:
            ready = share.escalated / share.conversations < bands.not_ready
            row = msgspec.structs.replace(row, not_ready=not ready)
        rows.append(row)
    if split in _IN_ORDER:
        return sorted(rows, key=lambda row: row.subject)
    return sorted(rows, key=lambda row: (-row.conversations, row.subject))


def rate_of(subject: str, share: Share, band: Band | None, bands: Bands) -> RateRow:
    """Return a share with its interval, and how it lies to its band."""
    rate = share.rate
    verdict = None
    if rate is not None and band is not None and share.conversations >= bands.min_conversations:
        low, high = band
        verdict = "below" if rate < low else "above" if rate > high else "in"
    return RateRow(
        subject=subject,
        conversations=share.conversations,
        escalated=share.escalated,
        rate=None if rate is None else round(rate, _DIGITS),
        interval=_rounded(wilson(share.escalated, share.conversations)),
        band=band,
        verdict=verdict,
    )


def agreement_of(found: LabelAgreement, *, labelled: bool) -> AgreementRow | None:
    """Return precision and recall; None if no conversation is known to have needed a person."""
    if not found.needed and not labelled:
        return None
    return AgreementRow(
        source="labels" if labelled else "people",
        judged=found.judged,
        needed=found.needed,
        escalated=found.escalated,
        caught=found.caught,
        missed=found.needed - found.caught,
        false_alarms=found.escalated - found.caught,
        early=found.early,
        late=found.late,
        precision=_share(found.caught, found.escalated),
        precision_interval=_rounded(wilson(found.caught, found.escalated)),
        recall=_share(found.caught, found.needed),
        recall_interval=_rounded(wilson(found.caught, found.needed)),
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, _DIGITS) if whole else None


def _rounded(interval: Interval | None) -> Interval | None:
    return None if interval is None else (round(interval[0], _DIGITS), round(interval[1], _DIGITS))


def _load(counts: Counter[str]) -> list[LoadRow]:
    rows: dict[tuple[str, str], list[int]] = {}
    for key, number in counts.items():
        queue, hour, when = key.split()
        rows.setdefault((queue, hour), [0, 0])[when == "out"] += number
    return [
        LoadRow(queue=queue, hour=hour, in_hours=inside, out_of_hours=outside)
        for (queue, hour), (inside, outside) in sorted(rows.items())
    ]


def silent_rules(policy: Policy, tally: Tally) -> list[str]:
    """Return the rules of a policy that decided nothing, in the policy's order."""
    return [rule.name for rule in policy.base.rules if not tally.spoke[rule.name]]


def absent_intents(policy: Policy, tally: Tally) -> list[str]:
    """Return the intents that a policy names and no AI turn of the log had."""
    had = tally.splits["intent"]
    return [name for name in policy.intents if name not in had]


def counts_line(counts: Mapping[str, int]) -> str:
    """Return counts as one line of text, `none` without any."""
    return ", ".join(f"{name} {number:,}" for name, number in counts.items()) or "none"
