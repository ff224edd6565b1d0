"""The view: its answers cost no more when much has ended."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from workers.console import view_reads
from workers.console.view_file import _SCHEMA as SCHEMA

NOW = 1_790_000_000_000
ASKED: dict[str, Callable[[sqlite3.Connection], object]] = {
    "queue_states": lambda view: view_reads.queue_states(view, ["billing"], NOW),
    "waiting": lambda view: view_reads.waiting(view, "billing", 0, 50),
    "held": lambda view: view_reads.held(view, ["billing"], None, 50),
    "held by one": lambda view: view_reads.held(view, ["billing"], "kim", 50),
    "held by each": view_reads.held_by,
    "recent": lambda view: view_reads.recent(view, None, NOW - 3_600_000, 25),
    "elsewhere": view_reads.elsewhere,
    "search": lambda view: view_reads.search(view, "c-7", None, customers=True, limit=5),
}


def view_with(ended: int) -> sqlite3.Connection:
    """Return a view with a few open escalations, and many that ended days ago."""
    view = sqlite3.connect(":memory:")
    view.row_factory = sqlite3.Row
    view.executescript(SCHEMA.read_text(encoding="utf-8"))
    rows = [
        (f"{kind}-{n}", f"c-{n}", NOW - n, "queue", "billing", claimed, outcome)
        for kind, count, claimed, outcome in (
            ("waiting", 60, None, None),
            ("held", 60, NOW - 10**8, None),
            ("ended", ended, NOW - 10**9, "resolved"),
        )
        for n in range(count)
    ]
    view.executemany(
        "INSERT INTO escalation (escalation_id, conversation_id, opened_at, place, queue,"
        " claimed_at, outcome) VALUES (?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    view.execute("UPDATE escalation SET opened_at = opened_at - 100000000, claimed_by = 'kim'")
    return view


def steps(view: sqlite3.Connection, ask: Callable[[sqlite3.Connection], object]) -> int:
    """Return how many instructions of SQLite's machine a question takes, in tens."""
    counted = [0]

    def count() -> int:
        counted[0] += 1
        return 0

    view.set_progress_handler(count, 10)
    ask(view)
    view.set_progress_handler(None, 0)
    return counted[0]


@pytest.fixture(scope="module")
def views() -> Iterator[tuple[sqlite3.Connection, sqlite3.Connection]]:
    """Return a view with little behind it, and one with much."""
    with closing(view_with(100)) as little, closing(view_with(20_000)) as much:
        yield little, much


@pytest.mark.parametrize("asked", ASKED)
def test_what_has_ended_costs_nothing(
    asked: str, views: tuple[sqlite3.Connection, sqlite3.Connection]
) -> None:
    little, much = (steps(view, ASKED[asked]) for view in views)
    assert much <= 1.5 * little + 50
