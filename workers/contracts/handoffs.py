"""`handoff-<queue>`: what desks consume. Per escalation the greater (epoch, seq, revision) wins."""

from typing import Annotated, Literal

import msgspec

from workers.contracts.decisions import Earlier, Evidence, Home, Others, Reason
from workers.contracts.events import Attachment, Count, Customer, Id, Skipped, Word
from workers.contracts.time import Instant


class Statement(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One statement of the packet and the events that it rests on."""

    text: str
    events: tuple[Id, ...]
    kind: Word | None = None
    """Its kind: action, check, refused or failed for work done; the word of it for the mood."""


class EarlierRequest(msgspec.Struct, kw_only=True, frozen=True):
    """Something that the customer asked for before the issue at hand."""

    text: str
    state: Literal["open", "settled", "refused", "answered", "partly"]
    events: tuple[Id, ...]


class PacketIdentifier(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A number or name of the customer's, as they wrote it; no need to ask for it again."""

    kind: Word | None = None
    value: str
    event_id: Id


class KeyMessage(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One of up to five sentences that a person should read besides the claims."""

    event_id: Id
    role: Word
    at: Instant
    text: str


class PacketTurn(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One turn of the transcript in the packet, redacted by the queue's rule."""

    event_id: Id
    role: Word
    at: Instant
    text: str
    episode: Count = 0
    name: str | None = None
    status: str | None = None
    calls: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    """Arguments of each call as JSON, cut; empty where there are none."""
    attachments: tuple[Attachment, ...] = ()


class Note(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A note that a person left for the next when handing the conversation on."""

    event_id: Id
    at: Instant
    name: str | None = None
    """The person's name, or id."""
    queue: Word | None = None
    """The queue on which that person worked."""
    text: str


class Packet(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The page that a person reads in 30 seconds: at most 200 words before the transcript."""

    customer: Customer | None = None
    who: Statement
    wants: Statement
    tried: tuple[Statement, ...] = ()
    records: tuple[Statement, ...] = ()
    """Findings of the AI's look-ups, one for each order, booking or the like."""
    stands: Statement
    mood: Statement | None = None
    why: Statement
    """The reason and the words that caused it."""
    next_step: Statement
    promised: tuple[Statement, ...] = ()
    """The AI's promises and offers, in its words."""
    key_messages: tuple[KeyMessage, ...] = ()
    also_said: tuple[Statement, ...] = ()
    """The customer's further requests, conditions and reasons, at most 56 words in all."""
    requests: tuple[EarlierRequest, ...] = ()
    """Requests from before the issue at hand, oldest first."""
    identifiers: tuple[PacketIdentifier, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    """The last files and images of the conversation."""
    check: tuple[str, ...] = ()
    """Checks that the playbook names."""
    links: tuple[str, ...] = ()
    playbook_hash: Word | None = None
    language: Word = "en"
    """Language of the words around what is quoted."""
    title: str | None = None
    """The case in ten words, as a ticket's subject."""
    intents: tuple[Word, ...] = ()
    ticket_id: Id | None = None
    channel: Word | None = None
    subject: str | None = None
    tenant: Word | None = None
    duration_s: Count
    customer_turns: Count
    ai_turns: Count
    level: Count = 0
    transfers: Count = 0
    """The number of times that persons have passed the escalation on to another queue."""
    earlier: tuple[Earlier, ...] = ()
    others: Others = ()
    """Open escalations of the same customer in other conversations, latest first, at most five."""
    desk_note: str | None = None
    notes: tuple[Note, ...] = ()
    """The last notes of persons, oldest first; the transcript has them all."""
    transcript: tuple[PacketTurn, ...]
    transcript_total: Count
    """Entries of the whole transcript; the packet holds the last of them."""


class QueueEnvelope(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Fields of every message on a desk's queue."""

    version: Literal[1] = 1
    escalation_id: Id
    conversation_id: Id
    queue: Word
    epoch: Count
    seq: Count
    revision: Count = 0
    decided_at: Instant
    home: Home


class Handoff(QueueEnvelope, kw_only=True, frozen=True, omit_defaults=True):
    """An escalation waits on this queue; `packet` is what the person reads."""

    type: Literal["handoff"]
    packet_id: Id
    level: Count = 0
    reason: Reason
    rule: Word | None = None
    evidence: tuple[Evidence, ...] = ()
    priority: Annotated[int, msgspec.Meta(ge=1, le=5)]
    """1 is the most urgent."""
    sort_at: Instant | None = None
    """Sort key: taking the smallest first starves no one; priority only shortens the wait."""
    due_by: Instant | None = None
    """Time by which it must be claimed."""
    reply_minutes: float | None = None
    assignee: Id | None = None
    """The person who is asked first: the customer's own, or who had the conversation lately."""
    assigned_until: Instant | None = None
    """Other people leave it to that person until then, though their claim would hold."""
    suggested: Id | None = None
    """The person on the queue with the fewest open conversations, when desks say how many."""
    team: str | None = None
    rung: Count = 0
    skipped: tuple[Skipped, ...] = ()
    packet: Packet


class Claimed(QueueEnvelope, kw_only=True, frozen=True, omit_defaults=True):
    """A person, who accepted it or wrote in the chat, owns the conversation, with this epoch."""

    type: Literal["claimed"]
    agent_id: Id
    """`unknown` when the chat system did not say who wrote."""
    others: Others = ()
    """Open escalations of the same customer in other conversations, latest first, at most five."""


class Refused(QueueEnvelope, kw_only=True, frozen=True, omit_defaults=True):
    """The answer to a desk's event that could not be applied: a claim, a reply or a transfer."""

    type: Literal["refused"]
    agent_id: Id | None = None
    reason: Word


class Withdrawn(QueueEnvelope, kw_only=True, frozen=True, omit_defaults=True):
    """The escalation no longer waits on this queue: moved, taken back, ended."""

    type: Literal["withdrawn"]
    reason: Word
    moved_to: Word | None = None


QueueMessage = Handoff | Claimed | Refused | Withdrawn
