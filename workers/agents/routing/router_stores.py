"""The router's part of Redis: the ledger, the load of the queues, and what is owed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from redis.asyncio import Redis

from workers.contracts.ledger import LedgerRecord
from workers.contracts.topics import Topics
from workers.routing.wait import PastClaim
from workers.stores.connection import persist
from workers.stores.ledger_store import LedgerStore
from workers.stores.queue_load import LoadStore
from workers.stores.undelivered import UndeliveredStore

T = TypeVar("T")

CONNECTIONS: Final = 32
"""To Redis, at most."""


class Stores:
    """The router's part of Redis; every method waits while Redis is away."""

    def __init__(self, redis: Redis, prefix: str, address: str, topics: Topics) -> None:
        self.redis = redis
        self.prefix = prefix
        self.ledger = LedgerStore(redis, prefix)
        self.load = LoadStore(redis, prefix, topics.queues)
        self.owed = UndeliveredStore(redis, prefix)
        self._address = address
        self._connections = asyncio.Semaphore(CONNECTIONS)

    async def persist(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Repeat an operation until Redis has answered it; it must be harmless to repeat."""
        async with self._connections:
            return await persist(operation, self._address)

    async def release(self, record: LedgerRecord, claimed: tuple[str, PastClaim] | None) -> None:
        """Give up the place of an escalation, wherever it has one."""
        escalation_id = record.escalation_id
        if escalation_id is None:
            return

        async def release() -> None:
            pipeline = self.redis.pipeline(transaction=False)
            self.load.release(pipeline, escalation_id, claimed)
            await pipeline.execute()

        await self.persist(release)
