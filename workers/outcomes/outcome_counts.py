"""Counts over the records of outcomes; counts of parts add up to those of the whole."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from workers.contracts.outcomes import OutcomeRecord
from workers.contracts.time import DAY, MINUTE, from_ms, to_ms
from workers.outcomes.wait_counts import WaitCounts, queue_of

BOUNCE_MS: Final = 7 * DAY
"""An escalation of the same conversation within so long of an end is a bounce."""
BY_PERSON: Final = "resolved"
SATISFIED: Final = 4
"""A rating from here on, of five points, is one of a satisfied customer."""
TOO_FEW: Final = 20
"""A share of fewer than these says little."""

Dimension = Callable[[OutcomeRecord], tuple[str, ...]]


def _one(name: str) -> Dimension:
    def values(record: OutcomeRecord) -> tuple[str, ...]:
        return (getattr(record, name) or "none",)

    return values


DIMENSIONS: Final[Mapping[str, Dimension]] = {
    "reason": _one("reason"),
    "rule": _one("rule"),
    "queue": _one("queue"),
    "policy": _one("policy_version"),
    "tier": _one("tier"),
    "tenant": _one("tenant"),
    "channel": _one("channel"),
    "ai_version": lambda record: (record.ai_agent.version or "none",),
    "intent": lambda record: record.intents or ("none",),
    "day": lambda record: (record.decided_at.date().isoformat(),),
}
"""Dimensions by which a report may be split. An escalation counts under each of its intents."""


class OutcomeCounts(msgspec.Struct):
    """Counts of the outcomes of the escalations and offers of one group.

    Times are lists of whole seconds, in no order, one for each end.
    """

    escalated: int = 0
    observed: int = 0
    """Opened by workers that only observe; counted nowhere else."""
    offered: int = 0
    declined: int = 0
    ends: Counter[str] = msgspec.field(default_factory=Counter)
    justified: int = 0
    unjustified: int = 0
    levels: Counter[int] = msgspec.field(default_factory=Counter)
    """Ends by the level that was reached."""
    transferred: int = 0
    """Ends of escalations that a person had sent to another queue."""
    ticketed: int = 0
    """Ends of escalations that had waited for a ticket."""
    bounced: int = 0
    """Escalations of a conversation that a person had resolved or returned within 7 days."""
    csat: Counter[int] = msgspec.field(default_factory=Counter)
    """Escalations by the points of their last rating."""
    to_claim_s: list[int] = msgspec.field(default_factory=list)
    to_reply_s: list[int] = msgspec.field(default_factory=list)
    claimed_in_time: int = 0
    claimed_late: int = 0
    """Against the limit that the policy's route sets; those with the queue's own are left out."""

    def add(self, other: "OutcomeCounts") -> None:
        """Add the counts of another part."""
        for name in self.__struct_fields__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, Counter):
                mine.update(theirs)
            elif isinstance(mine, list):
                mine.extend(theirs)
            else:
                setattr(self, name, mine + theirs)

    def count(self, record: OutcomeRecord) -> None:
        """Count one record, which must not be a repeat."""
        if record.observe:
            self.observed += record.kind == "escalated"
        elif record.kind == "escalated":
            self.escalated += 1
        elif record.kind == "offered":
            self.offered += 1
        elif record.kind == "declined":
            self.declined += 1
        elif record.kind == "rated":
            self.csat[record.csat or 0] += 1
        else:
            self._end(record)

    @property
    def ended(self) -> int:
        """Return how many escalations ended."""
        return self.ends.total()

    @property
    def satisfied(self) -> int:
        """Return how many escalations were last rated by a satisfied customer."""
        return sum(number for points, number in self.csat.items() if points >= SATISFIED)

    def _end(self, record: OutcomeRecord) -> None:
        self.ends[record.outcome or "none"] += 1
        self.levels[record.level] += 1
        self.transferred += record.transfers > 0
        self.ticketed += record.place == "ticket" or "ticket" in record.tried
        if record.justified is not None:
            self.justified += record.justified
            self.unjustified += not record.justified
        if record.opened_at is None:
            return
        opened = to_ms(record.opened_at)
        if record.claimed_at is not None:
            took = to_ms(record.claimed_at) - opened
            self.to_claim_s.append(took // 1000)
            if record.claim_minutes is not None:
                in_time = took <= record.claim_minutes * MINUTE
                self.claimed_in_time += in_time
                self.claimed_late += not in_time
        if record.replied_at is not None:
            self.to_reply_s.append((to_ms(record.replied_at) - opened) // 1000)


def report_of(
    records: Iterable[OutcomeRecord], by: tuple[str, ...] = (), since_ms: int | None = None
) -> "OutcomeReport":
    """Return the report over records in any order, repeats among them."""
    report = OutcomeReport(by, since_ms)
    for record in sorted(records, key=lambda one: (one.decided_at, one.decision_id)):
        report.take(record)
    report.close()
    return report


class OutcomeReport:
    """Adds records up, whole and by dimensions; records of one conversation in their order."""

    def __init__(self, by: tuple[str, ...] = (), since_ms: int | None = None) -> None:
        """Split by these names of DIMENSIONS, each by itself; count from `since_ms` on.

        Earlier decisions are remembered, so that their consequences are understood.
        """
        self.total = OutcomeCounts()
        self.groups: dict[str, dict[str, OutcomeCounts]] = {name: {} for name in by}
        self.first_ms: int | None = None
        self.last_ms = 0
        self.waits: dict[str, WaitCounts] = {}
        """Waits by queue."""
        self._since_ms = since_ms
        self._seen: set[str] = set()
        self._ended: dict[str, int] = {}
        self._about: dict[str, OutcomeRecord] = {}
        self._ratings: dict[str, OutcomeRecord] = {}

    def take(self, record: OutcomeRecord) -> None:
        """Count a record, unless it was counted already."""
        if record.decision_id in self._seen:
            return
        self._seen.add(record.decision_id)
        at = to_ms(record.decided_at)
        bounced = self._is_bounce(record, at)
        if record.kind in ("escalated", "ended") and record.escalation_id is not None:
            self._about[record.escalation_id] = record
        if self._since_ms is not None and at < self._since_ms:
            return
        self.first_ms = at if self.first_ms is None else min(self.first_ms, at)
        self.last_ms = max(self.last_ms, at)
        if record.kind == "rated":
            # A second answer replaces the first.
            self._ratings[record.escalation_id or ""] = record
            return
        for counts in (self.total, *self._of_groups(record)):
            counts.count(record)
            counts.bounced += bounced
        if record.kind == "ended" and record.claimed_at is not None and not record.observe:
            self.waits.setdefault(queue_of(record), WaitCounts()).count(record)

    def close(self) -> None:
        """Count the ratings, each where its escalation counts; call it once, after the last."""
        for escalation_id, rating in self._ratings.items():
            about = self._about.get(escalation_id, rating)
            about = msgspec.structs.replace(about, decided_at=rating.decided_at)
            for counts in (self.total, *self._of_groups(about)):
                counts.count(rating)
        self._ratings.clear()

    def _of_groups(self, record: OutcomeRecord) -> list[OutcomeCounts]:
        return [
            groups.setdefault(value, OutcomeCounts())
            for name, groups in self.groups.items()
            for value in DIMENSIONS[name](record)
        ]

    def _is_bounce(self, record: OutcomeRecord, at: int) -> bool:
        """Return True if a conversation comes back to people soon after they were done with it."""
        if record.observe:
            return False
        if record.kind == "ended":
            if record.outcome in (BY_PERSON, "returned"):
                self._ended[record.conversation_id] = at
            return False
        ended = self._ended.get(record.conversation_id)
        return record.kind == "escalated" and ended is not None and at - ended <= BOUNCE_MS


def as_data(report: OutcomeReport) -> dict[str, object]:
    """Return a report as JSON data; times in seconds, shares from 0 to 1 or null without any."""
    first = None if report.first_ms is None else from_ms(report.first_ms).isoformat()
    return {
        "from": first,
        "until": from_ms(report.last_ms).isoformat() if first else None,
        "total": figures(report.total),
        "by": {
            name: {value: figures(counts) for value, counts in sorted(groups.items())}
            for name, groups in report.groups.items()
        },
        "waits": {queue: wait_figures(counts) for queue, counts in sorted(report.waits.items())},
    }


def figures(counts: OutcomeCounts) -> dict[str, object]:
    """Return the figures of one group by name, each as docs/outcomes.md defines it."""
    judged = counts.justified + counts.unjustified
    in_time = counts.claimed_in_time + counts.claimed_late
    return {
        "escalated": counts.escalated,
        "observed": counts.observed,
        "ended": counts.ended,
        "ends": dict(sorted(counts.ends.items())),
        "resolved": share(counts.ends[BY_PERSON], counts.ended),
        "justified": share(counts.justified, judged),
        "to_claim_s": times(counts.to_claim_s),
        "to_reply_s": times(counts.to_reply_s),
        "claimed_in_time": share(counts.claimed_in_time, in_time),
        "bounced": share(counts.bounced, counts.escalated),
        "csat": {"mean": mean_of(counts.csat), **share(counts.satisfied, counts.csat.total())},
        "levels": {str(level): n for level, n in sorted(counts.levels.items())},
        "transferred": counts.transferred,
        "ticketed": counts.ticketed,
        "offered": counts.offered,
        "declined": share(counts.declined, counts.offered),
    }


def wait_figures(counts: WaitCounts) -> dict[str, object]:
    """Return how well the waits of one queue were predicted."""
    estimated = len(counts.waits_s)
    return {
        "claimed": counts.claimed,
        "within": share(counts.within, estimated),
        "median_width_s": times(counts.widths_s)["median"],
        "median_wait_s": times(counts.waits_s)["median"],
        "without_estimate": share(counts.claimed - estimated, counts.claimed),
    }


def mean_of(points: Mapping[int, int]) -> float | None:
    """Return the mean of points by how often they were given; None without any."""
    number = sum(points.values())
    return round(sum(each * n for each, n in points.items()) / number, 2) if number else None


def share(part: int, whole: int) -> dict[str, float | bool | None]:
    """Return a share with its counts, its 95 % interval, and whether it is of too few."""
    if not whole:
        return {"share": None, "of": 0, "low": None, "high": None, "few": True}
    low, high = wilson(part, whole)
    return {
        "share": round(part / whole, 4),
        "of": whole,
        "low": round(low, 4),
        "high": round(high, 4),
        "few": whole < TOO_FEW,
    }


def wilson(part: int, whole: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share of at least one."""
    z2 = 1.96**2
    rate = part / whole
    centre, scale = rate + z2 / (2 * whole), 1 + z2 / whole
    spread = (z2 * (rate * (1 - rate) / whole + z2 / (4 * whole**2))) ** 0.5
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def times(seconds: list[int]) -> dict[str, int | None]:
    """Return how many times there are, the median and the 90th percentile (nearest rank)."""
    ordered = sorted(seconds)
    return {
        "of": len(ordered),
        "median": _rank(ordered, 50),
        "p90": _rank(ordered, 90),
    }


def _rank(ordered: list[int], percent: int) -> int | None:
    if not ordered:
        return None
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
