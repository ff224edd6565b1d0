"""Redis storage of the escalation worker for one partition of the log.

Everything is written by one script per chunk, which applies it only if the mark is still the end
of the chunk before. That fences a worker that lost the partition without knowing, makes a second
delivery harmless, and notices a Redis that went back in time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from workers.contracts.decisions import Home, Turn
from workers.contracts.time import DAY
from workers.conversation.fold import ConversationWrite, OutboxEntry

KEEP_MS: Final = 32 * DAY
"""Retention of a conversation after its last event: longer than the log keeps its events."""
TRANSCRIPT_LAST: Final = 200
TRANSCRIPT_BYTES: Final = 512 * 1024
"""Limit of one read of a transcript; the last turn is always read whole. A packet shows half of
that."""

_HERE: Final = Path(__file__).parent
_ENCODE: Final = msgspec.msgpack.Encoder().encode
_HEAD: Final = msgspec.msgpack.Decoder(tuple[str, int, str, list[int], str])
_OUTPUT: Final = msgspec.msgpack.Decoder(OutboxEntry)
_TURN: Final = msgspec.msgpack.Decoder(Turn)
_TAIL: Final = (_HERE / "lua" / "transcript_tail.lua").read_text()
_SETTLE: Final = """
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1])) == tonumber(ARGV[2]) then
  redis.call('ZREM', KEYS[1], ARGV[1])
end
"""


class Mark(NamedTuple):
    """The offset of the last record applied, and which write of which process did that."""

    offset: int
    token: str

    def __str__(self) -> str:
        return f"{self.offset} {self.token}"

    @classmethod
    def read(cls, stored: bytes) -> "Mark | None":
        """Return the mark in what is stored; None when nothing is."""
        if not stored:
            return None
        offset, _, token = stored.decode().partition(" ")
        return cls(int(offset), token)


REBUILDING: Final = "rebuild"
"""The field of a partition's meta that is there while its conversations are folded again."""


@dataclass(slots=True)
class Head:
    """The data that a takeover reads."""

    mark: Mark | None
    meta: dict[str, bytes]
    outbox: list[OutboxEntry]
    """In the order in which it must be published."""


@dataclass(slots=True)
class ChunkRead:
    """The data that a chunk reads."""

    mark: Mark | None
    deaths: int
    """Processes that began at this offset and never got further."""
    alone: int
    """The offset up to which records are tried one by one; -1 when they are not."""
    states: dict[str, bytes | None]
    known: dict[str, set[str]]
    """The ids among those asked for that were applied before."""


@dataclass(slots=True)
class Writes:
    """The data that a chunk writes."""

    changes: Mapping[str, ConversationWrite] = field(default_factory=dict)
    outputs: Sequence[OutboxEntry] = ()
    dropped: Sequence[str] = ()
    """Fields of the outbox that were acknowledged, as `outbox_field` names them."""
    meta: Mapping[str, bytes] = field(default_factory=dict)
    meta_dropped: Sequence[str] = ()
    latest: Mapping[str, OutboxEntry | None] = field(default_factory=dict)
    """During a rebuild: the last decision of each conversation with an open escalation."""


def outbox_field(output: OutboxEntry) -> str:
    """Return the name of an output in the outbox."""
    return f"{output.offset}:{output.n}{':again' if output.again else ''}"


