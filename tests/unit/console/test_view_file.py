"""The file of the view: transactions, other versions, forgetting."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.audit_builder import World
from tests.support.console_site import apply, records_of
from workers.console.view_file import KEEP_MS, ViewFile, forget


def count(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
        return found


async def test_a_change_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    view = ViewFile(tmp_path / "view.sqlite3")

    def half(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO position VALUES ('t', 0, 5)")
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        await view.write(half)
    assert count(view.path, "position") == 0
    view.close()


async def test_readers_see_a_file_that_took_the_place_of_another(tmp_path: Path) -> None:
    view = ViewFile(tmp_path / "view.sqlite3")
    insert = "INSERT INTO position VALUES ('t', 0, 5)"
    await view.write(lambda connection: connection.execute(insert).rowcount)
    ask = "SELECT count(*) FROM position"
    assert await view.read(lambda c: c.execute(ask).fetchone()[0]) == 1
    view.path.unlink()
    assert not view.is_there()
    await view.reset()
    assert view.is_there()
    assert await view.read(lambda c: c.execute(ask).fetchone()[0]) == 0
    view.close()


@pytest.mark.parametrize("content", [b"no database at all" * 100, b""])
def test_a_file_that_is_none_is_filled_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "view.sqlite3"
    path.write_bytes(content)
    ViewFile(path).close()
    assert count(path, "escalation") == 0


def test_a_file_of_another_version_is_filled_anew(tmp_path: Path) -> None:
    path = tmp_path / "view.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    ViewFile(path).close()
    assert count(path, "escalation") == 0


def test_nobody_else_on_the_machine_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "view.sqlite3"
    ViewFile(path).close()
    assert path.stat().st_mode & 0o077 == 0


def test_what_has_ended_is_forgotten_and_what_is_open_stays(tmp_path: Path) -> None:
    view = ViewFile(tmp_path / "view.sqlite3")
    done, waiting = World("done"), World("waiting")
    done.escalate()
    done.end()
    waiting.escalate()
    apply(view, [*records_of(done), *records_of(waiting)])
    later = done.seq + KEEP_MS + 1
    asyncio.run(view.write(lambda connection: forget(connection, later)))
    ask = "SELECT conversation_id FROM escalation"
    left = asyncio.run(view.read(lambda c: [row[0] for row in c.execute(ask)]))
    assert left == ["waiting"]
    assert count(view.path, "placement") == 1
    view.close()
