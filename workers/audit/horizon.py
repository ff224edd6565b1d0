"""The progress of every worker when an audit began, and what that alone proves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from workers.audit.audit_report import Findings, WindowRate

PLACED_WITHIN_S: Final = 30
"""Seconds within which the routing agent must have carried out a decision."""


class WorkerProgress(NamedTuple):
    """A worker's progress in one partition, and the records that the partition holds."""

    worker: str
    topic: str
    partition: int
    position: int
    """The first offset that the worker has not dealt with."""
    start: int
    end: int


@dataclass(slots=True, kw_only=True)
class Horizon:
    """The progress of every worker when the audit began, taken before the ends of the topics."""

    now_ms: int
    handled: Mapping[int, int] = field(default_factory=dict)
    """Per partition of the decisions: the offset that the routing agent has committed."""
    applied: Mapping[int, int] = field(default_factory=dict)
    """Per partition of the log: the first offset that is not yet folded and published, which is
    what the escalation agent has committed."""
    marks: Mapping[int, int] = field(default_factory=dict)
    """Per partition of the log: the last offset that the store knows to be folded."""
    progress: Sequence[WorkerProgress] = ()
    """Progress per partition of each worker whose input must not be lost."""
    placed_within_s: float = PLACED_WITHIN_S
    rates: Sequence[WindowRate] = ()
    """Shares of escalated conversations as the store has them."""
    log_since_ms: int = 0
    """The log has been trimmed before this Kafka timestamp; 0: it has not."""
    decisions_since_ms: int = 0
    """The decisions have been trimmed before this Kafka timestamp."""
    effects_since_ms: int = 0
    """A topic downstream of the decisions has been trimmed before this Kafka timestamp."""


def judge_marks(horizon: Horizon, findings: Findings) -> None:
    """Find partitions of the log whose mark in the store lies before the committed offset."""
    for partition, mark in horizon.marks.items():
        committed = horizon.applied.get(partition, 0)
        if mark + 1 < committed:
            detail = f"partition {partition}: mark {mark}, but {committed} is committed"
            findings.add("store_went_back", detail)


def judge_progress(horizon: Horizon, findings: Findings) -> None:
    """Find topics that were trimmed before a worker came so far, or that end before its place."""
    for one in horizon.progress:
        where = f"{one.topic}[{one.partition}]"
        if one.position < one.start:
            detail = (
                f"{where}: offsets {one.position} to {one.start - 1} were trimmed before the "
                f"{one.worker} worker came to them"
            )
            findings.add("lost", detail)
        if one.position > one.end:
            detail = (
                f"{where}: the {one.worker} worker has come to offset {one.position}, but the "
                f"topic ends at {one.end}: it was cut or created anew"
            )
            findings.add("log_was_cut", detail)
