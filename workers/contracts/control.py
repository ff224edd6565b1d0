"""`conversation-control`: messages that a chat system obeys."""

from typing import Literal

import msgspec

from workers.contracts.decisions import Others, Owner
from workers.contracts.events import Count, Id, Wait, WebAddress
from workers.contracts.time import Instant


class Contact(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Contact details for a customer whom no queue and no ticket system can take."""

    email: str | None = None
    phone: str | None = None
    url: str | None = None
    hours: str | None = None


class Brief(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A person's work as the AI agent should know it, redacted; never to be shown as it is."""

    person: Id | None = None
    """The person who had the conversation."""
    reason: str | None = None
    """The reason for which it comes back."""
    note: str | None = None
    resolution: str | None = None
    said: tuple[str, ...] = ()
    """The person's last two turns, oldest first."""
    promises: tuple[str, ...] = ()
    """The person's promises, in their words."""
    open: tuple[str, ...] = ()
    """The customer's words after that, which are still unanswered."""


class Control(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The owner of a conversation now, and the text for the customer.

    The chat system stores the last (`epoch`, `seq`) with what it does and ignores anything not
    greater; when `ai_may_reply` is false its bot is silent.
    """

    version: Literal[1] = 1
    conversation_id: Id
    escalation_id: Id | None = None
    epoch: Count
    seq: Count
    owner: Owner
    ai_may_reply: bool
    kind: Literal["notice", "offer", "recommend", "ownership"]
    text: str | None = None
    wait: Wait | None = None
    ticket_id: Id | None = None
    ticket_url: WebAddress | None = None
    contact: Contact | None = None
    ask: tuple[Literal["email", "phone"], ...] = ()
    """Fields to ask the customer for, whom a ticket cannot reach yet: any one of these."""
    brief: Brief | None = None
    """Present when a person has returned or resolved it: for the AI agent, which goes on."""
    others: Others = ()
    """On a claim: open escalations of the same customer in other conversations, at most five."""
    recommended: str | None = None
    """On `recommend`: the reason for the AI agent, for its own decision."""
    caused_by: Id
    """The decision."""
    sent_at: Instant
