"""Shares of escalated conversations in Redis: the windows of all partitions, and what was told."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from workers.contracts.decisions import Home
from workers.conversation.partition_meta import PartitionMeta, read_meta
from workers.conversation.rates import ReportedRate
from workers.stores.partition_store import KEEP_MS, REBUILDING, base_key

_DECODE: Final = msgspec.json.Decoder(ReportedRate).decode


class RatesStore:
    """Reads what the owners of partitions write, and keeps what was told beside partition 0."""

    def __init__(self, redis: Redis, prefix: str, topic: str, partitions: int) -> None:
        self._redis = redis
        self._prefix = prefix
        self._homes = [Home(topic=topic, partition=number) for number in range(partitions)]
        self._told = f"{base_key(prefix, self._homes[0])}rates-told"

    async def metas(self) -> list[PartitionMeta] | None:
        """Return the meta of each partition that has one; None while any is folded again."""
        pipeline = self._redis.pipeline(transaction=False)
        for home in self._homes:
            pipeline.hgetall(f"{base_key(self._prefix, home)}meta")
        found: list[dict[bytes, bytes]] = await pipeline.execute()
        fields = [{name.decode(): value for name, value in one.items()} for one in found]
        if any(REBUILDING in one for one in fields):
            return None
        return [meta for one in fields if (meta := read_meta(one)) is not None]

    async def told(self) -> dict[str, ReportedRate]:
        """Return what was told last, by subject."""
        found: Any = await self._redis.hgetall(self._told)
        return {subject.decode(): _DECODE(blob) for subject, blob in found.items()}

    async def note_told(self, told: Iterable[tuple[str, ReportedRate]]) -> None:
        """Remember what was told."""
        mapping: dict[Any, Any] = {name: msgspec.json.encode(one) for name, one in told}
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hset(self._told, mapping=mapping)
        pipeline.pexpire(self._told, KEEP_MS)
        await pipeline.execute()
