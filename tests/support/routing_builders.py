"""Queues and decisions for tests of routing."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from workers.contracts.calendars import Calendar, Holidays
from workers.contracts.control import Contact
from workers.contracts.decisions import Decision, Facts, Home
from workers.contracts.events import Customer
from workers.contracts.ids import decision_id, escalation_id
from workers.contracts.ledger import LedgerRecord, Plan
from workers.contracts.time import from_ms
from workers.contracts.topics import Queue, Topics, TopicsFile, load_topics
from workers.data import data_path
from workers.routing.availability import LastPresence, Load
from workers.routing.ledger_record import next_record

# Monday 2026-11-02, 10:00 in Berlin.
NOW = 1_793_610_000_000
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000

ALWAYS = Calendar(calendar="always", hours="always")
OFFICE = Calendar(
    calendar="office",
    timezone="Europe/Berlin",
    hours={"mon": ("09:00-17:00",), "fri": ("09:00-12:00", "13:00-24:00"), "sat": ("00:00-02:00",)},
    holidays=Holidays(),
)


@cache
def _shipped() -> Topics:
    return load_topics(data_path("topics.yaml").read_text(), "topics.yaml")


def queue(name: str, **given: Any) -> Queue:
    """Return a queue that is always open and holds three."""
    fields: dict[str, Any] = {
        "queue": name,
        "team": f"Team {name}",
        "description": "For tests.",
        "calendar": "always",
        "max_waiting": 3,
        "claim_minutes": 20.0,
        "reply_minutes": 5.0,
        "presence_seconds": 60,
        "redaction": "standard",
        "priority": 3,
    }
    return Queue(**{**fields, **given})


def topics(*queues: Queue, max_message_bytes: int | None = None) -> Topics:
    """Return topics.yaml's topics with these queues instead of its own."""
    shipped = _shipped()
    settings = shipped.queue_topics
    if max_message_bytes is not None:
        settings = msgspec.structs.replace(settings, max_message_bytes=max_message_bytes)
    queue_topics = {one.topic for one in shipped.queues.values()}
    file = TopicsFile(
        version=1,
        topics=tuple(one for name, one in shipped.topics.items() if name not in queue_topics),
        queue_topics=settings,
        calendars=(ALWAYS, OFFICE),
        queues=queues,
        ladder=msgspec.structs.replace(
            shipped.ladder,
            ticket_answer_minutes=30.0,
            expire_hours=72.0,
            contact=Contact(email="help@example.com"),
        ),
    )
    return Topics(file)


def decision(conversation: str = "c-1", seq: int = NOW, **given: Any) -> Decision:
    """Return an escalation to `billing`, or what `given` makes of it."""
    action = given.get("action", "escalate")
    opened = given.pop("trigger", "e-1")
    escalation = escalation_id(conversation, opened)
    dedicated = given.pop("dedicated", None)
    customer = Customer(id="cust-1", name="Ada", dedicated_agent=dedicated)
    fields: dict[str, Any] = {
        "decision_id": decision_id(escalation, action, seq),
        "conversation_id": conversation,
        "escalation_id": escalation,
        "seq": seq,
        "epoch": seq,
        "episode": 1,
        "action": action,
        "owner": "pending",
        "reason": "explicit_request",
        "rule": "asks-for-a-person",
        "policy_version": "1",
        "policy_hash": "0123456789ab",
        "target_queue": "billing",
        "trigger_event_id": opened,
        "opened_by": opened,
        "opened_at": from_ms(NOW - SECOND),
        "decided_at": from_ms(seq),
        "home": Home(topic="conversation-events", partition=2),
        "facts": Facts(
            turns=2,
            started_at=from_ms(NOW - MINUTE),
            episode_started_at=from_ms(NOW - MINUTE),
            customer=customer,
            customer_turns=1,
            ai_turns=1,
        ),
    }
    return Decision(**{**fields, **given})


def placed(place: Any, queue_name: str, *, first: Decision | None = None) -> LedgerRecord:
    """Return the ledger's record of an escalation that was placed there."""
    planned = Plan(
        place=place, queue=queue_name, planned_at=from_ms(NOW), expires_at=from_ms(NOW + HOUR)
    )
    return next_record(None, first or decision(), planned)


def load(
    online: Mapping[str, int] | None = None,
    waiting: Mapping[str, int] | None = None,
    *,
    since: int = NOW - HOUR,
    at: int = NOW - SECOND,
) -> Load:
    """Return a load in which desks said a second ago how many people are `online` on queues."""
    presence = {name: LastPresence(at_ms=at, agents_online=n) for name, n in (online or {}).items()}
    return Load(since_ms=since, waiting=waiting or {}, presence=presence)


def later(one: Decision, action: str, **given: Any) -> Decision:
    """Return the next decision about the same escalation."""
    fields = {"owner": "pending", "queue": "billing", "place": "queue", **given}
    seq = fields.pop("seq", one.seq + 1)
    return decision(one.conversation_id, seq, action=action, trigger=one.opened_by, **fields)
