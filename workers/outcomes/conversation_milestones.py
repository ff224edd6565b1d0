"""Conversations as a log shows them: shares handed over, and who should have been and was not."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from workers.contracts.time import DAY, HOUR
from workers.outcomes.outcome_counts import share

BACK_MS: Final = 7 * DAY
"""A customer who writes again within so long of a solution comes back."""
PAUSE_MS: Final = HOUR
"""In the same conversation they come back after so long without a word of theirs."""

MilestoneKind = Literal["began", "escalated", "solved", "came", "closed"]


class Milestone(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, order=True):
    """One thing in the course of a conversation that a report over the log counts.

    Marks are found where the log is folded, conversation by conversation, and put together here,
    since a customer may come back in another conversation.
    """

    at: int
    """Milliseconds on the conversation's own clock."""
    conversation_id: str
    kind: MilestoneKind
    """`solved`: by the AI agent alone; `came`: the customer begins, or writes after a pause, and
    with more than thanks; `closed`: without a person ever called."""
    customer: str = ""
    """The customer's id; empty: not known, so that only the conversation tells."""
    unanswered: bool = False
    """Closed while the customer waited for an answer."""
    angry: bool = False
    """Closed while the customer was frustrated."""


class ConversationCounts(msgspec.Struct):
    """Conversations that began in the window, and what became of those that had no person."""

    conversations: int = 0
    escalated: int = 0
    solved: int = 0
    """Solved by the AI agent alone, each time."""
    back: int = 0
    """Those after which the customer came back."""
    closed: int = 0
    """Closed without a person ever called."""
    unanswered: int = 0
    angry: int = 0
    either: int = 0
    """Closed unanswered, angry, or both."""


def count_milestones(
    milestones: Iterable[Milestone], since_ms: int | None = None
) -> ConversationCounts:
    """Return the counts over milestones in any order; those from `since_ms` on are counted."""
    counts = ConversationCounts()
    solved = _Solved(counts)
    for milestone in sorted(milestones):
        counted = since_ms is None or milestone.at >= since_ms
        if milestone.kind == "came":
            solved.came(milestone)
        elif not counted:
            continue
        elif milestone.kind == "began":
            counts.conversations += 1
        elif milestone.kind == "escalated":
            counts.escalated += 1
        elif milestone.kind == "solved":
            solved.solve(milestone)
        else:
            counts.closed += 1
            counts.unanswered += milestone.unanswered
            counts.angry += milestone.angry
            counts.either += milestone.unanswered or milestone.angry
    return counts


class _Solved:
    """Solutions of the AI agent that may still turn out to be none."""

    def __init__(self, counts: ConversationCounts) -> None:
        self._counts = counts
        self._at: dict[str, int] = {}
        self._of_customer: dict[str, set[str]] = defaultdict(set)

    def solve(self, milestone: Milestone) -> None:
        """Take a solution; a repeated one of the same matter moves it."""
        self._counts.solved += milestone.conversation_id not in self._at
        self._at[milestone.conversation_id] = milestone.at
        if milestone.customer:
            self._of_customer[milestone.customer].add(milestone.conversation_id)

    def came(self, milestone: Milestone) -> None:
        """Take a customer who writes: matters solved for them before are settled either way."""
        names = self._of_customer.pop(milestone.customer, set()) if milestone.customer else set()
        for name in names | {milestone.conversation_id}:
            solved_at = self._at.pop(name, None)
            self._counts.back += solved_at is not None and milestone.at - solved_at <= BACK_MS


def conversation_figures(
    counts: ConversationCounts, band: tuple[float, float]
) -> dict[str, object]:
    """Return the figures by name, each as docs/outcomes.md defines it."""
    return {
        "conversations": counts.conversations,
        "escalated": {**share(counts.escalated, counts.conversations), "band": list(band)},
        "solved_by_ai": counts.solved,
        "came_back": share(counts.back, counts.solved),
        "closed_without_person": counts.closed,
        "closed_unanswered": share(counts.unanswered, counts.closed),
        "closed_angry": share(counts.angry, counts.closed),
        "closed_unanswered_or_angry": share(counts.either, counts.closed),
    }
