"""`escalation-ledger`: where every escalation is, one record per conversation."""

from typing import Literal

import msgspec

from workers.contracts.decisions import Decision, Home, Others, Outcome
from workers.contracts.events import Count, Id, OnIdle, Place, Skipped, Wait, Word
from workers.contracts.time import Instant, Minutes


class Plan(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The routing agent's plan for one decision; a redelivery repeats it as recorded."""

    place: Place | None = None
    """None: nothing is placed by this decision."""
    queue: Word | None = None
    rung: Count = 0
    skipped: tuple[Skipped, ...] = ()
    claim_due_at: Instant | None = None
    reply_minutes: Minutes | None = None
    idle_minutes: Minutes | None = None
    on_idle: OnIdle | None = None
    update_minutes: Minutes | None = None
    warn_share: float | None = None
    expires_at: Instant | None = None
    wait: Wait | None = None
    ahead: Count = 0
    """Escalations that waited on the queue when this one was placed there."""
    assignee: Id | None = None
    """The person who is asked first, when online on the queue."""
    assigned_until: Instant | None = None
    """Time until which it is left to that person; `claim_due_at` is the queue's limit."""
    suggested: Id | None = None
    """The person on the queue with the fewest open conversations, when desks say how many."""
    others: Others = ()
    """Open escalations of the same customer elsewhere, latest first, when this was planned."""
    withdraw_from: tuple[Word, ...] = ()
    """Queues (and `ticket`) on which the escalation no longer waits after this decision."""
    planned_at: Instant


class ToldWait(msgspec.Struct, kw_only=True, frozen=True):
    """The range of the wait that the customer was told last, counted from `at`."""

    low_s: Count
    high_s: Count
    at: Instant
    seq: Count
    """Decision after which the customer was told."""


class LedgerRecord(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The last decision handled for a conversation, its plan, and where the escalation is now."""

    version: Literal[1] = 1
    conversation_id: Id
    seq: Count
    epoch: Count
    escalation_id: Id | None = None
    level: Count = 0
    place: Place | None = None
    queue: Word | None = None
    placed_at: Instant | None = None
    """Time of arrival at this place; with `claimed_at`, it gives the actual wait."""
    claimed_by: Id | None = None
    claimed_at: Instant | None = None
    outcome: Outcome | None = None
    opened_at: Instant | None = None
    ticket_id: Id | None = None
    predicted_wait: Wait | None = None
    """The wait told to the customer, kept to compare with the actual one."""
    told: ToldWait | None = None
    """The wait that the customer was told last, on the queue where the escalation is."""
    home: Home
    plan: Plan
    decision: Decision
    """The last decision that placed, moved or ended something, so that a repeat needs nothing else;
    `plan` is its plan. Offers, refusals and the like only raise `seq`, an `update` `told` too.
    Without words once no escalation is open: a repeat has the decision itself."""
