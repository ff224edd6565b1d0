"""Counts of a replay: what was decided, and how often conversations were escalated."""

from collections import Counter

import msgspec

from workers.contracts.decisions import Decision
from workers.contracts.events import Message


class Share(msgspec.Struct):
    """Conversations of one kind, and how many of them were escalated."""

    conversations: int = 0
    escalated: int = 0

    @property
    def rate(self) -> float | None:
        """Return the share that was escalated; None without any."""
        return self.escalated / self.conversations if self.conversations else None


class Tally(msgspec.Struct):
    """What one policy did; tallies of several partitions add up."""

    overall: Share = msgspec.field(default_factory=Share)
    intents: dict[str, Share] = msgspec.field(default_factory=dict)
    ai_versions: dict[str, Share] = msgspec.field(default_factory=dict)
    escalations: int = 0
    decisions: int = 0
    actions: Counter[str] = msgspec.field(default_factory=Counter)
    reasons: Counter[str] = msgspec.field(default_factory=Counter)
    rules: Counter[str] = msgspec.field(default_factory=Counter)
    queues: Counter[str] = msgspec.field(default_factory=Counter)
    outcomes: Counter[str] = msgspec.field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Add the counts of another partition."""
        for mine, theirs in ((self.intents, other.intents), (self.ai_versions, other.ai_versions)):
            for name, share in theirs.items():
                _add(mine.setdefault(name, Share()), share)
        _add(self.overall, other.overall)
        self.escalations += other.escalations
        self.decisions += other.decisions
        self.actions += other.actions
        self.reasons += other.reasons
        self.rules += other.rules
        self.queues += other.queues
        self.outcomes += other.outcomes

    def decided(self, decision: Decision) -> None:
        """Count one decision."""
        self.decisions += 1
        self.actions[decision.action] += 1
        if is_opening(decision):
            self.escalations += 1
            self.reasons[decision.reason or "unknown"] += 1
            self.rules[decision.rule or "none"] += 1
            self.queues[decision.target_queue or "none"] += 1
        if decision.outcome is not None:
            self.outcomes[decision.outcome] += 1

    def spoken(self, event: Message, seen: set[str]) -> None:
        """Count an AI turn's intents and version once per conversation, whose `seen` it marks.

        A conversation counts for an intent as escalated when the intent was there by then.
        """
        agent = event.agent
        if agent is None:
            return
        for intent in agent.intents:
            self._first(self.intents, f"i:{intent}", intent, seen)
        if agent.version is not None:
            self._first(self.ai_versions, f"v:{agent.version}", agent.version, seen)

    def _first(self, shares: dict[str, Share], mark: str, name: str, seen: set[str]) -> None:
        if mark not in seen:
            seen.add(mark)
            shares.setdefault(name, Share()).conversations += 1

    def escalated(self, seen: set[str]) -> None:
        """Count a conversation's first escalation for all that it was about."""
        self.overall.escalated += 1
        for mark in seen:
            shares = self.intents if mark[0] == "i" else self.ai_versions
            shares[mark[2:]].escalated += 1


def is_opening(decision: Decision) -> bool:
    """Return whether a decision opens an escalation."""
    if decision.action == "escalate":
        return True
    return decision.action == "claim" and decision.reason == "human_initiative"


def _add(mine: Share, theirs: Share) -> None:
    mine.conversations += theirs.conversations
    mine.escalated += theirs.escalated
