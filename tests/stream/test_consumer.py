"""Start and commits of a worker, with a real consumer on the embedded broker."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from faust.types import TP

from tests.support.routing_harness import Publisher
from workers.contracts.topics import DESKS
from workers.embedded import EmbeddedKafka
from workers.runtime.app import Agent
from workers.runtime.health import Health
from workers.runtime.process import _serve
from workers.runtime.producer import Record
from workers.settings import Settings

HERE = TP(DESKS, 1)


class Reader(Agent):
    """Keeps the offsets that it was given."""

    group = "handoff-reader"
    topic = DESKS

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.seen: dict[TP, list[int]] = {}

    async def handle(self, tp: TP, records: Sequence[ConsumerRecord]) -> None:
        """Keep the offsets."""
        self.seen.setdefault(tp, []).extend(record.offset for record in records)


@asynccontextmanager
async def serving(agent: Agent) -> AsyncIterator[None]:
    """Serve an agent as a worker does, until the block ends."""
    stopping = asyncio.Event()
    served = asyncio.create_task(_serve(agent, stopping, Health(agent.group)))
    try:
        yield
    finally:
        stopping.set()
        async with asyncio.timeout(60):
            await served


@asynccontextmanager
async def group(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Connect as the reader's group, to commit and to see what is committed."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=Reader.group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def commit(bootstrap: str, offsets: Mapping[TP, int]) -> None:
    """Commit as somebody who read a log that is no more."""
    async with group(bootstrap) as consumer:
        consumer.assign([TopicPartition(*tp) for tp in offsets])
        await consumer.commit({TopicPartition(*tp): offset for tp, offset in offsets.items()})


@pytest.mark.expects_errors("it was cut or made anew; beginning at 0")
async def test_a_log_that_was_made_anew_is_read_from_its_beginning(
    kafka: EmbeddedKafka, settings: Settings
) -> None:
    kafka.ensure_topics([DESKS])
    async with Publisher(kafka.bootstrap) as publisher:
        await publisher.publish(Record(DESKS, b"k", b"v", HERE.partition) for _ in range(50))
        await commit(kafka.bootstrap, {HERE: 1000})
        agent = Reader(settings)
        async with serving(agent):
            async with asyncio.timeout(60):
                while len(agent.seen.get(HERE, ())) < 50:  # noqa: ASYNC110 - Kafka tells nobody
                    await asyncio.sleep(0.05)
        assert agent.seen[HERE] == [*range(50)]
        async with group(kafka.bootstrap) as consumer:
            found = await consumer.committed(TopicPartition(*HERE))
        assert found == 50, "and what is committed is what was read of the new one"
