"""Counts of a replay, which add up: what was decided, and how often a person was called for."""

from collections import Counter
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from workers.contracts.decisions import Decision
from workers.contracts.events import Message
from workers.contracts.time import from_ms
from workers.handoff.languages import code_of

Split = Literal["intent", "ai_version", "tier", "tenant", "channel", "language", "day", "hour"]
"""Names by which conversations are told apart; day and hour are those of the first message, in UTC.
"""
SPLITS: Final[tuple[Split, ...]] = (
    "intent", "ai_version", "tier", "tenant", "channel", "language", "day", "hour",
)  # fmt: skip
MISSED: Final = 1_000
"""Conversations without a person that a report lists; the counts are complete."""
_TURN_BY_TURN: Final = frozenset({"intent", "ai_version"})
"""Splits with values from a conversation's course: an escalation before is no share of it."""


class Share(msgspec.Struct):
    """Conversations of one kind, and how many of them were escalated."""

    conversations: int = 0
    escalated: int = 0

    @property
    def rate(self) -> float | None:
        """Return the share that was escalated; None without any."""
        return self.escalated / self.conversations if self.conversations else None


class LabelAgreement(msgspec.Struct):
    """Escalations against what is known of who needed a person, in conversations."""

    judged: int = 0
    """Conversations about which something is known."""
    needed: int = 0
    escalated: int = 0
    caught: int = 0
    early: int = 0
    """Caught ones that were called for before the turn that is named."""
    late: int = 0
    """Caught ones that were called for after it."""

    def add(self, other: "LabelAgreement") -> None:
        """Add the counts of another part."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Missed(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation that needed a person by its label, and for which no person was called."""

    conversation_id: str
    turn: int
    """The turn that the label names; without one, that of the customer's last message."""
    words: str | None
    """The customer's by then, redacted; at most 80 characters."""


class Tally(msgspec.Struct):
    """The counts of one policy; tallies of several parts of a log add up.

    Decisions after the runs had parted are in `hypothetical` alone.
    """

    overall: Share = msgspec.field(default_factory=Share)
    splits: dict[Split, dict[str, Share]] = msgspec.field(
        default_factory=lambda: {split: {} for split in SPLITS}
    )
    escalations: int = 0
    decisions: int = 0
    stepped_in: int = 0
    """Conversations in which a person spoke who was not called."""
    offered: int = 0
    """Conversations in which a person was offered."""
    actions: Counter[str] = msgspec.field(default_factory=Counter)
    reasons: Counter[str] = msgspec.field(default_factory=Counter)
    rules: Counter[str] = msgspec.field(default_factory=Counter)
    queues: Counter[str] = msgspec.field(default_factory=Counter)
    outcomes: Counter[str] = msgspec.field(default_factory=Counter)
    offers: Counter[str] = msgspec.field(default_factory=Counter)
    """Offers by rule."""
    answers: Counter[str] = msgspec.field(default_factory=Counter)
    """The answers to offers: accepted, declined."""
    spoke: Counter[str] = msgspec.field(default_factory=Counter)
    """Rules that decided anything, be it that they kept silent."""
    load: Counter[str] = msgspec.field(default_factory=Counter)
    """Escalations by `queue hour in|out`: the hour on the queue's clock, in or out of its hours."""
    hypothetical: Counter[str] = msgspec.field(default_factory=Counter)
    """Decisions after the runs had parted, by action."""
    agreement: LabelAgreement = msgspec.field(default_factory=LabelAgreement)
    missed: list[Missed] = []
    """Conversations that labels say were missed, the first MISSED by conversation."""

    def add(self, other: "Tally") -> None:
        """Add the counts of another part."""
        for name in self.__struct_fields__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, int | Counter):
                setattr(self, name, mine + theirs)
            elif isinstance(mine, LabelAgreement):
                mine.add(theirs)
        missed = sorted(
            [*self.missed, *other.missed], key=lambda one: (one.conversation_id, one.turn)
        )
        self.missed = missed[:MISSED]
        _add(self.overall, other.overall)
        for split, shares in other.splits.items():
            for subject, share in shares.items():
                _add(self.splits[split].setdefault(subject, Share()), share)

    def decided(self, decision: Decision) -> None:
        """Count one decision of a run that has not parted."""
        self.decisions += 1
        action = decision.action
        self.actions[action] += 1
        if decision.rule is not None:
            self.spoke[decision.rule] += 1
        if action == "escalate":
            self.escalations += 1
            self.reasons[decision.reason or "unknown"] += 1
            self.rules[decision.rule or "none"] += 1
            self.queues[decision.target_queue or "none"] += 1
            if decision.cause == "offer_accepted":
                self.answers["accepted"] += 1
        elif action == "offer":
            self.offers[decision.rule or "none"] += 1
        elif action == "suppress" and _refused(decision):
            self.answers["declined"] += 1
        if decision.outcome is not None:
            self.outcomes[decision.outcome] += 1

    def begun(self, at_ms: int, seen: set[str]) -> None:
        """Count a conversation that begins."""
        self.overall.conversations += 1
        moment = from_ms(at_ms)
        self._note("day", f"{moment:%Y-%m-%d}", seen)
        self._note("hour", f"{moment:%H}", seen)

    def spoken(self, event: Message, seen: set[str], *, escalated: bool = False) -> None:
        """Count what a message says about its conversation, each once; `seen` is marked.

        A conversation counts for an intent as escalated when the intent was there by then, for its
        customer's tier, say, whenever that is told.
        """
        if event.channel is not None:
            self._note("channel", event.channel, seen, escalated=escalated)
        if event.tenant is not None:
            self._note("tenant", event.tenant, seen, escalated=escalated)
        customer = event.customer
        if customer is not None:
            if customer.tier is not None:
                self._note("tier", customer.tier, seen, escalated=escalated)
            if customer.locale:
                self._note("language", code_of(customer.locale), seen, escalated=escalated)
        agent = event.agent
        if agent is None or event.role != "ai_agent":
            return
        for intent in agent.intents:
            self._note("intent", intent, seen)
        if agent.version is not None:
            self._note("ai_version", agent.version, seen)

    def _note(self, split: Split, name: str, seen: set[str], *, escalated: bool = False) -> None:
        mark = f"{split}:{name}"
        if mark not in seen:
            seen.add(mark)
            share = self.splits[split].setdefault(name, Share())
            share.conversations += 1
            share.escalated += escalated and split not in _TURN_BY_TURN

    def escalated(self, seen: set[str]) -> None:
        """Count a conversation's first escalation for all that it was about."""
        self.overall.escalated += 1
        for share in self._shares(seen):
            share.escalated += 1

    def _shares(self, seen: set[str]) -> Iterator[Share]:
        splits: dict[str, dict[str, Share]] = {str(key): one for key, one in self.splits.items()}
        for mark in seen:
            split, _, name = mark.partition(":")
            yield splits[split][name]


def is_opening(decision: Decision) -> bool:
    """Return whether a decision opens an escalation, be it for a person who spoke uncalled."""
    return decision.action == "escalate" or is_initiative(decision)


def is_initiative(decision: Decision) -> bool:
    """Return whether a decision says that a person spoke who was not called."""
    return decision.action == "claim" and decision.reason == "human_initiative"


def _refused(decision: Decision) -> bool:
    """Return whether the customer refused just now what was offered."""
    return decision.cause == "declined" and any(
        found.signal == "declined" for found in decision.evidence
    )


def _add(mine: Share, theirs: Share) -> None:
    mine.conversations += theirs.conversations
    mine.escalated += theirs.escalated
