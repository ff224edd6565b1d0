"""One partition of the escalation worker on a real store, with a log and a broker in memory."""

import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiokafka import ConsumerRecord
from aiokafka.structs import RecordMetadata, TopicPartition
from redis.asyncio import Redis

from tests.support.escalation_harness import policy_text, quiet
from workers.agents.escalation.fenced_store import MarkMoved
from workers.agents.escalation.log_reader import HandedOver
from workers.agents.escalation.partition import Partition
from workers.agents.escalation.state_rebuild import Start
from workers.contracts.decisions import Home
from workers.contracts.signing import Secrets
from workers.contracts.topics import DECISIONS
from workers.conversation.partition_meta import starting_meta
from workers.runtime.dead_letter_limit import DeadLetterLimit
from workers.runtime.placing import Bounds
from workers.runtime.producer import Record
from workers.stores.partition_store import PartitionStore, base_key

HOME = Home(topic="conversation-events", partition=0)
BASE = base_key("p", HOME)
CHUNK = 20
Pairs = list[tuple[bytes | None, bytes | None]]


class Crash(Exception):
    """The process dies here."""


def record(offset: int, row: dict[str, Any] | bytes, key: bytes | None = None) -> ConsumerRecord:
    """Return a record of the log, stamped by the broker a moment after the event."""
    value = row if isinstance(row, bytes) else orjson.dumps(row)
    key = key if isinstance(row, bytes) else row["conversation_id"].encode()
    at = 1_900_000_000_000 + offset
    return ConsumerRecord(
        HOME.topic, HOME.partition, offset, at, 1, key, value, None, len(key or b""), len(value), ()
    )


class MemoryLog:
    """The partition's records; what `Log` reads of Kafka comes from here."""

    def __init__(self, records: Sequence[ConsumerRecord]) -> None:
        self.all = list(records)
        self.window = 0
        self.ledger: list[HandedOver] = []
        self.died_at: dict[int, tuple[str, ...]] = {}

    async def offset_at(self, timestamp_ms: int) -> int:
        return self.window if timestamp_ms > 1000 else timestamp_ms

    async def records(
        self, start: int, end: int, keys: Collection[bytes] | None = None
    ) -> AsyncGenerator[list[ConsumerRecord], None]:
        for one in self.all[start:end]:
            if keys is None or one.key in keys:
                yield [one]

    async def handed_over(self, since_ms: int) -> list[HandedOver]:  # noqa: ARG002
        return self.ledger

    async def given_up(self) -> dict[int, tuple[str, ...]]:
        return self.died_at


class World:
    """A log, a store, and a broker that knows what was published and committed."""

    def __init__(self, redis: Redis, records: Sequence[ConsumerRecord]) -> None:
        self.redis = redis
        self.log = MemoryLog(records)
        self.published: list[Record] = []
        self.committed: int | None = None
        self.first: int | None = None
        self.owners = 0
        self.faults: Callable[[str], None] = lambda _: None
        self.limit = DeadLetterLimit()
        self.kind: type[Partition] = Partition
        self.start: Start = "earliest"

    async def publish(self, records: Sequence[Record]) -> list[RecordMetadata]:
        """Acknowledge each record, unless the process dies before, between or after them."""
        done: list[RecordMetadata] = []
        for one in records:
            self.faults("publish")
            self.published.append(one)
            tp = TopicPartition(one.topic, 0)
            done.append(RecordMetadata(one.topic, 0, tp, len(done), 0, 0, None))
        self.faults("publish")
        return done

    def partition(self) -> Partition:
        """Return the partition in the hands of a new owner, not placed yet."""
        self.owners += 1
        store = FaultyStore(self, PartitionStore(self.redis, "p", HOME, f"owner-{self.owners}"))
        return self.kind(
            HOME,
            store,  # type: ignore[arg-type]
            self.log,  # type: ignore[arg-type]
            self.publish,
            address="here",
            secrets=Secrets(),
            limit=self.limit,
            own=starting_meta(policy_text()),
        )

    async def owner(self) -> Partition:
        """Return a new owner of the partition, which has taken it over."""
        partition = self.partition()
        bounds = Bounds(0, len(self.log.all), self.committed, self.first)
        position = await partition.place(bounds, self.start)
        assert position == partition.marked.mark.offset + 1
        durable = await partition.take_over()
        self.first = partition.first
        self.committed = max(self.committed or 0, durable)
        return partition

    async def deliver(self, partition: Partition, count: int = CHUNK) -> bool:
        """Hand over the next records; False when there are none."""
        position = partition.marked.mark.offset + 1
        records = self.log.all[position : position + count]
        if records:
            await partition.apply(records)
        return bool(records)

    async def drain(self) -> None:
        """Take over and fold everything, with commits, in peace."""
        self.faults = lambda _: None
        partition = await self.owner()
        while await self.deliver(partition):
            self.committed = max(self.committed or 0, partition.marked.mark.offset + 1)

    def pairs(self, topic: str = DECISIONS) -> Pairs:
        """Return what was published on a topic, in order."""
        return [(one.key, one.value) for one in self.published if one.topic == topic]

    def quiet(self, topic: str = DECISIONS) -> Pairs:
        """Return what a quiet run publishes on a topic."""
        return [(o.key, o.value) for o in quiet(self.log.all, HOME) if o.topic == topic]


