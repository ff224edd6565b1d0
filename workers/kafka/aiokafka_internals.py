"""The private parts of aiokafka that this project uses, read in aiokafka 0.14.0.

`tests/unit/kafka/test_internals.py` fails when one of them changes its shape.
"""

import asyncio
from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from workers.kafka.tolerant_records import accept_any_records

# Every module that makes a consumer imports this one.
accept_any_records()


async def all_metadata(consumer: AIOKafkaConsumer) -> Any:
    """Return the metadata of every topic of the cluster.

    The public `partitions_for_topic` knows only of topics that the consumer was assigned. A
    request for everything creates no topic, not even where brokers create what is asked for.
    """
    return await consumer._client.fetch_all_metadata()


async def stop(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer and close its connections, also when a broker does not answer.

    The consumer's own `stop` cancels the fetches that wait for another try and awaits them. Their
    cancellation then ends the caller, and the connections stay open.
    """
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        await consumer._client.close()
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise


async def commits(
    consumer: AIOKafkaConsumer, tps: Collection[TopicPartition]
) -> dict[TopicPartition, OffsetAndMetadata]:
    """Return what the consumer's group has committed, with the text that stands beside it.

    The public `committed` leaves the text out, and asks for one partition at a time.
    """
    found: dict[TopicPartition, OffsetAndMetadata]
    found = await consumer._coordinator.fetch_committed_offsets([*tps])
    return found


def raise_group_errors(consumer: AIOKafkaConsumer) -> None:
    """Raise what the membership of the group has failed with, if it has."""
    if consumer._coordinator is not None:
        consumer._coordinator.check_errors()


class FetchBuffer:
    """The records that a started consumer has fetched and not handed over yet, by partition."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._fetcher = consumer._fetcher

    @property
    def closed(self) -> bool:
        """Return True if the consumer was stopped."""
        return bool(self._consumer._closed or self._fetcher._closed)

    @property
    def reassigning(self) -> bool:
        """Return True during an assignment of partitions, in which no record may be taken."""
        return bool(self._fetcher._subscriptions.reassignment_in_progress)

    def taking(self) -> AbstractContextManager[None]:
        """Hold off the consumer's idle clock while records are taken."""
        context: AbstractContextManager[None] = self._fetcher._subscriptions.fetch_context()
        return context

    def ready(self, active: Collection[TopicPartition]) -> list[TopicPartition]:
        """Return those of the partitions that have something."""
        return [tp for tp in self._fetcher._records if tp in active]

    def position(self, tp: TopicPartition) -> int:
        """Return the offset that a partition hands over next; -1 when it has none yet."""
        state = self._fetcher._subscriptions.subscription.assignment.state_value(tp)
        return int(state.position) if state.has_valid_position else -1

    async def take(self, tp: TopicPartition) -> list[ConsumerRecord]:
        """Take the next records of one partition, without letting anything else run."""
        limit = self._consumer._max_poll_records
        taken = await self._fetcher.fetched_records({tp}, timeout=0, max_records=limit)
        records: list[ConsumerRecord] = taken.get(tp, [])
        return records

    def arrival(self) -> "asyncio.Future[None]":
        """Return a future that is done when something more is fetched."""
        waiter: asyncio.Future[None] = self._fetcher._create_fetch_waiter()
        return waiter

    def pace(self, pause_s: float) -> None:
        """Leave a pause between fetches from a broker, so that records arrive some at a time.

        A fetch costs broker and worker the same, however little it brings. Nothing waits that
        comes later than the pause after the fetch before.
        """
        fetch, loop = self._fetcher._proc_fetch_request, asyncio.get_running_loop()
        sent: dict[int, float] = {}

        async def paced(assignment: Any, node_id: int, request: Any) -> bool:
            pause = sent.get(node_id, 0.0) + pause_s - loop.time()
            if pause > 0:
                await asyncio.sleep(pause)
            sent[node_id] = loop.time()
            fetched: bool = await fetch(assignment, node_id, request)
            return fetched

        self._fetcher._proc_fetch_request = paced
