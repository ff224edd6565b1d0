"""Histories of a conversation for tests: events one by one, through the fold, stored in between."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from workers.contracts import ids
from workers.contracts.codec import Raw, decode_event, decode_message, encode
from workers.contracts.decisions import ClassificationRequest, Decision, Home
from workers.contracts.events import (
    POLICY_CONVERSATION,
    AgentTurn,
    AiSwitch,
    Closed,
    Customer,
    Deadline,
    Event,
    Message,
    OfferReply,
    Ownership,
    PolicyInForce,
    Rating,
    RequestedEscalation,
    Routed,
    Signal,
    ToolResult,
)
from workers.contracts.time import MINUTE, from_ms, to_ms
from workers.contracts.topics import CLASSIFICATIONS, DECISIONS
from workers.conversation.fold import Folded, Incoming, OutboxEntry, fold_chunk
from workers.conversation.partition_meta import PartitionMeta, starting_meta
from workers.conversation.state import State, decode_state, next_due

HOME: Final = Home(topic="conversation-events", partition=3)
START: Final = to_ms(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
NEVER: Final = 1 << 45

ASKS: Final = "I want to talk to a human agent, please."
ANGRY: Final = "This is ridiculous, the worst service ever, I am absolutely furious with you."
CALM: Final = "I would like to change the delivery address of my order."

POLICY: Final = """
version: test.1
default_queue: tier_2_support
levels: [tier_2_support, manager_approval, legal]
max_hops: 2
offer_minutes: 10
bands: {overall: [0.1, 0.5], intents: {leaving: [0, 0.4]}, min_conversations: 2, window: 1h}
rules:
  - {rule: person, reason: explicit_request, class: mandatory, when: {requested_human: 0.7}}
  - {rule: exception, reason: policy_exception, class: mandatory, when: {policy_exception: true},
     target_queue: manager_approval}
  - {rule: tools, reason: tool_unavailable, class: mandatory, when: {tool_failures: 3}}
  - {rule: context, reason: context_window_exceeded, class: mandatory, when: {context_used: 0.85}}
  - {rule: gives-up, reason: agent_uncertainty, class: declinable,
     when: {requested_escalation: true}}
  - {rule: urgent, reason: priority_escalation, class: declinable, when: {intents: [leaving]},
     target_queue: retention}
  - {rule: unsure, reason: agent_uncertainty, class: declinable, confidence_threshold: 0.5,
     when: {low_confidence_turns: 2}, cooldown: 10m}
  - {rule: loop, reason: unproductive_loop, class: declinable,
     when: {repetition: {ai: 2, customer: 2, tool: 2}}}
  - {rule: stalled, reason: stalled, class: declinable, when: {stalled_minutes: 5}}
  - {rule: frustrated, reason: customer_frustration, class: declinable, auto_escalate: offer,
     when: {frustrated: 0.5}, cooldown: 30m}
  - {rule: long, reason: unproductive_loop, class: declinable, auto_escalate: false,
     when: {turns: 8}}
routes:
  - {when: {tier: premium}, queue: premium_support, claim_minutes: 60, reply_minutes: 5}
