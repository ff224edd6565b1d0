"""Rebuilding the whole store from the log while no worker runs."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Final, NamedTuple

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import CommitFailedError
from aiokafka.structs import RecordMetadata
from redis.asyncio import Redis

from workers.agents.escalation.agent import EscalationAgent, partition_of
from workers.agents.escalation.log_reader import LogReader, Surroundings
from workers.contracts.decisions import Home
from workers.contracts.topics import EVENTS
from workers.conversation.partition_meta import PartitionMeta
from workers.errors import WorkerStop
from workers.kafka.commits import Commit, commits_of, reset
from workers.kafka.reader import Range, Ranges, partitions_of, ranges_of, reading
from workers.runtime.dead_letter_limit import DeadLetterLimit
from workers.runtime.placing import Bounds
from workers.runtime.process import wait_for_topics
from workers.runtime.producer import IDEMPOTENT, Record, publish_all
from workers.settings import Settings, kafka_client_kwargs
from workers.stores.connection import connect
from workers.stores.partition_store import PartitionStore, set_partitions

AT_ONCE: Final = 4
"""Partitions that are folded side by side: while one waits for a server another one folds."""

_SESSION_ENDS_S: Final = 5.0


class Rebuilt(NamedTuple):
    """The result of rebuilding one partition."""

    partition: int
    records: int
    """Records that were folded again."""
    republished: int
    """Latest decisions of open escalations."""
    begins_at: int | None = None
    """Offset at which workers begin a log that was cut or made anew; None: unchanged."""


async def committed_offsets(settings: Settings) -> dict[int, Commit]:
    """Return the offset up to which each partition was decided; empty if no worker ever ran."""
    async with reading(settings, EscalationAgent.group) as consumer:
        found = await commits_of(consumer, await partitions_of(consumer, [EVENTS]))
    return {tp.partition: commit for tp, commit in sorted(found.items())}


async def rebuild(
    settings: Settings,
    own: PartitionMeta,
    offsets: dict[int, Commit],
    advance: Callable[[int], None],
) -> list[Rebuilt]:
    """Empty each partition's keys and fold what was committed of it; no worker may be running.

    A log that is shorter than that was cut or made anew: it is left to the workers, which begin it
    at its beginning; records that were published before keep their ids and do no harm.

    `own` is in force where the log names no policy. Raises WorkerStop when a worker runs.
    `advance` is told how many records were folded.
    """
    redis, around = connect(settings), Surroundings(settings)
    counts = await wait_for_topics(settings, [EVENTS])
    producer = AIOKafkaProducer(**kafka_client_kwargs(settings), **IDEMPOTENT)
    await producer.start()
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, held: Range, commit: Commit) -> Rebuilt:
        log = LogReader(settings, Home(topic=EVENTS, partition=number), around)
        async with turns:
            if commit.offset > held.end:
                await PartitionStore(redis, settings.redis_prefix, log.home, "rebuild").clear()
                return Rebuilt(number, 0, 0, begins_at=held.start)
            return await _one(settings, redis, producer, own, log, held, commit, advance)

    try:
        await set_partitions(redis, settings.redis_prefix, EVENTS, counts[EVENTS])
        async with reading(settings) as consumer:
            held = await ranges_of(consumer, [TopicPartition(EVENTS, n) for n in offsets])
        await _reset_beyond(settings, offsets, held)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(one(number, held[TopicPartition(EVENTS, number)], commit))
                for number, commit in offsets.items()
            ]
        return [task.result() for task in tasks]
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    finally:
        await producer.stop()
        await redis.aclose()


async def _reset_beyond(settings: Settings, offsets: dict[int, Commit], held: Ranges) -> None:
    """Take commits that lie behind the end of their log back to its beginning."""
    anew = {
        tp: Commit(found.start, found.start)
        for tp, found in held.items()
        if offsets[tp.partition].offset > found.end
    }
    if not anew:
        return None
    # Who was killed is a member until its session ends.
    until = time.monotonic() + settings.kafka_session_timeout_s + _SESSION_ENDS_S
    while True:
        try:
            return await reset(settings, EscalationAgent.group, anew)
        except CommitFailedError:
            if time.monotonic() > until:
                group = EscalationAgent.group
                raise WorkerStop(f"{group} has members: they are still at work") from None
            await asyncio.sleep(1.0)


async def _one(
    settings: Settings,
    redis: Redis,
    producer: AIOKafkaProducer,
    own: PartitionMeta,
    log: LogReader,
    held: Range,
    commit: Commit,
    advance: Callable[[int], None],
) -> Rebuilt:
    republished, folded, until = 0, 0, commit.offset

    async def publish(records: Sequence[Record]) -> Sequence[RecordMetadata]:
        nonlocal republished
        republished += len(records)
        return await publish_all(producer, records)

    await PartitionStore(redis, settings.redis_prefix, log.home, "rebuild").clear()
    limit = DeadLetterLimit(enforced=False)
    partition = partition_of(settings, redis, publish, log, "rebuild", limit, own)
    position = await partition.place(Bounds(held.start, held.end, until, commit.first), "now")
    await partition.take_over()
    async with aclosing(log.records(position, until)) as runs:
        async for records in runs:
            for start in range(0, len(records), settings.chunk_size):
                await partition.apply(records[start : start + settings.chunk_size])
            folded += len(records)
            advance(len(records))
    await partition.finish_rebuild(until)
    return Rebuilt(log.home.partition, folded, republished)