class FaultyStore:
    """A store whose process may die before or after each of its round trips."""

    def __init__(self, world: World, store: PartitionStore) -> None:
        self._world = world
        self._store = store

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name == "next_mark":
            return method

        async def call(*args: Any) -> Any:
            self._world.faults(f"before {name}")
            result = await method(*args)
            self._world.faults(f"after {name}")
            return result

        return call


@asynccontextmanager
async def world(redis_url: str, rows: Sequence[Any]) -> AsyncIterator[World]:
    """Return a world with these events on its log and nothing else."""
    redis = Redis.from_url(redis_url)
    try:
        await redis.flushdb()
        yield World(redis, [record(offset, row) for offset, row in enumerate(rows)])
    finally:
        await redis.aclose()


async def survive(here: World, chance: random.Random, faults: int) -> None:
    """Run owners that die at random; roll the store back, wake zombies, commit at random."""
    zombies: list[Partition] = []
    snapshot: dict[bytes, bytes] = {}
    for _ in range(faults):
        zombies += await _until_death(here, chance)
        # That records are suspected at which processes die by chance is another test's matter.
        await here.redis.delete(f"{BASE}trying")
        if chance.random() < 0.2:
            snapshot = await dump(here.redis)
        elif snapshot and chance.random() < 0.2:
            await here.redis.flushdb()
            for key, value in snapshot.items():
                await here.redis.restore(key, 0, value)
        for zombie in zombies:
            await _wake(here, zombie)


async def _until_death(here: World, chance: random.Random) -> list[Partition]:
    """Let an owner work until it dies; return it if it gave up living to be a zombie."""
    calls = chance.randrange(1, 12)

    def fault(_: str) -> None:
        nonlocal calls
        calls -= 1
        if calls < 0:
            raise Crash

    here.faults = fault
    try:
        partition = await here.owner()
        while await here.deliver(partition, chance.randrange(1, CHUNK)):
            if chance.random() < 0.5:
                here.committed = max(here.committed or 0, partition.marked.mark.offset + 1)
    except Crash:
        return []
    finally:
        here.faults = lambda _: None
    return [partition]


async def _wake(here: World, zombie: Partition) -> None:
    """Let an owner go on whose partition was given away: it may write and send nothing."""
    published = len(here.published)
    later = here.log.all[zombie.marked.mark.offset + 1 :]
    if later and await here.redis.get(f"{BASE}mark") != str(zombie.marked.mark).encode():
        with pytest.raises(MarkMoved):
            await zombie.apply(later[:3])
        assert len(here.published) == published


async def deliver_all(here: World, partition: Partition) -> None:
    while await here.deliver(partition):
        pass


async def dump(redis: Redis, pattern: str = "*") -> dict[bytes, bytes]:
    keys: Any = await redis.keys(pattern)
    return {key: await redis.dump(key) or b"" for key in keys}


def asks(name: str, number: int, *, seconds: int = 0) -> dict[str, Any]:
    """Return a message in which a customer asks for a person."""
    return {
        "event_id": f"{name}-{number}",
        "conversation_id": name,
        "occurred_at": f"2026-11-01T09:{number:02d}:{seconds:02d}Z",
        "role": "customer",
        "content": "I want to talk to a human please",
    }


def says(name: str, number: int, content: str = "where is my parcel?") -> dict[str, Any]:
    return asks(name, number) | {"content": content}


def returned(decision: dict[str, Any], number: int) -> dict[str, Any]:
    """Return what the log tells when the person of an escalation gives it back."""
    return {
        "type": "ownership",
        "event_id": f"e-{number}",
        "conversation_id": decision["conversation_id"],
        "occurred_at": f"2026-11-01T09:{number:02}:00Z",
        "action": "returned",
        "escalation_id": decision["escalation_id"],
        "desk_event_id": f"d-{number}",
        "epoch": decision["epoch"],
        "queue": "tier_2_support",
        "agent_id": "anna",
    }


def decisions(here: World) -> list[dict[str, Any]]:
    return [orjson.loads(value or b"") for _, value in here.pairs()]
