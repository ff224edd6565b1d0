"""Records of the topics into rows of the view, in any order of the topics."""

import sqlite3
import zlib
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

import msgspec
import orjson

from workers.contracts.codec import Raw, decode_desk_event, decode_message, decode_queue_message
from workers.contracts.control import Control
from workers.contracts.deadletters import read_dead_letter
from workers.contracts.decisions import Decision
from workers.contracts.desks import Presence
from workers.contracts.handoffs import Handoff, Refused, Withdrawn
from workers.contracts.ledger import LedgerRecord
from workers.contracts.rejections import Rejected
from workers.contracts.tickets import Notification
from workers.contracts.time import HOUR, to_ms
from workers.contracts.topics import (
    CONTROL,
    DEAD_LETTERS,
    DECISIONS,
    DESKS,
    LEDGER,
    NOTIFICATIONS,
    QUEUE_PREFIX,
)

OWN_SOURCES: Final = (DECISIONS, LEDGER, CONTROL, NOTIFICATIONS, DESKS, DEAD_LETTERS)
"""The topics that are read beside those of the queues. The log itself is not: the store has it."""
_STATE: Final = frozenset({"escalate", "claim", "move", "transfer", "return", "outcome"})
"""Actions that say how an escalation stands; the others only stand beside it."""
_WAITS_AGAIN: Final = frozenset({"escalate", "move", "transfer"})
_SHORT: Final = 300
_LONG: Final = 4_000


class Fetched(NamedTuple):
    """One record as it was read."""

    topic: str
    partition: int
    offset: int
    raw: Raw


def apply_records(
    connection: sqlite3.Connection,
    records: Iterable[Fetched],
    positions: Iterable[tuple[str, int, int]],
) -> None:
    """Apply records and note how far their partitions were read, in the caller's transaction.

    A record that cannot be decoded is counted and passed over: other readers refuse it, too.
    """
    for record in records:
        try:
            _apply(connection, record)
        except Rejected:
            _count(connection, record.raw.timestamp_ms, "unreadable", record.topic)
    connection.executemany(
        "INSERT INTO position VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next = excluded.next",
        positions,
    )


def _apply(connection: sqlite3.Connection, record: Fetched) -> None:
    if record.topic.startswith(QUEUE_PREFIX):
        _queue_message(connection, record.raw)
    elif (apply := _APPLY.get(record.topic)) is not None:
        apply(connection, record.raw)


