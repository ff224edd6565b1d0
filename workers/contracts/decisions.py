"""`escalation-decisions` and `classification-requests`: the escalation agent's output."""

from typing import Annotated, Literal

import msgspec

from workers.contracts.events import (
    Attachment,
    Count,
    Csat,
    Customer,
    Id,
    Place,
    Priority,
    Unit,
    WebAddress,
    Word,
)
from workers.contracts.time import Instant, Minutes

Action = Literal[
    "escalate",
    "offer",
    "recommend",
    "suppress",
    "move",
    "claim",
    "refuse",
    "transfer",
    "return",
    "outcome",
    "update",
    "rate",
]
"""`update` and `rate` open, move and end nothing: it is time to look at the wait again, and the
customer has rated an escalation, which may be long over."""
Reason = Literal[
    "agent_uncertainty",
    "priority_escalation",
    "policy_exception",
    "explicit_request",
    "context_window_exceeded",
    "tool_unavailable",
    "unproductive_loop",
    "customer_frustration",
    "unkept_promise",
    "stalled",
    "agent_request",
    "human_initiative",
    "lead_request",
    "ai_silenced",
]
Outcome = Literal[
    "resolved", "returned", "withdrawn", "closed", "abandoned", "expired", "contact_given"
]
Owner = Literal["ai", "pending", "person", "closed"]
Cause = Literal[
    "claim_missed",
    "reply_missed",
    "ticket_unanswered",
    "ticket_refused",
    "ticketed",
    "mandatory_rule",
    "hop_limit",
    "old_epoch",
    "wrong_epoch",
    "wrong_queue",
    "not_owner",
    "already_claimed",
    "not_waiting",
    "ended",
    "unknown_queue",
    "declined",
    "cooldown",
    "late_routing",
    "offer_accepted",
    "idle",
    "contact_known",
    "lead",
    "already_open",
    "assignee_missed",
]
"""Cause of a decision. `old_epoch` occurs only in older stored decisions; today it is
`wrong_epoch`."""

QUOTE_LIMIT = 80
"""Characters of a customer's words that a decision may quote, after the strictest redaction."""


