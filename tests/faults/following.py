"""Follows topics from their beginning without a group, through every restart of a broker."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError


class Follower:
    """Calls `heard(topic, value)` for each record, in the order of its partition."""

    def __init__(
        self, bootstrap: str, topics: Sequence[str], heard: Callable[[str, bytes], None]
    ) -> None:
        self._bootstrap = bootstrap
        self._topics = topics
        self._heard = heard
        self._last = time.monotonic()

    @property
    def idle_s(self) -> float:
        """Seconds since the last record."""
        return time.monotonic() - self._last

    async def start(self) -> None:
        """Begin at the first record of each partition."""
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=200
        )
        await self._consumer.start()
        cluster = await self._consumer._client.fetch_all_metadata()
        tps = [TopicPartition(t, p) for t in self._topics for p in cluster.partitions_for_topic(t)]
        self._consumer.assign(tps)
        for tp in tps:
            self._consumer.seek(tp, 0)
        self._task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        while True:
            try:
                found = await self._consumer.getmany(timeout_ms=200)
            except KafkaError:
                await asyncio.sleep(0.2)
                continue
            for tp, records in found.items():
                self._last = time.monotonic()
                for record in records:
                    self._heard(tp.topic, record.value)

    async def stop(self) -> None:
        """Disconnect; an error of `heard` comes out here."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self._consumer.stop()
