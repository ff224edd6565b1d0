"""A conversation explained from what the store remembers of it: its words, and how it stands now.

The same `step` reads the words again. Reports of the AI agent on itself and acts of desks, router
and customers' buttons are not among the words; where they mattered, the stored state is believed.
"""

from collections.abc import Iterator, Sequence
from typing import Final, cast

import msgspec

from workers.contracts import ids
from workers.contracts.decisions import Decision, Home, NearMiss, Owner, Turn
from workers.contracts.events import (
    AgentTurn,
    Customer,
    Deadline,
    Message,
    Role,
    ToolCall,
    ToolResult,
    ToolStatus,
)
from workers.contracts.time import from_ms
from workers.conversation.partition_meta import PartitionMeta, policy_in
from workers.conversation.rules import signals_of
from workers.conversation.state import EARLIER, State, next_due
from workers.conversation.step import step
from workers.handoff.frames import frame
from workers.handoff.history import history_text, is_history
from workers.policy import near_misses
from workers.replay.explain_events import ExplainedEvent, line_of, numbers_of

_UNTOLD = (
    "the store keeps the words, not what the AI agent reports of itself on each turn (confidence, "
    "context, requests, arguments of tools) nor buttons and events of desks and router: `handoff "
    "explain CONVERSATION --topic conversation-events` tells them, as long as Kafka has them"
)

_WORDS: Final = frame(None)


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """The exact state of a conversation, as the worker left it."""

    owner: Owner
    signals: dict[str, float]
    """The signals that hold without a new event."""
    near_misses: tuple[NearMiss, ...]
    reason: str | None = None
    """Reason of the open escalation."""
    rule: str | None = None
    opened_by: str | None = None
    level: int = 0
    place: str | None = None
    queue: str | None = None
    person: str | None = None
    declined: bool = False
    """The customer did not want a person, in this episode."""
    ended: tuple[str, ...] = ()
    """Escalations that have ended, at most five: reason and outcome."""


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """An explanation from the store's data alone."""

    lines: list[ExplainedEvent]
    now: Now
    missing: list[str]
    """The questions that the store cannot answer, a sentence each."""


def explain_remembered(
    conversation_id: str, state: State, turns: Sequence[Turn], meta: PartitionMeta, home: Home
) -> Remembered:
    """Tell a conversation from its transcript and its state, by the policy of `meta`."""
    reading = _Reading(conversation_id, state, meta, home)
    lines = [reading.read(turn) for turn in turns]
    missing = [_UNTOLD]
    if len(turns) < state.entries:
        gone = state.entries - len(turns)
        missing.append(f"{gone} of {state.entries} turns are no longer stored")
    missing += _underived(conversation_id, state, turns)
    return Remembered(lines=lines, now=_now(state, meta), missing=missing)


def _underived(conversation_id: str, state: State, turns: Sequence[Turn]) -> Iterator[str]:
    said = {ids.escalation_id(conversation_id, turn.event_id) for turn in turns}
    for ended in state.earlier:
        if ended.escalation_id not in said:
            yield f"an escalation for {ended.reason} was not opened by a turn that is stored"
    if state.open is not None and state.open.id not in said:
        yield f"the open escalation for {state.open.reason} was not opened by a turn: by a deadline"


def _now(state: State, meta: PartitionMeta) -> Now:
    signals = signals_of(state)
    view = policy_in(meta.policy_text).view_for(state.tenant, state.tier, state.channel)
    told = Now(
        owner=state.owner,
        signals=numbers_of(signals),
        near_misses=near_misses(view, signals) if state.owner == "ai" else (),
        declined=state.episode.declined,
        ended=tuple([f"{one.reason}: {one.outcome}" for one in state.earlier]),
    )
    if (escalation := state.open) is None:
        return told
    return msgspec.structs.replace(
        told,
        reason=escalation.reason,
        rule=escalation.rule,
        opened_by=escalation.opened_by,
        level=escalation.level,
        place=escalation.place,
        queue=escalation.queue,
        person=escalation.person,
    )


