"""Conversations during a replay: the latest in memory, the others in a temporary file."""

import sqlite3
from collections import OrderedDict
from pathlib import Path
from typing import Final

import msgspec

from workers.contracts.time import DAY
from workers.conversation.fold import ConversationWrite
from workers.conversation.state import State, decode_state, encode_state
from workers.conversation.step import IDLE_LIMIT

MEMORY: Final = 1 << 30
"""Bytes that a replay keeps of conversations unless it is told otherwise."""
CONVERSATION_BYTES: Final = 6_000
"""Bytes that one takes in memory, with the ids of its events."""


class CachedConversation(msgspec.Struct, array_like=True):
    """One conversation: its state, the ids of its events, and what a backtest needs to know."""

    state: bytes | None = None
    ids: set[str] = set()
    seen: set[str] = set()
    """The subjects it was counted for; see `Tally.spoken`."""
    clock: int = 0
    """The latest time of its events."""
    is_pending: bool = False
    """An escalation is open, or a deadline is due: the next event needs its state."""
    began: int = 0
    """Time of its first event; another one when it begins afresh."""
    escalated: int = 0
    """The turn of the first escalation by the policy that counts; 0: none."""
    offered: bool = False
    joined: bool = False
    """A person spoke in it, called or not."""
    loose: bool = False
    """Reports of desks and the router are left out: another policy decided them."""
    parted: bool = False
    """The rest of the log would not have followed from what was decided."""
    said: str = ""
    """The customer's last words, as far as a quotation needs them."""
    needed: int | None = None
    """The turn at which a person was needed, 0: at one that is not named; None: not known to be."""
    awaited: str | None = None
    """The event of the label, until it comes."""


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(CachedConversation)


class Memory:
    """Conversations by id; those not touched for longest go to disk, none is forgotten.

    So the replay decides as the live worker does, however long a conversation rests, in memory
    that is bounded. One that is idle for so long that its next message begins it afresh is
    stripped on disk to what the fold keeps then: a number and the last epoch.
    """

    def __init__(self, folder: Path, name: str, in_memory: int) -> None:
        self._limit = in_memory
        self._entries: OrderedDict[str, CachedConversation] = OrderedDict()
        self._path = folder / f"{name}.sqlite"
        self._db: sqlite3.Connection | None = None
        self._now = 0
        self._stripped_at = 0

    def get(self, conversation_id: str) -> CachedConversation:
        """Return a conversation, from disk if need be, and note that it was touched.

        A new one is kept once `put` says that something came of it.
        """
        entry = self._entries.get(conversation_id)
        if entry is not None:
            self._entries.move_to_end(conversation_id)
            return entry
        if self._db is None:
            return CachedConversation()
        query = "SELECT value FROM entry WHERE id = ?"
        row = self._db.execute(query, (conversation_id,)).fetchone()
        if row is None:
            return CachedConversation()
        entry = self._entries[conversation_id] = _DECODER.decode(row[0])
        return entry

    def put(
        self, conversation_id: str, entry: CachedConversation, change: ConversationWrite
    ) -> None:
        """Apply what a chunk changed to the entry that `get` returned."""
        self._entries[conversation_id] = entry
        if change.fresh:
            entry.ids = set()
        entry.state = change.blob
        entry.ids.update(change.ids)
        entry.clock = change.state.clock
        entry.is_pending = change.is_open or change.due is not None
        self._now = max(self._now, entry.clock)

    def trim(self) -> None:
        """Move to disk what is too much; call it between chunks."""
        over = len(self._entries) - self._limit
        if over <= 0:
            return
        db = self._opened()
        db.execute("BEGIN")
        db.executemany(
            "INSERT OR REPLACE INTO entry VALUES (?, ?, ?)",
            (self._row(*self._entries.popitem(last=False)) for _ in range(over)),
        )
        if self._now - self._stripped_at > DAY:
            self._stripped_at = self._now
            self._strip(db)
        db.execute("COMMIT")

    def _row(self, conversation_id: str, entry: CachedConversation) -> tuple[str, int, bytes]:
        if self._is_over(entry):
            return conversation_id, _OVER, _ENCODER.encode(_stripped(conversation_id, entry))
        return conversation_id, _OVER if entry.is_pending else entry.clock, _ENCODER.encode(entry)

    def _is_over(self, entry: CachedConversation) -> bool:
        return not entry.is_pending and self._now - entry.clock > IDLE_LIMIT

    def _strip(self, db: sqlite3.Connection) -> None:
        query = f"SELECT id, value FROM entry WHERE clock < ? LIMIT {_BATCH}"  # noqa: S608 - ours
        while idle := db.execute(query, (self._now - IDLE_LIMIT,)).fetchall():
            db.executemany(
                "UPDATE entry SET clock = ?, value = ? WHERE id = ?",
                (
                    (_OVER, _ENCODER.encode(_stripped(id_, _DECODER.decode(value))), id_)
                    for id_, value in idle
                ),
            )

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            # Most replays never need it, and a sweep would have thousands.
            self._db = sqlite3.connect(self._path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=OFF")
            self._db.execute("PRAGMA synchronous=OFF")
            self._db.execute(
                "CREATE TABLE entry (id TEXT PRIMARY KEY, clock INT, value BLOB) WITHOUT ROWID"
            )
        return self._db

    @property
    def held(self) -> int:
        """Return how many conversations are in memory."""
        return len(self._entries)

    def close(self) -> None:
        """Close the file; the folder is the caller's."""
        if self._db is not None:
            self._db.close()


_BATCH: Final = 10_000
_OVER: Final = 2**62
"""Stands for a clock of a conversation on disk: nothing is to be stripped."""


def _stripped(conversation_id: str, entry: CachedConversation) -> CachedConversation:
    """Return what must be kept of a conversation whose next message begins it afresh."""
    state = decode_state(conversation_id, entry.state)
    kept = State(
        clock=state.clock,
        started_at=state.started_at,
        seq=state.seq,
        epoch=state.epoch,
        number=state.number,
    )
    return CachedConversation(state=encode_state(kept), clock=entry.clock, began=entry.began)