class Evidence(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One signal that speaks for a decision, with the event and the words it was found in."""

    event_id: Id
    signal: Word
    score: Unit
    quote: Annotated[str, msgspec.Meta(max_length=QUOTE_LIMIT)] | None = None


class NearMiss(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A rule that nearly held: the condition that failed, its value and the value needed."""

    rule: Word
    condition: Word
    value: float
    needed: float


class Home(msgspec.Struct, kw_only=True, frozen=True):
    """The partition of the log in which the conversation lives."""

    topic: Word
    partition: Count


class AiAgent(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The AI agent that last spoke in the conversation."""

    id: Id | None = None
    version: Word | None = None


class ToolFact(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The calls of one tool in this episode, and the status of the last."""

    name: Word
    calls: Count
    failures: Count
    status: Literal["ok", "error", "timeout", "denied", "called"]
    event_id: Id
    error: Annotated[str, msgspec.Meta(max_length=QUOTE_LIMIT)] | None = None


class Mood(msgspec.Struct, kw_only=True, frozen=True):
    """Frustration found in one customer message, 0 to 1."""

    event_id: Id
    score: Unit


class Earlier(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """An escalation of this conversation that has ended."""

    escalation_id: Id
    reason: Reason
    outcome: Outcome
    ended_at: Instant
    note: Annotated[str, msgspec.Meta(max_length=500)] | None = None


class OtherEscalation(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """An open escalation of the same customer in another conversation, claimed by itself."""

    escalation_id: Id
    conversation_id: Id
    reason: Reason | None = None
    place: Place | None = None
    """None: it is being placed at this moment, or a person took it before it had a place."""
    queue: Word | None = None
    opened_at: Instant
    claimed_by: Id | None = None


Others = Annotated[tuple[OtherEscalation, ...], msgspec.Meta(max_length=5)]
"""Other open escalations of one customer, latest first."""

Said = Annotated[str, msgspec.Meta(max_length=500)]


class Closing(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The words of the person who ended an escalation, after the strictest redaction."""

    reason: Said | None = None
    note: Said | None = None
    resolution: Said | None = None


class ByLead(msgspec.Struct, kw_only=True, frozen=True):
    """The lead whose hand made a decision, and why, after the strictest redaction."""

    id: Id
    reason: Said


class PredictedWait(msgspec.Struct, kw_only=True, frozen=True):
    """The wait estimated on the queue where an escalation was first claimed, in seconds."""

    queue: Word
    placed_at: Instant
    """The time at which it came there; the wait is from then to the claim."""
    low_s: Count
    high_s: Count


class Facts(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The facts from which a packet is built; counts are of the episode unless stated otherwise."""

    turns: Count
    """Messages of the transcript up to and with the cause of this decision (whole conversation)."""
    history: Count = 0
    """Entries of the transcript beside its messages, up to and with this decision's own."""
    unread: Count = 0
    """Messages that were not read, because there were too many in a minute (whole conversation)."""
    started_at: Instant
    """Time of the first event of the conversation."""
    episode_started_at: Instant
    customer: Customer | None = None
    """Without the name, and with a strictly redacted id: the transcript says who it is."""
    channel: Word | None = None
    subject: str | None = None
    """Texts of people and agents (`subject`, `intents`, notes) are strictly redacted."""
    ticket_id: Id | None = None
    tenant: Word | None = None
    customer_turns: Count = 0
    ai_turns: Count = 0
    first_request: Id | None = None
    """Event of the first customer message of the episode."""
    last_request: Id | None = None
    """Event of the last customer message."""
    intents: tuple[Word, ...] = ()
    """As the AI agent or the classifier named them; else those that detection found."""
    confidence: tuple[Unit, ...] = ()
    """The AI's last confidences, oldest first."""
    tools: tuple[ToolFact, ...] = ()
    mood: tuple[Mood, ...] = ()
    ai_note: Annotated[str, msgspec.Meta(max_length=500)] | None = None
    desk_note: Annotated[str, msgspec.Meta(max_length=500)] | None = None
    earlier: tuple[Earlier, ...] = ()
    last_person: Id | None = None
    """The person who had the conversation within the last day, if it is unclaimed so far."""

    @property
    def entries(self) -> int:
        """Return how many entries of the transcript were there with this decision."""
        return self.turns + self.history


class Decision(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A decision of the fold at one event, with the evidence for it.

    `seq` grows by every decision of a conversation; `epoch` is the `seq` of the decision that last
    changed owner or place. `outcome` is set on the one decision that ends the escalation.
    """

    version: Literal[1] = 1
    decision_id: Id
    conversation_id: Id
    escalation_id: Id | None = None
    seq: Count
    epoch: Count
    episode: Count
    level: Count = 0
    action: Action
    owner: Owner
    """The owner of the conversation after this decision."""
    reason: Reason | None = None
    rule: Word | None = None
    cause: Cause | None = None
    """Reason why this decision follows an earlier one, or why it refused or suppressed
    something."""
    outcome: Outcome | None = None
    policy_version: Word
    policy_hash: Word
    detection_version: Word | None = None
    """Hash of the weights, word lists and rules that read the texts; None: an older release's."""
    score: Unit = 1.0
    evidence: tuple[Evidence, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()
    target_queue: Word | None = None
    """The policy's target: the first rung of the ladder."""
    queue: Word | None = None
    """The queue on which it waits or waited; a claim, a refusal or an end is answered there."""
    place: Place | None = None
    tried: tuple[Word, ...] = ()
    """Rungs that were tried and missed: names of queues, and `ticket`."""
    claim_minutes: Minutes | None = None
    reply_minutes: Minutes | None = None
    trigger_event_id: Id
    """The event that caused this decision."""
    opened_by: Id | None = None
    """The event that opened the escalation."""
    opened_at: Instant | None = None
    decided_at: Instant
    person: Id | None = None
    """The person who claimed, was refused, transferred or ended it."""
    priority: Priority | None = None
    """Priority that a lead set, in place of the queue's; 1 is the most urgent."""
    lead: ByLead | None = None
    """The lead who made it by hand; None where rules, people at desks or time made it."""
    closing: Closing | None = None
    """On an end by a person: their note and resolution."""
    ticket_id: Id | None = None
    ticket_url: WebAddress | None = None
    """On the decision that reports the ticket's number: where people open it."""
    claimed_at: Instant | None = None
    """Time of the escalation's first claim by a person."""
    replied_at: Instant | None = None
    """Time of a person's first message to the customer in this escalation."""
    predicted_wait: PredictedWait | None = None
    """On an end: the estimate for the queue on which it was claimed; None: no estimate or no
    claim."""
    transfers: Count = 0
    """Number of times that people have sent the escalation to another queue."""
    justified: bool | None = None
    """On an end: True if the person found that the AI was right to hand over."""
    csat: Csat | None = None
    """On `rate`: the customer's rating."""
    ai_agent: AiAgent = AiAgent()
    home: Home
    observe: bool = False
    facts: Facts


class Turn(msgspec.Struct, array_like=True, frozen=True, omit_defaults=True):
    """One entry of a conversation's transcript, as the store keeps it."""

    event_id: str
    """Id of the event; on an entry of the history beside a message, the decision's id."""
    at: int
    role: str
    content: str
    episode: int = 0
    name: str | None = None
    """The person's or the tool's name."""
    status: str | None = None
    """A tool's status; `stale` on an AI turn that came after the conversation changed hands.

    On an entry of the history, which the customer never saw, what happened: `placed`, `ticketed`,
    `claimed`, `transferred`, or the outcome. Older transcripts have `note` on a person's note.
    """
    intents: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    """Names of the tools that an AI turn calls."""
    queue: str | None = None
    """On an entry of the history: where the escalation was, and the person worked."""
    handover: str | None = None
    """Message of the AI agent to the person whom it asks for, by its own tool or field."""
    customer_id: str | None = None
    customer_name: str | None = None
    """On a customer's turn: the customer, as far as the chat system has named them by then."""
    arguments: tuple[str, ...] = ()
    """Arguments of each call as JSON, cut; empty where there are none."""
    call_ids: tuple[str, ...] = ()
    """Id of each call, or on a tool's turn that of the call it answers; empty: unknown."""
    attachments: tuple[Attachment, ...] = ()
    customer_email: str | None = None
    customer_phone: str | None = None
    preferred_contact: str | None = None
    """On a customer's turn: how they can be reached, as far as the chat system has said."""
    to_queue: str | None = None
    """The place of an escalation: where it was placed, or a person sent it."""
    reason: str | None = None
    level: int = 0
    """On a placement: why the escalation was opened, and its level."""


def placed_turn(
    event_id: str,
    at: int,
    episode: int,
    *,
    ticket: bool,
    queue: str | None,
    reason: str | None,
    level: int,
) -> Turn:
    """Return the entry of the history for a placement, by the id and time of its `routed`."""
    return Turn(
        event_id,
        at,
        "system",
        "",
        episode,
        status="ticketed" if ticket else "placed",
        to_queue=queue,
        reason=reason,
        level=level,
    )


Doubt = Literal["words", "rephrased", "short_reply", "apologies", "unsolved", "late_answer", "mood"]
"""Reason for asking the classifier: words that may mean something, or silent frustration."""


class ClassificationRequest(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A customer message that words alone leave in doubt, for the classifier agent."""

    version: Literal[1] = 1
    request_id: Id
    conversation_id: Id
    event_id: Id
    episode: Count
    requested_at: Instant
    turns: Count
    """Entries of the transcript up to and with the message."""
    text: str
    requested_human: Unit
    frustrated: Unit
    home: Home
    doubts: tuple[Doubt, ...] = ()
