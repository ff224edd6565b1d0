"""Messages still to be sent to other systems, per conversation in order, in Redis."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from redis.asyncio import Redis

from workers.contracts.time import DAY
from workers.stores.connection import persist
from workers.stores.due_store import DueStore

KEPT_MS: Final = 32 * DAY
"""Retention of a delivery, as long as that of transcripts: nothing is sent twice in that time."""
_LUA: Final = Path(__file__).with_name("lua")
_ADD: Final = _LUA.joinpath("delivery_add.lua").read_text()
_TAKE: Final = _LUA.joinpath("delivery_take.lua").read_text()
_DONE: Final = _LUA.joinpath("delivery_done.lua").read_text()
_NOTE: Final = _LUA.joinpath("delivery_note.lua").read_text()
_LATER: Final = _LUA.joinpath("delivery_later.lua").read_text()
_OURS: Final = ("last:", "given up:", "known at:")
"""The beginning of the names of our own fields."""


class Rank(NamedTuple):
    """The order by which a later message of one kind is told from an earlier one."""

    epoch: int
    seq: int
    revision: int = 0


class Delivery(msgspec.Struct, kw_only=True, frozen=True, array_like=True):
    """A message for a vendor, and the calls of it that were made."""

    vendor: str
    kind: str
    rank: tuple[int, int, int]
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes
    value: bytes
    since_ms: int
    made: tuple[str, ...] = ()
    """Calls that were made."""
    refused: tuple[str, ...] = ()
    """Calls that the vendor will never take, with its answer."""
    attempts: int = 0
    """Attempts at the next call so far."""


class Taken(NamedTuple):
    """The first message of a conversation, and its bytes by which it is known again."""

    conversation_id: str
    delivery: Delivery
    entry: bytes


_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(Delivery).decode


class DeliveryStore(DueStore):
    """Keeps each message until it is sent or given up; a conversation's are sent in order."""

    def __init__(self, redis: Redis, prefix: str, address: str) -> None:
        """Name the server's address for messages; every method waits while it is away."""
        self._prefix = f"{prefix}:deliveries:"
        super().__init__(redis, address, f"{self._prefix}due")

    def _known(self, conversation_id: str) -> str:
        return f"{self._prefix}known:{conversation_id}"

    def _messages(self, conversation_id: str) -> str:
        return f"{self._prefix}messages:{conversation_id}"

    async def add(
        self,
        conversation_id: str,
        delivery: Delivery,
        known: Mapping[str, str],
        now_ms: int,
        *,
        tell: bool = True,
    ) -> bool:
        """Keep a message, and note what it says of its conversation.

        False: it is not greater than the last of its kind, and nothing was kept. One that was given
        up is kept again. Without `tell` only what it says is noted, which what is later outranks
        among all messages of its topic's group.
        """
        keys = [self._known(conversation_id), self._messages(conversation_id), self._due]
        fields = [part for pair in known.items() for part in pair]
        entry = _ENCODE(delivery) if tell else b""
        arguments = [delivery.kind, *delivery.rank, entry, conversation_id, now_ms, KEPT_MS]
        arguments.append(delivery.kind.partition(":")[0])
        return bool(await self._eval(_ADD, keys, [*arguments, *fields]))

    async def take(self, now_ms: int, until_ms: int, most: int) -> list[Taken]:
        """Take the first message of conversations that are due, for this worker until then."""
        names = await self._eval(_TAKE, [self._due], [now_ms, until_ms, most])
        conversations = [_text(name) for name in names]
        if not conversations:
            return []
        entries = await persist(lambda: self._firsts(conversations), self._address)
        return [
            Taken(conversation, _DECODE(_bytes(entry)), _bytes(entry))
            for conversation, entry in zip(conversations, entries, strict=True)
            if entry is not None
        ]

    async def _firsts(self, conversations: list[str]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for conversation in conversations:
            pipeline.lindex(self._messages(conversation), 0)
        firsts: list[Any] = await pipeline.execute()
        return firsts

    async def hold(self, taken: Taken, until_ms: int) -> None:
        """Keep taken messages for this worker for longer."""
        due = {taken.conversation_id: until_ms}
        await persist(lambda: self._redis.zadd(self._due, due), self._address)

    async def done(self, taken: Taken, now_ms: int, *, given_up: bool = False) -> None:
        """Drop a message; one that was given up can be added again."""
        conversation = taken.conversation_id
        keys = [self._messages(conversation), self._due, self._known(conversation)]
        rank = ".".join(map(str, taken.delivery.rank))
        field = f"given up:{taken.delivery.kind}:{rank}" if given_up else ""
        await self._eval(_DONE, keys, [taken.entry, conversation, now_ms, field])

    async def later(self, taken: Taken, delivery: Delivery, due_ms: int) -> Taken:
        """Note a message's progress, and put its conversation off until it is due."""
        conversation, entry = taken.conversation_id, _ENCODE(delivery)
        keys = [self._messages(conversation), self._due]
        await self._eval(_LATER, keys, [taken.entry, entry, conversation, due_ms])
        return Taken(conversation, delivery, entry)

    async def known(self, conversation_id: str, told: Delivery | None = None) -> dict[str, str]:
        """Return what was noted of a conversation.

        `overtaken` is there when something later of the kind of `told` is to be told, too.
        """
        key = self._known(conversation_id)
        fields: dict[Any, Any] = await persist(lambda: self._redis.hgetall(key), self._address)
        texts = {_text(name): _text(value) for name, value in fields.items()}
        known = {name: value for name, value in texts.items() if not name.startswith(_OURS)}
        last = "" if told is None else texts.get(f"last:{told.kind}", "")
        if told is not None and last and tuple(map(int, last.split("."))) > tuple(told.rank):
            known["overtaken"] = "true"
        return known

    async def note(
        self, conversation_id: str, known: Mapping[str, str], at_s: float | None = None
    ) -> None:
        """Note something of a conversation, unless something later was noted; None: it is."""
        fields = [part for pair in known.items() for part in pair]
        at = "" if at_s is None else repr(at_s)
        await self._eval(_NOTE, [self._known(conversation_id)], [KEPT_MS, at, *fields])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
