"""Answers and withdrawals that a desk's topic refused for now and that are still to be sent."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec
from redis.asyncio import Redis

from workers.contracts.time import DAY

_KEPT_MS: Final = 7 * DAY
"""Retention, as long as that of the queues' topics."""


class Undelivered(NamedTuple):
    """One message that is still to be delivered."""

    topic: str
    key: bytes
    value: bytes


_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(Undelivered).decode


class UndeliveredStore:
    """Keeps messages, each once and for seven days.

    A second delivery does no harm.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._key = f"{prefix}:undelivered"

    async def add(self, message: Undelivered, now_ms: int) -> None:
        """Remember a message until it is dropped or too old; others keep their own age."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.zadd(self._key, {_ENCODE(message): now_ms}, nx=True)
        pipeline.pexpire(self._key, _KEPT_MS)
        await pipeline.execute()

    async def all(self, now_ms: int) -> list[Undelivered]:
        """Return every undelivered message, oldest first, after dropping those that are too old."""
        oldest = now_ms - _KEPT_MS
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.zrangebyscore(self._key, "-inf", f"({oldest}")
        pipeline.zrangebyscore(self._key, oldest, "+inf")
        forgotten, kept = await pipeline.execute()
        if forgotten:
            await self._redis.zrem(self._key, *forgotten)
        return [_DECODE(blob) for blob in kept]

    async def drop(self, messages: Iterable[Undelivered]) -> None:
        """Forget messages that were delivered."""
        if blobs := [_ENCODE(message) for message in messages]:
            await self._redis.zrem(self._key, *blobs)
