"""Queries of the pages on the view: each reads one connection and is quick at any size."""

import sqlite3
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import orjson

from workers.contracts.time import HOUR, MINUTE

Row = sqlite3.Row
Visible = Collection[str] | None
"""The queues that the reader may see; None: all, and what is on none."""

PAGE: Final = 50
AT_RISK_MS: Final = 10 * MINUTE
"""An escalation that must be claimed within this time is at risk."""
_CLAIMS: Final = 200
_WAITING: Final = "outcome IS NULL AND claimed_at IS NULL AND place = 'queue'"
_HELD: Final = "escalation INDEXED BY escalation_held"
"""Names the index: by itself SQLite takes that of all claims and reads every ended escalation."""
_LISTED: Final = (
    "escalation_id, conversation_id, reason, rule, level, opened_at, place, queue, rung, placed_at,"
    " due_at, priority, assignee, suggested, ticket_id, claimed_by, claimed_at, outcome, ended_at,"
    " customer_id, customer_name, tier, channel, intent, wants, epoch"
)


class QueueState(NamedTuple):
    """One queue as it stands."""

    queue: str
    waiting: int
    oldest_ms: int | None
    """Time since which the longest waiting escalation has waited there."""
    at_risk: int
    overdue: int
    held: int
    """Claimed and not ended."""
    median_wait_ms: int | None
    """Median wait of the claims of the last hour; None without any."""
    slow_wait_ms: int | None
    """Four of five claims were quicker."""


class DeskPresence(NamedTuple):
    """A desk's last report about a queue."""

    at_ms: int
    online: int
    free: int | None
    agents: list[str]


def queue_states(
    connection: sqlite3.Connection, queues: Sequence[str], now_ms: int
) -> list[QueueState]:
    """Return the queues in the order given."""
    return [_queue_state(connection, queue, now_ms) for queue in queues]


