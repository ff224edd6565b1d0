"""The result of a replay as it is printed: counts, rates and how they lie to the policy's bands."""

import msgspec

from workers.policy import Policy
from workers.policy.document import Band, Bands
from workers.replay.backtest import Flip, RefusedRecord, Result
from workers.replay.counts import Share, Tally


class RateRow(msgspec.Struct, kw_only=True, frozen=True):
    """How often conversations of one kind were escalated, beside the band that is healthy."""

    subject: str
    conversations: int
    escalated: int
    rate: float | None
    band: Band | None
    verdict: str | None
    """below, in or above the band; of an AI version `in` or `not ready`; None: too few
    conversations, or no band."""


class Judged(msgspec.Struct, kw_only=True, frozen=True):
    """What one policy did."""

    policy: str
    version: str | None
    hash: str | None
    decisions: int
    escalations: int
    overall: RateRow
    intents: list[RateRow]
    ai_versions: list[RateRow]
    actions: dict[str, int]
    reasons: dict[str, int]
    rules: dict[str, int]
    queues: dict[str, int]
    outcomes: dict[str, int]


class Summary(msgspec.Struct, kw_only=True, frozen=True):
    """What `handoff replay --json` prints."""

    records: int
    events: int
    duplicates: int
    refused: dict[str, int]
    conversations: int
    seconds: float
    events_per_second: int
    policies: list[Judged]
    changed: dict[str, int] | None
    """Conversations that the first policy gains, loses or moves against the second."""
    changes: list[Flip]
    """At most 1,000 of them, by conversation."""
    refusals: list[RefusedRecord]


def summarise(
    result: Result, policies: list[tuple[str, Policy | None, Bands]], seconds: float
) -> Summary:
    """Put a result beside the policies it is of: name, policy (None: the log's own) and bands."""
    judged = [
        _judge(name, policy, bands, tally)
        for (name, policy, bands), tally in zip(policies, result.tallies, strict=True)
    ]
    return Summary(
        records=result.records,
        events=result.events,
        duplicates=result.events - result.applied,
        refused=dict(result.refused.most_common()),
        conversations=judged[0].overall.conversations,
        seconds=round(seconds, 3),
        events_per_second=round(result.events / seconds) if seconds else 0,
        policies=judged,
        changed=dict(result.changed) if len(policies) > 1 else None,
        changes=result.changes,
        refusals=result.refusals,
    )


def _judge(name: str, policy: Policy | None, bands: Bands, tally: Tally) -> Judged:
    return Judged(
        policy=name,
        version=None if policy is None else policy.version,
        hash=None if policy is None else policy.hash,
        decisions=tally.decisions,
        escalations=tally.escalations,
        overall=_rate("overall", tally.overall, bands.overall, bands),
        intents=_intents(tally.intents, bands),
        ai_versions=_versions(tally.ai_versions, bands),
        actions=dict(tally.actions.most_common()),
        reasons=dict(tally.reasons.most_common()),
        rules=dict(tally.rules.most_common()),
        queues=dict(tally.queues.most_common()),
        outcomes=dict(tally.outcomes.most_common()),
    )


def _intents(shares: dict[str, Share], bands: Bands) -> list[RateRow]:
    return [_rate(name, share, bands.intents.get(name), bands) for name, share in _most(shares)]


def _versions(shares: dict[str, Share], bands: Bands) -> list[RateRow]:
    """Return the rates of the AI agent's versions.

    Of which the policy says only what is too much.
    """
    rates = []
    for name, share in _most(shares):
        rate = _rate(name, share, None, bands)
        if share.conversations >= bands.min_conversations:
            ready = share.escalated / share.conversations < bands.not_ready
            rate = msgspec.structs.replace(rate, verdict="in" if ready else "not ready")
        rates.append(rate)
    return rates


def _most(shares: dict[str, Share]) -> list[tuple[str, Share]]:
    return sorted(shares.items(), key=lambda item: (-item[1].conversations, item[0]))


def _rate(subject: str, share: Share, band: Band | None, bands: Bands) -> RateRow:
    rate = share.rate
    verdict = None
    if rate is not None and band is not None and share.conversations >= bands.min_conversations:
        low, high = band
        verdict = "below" if rate < low else "above" if rate > high else "in"
    return RateRow(
        subject=subject,
        conversations=share.conversations,
        escalated=share.escalated,
        rate=None if rate is None else round(rate, 4),
        band=band,
        verdict=verdict,
    )
