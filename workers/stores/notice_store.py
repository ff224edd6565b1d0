"""Notifications still to be sent, by route, in Redis."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from redis.asyncio import Redis

from workers.contracts.time import DAY
from workers.stores.due_store import DueStore
from workers.stores.kept_record import KeptRecord

KEPT_MS: Final = 8 * DAY
"""Longer than the topic keeps a notification, so that none is told twice while it is there."""
MOST: Final = 200
"""Notifications of one message."""
_LUA: Final = Path(__file__).with_name("lua")
_ADD: Final = _LUA.joinpath("notice_add.lua").read_text()
_TAKE: Final = _LUA.joinpath("notice_take.lua").read_text()
_DONE: Final = _LUA.joinpath("notice_done.lua").read_text()
_LATER: Final = _LUA.joinpath("notice_later.lua").read_text()


class NoticeBatch(NamedTuple):
    """The notifications of one message of a route; the same at every try."""

    route: str
    token: str
    attempts: int
    since_ms: int
    records: tuple[KeptRecord, ...]


_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(KeptRecord).decode


class NoticeStore(DueStore):
    """Keeps each notification until its route has it; every method waits while Redis is away."""

    def __init__(self, redis: Redis, prefix: str, address: str) -> None:
        """Name the server's address for messages."""
        self._prefix = f"{prefix}:notifier:"
        super().__init__(redis, address, f"{self._prefix}due")

    def _key(self, kind: str, *names: str) -> str:
        return ":".join((f"{self._prefix}{kind}", *names))

    async def add(self, route: str, notification_id: str, record: KeptRecord, now_ms: int) -> bool:
        """Keep a notification for a route; False when it was kept before."""
        keys = [self._key("known", route, notification_id), self._key("waiting", route)]
        keys += [self._key("free", route), self._due]
        return bool(await self._eval(_ADD, keys, [_ENCODE(record), route, now_ms, KEPT_MS]))

    async def take(self, now_ms: int, until_ms: int, most: int) -> Sequence[NoticeBatch]:
        """Take the next message of routes that are due, for this worker alone until then."""
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

    async def later(self, batch: NoticeBatch, due_ms: int) -> None:
        """Put a message off, unless another worker has sent it meanwhile."""
        keys = [self._key("message", batch.route), self._due]
        await self._eval(_LATER, keys, [batch.token, batch.route, due_ms])

    async def done(self, batch: NoticeBatch, next_ms: int, given_up: Sequence[str] = ()) -> None:
        """Drop a message; the route's next waits. Ids that are given up can be added again."""
        route = batch.route
        keys = [self._key("message", route), self._key("waiting", route)]
        keys += [self._key("free", route), self._due]
        keys += [self._key("known", route, notification_id) for notification_id in given_up]
        await self._eval(_DONE, keys, [batch.token, route, next_ms, DAY])
