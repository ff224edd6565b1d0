"""Try suspect records one by one, so that one at which processes die does not stop the others."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Collection, Sequence
from contextlib import suppress
from typing import Final

from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError
from faust.types import TP
from redis.asyncio import Redis
from redis.exceptions import RedisError

from workers.contracts.rejections import Rejected
from workers.errors import WorkerStop
from workers.settings import Settings, redis_address
from workers.stores.connection import persist
from workers.stores.crash_counts import Deaths, Trial

_FORGIVE_S: Final = 1.0
# Servers that are away and words of our own: no record is to blame.
_BLAMELESS: Final = (TimeoutError, KafkaError, RedisError, OSError, WorkerStop)


class Suspicion:
    """Splits a chunk so that a record at which processes died is tried alone.

    The caller of `portions` handles each portion before it takes the next one. With `patience_s`
    an agent that can do without Redis waits for it no longer, and suspects nothing then.
    """

    def __init__(
        self, redis: Redis, settings: Settings, group: str, patience_s: float | None = None
    ) -> None:
        self._patience_s = patience_s
        self._deaths = Deaths(redis, settings.redis_prefix, group, uuid.uuid4().hex)
        self._address = redis_address(settings.redis_url or "")

    async def portions(
        self, tp: TP, records: Sequence[ConsumerRecord]
    ) -> AsyncIterator[tuple[Sequence[ConsumerRecord], int]]:
        """Yield what may be tried at once, and how many processes died at it alone."""
        left = records
        while left:
            start, until = left[0].offset, left[-1].offset
            trial = await self._begin(tp, start, until)
            portion = left[:1] if trial.alone else left
            yield portion, trial.deaths
            left = left[len(portion) :]

    async def _begin(self, tp: TP, start: int, until: int) -> Trial:
        def begin() -> Awaitable[Trial]:
            return self._deaths.begin(tp.topic, tp.partition, start, until)

        if self._patience_s is None:
            return await persist(begin, self._address)
        try:
            async with asyncio.timeout(self._patience_s):
                return await begin()
        except (RedisError, OSError, TimeoutError):
            return Trial(alone=False, deaths=0)

    async def failing(self, tp: TP, error: BaseException) -> None:
        """Forget the chunk in hand where a server was away, rather than a record bad."""
        if isinstance(error, _BLAMELESS):
            await self.released([tp])

    async def released(self, tps: Collection[TP]) -> None:
        """Forget what was in hand at an orderly end; without Redis it stays noted."""
        with suppress(RedisError, TimeoutError):
            async with asyncio.timeout(_FORGIVE_S):
                for tp in tps:
                    await self._deaths.forgive(tp.topic, tp.partition)


def poison() -> Rejected:
    """Return why a record is refused at which processes died while it was tried alone."""
    return Rejected("poison", "workers died while they applied it: report it")
