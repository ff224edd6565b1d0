"""`conversation-events`: what chat systems report and what our own agents learn."""

from typing import Annotated, Any, Literal

import msgspec

from workers.contracts.time import Instant, Minutes

Unit = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""A whole number that every JSON reader keeps exactly."""
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Name = Annotated[str, msgspec.Meta(max_length=256)]
Line = Annotated[str, msgspec.Meta(max_length=1000)]
WebAddress = Annotated[str, msgspec.Meta(max_length=1000, pattern="^https?://")]
Note = Annotated[str, msgspec.Meta(max_length=10_000)]
Email = Annotated[str, msgspec.Meta(max_length=254)]
Phone = Annotated[str, msgspec.Meta(max_length=40)]
Link = Annotated[str, msgspec.Meta(max_length=2048)]
Locale = Annotated[str, msgspec.Meta(max_length=35)]
"""A BCP 47 language tag, as far as the chat system has one."""

Role = Literal["customer", "ai_agent", "human_agent", "tool", "system", "user", "assistant"]
ToolStatus = Literal["ok", "error", "timeout", "denied"]
ClosedBy = Literal["customer", "ai_agent", "human_agent", "system"]
DeskAction = Literal[
    "accepted",
    "replied",
    "transferred",
    "returned",
    "resolved",
    "rated",
    "abandoned",
    "ticketed",
    "ticket_refused",
]
LeadAction = Literal["escalated", "moved", "prioritised", "released", "closed", "offered"]
Csat = Annotated[int, msgspec.Meta(ge=1, le=5)]
"""Satisfaction as the customer states it; 5 is the best."""
Priority = Annotated[int, msgspec.Meta(ge=1, le=5)]
"""1 is the most urgent."""
Place = Literal["queue", "ticket", "contact"]
OnIdle = Literal["queue", "level", "ai"]
"""Destination of a conversation whose person has fallen silent."""

ROLE_ALIASES: dict[str, str] = {"user": "customer", "assistant": "ai_agent"}


class Customer(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The customer as far as the chat system knows them."""

    id: Id | None = None
    name: Name | None = None
    tier: Word | None = None
    locale: Locale | None = None
    dedicated_agent: Id | None = None
    email: Email | None = None
    phone: Phone | None = None
    preferred_contact: Word | None = None
    """The way they want to be reached, as in phone or mail."""


class Attachment(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A file or image that came with a message; it is named to people and never fetched."""

    id: Id | None = None
    type: Word | None = None
    """Media type or kind, as in image/png or image."""
    name: Name | None = None
    url: Link | None = None
    size: Count | None = None
    """Bytes."""


class ToolCall(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One call that an AI turn makes; `arguments` is the JSON the model wrote, or its text."""

    name: Word
    call_id: Id | None = None
    arguments: Any = None


class RequestedEscalation(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The AI agent itself asks for a person."""

    reason: Word
    note: Note | None = None


class AgentTurn(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Details of an AI agent on its turn, or of a person (`id`, `name`) on a human turn."""

    id: Id | None = None
    name: Name | None = None
    version: Word | None = None
    epoch: Count | None = None
    confidence: Unit | None = None
    intents: Annotated[tuple[Word, ...], msgspec.Meta(max_length=64)] = ()
    requested_escalation: RequestedEscalation | None = None
    resolved: bool | None = None
    context_tokens: Count | None = None
    context_limit: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)] | None = None
    tool_calls: Annotated[tuple[ToolCall, ...], msgspec.Meta(max_length=128)] = ()


