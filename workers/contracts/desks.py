"""`desk-events`: what desks report."""

from typing import Annotated, Literal

import msgspec

from workers.contracts.events import (
    Count,
    Csat,
    DeskAction,
    Id,
    LeadAction,
    Line,
    Name,
    Note,
    Priority,
    WebAddress,
    Word,
)
from workers.contracts.time import Instant


class PresentAgent(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A person at work on a queue, and how many conversations they have open."""

    id: Id
    open: Count | None = None


class Presence(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Presence of people who take work from a queue.

    A desk must send it at least once per `presence_seconds`: a queue without it is skipped.
    """

    type: Literal["presence"]
    version: Literal[1] = 1
    event_id: Id
    occurred_at: Instant
    queue: Word
    agents_online: Count
    free_slots: Count | None = None
    agents: Annotated[tuple[Id | PresentAgent, ...], msgspec.Meta(max_length=10_000)] = ()
    desk_id: Id | None = None
    """The desk that says so: reports of several desks on one queue are added up."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the ids of the people who are there."""
        return tuple([one if isinstance(one, str) else one.id for one in self.agents])

    @property
    def open_cases(self) -> dict[str, int]:
        """Return how many conversations people have open, of whom that is said."""
        known = [one for one in self.agents if isinstance(one, PresentAgent)]
        return {one.id: one.open for one in known if one.open is not None}


class DeskEvent(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """An action of a person or a ticket system on an escalation; `accepted` is a request."""

    type: DeskAction
    version: Literal[1] = 1
    event_id: Id
    occurred_at: Instant
    escalation_id: Id
    conversation_id: Id
    queue: Word
    epoch: Count
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
    """On `accepted`: a lead gives it to `agent_id`, even if another person has it."""
    lead: Id | None = None
    """The lead, on what is forced; signed where a secret is set, with a `reason`."""


class LeadEvent(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A lead's event; signed where a secret is set, and recorded with who and why."""

    type: LeadAction
    version: Literal[1] = 1
    event_id: Id
    occurred_at: Instant
    conversation_id: Id
    force: bool
    """True, or it is refused: it is done even if the rules say otherwise."""
    lead: Id
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    escalation_id: Id | None = None
    to_queue: Word | None = None
    priority: Priority | None = None


LEAD_REQUIRED: dict[str, tuple[str, ...]] = {
    "escalated": (),
    "moved": ("to_queue",),
    "prioritised": ("priority",),
    "released": (),
    "closed": (),
    "offered": (),
}
"""Fields that a lead's event of each type needs beyond the common ones."""
REQUIRED: dict[str, tuple[str, ...]] = {
    "accepted": ("agent_id",),
    "replied": ("agent_id",),
    "transferred": ("agent_id", "to_queue"),
    "returned": ("reason",),
    "resolved": (),
    "rated": ("csat",),
    "abandoned": (),
    "ticketed": ("ticket_id",),
    "ticket_refused": ("reason",),
}
"""Fields that a desk event of each type needs beyond the common ones."""