def _count(connection: sqlite3.Connection, at_ms: int, kind: str, name: str) -> None:
    connection.execute(
        "INSERT INTO tally VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET n = n + 1",
        (at_ms // HOUR, kind, name[:128]),
    )


# ---- decisions -----------------------------------------------------------------------------------


def _decision(connection: sqlite3.Connection, raw: Raw) -> None:
    decision = decode_message(Decision, raw.value)
    at = to_ms(decision.decided_at)
    body = msgspec.to_builtins(decision)
    # The facts are large, and the packet is built from them.
    body = {name: value for name, value in body.items() if name not in ("facts", "home")}
    inserted = connection.execute(
        "INSERT OR IGNORE INTO decision VALUES (?, ?, ?, ?, ?)",
        (
            decision.decision_id,
            decision.conversation_id,
            decision.seq,
            at,
            orjson.dumps(body).decode(),
        ),
    )
    if not inserted.rowcount:
        return
    _count(connection, at, "action", decision.action)
    if not decision.observe:
        _stands(connection, decision)


def _stands(connection: sqlite3.Connection, decision: Decision) -> None:
    """Take over from a decision how its escalation stands, unless a later one was seen."""
    if decision.escalation_id is None or decision.action not in _STATE:
        return
    row = connection.execute(
        "SELECT decided_seq, placed_seq, outcome FROM escalation WHERE escalation_id = ?",
        (decision.escalation_id,),
    ).fetchone()
    decided, placed, outcome = (-1, -1, None) if row is None else tuple(row)
    if decision.seq <= decided:
        return
    at = to_ms(decision.decided_at)
    opened = at if decision.opened_at is None else to_ms(decision.opened_at)
    if decided < 0:
        _count(connection, opened, "opened", "")
        _count(connection, opened, "reason", decision.reason or "unknown")
    if decision.outcome is not None and outcome is None:
        _count(connection, at, "outcome", decision.outcome)
    values: dict[str, Any] = {
        "conversation_id": decision.conversation_id,
        "decided_seq": decision.seq,
        "level": decision.level,
        "opened_at": opened,
        "home_topic": decision.home.topic,
        "home_part": decision.home.partition,
        **_about(decision),
    }
    known = {"reason": decision.reason, "rule": decision.rule, "outcome": decision.outcome}
    known["ticket_id"] = decision.ticket_id
    values |= {name: value for name, value in known.items() if value is not None}
    if decision.outcome is not None:
        values["ended_at"] = at
    if decision.seq >= placed:
        if decision.action == "claim":
            values |= {"claimed_by": decision.person or "unknown", "claimed_at": at}
        elif decision.action in _WAITS_AGAIN:
            values |= {"claimed_by": None, "claimed_at": None}
    _upsert(connection, decision.escalation_id, values, decision.epoch)


def _about(decision: Decision) -> dict[str, Any]:
    """Return what is known of the customer and the matter, without what is not known."""
    facts, customer = decision.facts, decision.facts.customer
    found = {
        "customer_id": customer.id if customer else None,
        "tier": customer.tier if customer else None,
        "channel": facts.channel,
        "intent": facts.intents[0] if facts.intents else None,
        "ai_version": decision.ai_agent.version,
        "ticket_id": facts.ticket_id,
    }
    return {name: value for name, value in found.items() if value}


def _upsert(
    connection: sqlite3.Connection, escalation_id: str, values: dict[str, Any], epoch: int
) -> None:
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    changes = ", ".join(f"{name} = excluded.{name}" for name in values)
    connection.execute(
        f"INSERT INTO escalation (escalation_id, epoch, {names}) VALUES (?, ?, {marks})"  # noqa: S608 - columns are named above
        f" ON CONFLICT DO UPDATE SET epoch = max(epoch, excluded.epoch), {changes}",
        (escalation_id, epoch, *values.values()),
    )


# ---- where it waits ------------------------------------------------------------------------------


def _ledger(connection: sqlite3.Connection, raw: Raw) -> None:
    record = decode_message(LedgerRecord, raw.value)
    if record.escalation_id is None or record.decision.observe:
        return
    # A compacted topic may be all that is left of the decisions of long ago.
    _stands(connection, record.decision)
    row = connection.execute(
        "SELECT placed_seq, decided_seq, outcome FROM escalation WHERE escalation_id = ?",
        (record.escalation_id,),
    ).fetchone()
    placed, decided, outcome = (-1, -1, None) if row is None else tuple(row)
    if record.seq <= placed:
        return
    plan = record.plan
    values: dict[str, Any] = {
        "conversation_id": record.conversation_id,
        "placed_seq": record.seq,
    }
    found = {
        "place": record.place,
        "queue": record.queue,
        "placed_at": record.placed_at and to_ms(record.placed_at),
        "ticket_id": record.ticket_id,
    }
    values |= {name: value for name, value in found.items() if value is not None}
    if plan.place is not None:
        values |= {"rung": plan.rung, "assignee": plan.assignee}
        values["due_at"] = plan.claim_due_at and to_ms(plan.claim_due_at)
        values["wait_low"] = plan.wait and plan.wait.low_s
        values["wait_high"] = plan.wait and plan.wait.high_s
    if record.seq >= decided and (plan.place is not None or record.claimed_by is not None):
        values["claimed_by"] = record.claimed_by
        values["claimed_at"] = record.claimed_at and to_ms(record.claimed_at)
    if record.outcome is not None and outcome is None:
        values |= {"outcome": record.outcome, "ended_at": to_ms(record.decision.decided_at)}
    _upsert(connection, record.escalation_id, values, record.epoch)
    if plan.place is not None and record.place == plan.place:
        _placement(connection, record)


def _placement(connection: sqlite3.Connection, record: LedgerRecord) -> None:
    plan, at = record.plan, to_ms(record.plan.planned_at)
    skipped = [msgspec.to_builtins(one) for one in plan.skipped]
    inserted = connection.execute(
        "INSERT OR IGNORE INTO placement VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            record.escalation_id,
            record.decision.seq,
            at,
            plan.place,
            plan.queue,
            plan.rung,
            orjson.dumps(skipped).decode(),
            plan.wait and plan.wait.low_s,
            plan.wait and plan.wait.high_s,
        ),
    )
    if inserted.rowcount:
        overflow = plan.place == "queue" and plan.rung > 0
        _count(connection, at, "rung", "overflow" if overflow else plan.place or "queue")


