"""The ticket system's answers on `desk-events`; a repeat says the same under the same id."""

from typing import Any, Final

import orjson

from workers.contracts.ids import derive
from workers.contracts.tickets import Ticket
from workers.contracts.time import from_ms
from workers.contracts.topics import DEAD_LETTERS, DESKS
from workers.runtime.producer import Record
from workers.stores.kept_record import KeptRecord, undelivered

_REASON_LIMIT: Final = 1000


def ticketed(request: Ticket, number: str, url: str | None, now: int) -> dict[str, Any]:
    """Return the event that tells a ticket's number, under the epoch of its latest request."""
    told = _event("ticketed", request, now) | {"ticket_id": number}
    return told if url is None else told | {"ticket_url": url}


def refused(request: Ticket, reason: str, now: int) -> dict[str, Any]:
    """Return the event after which routing goes on to the next rung."""
    return _event("ticket_refused", request, now) | {"reason": reason[:_REASON_LIMIT]}


def resolved(request: Ticket, agent: str | None, now: int) -> dict[str, Any]:
    """Return the event that a person has solved the ticket, by name where that is known."""
    event = _event("resolved", request, now)
    return event if agent is None else event | {"agent_id": agent}


def _event(kind: str, request: Ticket, now: int) -> dict[str, Any]:
    return {
        "type": kind,
        "event_id": derive("tickets", kind, request.ticket_request_id, request.seq),
        "occurred_at": from_ms(now).isoformat(),
        "escalation_id": request.escalation_id,
        "conversation_id": request.conversation_id,
        "queue": request.queue,
        "epoch": request.epoch,
    }


def answer_record(event: dict[str, Any]) -> Record:
    """Return the record of an event."""
    return Record(DESKS, event["conversation_id"].encode(), orjson.dumps(event))


def letter(request: KeptRecord, why: str) -> Record:
    """Return the dead letter of a request that the ticket system does not take."""
    key, value, headers = undelivered(request, why, "tickets")
    return Record(DEAD_LETTERS, key, value, None, headers)