def _queue_state(connection: sqlite3.Connection, queue: str, now_ms: int) -> QueueState:
    def one(sql: str, *arguments: Any) -> Any:
        return connection.execute(sql, (queue, *arguments)).fetchone()[0]

    due = f"SELECT count(*) FROM escalation WHERE queue = ? AND {_WAITING} AND due_at < ?"  # noqa: S608 - our own words
    waits = [
        max(0, row[0])
        for row in connection.execute(
            "SELECT claimed_at - coalesce(placed_at, opened_at) FROM escalation WHERE queue = ?"
            " AND claimed_at >= ? ORDER BY claimed_at DESC LIMIT ?",
            (queue, now_ms - HOUR, _CLAIMS),
        )
        if row[0] is not None
    ]
    waits.sort()
    return QueueState(
        queue,
        waiting=one(f"SELECT count(*) FROM escalation WHERE queue = ? AND {_WAITING}"),  # noqa: S608
        oldest_ms=one(f"SELECT min(placed_at) FROM escalation WHERE queue = ? AND {_WAITING}"),  # noqa: S608
        at_risk=one(due, now_ms + AT_RISK_MS),
        overdue=one(due, now_ms),
        held=one(
            f"SELECT count(*) FROM {_HELD} WHERE queue = ? AND outcome IS NULL"  # noqa: S608
            " AND claimed_at IS NOT NULL"
        ),
        median_wait_ms=waits[len(waits) // 2] if waits else None,
        slow_wait_ms=waits[len(waits) * 4 // 5] if waits else None,
    )


def presences(connection: sqlite3.Connection) -> dict[str, list[DeskPresence]]:
    """Return what each desk of each queue last said, at any age."""
    found: dict[str, list[DeskPresence]] = {}
    for row in connection.execute("SELECT * FROM presence"):
        said = DeskPresence(row["at"], row["online"], row["free"], orjson.loads(row["agents"]))
        found.setdefault(row["queue"], []).append(said)
    return found


def recent(
    connection: sqlite3.Connection, visible: Visible, since_ms: int, limit: int
) -> list[Row]:
    """Return the escalations opened since a time, the latest first."""
    where, arguments = _seen(visible)
    return connection.execute(
        f"SELECT {_LISTED} FROM escalation WHERE opened_at >= ? AND {where}"  # noqa: S608
        " ORDER BY opened_at DESC LIMIT ?",
        (since_ms, *arguments, limit),
    ).fetchall()


def waiting(connection: sqlite3.Connection, queue: str, offset: int, limit: int) -> list[Row]:
    """Return who waits on a queue: by priority, then by when they must be claimed."""
    return connection.execute(
        f"SELECT {_LISTED} FROM escalation WHERE queue = ? AND {_WAITING}"  # noqa: S608
        " ORDER BY priority, due_at, opened_at LIMIT ? OFFSET ?",
        (queue, limit, offset),
    ).fetchall()


def waiting_on(connection: sqlite3.Connection, queues: Sequence[str], limit: int) -> list[Row]:
    """Return who waits on any of some queues, in the order in which they should be taken."""
    found = [row for queue in queues for row in waiting(connection, queue, 0, limit)]
    found.sort(key=lambda row: (row["priority"], row["due_at"] or 0, row["opened_at"] or 0))
    return found[:limit]


def held(
    connection: sqlite3.Connection, queues: Sequence[str], person: str | None, limit: int
) -> list[Row]:
    """Return what is claimed on some queues and not ended, of one person or of all."""
    rows: list[Row] = []
    for queue in queues:
        mine = "" if person is None else " AND claimed_by = ?"
        rows += connection.execute(
            f"SELECT {_LISTED} FROM {_HELD} WHERE queue = ? AND outcome IS NULL"  # noqa: S608
            f" AND claimed_at IS NOT NULL{mine} LIMIT ?",
            (queue, *([] if person is None else [person]), limit),
        ).fetchall()
    return sorted(rows, key=lambda row: row["claimed_at"])[:limit]


def held_by(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how many escalations each person has claimed that have not ended."""
    return dict(
        connection.execute(
            f"SELECT claimed_by, count(*) FROM {_HELD} WHERE outcome IS NULL"  # noqa: S608
            " AND claimed_at IS NOT NULL AND claimed_by IS NOT NULL GROUP BY claimed_by"
        ).fetchall()
    )


def elsewhere(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how many open escalations wait with the ticket system, or were given contacts."""
    return dict(
        connection.execute(
            "SELECT place, count(*) FROM escalation WHERE outcome IS NULL AND claimed_at IS NULL"
            " AND place <> 'queue' GROUP BY place"
        ).fetchall()
    )


def tallies(connection: sqlite3.Connection, kind: str, since_ms: int) -> dict[str, int]:
    """Return what was counted since the hour of a time, by name, the most frequent first."""
    return dict(
        connection.execute(
            "SELECT name, sum(n) FROM tally WHERE hour >= ? AND kind = ? GROUP BY name"
            " ORDER BY sum(n) DESC, name",
            (since_ms // HOUR, kind),
        ).fetchall()
    )


def notifications(connection: sqlite3.Connection, visible: Visible, limit: int) -> list[Row]:
    """Return what teams were told lately, the latest first."""
    where, arguments = _seen(visible)
    return connection.execute(
        f"SELECT * FROM notification WHERE ({where} OR queue IS NULL)"  # noqa: S608
        " ORDER BY at DESC LIMIT ?",
        (*arguments, limit),
    ).fetchall()


def dead_letters(connection: sqlite3.Connection, limit: int) -> list[Row]:
    """Return the latest refused records: where they are and why, never what is in them."""
    return connection.execute(
        "SELECT * FROM dead_letter ORDER BY at DESC LIMIT ?", (limit,)
    ).fetchall()


def rates_now(connection: sqlite3.Connection) -> list[Row]:
    """Return the latest sample of each share: overall, then those with the most conversations."""
    return connection.execute(
        "SELECT * FROM rate WHERE at = (SELECT max(at) FROM rate)"
        " ORDER BY kind <> 'overall', kind, conversations DESC, name"
    ).fetchall()


def rate_course(connection: sqlite3.Connection, since_ms: int) -> list[Row]:
    """Return the samples of the overall share since a time, oldest first."""
    return connection.execute(
        "SELECT * FROM rate WHERE kind = 'overall' AND name = '' AND at >= ? ORDER BY at",
        (since_ms,),
    ).fetchall()


# ---- one conversation ----------------------------------------------------------------------------


def escalations_of(connection: sqlite3.Connection, conversation_id: str) -> list[Row]:
    """Return the escalations of a conversation, oldest first, at most 50."""
    return connection.execute(
        "SELECT * FROM escalation WHERE conversation_id = ? ORDER BY opened_at LIMIT 50",
        (conversation_id,),
    ).fetchall()


def escalation(connection: sqlite3.Connection, escalation_id: str) -> Row | None:
    """Return one escalation."""
    found: Row | None = connection.execute(
        "SELECT * FROM escalation WHERE escalation_id = ?", (escalation_id,)
    ).fetchone()
    return found


def decisions_of(
    connection: sqlite3.Connection, conversation_id: str, offset: int, limit: int
) -> list[dict[str, Any]]:
    """Return the decisions about a conversation in their order."""
    rows = connection.execute(
        "SELECT body FROM decision WHERE conversation_id = ? ORDER BY seq LIMIT ? OFFSET ?",
        (conversation_id, limit, offset),
    )
    return [orjson.loads(row[0]) for row in rows]


def placements_of(connection: sqlite3.Connection, escalation_id: str) -> list[dict[str, Any]]:
    """Return every place at which an escalation waited, in order, with what was skipped."""
    rows = connection.execute(
        "SELECT * FROM placement WHERE escalation_id = ? ORDER BY seq LIMIT 100", (escalation_id,)
    )
    return [{**dict(row), "skipped": orjson.loads(row["skipped"])} for row in rows]


def controls_of(connection: sqlite3.Connection, conversation_id: str, limit: int) -> list[Row]:
    """Return the last things that the chat system was told, oldest first."""
    rows = connection.execute(
        "SELECT * FROM control WHERE conversation_id = ? ORDER BY epoch DESC, seq DESC LIMIT ?",
        (conversation_id, limit),
    ).fetchall()
    return rows[::-1]


def refusal(connection: sqlite3.Connection, escalation_id: str, agent_id: str) -> Row | None:
    """Return the last refusal that one person got for an escalation."""
    found: Row | None = connection.execute(
        "SELECT * FROM answer WHERE escalation_id = ? AND agent_id = ? ORDER BY seq DESC LIMIT 1",
        (escalation_id, agent_id),
    ).fetchone()
    return found


# ---- search --------------------------------------------------------------------------------------


def search(
    connection: sqlite3.Connection, words: str, visible: Visible, *, customers: bool, limit: int
) -> list[Row]:
    """Return escalations whose conversation, ticket or customer begins with what was typed.

    Customers are looked for where `customers` says so.
    """
    where, arguments = _seen(visible)
    wanted: list[tuple[str, Any]] = [
        ("conversation_id >= ? AND conversation_id < ?", (words, _after(words))),
        ("ticket_id = ?", (words,)),
    ]
    if customers:
        wanted.append(("customer_id = ?", (words,)))
        wanted.append(
            (
                "customer_name COLLATE NOCASE >= ? AND customer_name COLLATE NOCASE < ?",
                (words, _after(words)),
            )
        )
    found: dict[str, Row] = {}
    for condition, values in wanted:
        rows = connection.execute(
            f"SELECT {_LISTED} FROM escalation WHERE {condition} AND {where} LIMIT ?",  # noqa: S608
            (*values, *arguments, limit),
        )
        for row in rows:
            found.setdefault(row["escalation_id"], row)
    ordered = sorted(found.values(), key=lambda row: -(row["opened_at"] or 0))
    return ordered[:limit]


def _after(words: str) -> str:
    """Return what sorts after everything that begins with some words."""
    return words + "\U0010ffff"


def _seen(visible: Visible) -> tuple[str, list[str]]:
    if visible is None:
        return "1", []
    return f"queue IN ({', '.join('?' * len(visible))})", sorted(visible)