# ---- what desks and chat systems are told --------------------------------------------------------


def _queue_message(connection: sqlite3.Connection, raw: Raw) -> None:
    message = decode_queue_message(raw.value)
    if isinstance(message, Withdrawn):
        # The ledger says where it is now.
        return
    if isinstance(message, Refused):
        if message.agent_id is not None:
            connection.execute(
                "INSERT OR IGNORE INTO answer VALUES (?, ?, ?, ?, ?)",
                (
                    message.escalation_id,
                    message.agent_id,
                    message.seq,
                    message.reason,
                    to_ms(message.decided_at),
                ),
            )
        return
    told = f"{message.epoch:016d}.{message.seq:016d}.{message.revision:06d}"
    row = connection.execute(
        "SELECT told, decided_seq FROM escalation WHERE escalation_id = ?",
        (message.escalation_id,),
    ).fetchone()
    if row is not None and told <= row["told"]:
        return
    values: dict[str, Any] = {"conversation_id": message.conversation_id, "told": told}
    if isinstance(message, Handoff):
        values |= _packet(message)
    elif row is None or message.seq >= row["decided_seq"]:
        values |= {"claimed_by": message.agent_id, "claimed_at": to_ms(message.decided_at)}
    _upsert(connection, message.escalation_id, values, message.epoch)


def _packet(message: Handoff) -> dict[str, Any]:
    head = msgspec.to_builtins(message)
    # The transcript is in the store, and would be nine tenths of the file.
    head["packet"] = {**head["packet"], "transcript": []}
    found = {
        "priority": message.priority,
        "assignee": message.assignee,
        "suggested": message.suggested,
        "reason": message.reason,
        "level": message.level,
        "wants": message.packet.wants.text[:_SHORT],
        "packet": zlib.compress(orjson.dumps(head)),
    }
    if (customer := message.packet.customer) is not None and customer.name:
        # Decisions carry no names.
        found["customer_name"] = customer.name
    if message.due_by is not None:
        found["due_at"] = to_ms(message.due_by)
    return found


def stored_handoff(blob: bytes) -> Handoff:
    """Return the packet as its queue was sent it, without the transcript."""
    return msgspec.json.decode(zlib.decompress(blob), type=Handoff)


def _control(connection: sqlite3.Connection, raw: Raw) -> None:
    control = decode_message(Control, raw.value)
    connection.execute(
        "INSERT OR IGNORE INTO control VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            control.conversation_id,
            control.epoch,
            control.seq,
            to_ms(control.sent_at),
            control.kind,
            control.owner,
            control.ai_may_reply,
            control.text,
            orjson.dumps(msgspec.to_builtins(control)).decode(),
        ),
    )


def _notification(connection: sqlite3.Connection, raw: Raw) -> None:
    found = decode_message(Notification, raw.value)
    connection.execute(
        "INSERT OR IGNORE INTO notification VALUES (?, ?, ?, ?, ?, ?)",
        (
            found.notification_id,
            to_ms(found.occurred_at),
            found.kind,
            found.text[:_LONG],
            found.queue,
            found.conversation_id,
        ),
    )


def _desk_event(connection: sqlite3.Connection, raw: Raw) -> None:
    event = decode_desk_event(raw)
    if not isinstance(event, Presence):
        return
    connection.execute(
        "INSERT INTO presence VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at,"
        " online = excluded.online, free = excluded.free, agents = excluded.agents"
        " WHERE excluded.at >= at",
        (
            event.queue,
            event.desk_id or "",
            raw.timestamp_ms,
            event.agents_online,
            event.free_slots,
            orjson.dumps(event.names[:100]).decode(),
        ),
    )


def _dead_letter(connection: sqlite3.Connection, raw: Raw) -> None:
    letter = read_dead_letter(raw)
    if letter is None:
        return
    inserted = connection.execute(
        "INSERT OR IGNORE INTO dead_letter VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*letter.origin, raw.timestamp_ms, letter.reason, letter.detail[:_LONG], letter.agent),
    )
    if inserted.rowcount:
        _count(connection, raw.timestamp_ms, "dead letter", letter.reason)


_APPLY: Final[dict[str, Callable[[sqlite3.Connection, Raw], None]]] = {
    DECISIONS: _decision,
    LEDGER: _ledger,
    CONTROL: _control,
    NOTIFICATIONS: _notification,
    DESKS: _desk_event,
    DEAD_LETTERS: _dead_letter,
}