class PartitionStore:
    """The keys of one partition, under one hash tag.

    `token` tells this owner of the partition from every other one, before and after.
    """

    def __init__(self, redis: Redis, prefix: str, home: Home, token: str) -> None:
        self._redis = redis
        self._base = base_key(prefix, home)
        self._token = token
        self._writes = 0
        self._mark = f"{self._base}mark"
        self._read = redis.register_script((_HERE / "lua" / "partition_read.lua").read_text())
        self._apply = redis.register_script((_HERE / "lua" / "partition_apply.lua").read_text())
        self._settle = redis.register_script(_SETTLE)

    async def head(self) -> Head:
        """Read what a takeover needs, in one round trip."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.get(self._mark)
            pipe.hgetall(f"{self._base}meta")
            pipe.hvals(f"{self._base}outbox")
            mark, meta, outbox = await pipe.execute()
        outputs = sorted(map(_OUTPUT.decode, outbox), key=lambda o: (o.offset, o.again, o.n))
        fields = {name.decode(): value for name, value in meta.items()}
        return Head(Mark.read(mark or b""), fields, outputs)

    async def mark(self) -> Mark | None:
        """Read the mark alone."""
        stored: Any = await self._redis.get(self._mark)
        return Mark.read(stored or b"")

    async def read(self, start: int, wanted: Mapping[str, Sequence[str]]) -> ChunkRead:
        """Read what a chunk that begins at `start` needs: states and known ids, in one round trip.

        It also counts that this process tries the chunk.
        """
        names = [[conversation, *ids] for conversation, ids in wanted.items()]
        reply: bytes = await self._read(
            keys=[self._mark], args=[start, self._token, _ENCODE(names)]
        )
        position = 4 + int.from_bytes(reply[:4], "big")
        mark, deaths, alone, lengths, flags = _HEAD.decode(reply[4:position])
        states: dict[str, bytes | None] = {}
        for conversation, length in zip(wanted, lengths, strict=True):
            states[conversation] = None if length < 0 else reply[position : position + length]
            position += max(0, length)
        known: dict[str, set[str]] = {}
        position = 0
        for conversation, ids in wanted.items():
            stop = position + len(ids)
            if "1" in flags[position:stop]:
                pairs = zip(ids, flags[position:stop], strict=True)
                known[conversation] = {event_id for event_id, flag in pairs if flag == "1"}
            position = stop
        return ChunkRead(Mark.read(mark.encode()), deaths, int(alone or -1), states, known)

    def next_mark(self, offset: int) -> Mark:
        """Return the mark of one more write, which no other write has; for `apply`."""
        self._writes += 1
        return Mark(offset, f"{self._token}.{self._writes}")

    async def apply(self, expected: Mark | None, mark: Mark, writes: Writes) -> bool:
        """Write everything, `mark` included, if the mark is `expected` (None: there is none).

        False when another mark was found: nothing is written then, and nothing may be published.
        Repeating it with the same mark after a lost answer is harmless.
        """
        plan, blobs = _plan(writes)
        found = await self._apply(
            keys=[self._mark],
            args=["" if expected is None else str(expected), str(mark), mark.offset, plan, blobs],
        )
        return bool(found == b"")

    async def try_alone(self, start: int, until: int) -> None:
        """Have the records from here to `until` tried one by one, and count deaths anew."""
        trying: Any = {"offset": start, "token": self._token, "count": 1, "alone": until}
        await self._redis.hset(f"{self._base}trying", mapping=trying)

    async def forgive(self) -> None:
        """Forget that this process tried a chunk, which fails for a reason of its own."""
        await self._redis.hdel(f"{self._base}trying", "offset", "token", "count")

    async def due(self, now_ms: int, limit: int) -> list[tuple[str, int]]:
        """Return the conversations whose timer is due, the earliest first, with the due times."""
        rows: Any = await self._redis.zrangebyscore(
            f"{self._base}timers", "-inf", now_ms, start=0, num=limit, withscores=True
        )
        return [(name.decode(), int(due)) for name, due in rows]

    async def settle(self, conversation_id: str, due_ms: int) -> None:
        """Remove a timer whose deadline event is on the log, unless it was set anew meanwhile."""
        await self._settle(keys=[f"{self._base}timers"], args=[conversation_id, due_ms])

    async def latest(self) -> list[OutboxEntry]:
        """Return the last decision of each open escalation that a rebuild found, oldest first."""
        blobs: Any = await self._redis.hvals(f"{self._base}latest")
        return sorted((_OUTPUT.decode(blob) for blob in blobs), key=lambda o: (o.offset, o.n))

    async def clear(self) -> int:
        """Remove everything of this partition; return how many keys that were."""
        removed = 0
        pattern = self._base.replace("[", "\\[").replace("*", "\\*").replace("?", "\\?")
        batch: list[bytes] = []
        async for key in self._redis.scan_iter(match=f"{pattern}*", count=1000):
            batch.append(key)
            if len(batch) == 1000:
                removed += await self._redis.unlink(*batch)
                batch = []
        return removed + (await self._redis.unlink(*batch) if batch else 0)


def base_key(prefix: str, home: Home) -> str:
    """Return what all keys of a partition begin with, its hash tag included."""
    return f"{prefix}:{{{home.topic}:{home.partition}}}:"


async def partitions_of(redis: Redis, prefix: str, topic: str, now: int) -> int:
    """Return the stored number of partitions of a topic; the first call stores `now`."""
    key = f"{prefix}:partitions:{topic}"
    await redis.set(key, now, nx=True)
    stored: Any = await redis.get(key)
    return int(stored)


async def stored_partitions(redis: Redis, prefix: str, topic: str) -> int | None:
    """Return the partitions of a topic when its conversations were first stored; None: none are."""
    stored: Any = await redis.get(f"{prefix}:partitions:{topic}")
    return None if stored is None else int(stored)


async def set_partitions(redis: Redis, prefix: str, topic: str, now: int) -> None:
    """Say that the conversations of a topic are stored for so many partitions from now on."""
    await redis.set(f"{prefix}:partitions:{topic}", now)


async def read_transcript(
    redis: Redis,
    prefix: str,
    home: Home,
    conversation_id: str,
    turns: int,
    last: int = TRANSCRIPT_LAST,
) -> list[Turn]:
    """Return the `last` of the first `turns` entries of a transcript, oldest first.

    `turns` is `facts.entries` of a decision, so that what was said after it is left out. Of a very
    long transcript the end is returned, as `TRANSCRIPT_BYTES` says.
    """
    pipeline = redis.pipeline(transaction=False)
    ask_transcript(pipeline, prefix, home, conversation_id, turns, last)
    return read_turns((await pipeline.execute())[0])


async def whole_transcript(
    redis: Redis, prefix: str, home: Home, conversation_id: str
) -> list[Turn]:
    """Every turn of a transcript, oldest first, read a page at a time."""
    key = f"{base_key(prefix, home)}t:{conversation_id}"
    turns: list[Turn] = []
    while True:
        rows: Any = await redis.lrange(key, len(turns), len(turns) + TRANSCRIPT_LAST - 1)
        turns += map(_TURN.decode, rows)
        if len(rows) < TRANSCRIPT_LAST:
            return turns


def ask_transcript(
    pipeline: Pipeline,
    prefix: str,
    home: Home,
    conversation_id: str,
    turns: int,
    last: int = TRANSCRIPT_LAST,
) -> None:
    """Add the one command whose result `read_turns` takes; arguments as of `read_transcript`."""
    key = f"{base_key(prefix, home)}t:{conversation_id}"
    # Read only: a user who may read transcripts and not change them may run it.
    pipeline.eval_ro(_TAIL, 1, key, max(0, turns - last), turns - 1, TRANSCRIPT_BYTES)


def read_turns(result: Sequence[bytes]) -> list[Turn]:
    """Return the turns from the result of `ask_transcript`, oldest first."""
    return [_TURN.decode(row) for row in result]


def _plan(writes: Writes) -> tuple[bytes, bytes]:
    """Return the script's plan and, in the order in which it takes them, all that is binary."""
    blobs: list[bytes] = []
    changes = []
    for name, change in writes.changes.items():
        due = change.due
        blobs.append(change.blob)
        blobs += change.turns
        changes.append(
            (
                name,
                change.fresh,
                change.is_open,
                "" if due is None else str(due),
                len(change.turns),
                change.ids,
            )
        )
    blobs += map(_ENCODE, writes.outputs)
    blobs += writes.meta.values()
    blobs += [_ENCODE(output) for output in writes.latest.values() if output is not None]
    plan = (
        KEEP_MS // 1000,
        [*map(len, blobs)],
        changes,
        [*map(outbox_field, writes.outputs)],
        writes.dropped,
        [*writes.meta],
        writes.meta_dropped,
        [(name, output is not None) for name, output in writes.latest.items()],
    )
    return _ENCODE(plan), b"".join(blobs)
