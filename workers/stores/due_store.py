"""Items in Redis that fall due, and that one process at a time has in hand."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis

from workers.stores.connection import persist

_RELEASE: Final = Path(__file__).with_name("lua").joinpath("taken_release.lua").read_text()


class DueStore:
    """The due times of items by name; every method waits while Redis is away."""

    def __init__(self, redis: Redis, address: str, due: str) -> None:
        """Name the server's address for messages, and the key of the due times."""
        self._redis = redis
        self._address = address
        self._due = due

    async def renew(self, names: Iterable[str], until_ms: int) -> None:
        """Keep items from others for longer; an item that is due later than that stays so."""
        due: Mapping[str, int] = dict.fromkeys(names, until_ms)
        await persist(lambda: self._redis.zadd(self._due, due, xx=True, gt=True), self._address)

    async def release(self, name: str, until_ms: int, now_ms: int) -> None:
        """Make what was taken until then due at once, unless something was noted since."""
        await self._eval(_RELEASE, [self._due], [name, until_ms, now_ms])

    async def waiting(self) -> int:
        """Return how many items there is still something to do about."""
        return int(await persist(lambda: self._redis.zcard(self._due), self._address))

    async def _eval(self, script: str, keys: list[str], arguments: list[Any]) -> Any:
        async def evaluate() -> Any:
            return await self._redis.eval(script, len(keys), *keys, *arguments)

        return await persist(evaluate, self._address)
