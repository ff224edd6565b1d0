"""Read access to the stored data of one conversation."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from redis.asyncio import Redis

from workers.contracts.decisions import Home, Turn
from workers.conversation.partition_meta import PartitionMeta, read_meta
from workers.conversation.state import State, StateUnreadable, decode_state
from workers.stores.partition_store import base_key

_TURN: Final = msgspec.msgpack.Decoder(Turn)


class Stored(NamedTuple):
    """One conversation as the store has it."""

    home: Home
    state: State | None
    """None: it is there and cannot be decoded."""
    turns: list[Turn]
    meta: PartitionMeta | None
    """The meta of its partition; None when nothing of that is stored."""


async def partition_meta(redis: Redis, prefix: str, home: Home) -> PartitionMeta | None:
    """Return what a partition remembers beside its conversations; None before the first."""
    fields: Any = await redis.hgetall(f"{base_key(prefix, home)}meta")
    return read_meta({name.decode(): value for name, value in fields.items()})


async def read_conversation(
    redis: Redis,
    prefix: str,
    topic: str,
    partitions: int | Sequence[int],
    conversation_id: str,
    last: int = 0,
) -> Stored | None:
    """Return a conversation from whichever partition it lives in; None: it is in none.

    `partitions` is how many there are, or those to look into; with `last` only so many of its
    latest turns are read.
    """
    looked = range(partitions) if isinstance(partitions, int) else partitions
    for partition in looked:
        home = Home(topic=topic, partition=partition)
        base = base_key(prefix, home)
        async with redis.pipeline(transaction=False) as pipe:
            pipe.get(f"{base}s:{conversation_id}")
            pipe.lrange(f"{base}t:{conversation_id}", -last, -1)
            blob, rows = await pipe.execute()
        if blob is None and not rows:
            continue
        meta = await partition_meta(redis, prefix, home)
        try:
            state = None if blob is None else decode_state(conversation_id, blob)
        except StateUnreadable:
            state = None
        return Stored(home, state, [_TURN.decode(row) for row in rows], meta)
    return None


async def read_turns_from(
    redis: Redis, prefix: str, home: Home, conversation_id: str, first: int, most: int
) -> list[Turn]:
    """Return up to `most` entries of a transcript after the `first` ones, oldest first."""
    key = f"{base_key(prefix, home)}t:{conversation_id}"
    rows: Any = await redis.lrange(key, first, first + most - 1)
    return [_TURN.decode(row) for row in rows]


async def home_of(redis: Redis, prefix: str, topic: str, conversation_id: str) -> Home | None:
    """Return the partition in which the state of a conversation is stored; None: in none."""
    stored: Any = await redis.get(f"{prefix}:partitions:{topic}")
    homes = [Home(topic=topic, partition=number) for number in range(int(stored or 0))]
    pipeline = redis.pipeline(transaction=False)
    for home in homes:
        pipeline.exists(f"{base_key(prefix, home)}s:{conversation_id}")
    found = await pipeline.execute()
    return next((home for home, there in zip(homes, found, strict=True) if there), None)
