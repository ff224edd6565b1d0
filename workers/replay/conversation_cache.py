"""What a replay keeps of conversations: the latest in memory, the others in a temporary file."""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from workers.conversation.fold import ConversationWrite

IN_MEMORY: Final = 40_000
"""Conversations that one process keeps in memory, all its partitions together."""


class CachedConversation(msgspec.Struct, array_like=True):
    """One conversation: its state, the ids of its events, and what the rates need to know."""

    state: bytes
    ids: set[str]
    seen: set[str] = set()
    """Intents and versions of AI agents that were counted for it."""
    escalated: bool = False


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(CachedConversation)


class Memory:
    """Conversations by id; those not touched for longest go to disk, none is ever forgotten.

    So the replay decides as the live worker does, however long a conversation rests, in memory
    that is bounded by the conversations that are being spoken in.
    """

    def __init__(self, folder: Path, name: str, in_memory: int) -> None:
        self._limit = in_memory
        self._entries: OrderedDict[str, CachedConversation] = OrderedDict()
        self._spilled = 0
        self._db = sqlite3.connect(folder / f"{name}.sqlite", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute("CREATE TABLE entry (id TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID")

    def get(self, conversation_id: str) -> CachedConversation | None:
        """Return a conversation, from disk if need be, and note that it was touched."""
        entry = self._entries.get(conversation_id)
        if entry is not None:
            self._entries.move_to_end(conversation_id)
            return entry
        if not self._spilled:
            return None
        query = "SELECT value FROM entry WHERE id = ?"
        row = self._db.execute(query, (conversation_id,)).fetchone()
        if row is None:
            return None
        entry = self._entries[conversation_id] = _DECODER.decode(row[0])
        return entry

    def put(self, conversation_id: str, change: ConversationWrite) -> CachedConversation:
        """Apply what a chunk changed, and return the entry."""
        entry = self._entries.get(conversation_id)
        if entry is None:
            entry = self._entries[conversation_id] = CachedConversation(b"", set())
        if change.fresh:
            entry.ids = set()
        entry.state = change.blob
        entry.ids.update(change.ids)
        return entry

    def trim(self) -> None:
        """Move to disk what is too much; call it between chunks."""
        over = len(self._entries) - self._limit
        if over <= 0:
            return
        rows = [self._entries.popitem(last=False) for _ in range(over)]
        self._spilled += over
        self._write((id_, _ENCODER.encode(entry)) for id_, entry in rows)

    def _write(self, rows: Iterable[tuple[str, bytes]]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR REPLACE INTO entry VALUES (?, ?)", rows)
        self._db.execute("COMMIT")

    @property
    def held(self) -> int:
        """Return how many conversations are in memory."""
        return len(self._entries)

    def close(self) -> None:
        """Close the file; the folder is the caller's."""
        self._db.close()
