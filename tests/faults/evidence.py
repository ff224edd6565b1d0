"""The content of the topics and of the store after a round."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from aiokafka import ConsumerRecord
from redis import Redis

from workers.contracts.decisions import Home
from workers.contracts.topics import EVENTS, Topics
from workers.kafka.reader import partitions_of, ranges_of, read, reading
from workers.settings import Settings
from workers.stores.partition_store import base_key


@dataclass
class Stored:
    """The store's data of one partition."""

    mark: int | None = None
    states: dict[str, bytes] = field(default_factory=dict)
    turns: dict[str, list[bytes]] = field(default_factory=dict)
    ids: dict[str, set[str]] = field(default_factory=dict)
    timers: dict[str, int] = field(default_factory=dict)


@dataclass
class Evidence:
    """Records by topic and partition, each partition in its order, and the store's partitions."""

    records: dict[str, dict[int, list[ConsumerRecord]]]
    stored: dict[int, Stored]

    def of(self, topic: str) -> list[ConsumerRecord]:
        """All records of a topic, one partition after the other."""
        return [r for records in self.records.get(topic, {}).values() for r in records]

    def without(self, places: Collection[tuple[str, int, int]]) -> "Evidence":
        """Return the same without some records of other topics than the log."""
        kept = {
            topic: {
                partition: [one for one in found if (topic, partition, one.offset) not in places]
                for partition, found in partitions.items()
            }
            for topic, partitions in self.records.items()
        }
        return Evidence(kept | {EVENTS: self.records[EVENTS]}, self.stored)


async def gather(settings: Settings, topics: Topics, log: str, redis: "Redis") -> Evidence:
    """Read every declared topic from its beginning, and the store."""
    records: dict[str, dict[int, list[ConsumerRecord]]] = defaultdict(lambda: defaultdict(list))
    async with reading(settings) as consumer:
        ranges = await ranges_of(consumer, await partitions_of(consumer, topics.topics))
    async for tp, found in read(settings, ranges):
        records[tp.topic][tp.partition] += found
    partitions = [tp.partition for tp in ranges if tp.topic == log]
    stored = {
        partition: _stored(redis, base_key("handoff", Home(topic=log, partition=partition)))
        for partition in partitions
    }
    return Evidence(records, stored)


def _stored(redis: Any, base: str) -> Stored:
    stored = Stored()
    mark = redis.get(f"{base}mark")
    stored.mark = int(mark.split()[0]) if mark else None
    escaped = base.replace("{", "[{]")
    for key in redis.scan_iter(match=f"{escaped}[sti]:*", count=5000):
        name = key.decode().removeprefix(base)
        kind, _, conversation = name.partition(":")
        if kind == "s":
            stored.states[conversation] = redis.get(key)
        elif kind == "t":
            stored.turns[conversation] = redis.lrange(key, 0, -1)
        else:
            stored.ids[conversation] = {one.decode() for one in redis.smembers(key)}
    timers = redis.zrange(f"{base}timers", 0, -1, withscores=True)
    stored.timers = {name.decode(): int(due) for name, due in timers}
    return stored
