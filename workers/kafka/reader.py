"""Reads a range of topics from end to end, without a consumer group."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from workers.kafka.aiokafka_internals import all_metadata, stop
from workers.settings import Settings, kafka_client_kwargs

_SILENCE_S: Final = 60.0
_WAIT_MS: Final = 1_000
_BATCH: Final = 10_000


class ReadError(RuntimeError):
    """A topic cannot be read; the message says which and why."""


class Range(NamedTuple):
    """The offsets of one partition that are to be read, `end` exclusive."""

    start: int
    end: int


Ranges = dict[TopicPartition, Range]


@asynccontextmanager
async def reading(settings: Settings, group: str | None = None) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer that joins nothing; with a group its committed offsets can be asked for."""
    consumer = AIOKafkaConsumer(
        **kafka_client_kwargs(settings),
        group_id=group,
        client_id="handoff-reader",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=settings.kafka_fetch_max_wait_ms,
        max_partition_fetch_bytes=4 * 1024 * 1024,
        check_crcs=False,
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await stop(consumer)


async def partitions_of(consumer: AIOKafkaConsumer, topics: Iterable[str]) -> list[TopicPartition]:
    """Return the partitions of those of the topics that exist."""
    cluster = await all_metadata(consumer)
    return [
        TopicPartition(topic, partition)
        for topic in topics
        for partition in sorted(cluster.partitions_for_topic(topic) or ())
    ]


async def ranges_of(consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]) -> Ranges:
    """Return what each partition holds at this moment, without transactions that are open."""
    if not partitions:
        return {}
    ends = await consumer.end_offsets(partitions)
    starts = await consumer.beginning_offsets(partitions)
    return {tp: Range(min(starts[tp], ends[tp]), ends[tp]) for tp in partitions}


async def later(consumer: AIOKafkaConsumer, ranges: Ranges, since_ms: int) -> Ranges:
    """Return the ranges from the first record at `since_ms` on, where the broker knows it.

    The embedded broker knows no offsets by time: its ranges stay whole.
    """
    if not ranges:
        return {}
    found = await consumer.offsets_for_times(dict.fromkeys(ranges, since_ms))
    return {
        tp: range_ if found[tp] is None else Range(max(range_.start, found[tp].offset), range_.end)
        for tp, range_ in ranges.items()
    }


async def committed(settings: Settings, group: str, topic: str) -> dict[int, int]:
    """Return what a consumer group has committed, by partition; empty partitions are left out."""
    async with reading(settings, group) as consumer:
        partitions = await partitions_of(consumer, [topic])
        offsets = await asyncio.gather(*(consumer.committed(tp) for tp in partitions))
    return {
        tp.partition: offset
        for tp, offset in zip(partitions, offsets, strict=True)
        if offset is not None
    }


async def is_done(settings: Settings, group: str, topic: str) -> bool:
    """Return whether a consumer group has committed everything that is on a topic now."""
    async with reading(settings) as consumer:
        ends = await ranges_of(consumer, await partitions_of(consumer, [topic]))
    offsets = await committed(settings, group, topic)
    return all(offsets.get(tp.partition, 0) >= found.end for tp, found in ends.items())


async def read(
    settings: Settings, ranges: Mapping[TopicPartition, Range]
) -> AsyncGenerator[tuple[TopicPartition, list[ConsumerRecord]], None]:
    """Yield runs of records, each partition in its order, all of them side by side.

    Ends when every range is read; raises ReadError when the broker stays silent for a minute.
    """
    left = {tp: range_ for tp, range_ in ranges.items() if range_.start < range_.end}
    if not left:
        return
    async with reading(settings) as consumer:
        consumer.assign(list(left))
        for tp, range_ in left.items():
            consumer.seek(tp, range_.start)
        loop = asyncio.get_running_loop()
        heard = loop.time()
        before: dict[TopicPartition, int] = {}
        while left:
            runs = await _some(consumer)
            reached = {tp: await consumer.position(tp) for tp in left}
            # Aborted transactions bring no records, however long they are.
            if reached != before:
                before, heard = reached, loop.time()
            elif loop.time() - heard > _SILENCE_S:
                names = ", ".join(sorted({tp.topic for tp in left}))
                raise ReadError(f"silent for a minute, with more to read of {names}")
            for tp, records in runs.items():
                if tp in left:
                    end = left[tp].end
                    within = [record for record in records if record.offset < end]
                    if within:
                        yield tp, within
            for tp in [tp for tp in left if reached[tp] >= left[tp].end]:
                del left[tp]
                consumer.pause(tp)


async def _some(consumer: AIOKafkaConsumer) -> dict[TopicPartition, list[ConsumerRecord]]:
    runs: dict[TopicPartition, list[ConsumerRecord]] = await consumer.getmany(
        timeout_ms=_WAIT_MS, max_records=_BATCH
    )
    return runs


async def first_timestamp(settings: Settings, ranges: Mapping[TopicPartition, Range]) -> int:
    """Return since when, in milliseconds, all partitions are complete; 0: none was trimmed."""
    left = {tp: range_ for tp, range_ in ranges.items() if 0 < range_.start < range_.end}
    since, width = 0, 1
    while left:
        # A transaction's marker at the beginning is no record: the first one may come later.
        near = {
            tp: Range(held.start, min(held.start + width, held.end)) for tp, held in left.items()
        }
        async for tp, records in read(settings, near):
            if left.pop(tp, None) is not None:
                since = max(since, records[0].timestamp)
        left = {tp: Range(near[tp].end, held.end) for tp, held in left.items()}
        left = {tp: held for tp, held in left.items() if held.start < held.end}
        width *= 1000
    return since
