"""An agent that keeps the records of its topic in the store, and works on them beside it.

No call to another system holds up a chunk: all that `handle` does is write to the store.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Protocol

from aiokafka import ConsumerRecord
from faust.types import TP
from redis.asyncio import Redis

from workers.agents.shared.dead_letters import refuse
from workers.agents.shared.poison_isolation import Suspicion, poison
from workers.contracts.rejections import Rejected
from workers.runtime.app import Agent, Options
from workers.runtime.dead_letter_limit import DeadLetterLimit
from workers.runtime.failstop import fail_stop
from workers.settings import Settings, redis_address
from workers.stores.connection import connect, wait_for_redis
from workers.stores.kept_record import KeptRecord


class KeptWorker(Protocol):
    """The work on what is kept."""

    async def run(self) -> None:
        """Work until cancelled; an error of Kafka or of the store is raised."""

    def wake(self) -> None:
        """Look at once: something was added."""

    async def close(self) -> None:
        """Close the connections, once it does not run any more."""


class KeepingAgent(Agent, ABC):
    """Keeps each record once; a second delivery changes nothing."""

    def __init__(self, settings: Settings, options: Options) -> None:
        super().__init__(settings)
        self._name = self.group.removeprefix("handoff-")
        self._limit = DeadLetterLimit(enforced=options.dead_letter_limit)

    @abstractmethod
    def work_with(self, redis: Redis, prefix: str, address: str) -> KeptWorker:
        """Return the work on what is kept; called once, at the start."""

    @abstractmethod
    async def keep(self, value: bytes | None, kept: KeptRecord) -> None:
        """Keep one record in the store; raise Rejected for what is no message of the topic."""

    async def start(self) -> None:
        """Connect, and go on with what is in the store."""
        self._redis = connect(self.settings)
        await wait_for_redis(self._redis, self.settings)
        self._suspicion = Suspicion(self._redis, self.settings, self.group)
        address = redis_address(self.settings.redis_url or "")
        self._worker = self.work_with(self._redis, self.settings.redis_prefix, address)
        self._working = asyncio.create_task(self._work(), name=self._name)

    async def _work(self) -> None:
        try:
            await self._worker.run()
        except Exception as error:  # noqa: BLE001 - the end of the process is the same for all
            fail_stop(f"{self.group}: work on what is kept", error)

    async def finish_beside(self) -> None:
        """Leave unfinished work to the next worker."""
        self._working.cancel()
        with suppress(asyncio.CancelledError):
            await self._working

    async def stop(self) -> None:
        """Disconnect."""
        await self.finish_beside()
        await self._worker.close()
        await self._redis.aclose()

    async def handle(self, tp: TP, records: Sequence[ConsumerRecord]) -> None:
        """Keep a chunk's records in the store."""
        async for some, deaths in self._suspicion.portions(tp, records):
            refused: dict[int, Rejected] = {}
            for record in some:
                if deaths:
                    refused[record.offset] = poison()
                    continue
                try:
                    await self.keep(record.value, _kept(record))
                except Rejected as rejected:
                    refused[record.offset] = rejected
            await refuse(self._name, tp, some, refused, self._limit, self.producer)
        self._worker.wake()

    async def failing(self, tp: TP, error: Exception) -> None:
        """Take back that the records in hand are suspected, when a server was away."""
        await self._suspicion.failing(tp, error)

    async def revoked(self, tps: Collection[TP]) -> None:
        """Take it back at an orderly end, too."""
        await self._suspicion.released(tps)


def _kept(record: ConsumerRecord) -> KeptRecord:
    return KeptRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp,
        key=record.key or b"",
        value=record.value or b"",
    )
