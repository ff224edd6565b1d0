"""Looks at the consumer groups several times a second: who stands still while records wait."""

import asyncio
import time
from contextlib import suppress
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient

from workers.contracts.topics import CLASSIFICATIONS, DECISIONS, DESKS, EVENTS
from workers.settings import Settings

GROUPS: Final = {
    "handoff-escalation": EVENTS,
    "handoff-routing": DECISIONS,
    "handoff-desk": DESKS,
    "handoff-classifier": CLASSIFICATIONS,
    "handoff-outcomes": DECISIONS,
}
EVERY_S: Final = 0.25


class Watch:
    """Follows commits and ends; a pause is time without a committed advance while there was lag."""

    def __init__(self, settings: Settings) -> None:
        self._bootstrap = settings.kafka_bootstrap or ""
        self.longest: dict[str, float] = dict.fromkeys(GROUPS, 0.0)
        self.served: dict[str, float] = dict.fromkeys(GROUPS, 0.0)
        """The same, without the time in which the broker was away."""
        self._back: float | None = 0.0
        self.lag: dict[str, int] = {}
        """Per group, at the last look that the broker answered."""
        self._since: dict[tuple[str, TopicPartition], tuple[int, float]] = {}

    async def start(self) -> None:
        """Connect and begin."""
        self._admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await self._admin.start()
        self._consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap)
        await self._consumer.start()
        cluster = await self._consumer._client.fetch_all_metadata()
        self._tps = {
            group: [TopicPartition(topic, p) for p in cluster.partitions_for_topic(topic)]
            for group, topic in GROUPS.items()
        }
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Disconnect."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self._consumer.stop()
        await self._admin.close()

    def reset(self) -> None:
        """Begin a new round."""
        self.longest = dict.fromkeys(GROUPS, 0.0)
        self.served = dict.fromkeys(GROUPS, 0.0)
        self._since.clear()

    def away(self) -> None:
        """The broker goes away."""
        self._back = None

    def back(self) -> None:
        """The broker answers again."""
        self._back = time.monotonic()

    async def _watch(self) -> None:
        while True:
            with suppress(KafkaError, TimeoutError):
                await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> dict[str, int]:
        """Look once; return each group's lag."""
        for group, tps in self._tps.items():
            committed = await self._admin.list_consumer_group_offsets(group, partitions=tps)
            ends = await self._consumer.end_offsets(tps)
            now = time.monotonic()
            lag = 0
            for tp, end in ends.items():
                offset = max(0, committed[tp].offset) if tp in committed else 0
                lag += end - offset
                self._pause(group, tp, offset, end, now)
            self.lag[group] = lag
        return self.lag

    def _pause(self, group: str, tp: TopicPartition, offset: int, end: int, now: float) -> None:
        before, since = self._since.get((group, tp), (-1, now))
        if offset != before or offset >= end:
            since = now
        self._since[group, tp] = (offset, since)
        self.longest[group] = max(self.longest[group], now - since)
        if self._back is not None:
            self.served[group] = max(self.served[group], now - max(since, self._back))

    async def wait_for_groups(self, seconds: float) -> None:
        """Return when every group has members that hold partitions."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if await asyncio.to_thread(self._are_stable):
                return
            await asyncio.sleep(0.3)
        raise TimeoutError(f"the workers did not start within {seconds:g} s")

    def _are_stable(self) -> bool:
        # aiokafka cannot read what Kafka 4 answers to this question.
        admin = AdminClient({"bootstrap.servers": self._bootstrap, "log_level": 0})
        described = admin.describe_consumer_groups([*GROUPS], request_timeout=10)
        try:
            states = {future.result().state for future in described.values()}
        except KafkaException:
            return False
        return states == {ConsumerGroupState.STABLE}
