"""The work on each ticket, in Redis: its latest request, how far it is, and when it is due."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec
from redis.asyncio import Redis

from workers.contracts.time import DAY
from workers.stores.connection import persist
from workers.stores.due_store import DueStore
from workers.stores.kept_record import KeptRecord

KEPT_MS: Final = 45 * DAY
"""Longer than a ticket may stay open; counted from the last that was done about it."""
_LUA: Final = Path(__file__).with_name("lua")
_ADD: Final = _LUA.joinpath("ticket_add.lua").read_text()
_TAKE: Final = _LUA.joinpath("ticket_take.lua").read_text()
_NOTE: Final = _LUA.joinpath("ticket_note.lua").read_text()


class TicketProgress(msgspec.Struct, kw_only=True, frozen=True, array_like=True):
    """The progress of the work on one ticket; times in milliseconds, 0 for never."""

    making: bytes = b""
    """The request by which making it began; the same again under the same idempotency key."""
    began_at: int = 0
    tried_at: int = 0
    uncertain: bool = False
    """A try to make it has no known end."""
    looked: bool = False
    """It was looked for before the first try."""
    id: str | None = None
    number: str | None = None
    url: str | None = None
    served: int = 0
    """Seq of the request that the ticket system has taken."""
    answered: int = 0
    """Seq of the request that was answered on `desk-events`."""
    calls: int = 0
    """Calls of the present update or close that were made."""
    attempts: int = 0
    failing_since: int = 0
    retry_at: int = 0
    told: int = 0
    """Entries of the transcript that the ticket system has."""
    polled_at: int = 0
    solved: bool = False
    gone: bool = False
    """The ticket system knows it no more."""
    closed: bool = False
    """Closed by us, because it was no longer needed."""


class TicketWork(NamedTuple):
    """One ticket's work in hand."""

    id: str
    """The `ticket_request_id`."""
    rank: str
    request: KeptRecord
    progress: TicketProgress
    entry: bytes
    """The bytes of the progress, by which it is known again."""
    asked: bytes
    """The number of requests for it when it was taken."""
    given_up: bool = False
    """The ticket system does not take this request."""


class TicketLostError(Exception):
    """Another worker works on this ticket: the progress in hand here is out of date."""


_ENCODE: Final = msgspec.msgpack.Encoder().encode
_REQUEST: Final = msgspec.msgpack.Decoder(KeptRecord).decode
_PROGRESS: Final = msgspec.msgpack.Decoder(TicketProgress).decode


class TicketStore(DueStore):
    """Keeps the work until it is done; every method waits while Redis is away."""

    def __init__(self, redis: Redis, prefix: str, address: str) -> None:
        """Name the server's address for messages."""
        super().__init__(redis, address, f"{prefix}:tickets:due")
        self._work = f"{prefix}:tickets:work:"

    async def add(
        self, request_id: str, epoch: int, seq: int, request: KeptRecord, now_ms: int
    ) -> bool:
        """Keep a request, due at once; False when it is not greater than the one that is kept.

        One that was given up is taken again.
        """
        keys = [self._work + request_id, self._due]
        arguments = [epoch, seq, _ENCODE(request), request_id, now_ms, KEPT_MS]
        return bool(await self._eval(_ADD, keys, arguments))

    async def take(self, now_ms: int, until_ms: int, most: int) -> Sequence[TicketWork]:
        """Take tickets that are due, for this worker alone until then."""
        names = await self._eval(_TAKE, [self._due], [now_ms, until_ms, most, self._work])
        if not names:
            return []
        ids = [name.decode() for name in names]
        rows = await persist(lambda: self._rows(ids), self._address)
        return [_work(name, row) for name, row in zip(ids, rows, strict=True) if row[0] is not None]

    async def _rows(self, ids: list[str]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for name in ids:
            pipeline.hmget(self._work + name, "request", "progress", "rank", "given up", "asked")
        rows: list[Any] = await pipeline.execute()
        return rows

    async def note(
        self,
        work: TicketWork,
        progress: TicketProgress,
        due_at: int | Literal["held", "never"],
        now_ms: int,
        *,
        given_up: bool = False,
    ) -> TicketWork:
        """Note how far it is and when it is due; `held` keeps it in hand.

        A request that came meanwhile is due at once. TicketLostError when somebody else has noted
        something meanwhile.
        """
        entry = _ENCODE(progress)
        keys = [self._work + work.id, self._due]
        arguments = [work.entry, entry, work.id, work.asked, due_at, now_ms, KEPT_MS]
        arguments.append(work.rank if given_up else "")
        if not await self._eval(_NOTE, keys, arguments):
            raise TicketLostError(work.id)
        return work._replace(progress=progress, entry=entry, given_up=work.given_up or given_up)


def _work(name: str, row: list[bytes | None]) -> TicketWork:
    request, progress, rank = row[0] or b"", row[1] or b"", row[2] or b""
    held = _PROGRESS(progress) if progress else TicketProgress()
    asked, given_up = row[4] or b"", row[3] == rank
    return TicketWork(name, rank.decode(), _REQUEST(request), held, progress, asked, given_up)
