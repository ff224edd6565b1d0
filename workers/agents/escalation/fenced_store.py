"""Fenced access to one partition's Redis keys; fails when another owner has moved the mark."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final

from redis.exceptions import RedisError

from workers.contracts.decisions import Home
from workers.conversation.fold import Incoming, OutboxEntry, wanted
from workers.conversation.partition_meta import PartitionMeta
from workers.errors import WorkerStop
from workers.stores.connection import persist
from workers.stores.partition_store import ChunkRead, Head, Mark, PartitionStore, Writes

STORE_LIMIT_S: Final = 20.0
"""Seconds that the store may be away between chunks; the limit within a chunk is the same."""

logger = logging.getLogger(__name__)


class MarkMoved(WorkerStop):
    """Another worker applied records of this partition, or the store went back in time."""


class FencedStore:
    """Reads and writes only while the mark is where this owner left it; else MarkMoved.

    Every call waits while Redis is away, up to the caller's time limit.
    """

    def __init__(
        self, home: Home, store: PartitionStore, address: str, meta: PartitionMeta
    ) -> None:
        self.home = home
        self.lock = asyncio.Lock()
        """Held by every task that reads or moves the mark."""
        self.meta = meta
        """The data stored with the mark; before anything is stored, the data that this worker
        would store."""
        self.mark: Mark
        self.moved_at = time.monotonic()
        """Time at which the mark was last seen to be ours, by the monotonic clock."""
        self.closed = False
        self._store = store
        self._address = address

    async def head(self) -> Head:
        """Read what a takeover needs; a mark that is found there is ours from now on."""
        head = await persist(self._store.head, self._address)
        if head.mark is not None:
            self.mark = head.mark
        return head

    async def begin(self, offset: int, writes: Writes) -> None:
        """Set the mark where there is none."""
        await self._write(None, offset, writes)

    async def read(self, incoming: Sequence[Incoming]) -> ChunkRead:
        """Read the states and known ids that records need."""
        start, needed = incoming[0].offset, wanted(incoming)
        reading = await persist(lambda: self._store.read(start, needed), self._address)
        self._require(reading.mark)
        return reading

    async def write(self, offset: int, writes: Writes) -> None:
        """Write everything and move the mark to `offset`, at once or not at all."""
        await self._write(self.mark, offset, writes)

    async def _write(self, expected: Mark | None, offset: int, writes: Writes) -> None:
        mark = self._store.next_mark(offset)
        written = await persist(lambda: self._store.apply(expected, mark, writes), self._address)
        if not written:
            raise MarkMoved(f"{self}: the mark is no longer {expected}, as this worker left it")
        self.mark = mark
        self.moved_at = time.monotonic()

    def _require(self, found: Mark | None) -> None:
        if found != self.mark:
            raise MarkMoved(f"{self}: the mark is {found}, this worker left {self.mark}")

    async def latest(self) -> list[OutboxEntry]:
        """Return the last decision of each open escalation that a rebuild has found so far."""
        return await persist(self._store.latest, self._address)

    async def try_alone(self, start: int, until: int) -> None:
        """Have the records from `start` to `until` tried one by one."""
        await persist(lambda: self._store.try_alone(start, until), self._address)

    async def forgive(self) -> None:
        """Take back that the records in hand may be what kills this process."""
        await self._store.forgive()

    async def due(self, now_ms: int, limit: int) -> list[tuple[str, int]]:
        """Conversations whose timer is due, with their due times."""
        async with asyncio.timeout(STORE_LIMIT_S):
            return await persist(lambda: self._store.due(now_ms, limit), self._address)

    async def settle(self, conversation_id: str, due_ms: int) -> None:
        """Remove a timer whose deadline event was acknowledged, unless it was set anew."""
        async with asyncio.timeout(STORE_LIMIT_S):
            await persist(lambda: self._store.settle(conversation_id, due_ms), self._address)

    async def check(self) -> None:
        """Look whether the mark is still ours; a store that does not answer is no news."""
        async with self.lock:
            if self.closed:
                return
            try:
                found = await self._store.mark()
            except RedisError as error:
                logger.warning("%s: Redis at %s: %s", self, self._address, type(error).__name__)
                return
            self._require(found)
            self.moved_at = time.monotonic()

    async def close(self) -> None:
        """Wait for the operation at work; after it this owner never touches the partition."""
        async with self.lock:
            self.closed = True

    def __str__(self) -> str:
        return f"{self.home.topic}[{self.home.partition}]"