class ToolResult(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The result of one tool call, on a turn with role `tool`."""

    name: Word
    status: ToolStatus
    call_id: Id | None = None
    error: str | None = None
    result: Any = None


class EventBase(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Fields of every event on the log; `event_id` is the idempotency key."""

    event_id: Id
    conversation_id: Id
    occurred_at: Instant


class Message(EventBase, kw_only=True, frozen=True, omit_defaults=True):
    """One turn of a conversation, by any speaker."""

    type: Literal["message"] = "message"
    version: Literal[1] = 1
    role: Role
    content: str = ""
    attachments: Annotated[tuple[Attachment, ...], msgspec.Meta(max_length=32)] = ()
    customer: Customer | None = None
    channel: Word | None = None
    subject: Line | None = None
    ticket_id: Id | None = None
    tenant: Word | None = None
    agent: AgentTurn | None = None
    tool: ToolResult | None = None


class OfferReply(EventBase, kw_only=True, frozen=True, omit_defaults=True):
    """The customer answered an offer of a person by a button."""

    type: Literal["offer_reply"]
    version: Literal[1] = 1
    accepted: bool


class Closed(EventBase, kw_only=True, frozen=True, omit_defaults=True):
    """The chat system closed the conversation."""

    type: Literal["closed"]
    version: Literal[1] = 1
    by: ClosedBy


class Rating(EventBase, kw_only=True, frozen=True, omit_defaults=True):
    """The customer rated how an escalation went, at any time, also long after its end."""

    type: Literal["rating"]
    version: Literal[1] = 1
    escalation_id: Id
    csat: Csat


class Signal(EventBase, kw_only=True, frozen=True, omit_defaults=True):
    """The classifier's answer about one customer message (`about`)."""

    type: Literal["signal"]
    version: Literal[1] = 1
    request_id: Id
    about: Id
    model: Word
    requested_human: Unit | None = None
    frustrated: Unit | None = None
    solved: Unit | None = None
    intents: Annotated[tuple[Word, ...], msgspec.Meta(max_length=64)] = ()


class Ownership(EventBase, kw_only=True, frozen=True, omit_defaults=True):
    """A desk's action on an escalation, checked and translated from `desk-events`."""

    type: Literal["ownership"]
    version: Literal[1] = 1
    action: DeskAction
    escalation_id: Id
    desk_event_id: Id
    epoch: Count
    queue: Word
    agent_id: Id | None = None
    agent_name: Name | None = None
    to_queue: Word | None = None
    reason: Line | None = None
    note: Note | None = None
    resolution: Note | None = None
    justified: bool | None = None
    csat: Csat | None = None
    ticket_id: Id | None = None
    ticket_url: WebAddress | None = None
    force: bool = False
    """On `accepted`: a lead gives it to `agent_id`, even from another person; see `reason`."""
    lead: Id | None = None
    """The lead, on what is forced."""


class Lead(EventBase, kw_only=True, frozen=True, omit_defaults=True):
    """A lead's event, checked and translated from `desk-events`."""

    type: Literal["lead"]
    version: Literal[1] = 1
    action: LeadAction
    desk_event_id: Id
    lead: Id
    reason: Line
    """The lead's reason, in their words."""
    escalation_id: Id | None = None
    """The one escalation that is meant; None: whichever is open."""
    to_queue: Word | None = None
    priority: Priority | None = None


class Skipped(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One rung of the ladder that could not take the escalation, and why."""

    rung: Count
    place: Place
    queue: Word | None = None
    reason: Word


class Wait(msgspec.Struct, kw_only=True, frozen=True):
    """An estimated wait, in seconds."""

    low_s: Count
    high_s: Count


class Routed(EventBase, kw_only=True, frozen=True, omit_defaults=True):
    """The place at which the routing agent put the escalation of the decision `decision_id`."""

    type: Literal["routed"]
    version: Literal[1] = 1
    decision_id: Id
    escalation_id: Id
    seq: Count
    place: Place
    queue: Word
    rung: Count
    skipped: Annotated[tuple[Skipped, ...], msgspec.Meta(max_length=64)] = ()
    claim_due_at: Instant | None = None
    """Time by which a person must claim it (queue) or the ticket system must answer (ticket)."""
    reply_minutes: Minutes | None = None
    """Minutes from the claim to the first reply, on this queue."""
    idle_minutes: Minutes | None = None
    """Minutes that the person who claimed it there may be silent."""
    on_idle: OnIdle | None = None
    """Destination after that silence: back to the queue, up a level, or to the AI agent."""
    update_minutes: Minutes | None = None
    """Minutes between two looks at the wait on this queue to update the customer; None: never."""
    warn_share: Annotated[float, msgspec.Meta(gt=0, le=0.95)] | None = None
    """Part of the time to claim, and to reply, after which the team is warned; None: never."""
    expires_at: Instant | None = None
    """The last deadline, for the whole escalation."""
    predicted_wait: Wait | None = None
    """On a queue: the wait estimated when it was placed there; None: its past says too little."""
    assignee: Id | None = None
    """The person who is asked first; others may claim it, too."""
    assigned_until: Instant | None = None
    """Time by which that person must claim it; then it waits for anyone on the queue."""


class Deadline(EventBase, kw_only=True, frozen=True, omit_defaults=True):
    """A time has passed in a conversation; the fold applies what was due by then."""

    type: Literal["deadline"]
    version: Literal[1] = 1
    due_at: Instant


class SwitchedVersion(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A version of the AI agent that was switched off, or on again, and when, by whom and why."""

    ai_version: Word
    on: bool
    at: Instant
    reason: Line
    lead: Id | None = None
    """None: the report on its share of escalated conversations switched it off."""


class AiSwitch(EventBase, kw_only=True, frozen=True, omit_defaults=True):
    """A version of the AI agent is off, or on again, in each partition from this offset on."""

    type: Literal["ai_switch"]
    version: Literal[1] = 1
    ai_version: Word
    on: bool
    reason: Line
    """The lead's reason, in their words."""
    lead: Id | None = None


class PolicyInForce(EventBase, kw_only=True, frozen=True, omit_defaults=True):
    """The policy from this offset on, whole, in each partition of the log."""

    type: Literal["policy"]
    version: Literal[1] = 1
    policy_version: Word
    policy_hash: Word
    policy: str
    """The text of the policy file (YAML)."""
    detection_version: Word | None = None
    """The detection of the worker that wrote this; None: an older release's."""
    observe: bool = False
    switches: Annotated[tuple[SwitchedVersion, ...], msgspec.Meta(max_length=100)] = ()
    """The switches that `ai_switch` events have come to, so that a trimmed log still tells."""


PartitionEvent = PolicyInForce | AiSwitch
"""Events that concern their partition and belong to no conversation."""
Event = (
    Message
    | OfferReply
    | Closed
    | Rating
    | Signal
    | Ownership
    | Lead
    | Routed
    | Deadline
    | PolicyInForce
    | AiSwitch
)

POLICY_CONVERSATION = "policy"
"""The `conversation_id` and key of the events that belong to no conversation."""

PARTITION_TYPES = frozenset({"policy", "ai_switch"})
"""Types of the events that belong to no conversation."""
OWN_TYPES = PARTITION_TYPES | {"signal", "ownership", "lead", "routed", "deadline"}
"""Types that only our own agents write; they are signed when a secret is set."""

EVENT_TYPES: dict[str, type[Event]] = {
    "message": Message,
    "offer_reply": OfferReply,
    "closed": Closed,
    "rating": Rating,
    "signal": Signal,
    "ownership": Ownership,
    "lead": Lead,
    "routed": Routed,
    "deadline": Deadline,
    "policy": PolicyInForce,
    "ai_switch": AiSwitch,
}
