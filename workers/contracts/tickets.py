"""`support-tickets` and `escalation-notifications`: the rungs below the queues."""

from typing import Literal

import msgspec

from workers.contracts.decisions import Home, Reason
from workers.contracts.events import Count, Id, Skipped, Word
from workers.contracts.handoffs import Packet
from workers.contracts.time import Instant


class Ticket(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A ticket to be made for an escalation; the ticket system answers on `desk-events`.

    It answers `ticketed` (with `ticket_id`) or `ticket_refused`, with this `epoch`.
    `withdrawn` tells it that the escalation no longer needs the ticket.
    """

    version: Literal[1] = 1
    type: Literal["ticket", "withdrawn"]
    ticket_request_id: Id
    escalation_id: Id
    conversation_id: Id
    epoch: Count
    seq: Count
    queue: Word
    """The queue whose team owns the ticket."""
    team: str | None = None
    level: Count = 0
    reason: Reason
    priority: Count
    subject: str
    answer_by: Instant | None = None
    skipped: tuple[Skipped, ...] = ()
    home: Home
    requested_at: Instant
    packet: Packet | None = None


NotificationKind = Literal[
    "ticket_requested",
    "contact_given",
    "moved",
    "level_raised",
    "expired",
    "rate_below_band",
    "rate_above_band",
    "rate_in_band",
    "ai_not_ready",
    "dead_letter_limit",
    "flooding",
    "not_handed_over",
    "deadline_at_risk",
    "outcome_below_band",
    "rung_skipped",
]


class Notification(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """News for a team that does not watch the console: by pager, chat room or mail."""

    version: Literal[1] = 1
    notification_id: Id
    kind: NotificationKind
    occurred_at: Instant
    text: str
    queue: Word | None = None
    team: str | None = None
    escalation_id: Id | None = None
    conversation_id: Id | None = None
    customer: Id | None = None
    """Strictly redacted."""
    reason: Reason | None = None
    level: Count = 0
    due_at: Instant | None = None
    """The time by which its place now, a queue or the ticket system, must take it or answer."""
    seq: Count | None = None
    subject: str | None = None
    """Subject of a rate: `overall`, an intent, or an AI version."""
    value: float | None = None
    low: float | None = None
    high: float | None = None
