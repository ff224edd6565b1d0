"""Notifications that people are still to be told of, by route, in Redis."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from redis.asyncio import Redis

from workers.contracts.time import DAY
from workers.stores.connection import persist

KEPT_MS: Final = 8 * DAY
"""Longer than the topic keeps a notification: what was told is not told again in that time."""
MOST: Final = 200
"""Notifications of one message."""
_LUA: Final = Path(__file__).with_name("lua")
_ADD: Final = _LUA.joinpath("notice_add.lua").read_text()
_RELEASE: Final = _LUA.joinpath("taken_release.lua").read_text()
_TAKE: Final = _LUA.joinpath("notice_take.lua").read_text()
_DONE: Final = _LUA.joinpath("notice_done.lua").read_text()
_LATER: Final = _LUA.joinpath("notice_later.lua").read_text()


class NoticeRecord(msgspec.Struct, kw_only=True, frozen=True, array_like=True):
    """The record of a notification as it came."""

    id: str
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes
    value: bytes


class NoticeBatch(NamedTuple):
    """The notifications of one message of a route; the same at every try."""

    route: str
    token: str
    attempts: int
    since_ms: int
    records: tuple[NoticeRecord, ...]


_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(NoticeRecord).decode


class NoticeStore:
    """Keeps each notification until its route is told; every method waits while Redis is away."""

    def __init__(self, redis: Redis, prefix: str, address: str) -> None:
        """Name the server's address for messages."""
        self._redis = redis
        self._address = address
        self._prefix = f"{prefix}:notifier:"
        self._due = f"{self._prefix}due"

    def _key(self, kind: str, *names: str) -> str:
        return ":".join((f"{self._prefix}{kind}", *names))

    async def add(self, route: str, record: NoticeRecord, now_ms: int) -> bool:
        """Keep a notification for a route; False when it was kept before."""
        keys = [self._key("known", route, record.id), self._key("waiting", route)]
        keys += [self._key("free", route), self._due]
        return bool(await self._eval(_ADD, keys, [_ENCODE(record), route, now_ms, KEPT_MS]))

    async def take(self, now_ms: int, until_ms: int, most: int) -> Sequence[NoticeBatch]:
        """Take the next message of routes that are due; nobody else does until then."""
        keys = [self._due, self._key("counter")]
        begins = [self._key("waiting", ""), self._key("message", "")]
        rows = await self._eval(_TAKE, keys, [now_ms, until_ms, most, *begins, MOST])
        return [
            NoticeBatch(
                name.decode(), token.decode(), int(attempts), int(since),
                tuple(map(_DECODE, entries)),
            )
            for name, token, attempts, since, entries in rows
        ]  # fmt: skip

    async def renew(self, names: Iterable[str], until_ms: int) -> None:
        """Keep routes from others for longer."""
        due = dict.fromkeys(names, until_ms)
        await persist(lambda: self._redis.zadd(self._due, due, xx=True, gt=True), self._address)

    async def release(self, name: str, until_ms: int, now_ms: int) -> None:
        """Make what was taken until then due at once, unless something was noted since."""
        await self._eval(_RELEASE, [self._due], [name, until_ms, now_ms])

    async def later(self, batch: NoticeBatch, due_ms: int) -> None:
        """Put a message off, unless somebody else has sent it meanwhile."""
        keys = [self._key("message", batch.route), self._due]
        await self._eval(_LATER, keys, [batch.token, batch.route, due_ms])

    async def done(self, batch: NoticeBatch, next_ms: int, *, given_up: bool = False) -> None:
        """Drop a message; the route's next waits. What is given up can be added again."""
        route = batch.route
        keys = [self._key("message", route), self._key("waiting", route)]
        keys += [self._key("free", route), self._due]
        if given_up:
            keys += [self._key("known", route, record.id) for record in batch.records]
        await self._eval(_DONE, keys, [batch.token, route, next_ms, DAY])

    async def _eval(self, script: str, keys: list[str], arguments: list[Any]) -> Any:
        async def evaluate() -> Any:
            return await self._redis.eval(script, len(keys), *keys, *arguments)

        return await persist(evaluate, self._address)
