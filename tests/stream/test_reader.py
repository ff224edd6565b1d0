"""A reader of topics, and a broker that goes away."""

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from workers.contracts.topics import EVENTS
from workers.embedded import EmbeddedKafka
from workers.kafka.reader import reading
from workers.settings import Settings


async def test_whoever_reads_is_told_what_failed_and_not_cancelled(
    settings: Settings, kafka: EmbeddedKafka
) -> None:
    with pytest.raises(KafkaError, match="the broker is away"):
        await asyncio.wait_for(_read(settings, kafka, 1.0), 60)
    await _nothing_is_left()


async def test_whoever_is_cancelled_ends_so(settings: Settings, kafka: EmbeddedKafka) -> None:
    reader = asyncio.create_task(_read(settings, kafka, 60.0))
    await asyncio.sleep(1)
    reader.cancel()
    await asyncio.wait({reader}, timeout=60)
    assert reader.cancelled()
    await _nothing_is_left()


async def _read(settings: Settings, kafka: EmbeddedKafka, seconds: float) -> None:
    """Read, lose the broker, and fail after some seconds, in which fetches are tried again."""
    kafka.ensure_topics([EVENTS])
    async with reading(settings) as consumer:
        consumer.assign([TopicPartition(EVENTS, 0)])
        await consumer.getmany(timeout_ms=100)
        kafka.down()
        await asyncio.sleep(seconds)
        raise KafkaError("the broker is away")


async def _nothing_is_left() -> None:
    async with asyncio.timeout(60):
        while any("aiokafka" in repr(task.get_coro()) for task in asyncio.all_tasks()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
