"""What a topic refused to take for now: answers and withdrawals that its desk has yet to hear."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec
from redis.asyncio import Redis

from workers.contracts.time import DAY

_KEPT_MS: Final = 7 * DAY
"""As long as the topics of the queues keep what they were told."""


class Undelivered(NamedTuple):
    """One message that is still to be delivered."""

    topic: str
    key: bytes
    value: bytes


_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(Undelivered).decode


class UndeliveredStore:
    """Keeps messages, each once; whoever delivers one that was delivered already does no harm."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._key = f"{prefix}:owed"

    async def add(self, message: Undelivered) -> None:
        """Remember a message until it is dropped."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.sadd(self._key, _ENCODE(message))
        pipeline.pexpire(self._key, _KEPT_MS)
        await pipeline.execute()

    async def all(self) -> list[Undelivered]:
        """Everything that is owed, in no order: desks go by the messages' own."""
        blobs: set[Any] = await self._redis.smembers(self._key)
        return [_DECODE(blob) for blob in blobs]

    async def drop(self, messages: Iterable[Undelivered]) -> None:
        """Forget messages that were delivered."""
        if blobs := [_ENCODE(message) for message in messages]:
            await self._redis.srem(self._key, *blobs)