"""


class History:
    """One conversation; each method adds one event and returns the decisions that follow."""

    def __init__(
        self, policy: str = POLICY, *, observe: bool = False, conversation_id: str = "c-1"
    ) -> None:
        self.meta: PartitionMeta = starting_meta(policy, observe)
        self.conversation_id = conversation_id
        self.now = START
        self.blob: bytes | None = None
        self.ids: set[str] = set()
        self.turns: list[bytes] = []
        self.events: list[Event] = []
        self.outputs: list[OutboxEntry] = []
        self.decisions: list[Decision] = []
        self.requests: list[ClassificationRequest] = []

    @property
    def state(self) -> State:
        """The state as it was stored last."""
        return decode_state(self.conversation_id, self.blob)

    @property
    def story(self) -> list[str]:
        """Every decision so far in a few words: its action and its outcome, cause or reason."""
        return [
            f"{d.action} {d.outcome or d.cause or d.reason or ''}".strip() for d in self.decisions
        ]

    @property
    def last(self) -> Decision:
        """The last decision."""
        return self.decisions[-1]

    def event_id(self) -> str:
        """An id for the next event."""
        return f"e-{len(self.events)}"

    def apply(self, event: Event, *, timestamp_ms: int = NEVER) -> list[Decision]:
        """Fold one event, as it is read from the log, in a chunk of its own."""
        key = event.conversation_id.encode()
        raw = Raw(key, encode(event), (), timestamp_ms)
        event = decode_event(raw)
        incoming = [Incoming(len(self.events), timestamp_ms, event, raw)]
        self.events.append(event)
        folded = fold_chunk(
            incoming,
            {self.conversation_id: self.blob},
            {self.conversation_id: self.ids},
            self.meta,
            HOME,
        )
        return self._store(folded)

    def _store(self, folded: Folded) -> list[Decision]:
        self.meta = folded.meta
        change = folded.changes.get(self.conversation_id)
        if change is not None:
            if change.fresh:
                self.ids, self.turns = set(), []
            self.blob = change.blob
            self.ids.update(change.ids)
            self.turns += change.turns
        self.outputs += folded.outputs
        decisions = decisions_of(folded.outputs)
        self.decisions += decisions
        self.requests += requests_of(folded.outputs)
        return decisions

    def after(self, minutes: float) -> "History":
        """Let time pass, without its deadlines."""
        self.now += round(minutes * MINUTE)
        return self

    def wait(self, minutes: float) -> list[Decision]:
        """Let time pass, each deadline coming when it is due."""
        until = self.now + round(minutes * MINUTE)
        decisions: list[Decision] = []
        while (due := next_due(self.state)) is not None and due <= until:
            self.now = max(self.now, due)
            decisions += self.deadline(due)
        self.now = until
        return decisions

    def envelope(self, event_id: str | None = None) -> dict[str, Any]:
        """The fields that every event has."""
        return {
            "event_id": event_id or self.event_id(),
            "conversation_id": self.conversation_id,
            "occurred_at": from_ms(self.now),
        }

    def customer(self, text: str = CALM, **fields: Any) -> list[Decision]:
        """A customer message."""
        if "customer" in fields:
            fields["customer"] = Customer(**fields["customer"])
        return self.apply(Message(**self.envelope(), role="customer", content=text, **fields))

    def ai(self, text: str = "Which address should it be?", **agent: Any) -> list[Decision]:
        """An AI turn; `asks` is the reason for which it asks for a person."""
        if asks := agent.pop("asks", None):
            agent["requested_escalation"] = RequestedEscalation(reason=asks)
        turn = AgentTurn(id="bot", version="7", **agent)
        return self.apply(Message(**self.envelope(), role="ai_agent", content=text, agent=turn))

    def tool(self, status: Any = "error", name: str = "lookup", **result: Any) -> list[Decision]:
        """A tool's result."""
        error = None if status == "ok" else "upstream failed"
        answer = ToolResult(name=name, status=status, error=error, **result)
        return self.apply(Message(**self.envelope(), role="tool", tool=answer))

    def person(self, agent_id: str = "anna", text: str = "Hello, Anna here.") -> list[Decision]:
        """A message by a person."""
        turn = AgentTurn(id=agent_id)
        return self.apply(Message(**self.envelope(), role="human_agent", content=text, agent=turn))

    def button(self, *, accepted: bool) -> list[Decision]:
        """The customer answers an offer by a button."""
        return self.apply(OfferReply(**self.envelope(), type="offer_reply", accepted=accepted))

    def close(self) -> list[Decision]:
        """The chat system closes the conversation."""
        return self.apply(Closed(**self.envelope(), type="closed", by="system"))

    def rating(self, csat: int, escalation_id: str | None = None) -> list[Decision]:
        """The customer rates an escalation, the last one unless told otherwise."""
        about = escalation_id or self.escalation_id
        return self.apply(Rating(**self.envelope(), type="rating", escalation_id=about, csat=csat))

    def signal(self, about: str, **fields: Any) -> list[Decision]:
        """The classifier's answer."""
        return self.apply(
            Signal(
                **self.envelope(), type="signal", request_id="r", about=about, model="m", **fields
            )
        )

    def deadline(self, due_ms: int, *, timestamp_ms: int = NEVER) -> list[Decision]:
        """A deadline's event."""
        envelope = self.envelope(ids.deadline_event_id(self.conversation_id, due_ms))
        event = Deadline(**envelope, type="deadline", due_at=from_ms(due_ms))
        return self.apply(event, timestamp_ms=timestamp_ms)

    def route(
        self,
        queue: str | None = None,
        place: Any = "queue",
        *,
        decision: Decision | None = None,
        claim_minutes: float = 30,
        reply_minutes: float | None = 10,
        expires_minutes: float = 600,
        **more: Any,
    ) -> list[Decision]:
        """The routing agent's answer to the last placing decision, or to `decision`."""
        answered = decision or self.placing
        queue = queue or answered.target_queue or ""
        opened = to_ms(answered.opened_at or answered.decided_at)
        return self.apply(
            Routed(
                **self.envelope(ids.routed_event_id(answered.decision_id, place, queue)),
                type="routed",
                decision_id=answered.decision_id,
                escalation_id=answered.escalation_id or "",
                seq=answered.seq,
                place=place,
                queue=queue,
                rung=0,
                **more,
                claim_due_at=from_ms(self.now + round(claim_minutes * MINUTE)),
                reply_minutes=reply_minutes,
                expires_at=from_ms(opened + round(expires_minutes * MINUTE)),
            )
        )

    @property
    def placing(self) -> Decision:
        """The last decision that wants a place."""
        return next(d for d in reversed(self.decisions) if is_placing(d))

    @property
    def escalation_id(self) -> str:
        """The escalation that was opened last."""
        opened = [d for d in self.decisions if d.action in ("escalate", "claim")]
        return opened[-1].escalation_id or ""

    def desk(self, action: Any, epoch: int | None = None, **fields: Any) -> list[Decision]:
        """Apply a desk's event, at the epoch in force unless another is given."""
        fields = {
            "escalation_id": self.escalation_id,
            "queue": "tier_2_support",
            "agent_id": "anna",
            **fields,
        }
        if action == "ticketed":
            fields.setdefault("ticket_id", "T-1")
        return self.apply(
            Ownership(
                **self.envelope(),
                type="ownership",
                action=action,
                desk_event_id=f"d-{len(self.events)}",
                epoch=self.state.epoch if epoch is None else epoch,
                **fields,
            )
        )

    def switch(self, *, on: bool, version: str = "7", **fields: Any) -> list[Decision]:
        """A version of the AI agent is switched off, or on again."""
        envelope = self.envelope() | {"conversation_id": POLICY_CONVERSATION}
        fields = {"reason": "it promises refunds", "lead": "mara", **fields}
        return self.apply(
            AiSwitch(**envelope | fields, type="ai_switch", ai_version=version, on=on)
        )

    def in_force(self, policy: str, version: str, hash_: str, **fields: Any) -> list[Decision]:
        """A policy event."""
        return self.apply(
            PolicyInForce(
                event_id=self.event_id(),
                conversation_id="policy",
                occurred_at=from_ms(self.now),
                type="policy",
                policy_version=version,
                policy_hash=hash_,
                policy=policy,
                **fields,
            )
        )


def policy_event(at_ms: int) -> PolicyInForce:
    """The event that puts the policy of the histories in force in a log of them."""
    meta = starting_meta(POLICY)
    return PolicyInForce(
        event_id="policy",
        conversation_id=POLICY_CONVERSATION,
        occurred_at=from_ms(at_ms),
        type="policy",
        policy_version=meta.policy_version,
        policy_hash=meta.policy_hash,
        policy=POLICY,
    )


def is_placing(decision: Decision) -> bool:
    """Return True if a decision waits for a `routed`."""
    return decision.action in ("escalate", "transfer") or (
        decision.action == "move" and decision.cause != "ticketed"
    )


def decisions_of(outputs: Iterable[OutboxEntry]) -> list[Decision]:
    """The decisions among outputs."""
    return [decode_message(Decision, o.value) for o in outputs if o.topic == DECISIONS]


def requests_of(outputs: Iterable[OutboxEntry]) -> list[ClassificationRequest]:
    """The classification requests among outputs."""
    return [
        decode_message(ClassificationRequest, o.value)
        for o in outputs
        if o.topic == CLASSIFICATIONS
    ]


def again(event: Event, event_id: str) -> Event:
    """The same event under another id."""
    return msgspec.structs.replace(event, event_id=event_id)
