"""The SQLite file behind the pages: one writer, many readers, filled anew when in doubt."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from workers.contracts.time import DAY

T = TypeVar("T")

SCHEMA_VERSION: Final = 2
KEEP_MS: Final = 30 * DAY
"""Retention in the view: of an escalation after its end, and of a decision."""
MOST_ENDED: Final = 1_500_000
"""Ended escalations that are kept at most, the latest."""
_SCHEMA: Final = Path(__file__).with_name("view_schema.sql")
_READERS: Final = 4
_AT_ONCE: Final = 2_000
"""Rows that one round of forgetting removes, so that the writer is not held for long."""

logger = logging.getLogger(__name__)


class ViewFile:
    """Gives transactions to the one writer and read-only connections to readers.

    Everything in the file can be read again from the topics: a file that is damaged, deleted, or
    of another version is replaced by an empty one, whose positions are empty too.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or make it."""
        self.path = path
        self.version = 0
        """Grows with every change; pages compare it to see whether they are out of date."""
        self._generation = 0
        self._writing = ThreadPoolExecutor(1, "view-writer")
        self._reading = ThreadPoolExecutor(_READERS, "view-reader")
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._connection = self._opened()
        self._inode = path.stat().st_ino

    async def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Run `change` in one transaction: all of it is kept, or nothing."""
        return await asyncio.get_running_loop().run_in_executor(
            self._writing, self._transaction, change
        )

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run `query` on a connection that sees one moment and cannot write."""
        return await asyncio.get_running_loop().run_in_executor(
            self._reading, self._snapshot, query
        )

    def is_there(self) -> bool:
        """Return whether the path still names the file that is written."""
        try:
            return self.path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False

    async def reset(self) -> None:
        """Begin with an empty file."""
        await asyncio.get_running_loop().run_in_executor(self._writing, self._replace)

    def close(self) -> None:
        """Close everything; committed rows are kept."""
        self._reading.shutdown(cancel_futures=True)
        self._writing.shutdown(cancel_futures=True)
        for connection in (self._connection, *self._readers):
            connection.close()

    def _opened(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._usable()
        except sqlite3.DatabaseError as error:
            logger.warning("%s: %s: filling it again from the topics", self.path, error)
            self._remove()
            return self._usable()

    def _usable(self) -> sqlite3.Connection:
        # It has packets: no other user of the machine may read them.
        self.path.touch(mode=0o600)
        connection = _connect(self.path, read_only=False)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == SCHEMA_VERSION:
            return connection
        if version != 0:
            connection.close()
            raise sqlite3.DatabaseError(f"made by another version ({version})")
        connection.executescript(
            f"BEGIN;\n{_SCHEMA.read_text(encoding='utf-8')}\n"
            f"PRAGMA user_version = {SCHEMA_VERSION};\nCOMMIT;"
        )
        return connection

    def _transaction(self, change: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = change(connection)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        self.version += 1
        return result

    def _snapshot(self, query: Callable[[sqlite3.Connection], T]) -> T:
        if getattr(self._local, "generation", None) != self._generation:
            with suppress(AttributeError):
                self._local.connection.close()
                self._readers.remove(self._local.connection)
            self._local.connection = _connect(self.path, read_only=True)
            self._readers.append(self._local.connection)
            self._local.generation = self._generation
        connection: sqlite3.Connection = self._local.connection
        connection.execute("BEGIN")
        try:
            return query(connection)
        finally:
            connection.execute("ROLLBACK")

    def _replace(self) -> None:
        self._connection.close()
        self._remove()
        self._connection = self._opened()
        self._inode = self.path.stat().st_ino
        self._generation += 1
        self.version += 1

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    mode = "ro" if read_only else "rw"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=10,
    )
    connection.row_factory = sqlite3.Row
    try:
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            # Rows lost in a power cut are read again from the topics, as are their positions.
            connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -32000")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


_FORGET: Final = (
    ("placement", "escalation_id IN (SELECT escalation_id FROM escalation WHERE {ended})"),
    ("escalation", "rowid IN (SELECT rowid FROM escalation WHERE {ended})"),
)
_BY_AGE: Final = (
    ("decision", "decision_id", KEEP_MS),
    ("control", "conversation_id, epoch, seq", KEEP_MS),
    ("answer", "escalation_id, agent_id, seq", DAY),
    ("notification", "notification_id", 7 * DAY),
    ("dead_letter", "topic, part, offset", KEEP_MS),
    ("rate", "kind, name, at", 2 * DAY),
)
_MOST: Final = {"notification": 2_000, "dead_letter": 2_000, "decision": 6_000_000}
_PACKETS_MS: Final = DAY


def forget(connection: sqlite3.Connection, now_ms: int) -> None:
    """Remove some of what is older than the view keeps; called again and again.

    Open escalations stay, however old they are.
    """
    ended = (
        f"outcome IS NOT NULL AND ended_at < {now_ms - KEEP_MS} ORDER BY ended_at LIMIT {_AT_ONCE}"
    )
    for table, where in _FORGET:
        connection.execute(f"DELETE FROM {table} WHERE {where.format(ended=ended)}")  # noqa: S608 - our own words and numbers
    for table, key, age in _BY_AGE:
        connection.execute(
            f"DELETE FROM {table} WHERE ({key}) IN"  # noqa: S608
            f" (SELECT {key} FROM {table} WHERE at < ? ORDER BY at LIMIT ?)",
            (now_ms - age, _AT_ONCE),
        )
    connection.execute(
        "UPDATE escalation SET packet = NULL WHERE rowid IN (SELECT rowid FROM escalation WHERE"
        " outcome IS NOT NULL AND ended_at BETWEEN ? AND ? AND packet IS NOT NULL LIMIT ?)",
        (now_ms - 2 * _PACKETS_MS, now_ms - _PACKETS_MS, _AT_ONCE),
    )
    connection.execute("DELETE FROM tally WHERE hour < ?", ((now_ms - 8 * DAY) // 3_600_000,))
    _cap(connection)
    connection.execute("PRAGMA incremental_vacuum(500)")


def _cap(connection: sqlite3.Connection) -> None:
    for table, most in _MOST.items():
        over = _rows(connection, table) - most
        if over > 0:
            key = next(key for name, key, _ in _BY_AGE if name == table)
            connection.execute(
                f"DELETE FROM {table} WHERE ({key}) IN"  # noqa: S608
                f" (SELECT {key} FROM {table} ORDER BY at LIMIT ?)",
                (min(over, _AT_ONCE),),
            )
    over = _rows(connection, "escalation WHERE outcome IS NOT NULL") - MOST_ENDED
    if over > 0:
        connection.execute(
            "DELETE FROM escalation WHERE rowid IN (SELECT rowid FROM escalation"
            " WHERE outcome IS NOT NULL ORDER BY ended_at LIMIT ?)",
            (min(over, _AT_ONCE),),
        )


def _rows(connection: sqlite3.Connection, of: str) -> int:
    count: int = connection.execute(f"SELECT count(*) FROM {of}").fetchone()[0]  # noqa: S608
    return count
