"""The report of an audit: broken promises, open escalations, and the accounting."""

from collections import Counter
from typing import Final, Literal

import msgspec

Kind = Literal[
    "behind",
    "changed_repeat",
    "epoch_backwards",
    "left_waiting",
    "log_was_cut",
    "lost",
    "missing_effect",
    "not_in_ledger",
    "not_open",
    "not_placed",
    "not_waiting",
    "opened_twice",
    "overdue",
    "refused_though_readable",
    "second_outcome",
    "seq_backwards",
    "store_went_back",
    "told_differently",
    "two_open",
    "undecided",
    "unknown_record",
]
"""The promises that can be found broken, by the name of what was found."""

LISTED: Final = 1_000
"""Findings and open escalations that a report lists; its counts are complete."""


class AuditFinding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One promise that the topics do not bear out."""

    kind: Kind
    detail: str
    conversation_id: str | None = None
    escalation_id: str | None = None


class OpenEscalation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An escalation without an outcome, and where it waits."""

    escalation_id: str
    conversation_id: str
    reason: str | None = None
    level: int
    age_s: int
    owner: str
    place: str | None = None
    queue: str | None = None
    """The queue on which it waits or was claimed; None when a ticket or nothing stands for it."""
    rung: int | None = None
    person: str | None = None
    """The current owner of the conversation."""
    due_in_s: int | None = None
    """Seconds to the deadline for a claim or a ticket; negative when it has passed."""


def place_name(escalation: OpenEscalation) -> str:
    """Return the queue of an open escalation, or what else stands for it."""
    return escalation.queue or escalation.place or "not placed"


class WindowRate(msgspec.Struct, frozen=True, kw_only=True):
    """A share of escalated conversations in the policy's window, as the store has it."""

    subject: str
    conversations: int
    escalated: int
    share: float
    low: float
    high: float
    verdict: str
    """`few`, `below`, `in`, `above`, or `not_ready`."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The audit's result; clean means that there is no finding of any kind."""

    clean: bool
    counts: dict[str, int]
    findings_by_kind: dict[str, int]
    findings: list[AuditFinding]
    open: list[OpenEscalation]
    """Oldest first."""
    open_by_queue: dict[str, int]
    """Open escalations by queue, or as `ticket`, `contact` and `not placed`."""
    outcomes: dict[str, int]
    reasons: dict[str, int]
    actions: dict[str, int]
    dead_letters: dict[str, int]
    flooding: list[str]
    """Conversations in which more was said in a minute than is read."""
    escalation_rate: float | None
    """The share of the conversations on the log that was escalated; None without any."""
    rates: list[WindowRate]
    """Overall, per intent and per AI version; empty when no store was named."""
    exact: bool
    """False when there were so many ids that duplicates and rates come from a sample."""


class Findings:
    """Collects findings: all are counted, the first are kept."""

    def __init__(self) -> None:
        self.kinds: Counter[Kind] = Counter()
        self.listed: list[AuditFinding] = []

    def add(
        self,
        kind: Kind,
        detail: str,
        conversation_id: str | None = None,
        escalation_id: str | None = None,
    ) -> None:
        """Count a finding, and list it while there is room."""
        self.kinds[kind] += 1
        if len(self.listed) < LISTED:
            self.listed.append(
                AuditFinding(
                    kind=kind,
                    detail=detail,
                    conversation_id=conversation_id,
                    escalation_id=escalation_id,
                )
            )