class _Reading:
    """The words read again, kept to what the state knows to have happened."""

    def __init__(self, conversation_id: str, known: State, meta: PartitionMeta, home: Home) -> None:
        self.conversation_id = conversation_id
        self.known = known
        self.meta = meta
        self.policy = policy_in(meta.policy_text)
        self.home = home
        self.state = State(seq=1)
        self.opened = {ended.escalation_id: ended.reason for ended in known.earlier}
        if known.open is not None:
            self.opened[known.open.id] = known.open.reason

    def read(self, turn: Turn) -> ExplainedEvent:
        """Apply one turn and tell what it did."""
        if self.state.number != turn.episode:
            # Somebody has cared for it meanwhile: nothing before counts any more.
            self.state = State(seq=self.state.seq, number=turn.episode, fired=self.state.fired)
        if is_history(turn, _WORDS):
            entry = msgspec.structs.replace(turn, content=history_text(turn, _WORDS))
            line = line_of(self._event(entry), self.state, self.meta, ())
            return msgspec.structs.replace(line, signals={}, near_misses=())
        event = self._event(turn)
        if turn.status == "stale" and turn.role == "ai_agent":
            late = "came after the conversation had changed hands: not read"
            return line_of(event, self.state, self.meta, (), late)
        decisions, notes = self._pass_time(turn.at)
        if turn.role == "human_agent":
            # A person had it by now: signals of the silence before say nothing.
            notes = []
        more, note = self._apply(event)
        notes += [note] if note else []
        told = "; ".join(notes) or None
        return line_of(event, self.state, self.meta, (*decisions, *more), told)

    def _apply(self, event: Message | Deadline) -> tuple[list[Decision], str | None]:
        """Fold one event; where it says something else than the state, the state is believed."""
        self.state, effects = step(
            self.state, event, self.policy, self.home, observe=self.meta.observe
        )
        decisions = [effect for effect in effects if isinstance(effect, Decision)]
        own = ids.escalation_id(self.conversation_id, event.event_id)
        opens = any(one.escalation_id == own and not one.observe for one in decisions)
        if opens and own not in self.opened and len(self.known.earlier) < EARLIER:
            self.state.open, self.state.deadlines = None, ()
            kept = [one for one in decisions if one.escalation_id != own]
            if isinstance(event, Message) and event.role == "human_agent":
                # Had this message opened an escalation, the state would know it.
                return kept, "a person has it: who took it, and when, is not among the words"
            self.state.owner = "ai"
            return kept, "by the words alone it would have been escalated here; it was not"
        if own in self.opened and not opens:
            # An escalation that was open by the words alone must have ended before.
            self.state.owner, self.state.open, self.state.deadlines = "pending", None, ()
            reason = self.opened[own]
            return decisions, f"escalated for {reason}, which the words alone do not show"
        return decisions, None

    def _pass_time(self, until: int) -> tuple[list[Decision], list[str]]:
        """Apply what became due before a turn."""
        decisions: list[Decision] = []
        notes: list[str] = []
        while (due := next_due(self.state)) is not None and due < until:
            passed = Deadline(
                type="deadline",
                event_id=ids.deadline_event_id(self.conversation_id, due),
                conversation_id=self.conversation_id,
                occurred_at=from_ms(due),
                due_at=from_ms(due),
            )
            more, note = self._apply(passed)
            decisions += more
            notes += [note] if note else []
        return decisions, notes

    def _event(self, turn: Turn) -> Message:
        known = self.known
        return Message(
            event_id=turn.event_id,
            conversation_id=self.conversation_id,
            occurred_at=from_ms(turn.at),
            role=cast(Role, turn.role),
            content=turn.content,
            customer=Customer(tier=known.tier, locale=known.locale),
            channel=known.channel,
            tenant=known.tenant,
            agent=_agent(turn),
            tool=_tool(turn),
        )


def _agent(turn: Turn) -> AgentTurn | None:
    if turn.role not in ("ai_agent", "human_agent"):
        return None
    # Arguments are not stored: no call is taken for a repetition of another.
    calls = [
        ToolCall(name=name, arguments=f"{turn.event_id} {n}") for n, name in enumerate(turn.calls)
    ]
    return AgentTurn(id=turn.name, intents=turn.intents, tool_calls=tuple(calls))


def _tool(turn: Turn) -> ToolResult | None:
    if turn.role != "tool":
        return None
    return ToolResult(name=turn.name or "unknown", status=cast(ToolStatus, turn.status or "ok"))
