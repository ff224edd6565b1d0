"""Fills the view from the topics, each partition from where the view itself says it was read to."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from workers.console.view_file import ViewFile, forget
from workers.console.view_rows import OWN_SOURCES, Fetched, apply_records
from workers.contracts.codec import Raw
from workers.contracts.topics import Topics
from workers.kafka.reader import partitions_of, ranges_of, reading
from workers.runtime.kafka_log import OUTAGE
from workers.settings import Settings

_AT_ONCE: Final = 2_000
_WAIT_MS: Final = 250
_LEAST_FETCH_MS: Final = 100
"""The embedded broker answers each fetch after the whole of its wait; at the workers' 20 ms an idle
console did little else than to fetch nothing."""
_LOOK_S: Final = 3.0
"""Between looks at what changes seldom: whether the broker answers, what partitions there are."""
_ANSWER_S: Final = 5.0
_FORGET_S: Final = 20.0
_PAUSE_S: Final = 1.0

logger = logging.getLogger(__name__)


class TopicFollower:
    """Reads by assignment and keeps the offsets beside the rows, in one transaction with them.

    No consumer group is joined, so any number of consoles reads the same topics.
    """

    def __init__(
        self, settings: Settings, topics: Topics, view: ViewFile, changed: Callable[[], None]
    ) -> None:
        """Prepare it; `changed` is called after each change of the view."""
        wait_ms = max(_LEAST_FETCH_MS, settings.kafka_fetch_max_wait_ms)
        self._settings = settings.model_copy(update={"kafka_fetch_max_wait_ms": wait_ms})
        self._sources = [*OWN_SOURCES, *(queue.topic for queue in topics.queues.values())]
        self._view = view
        self._changed = changed
        self._looked = self._forgot = 0.0
        self.behind: int | None = None
        """Records on the topics that the view lacks; None while Kafka does not answer."""
        self.away_since: float | None = time.time()
        """Time from which Kafka has not answered, in seconds since the epoch; None: it answers."""

    async def run(self) -> None:
        """Follow until cancelled; Kafka may come and go."""
        while True:
            try:
                await self._follow()
            except (KafkaError, OSError, TimeoutError, sqlite3.Error) as error:
                self._went(error)
            await asyncio.sleep(_PAUSE_S)

    def _went(self, error: Exception) -> None:
        if self.away_since is None:
            logger.warning("%s: %s; trying again", type(error).__name__, error)
            self.away_since = time.time()
        self.behind = None
        self._changed()

    async def _follow(self) -> None:
        async with reading(self._settings) as consumer:
            assigned: list[TopicPartition] = []
            while True:
                if not self._view.is_there():
                    logger.warning("%s is gone: filling it again from the topics", self._view.path)
                    await self._view.reset()
                    assigned = []
                if not assigned or time.monotonic() - self._looked >= _LOOK_S:
                    self._looked = time.monotonic()
                    assigned = await self._look(consumer, assigned)
                await self._read_some(consumer, assigned)
                await self._forget_some()

    async def _look(
        self, consumer: AIOKafkaConsumer, assigned: list[TopicPartition]
    ) -> list[TopicPartition]:
        """Assign partitions that are new, and learn how far behind the view is."""
        async with asyncio.timeout(_ANSWER_S):
            found = await partitions_of(consumer, self._sources)
            ranges = await ranges_of(consumer, found)
        positions = await self._view.read(_positions)
        if any(positions.get(tp, 0) > range_.end for tp, range_ in ranges.items()):
            logger.warning("the topics were created anew: filling the view again from them")
            await self._view.reset()
            positions, assigned = {}, []
        starts = {tp: max(positions.get(tp, 0), held.start) for tp, held in ranges.items()}
        if found != assigned:
            consumer.assign(found)
            for tp in found:
                consumer.seek(tp, starts[tp])
        behind = sum(held.end - starts[tp] for tp, held in ranges.items())
        OUTAGE.answered()
        if self.away_since is not None or behind != self.behind:
            self.away_since, self.behind = None, behind
            self._changed()
        return found

    async def _read_some(
        self, consumer: AIOKafkaConsumer, assigned: Sequence[TopicPartition]
    ) -> None:
        if not assigned:
            await asyncio.sleep(_PAUSE_S)
            return
        runs = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=_AT_ONCE)
        records = [_fetched(record) for run in runs.values() for record in run]
        if not records:
            return
        ends = [(tp.topic, tp.partition, run[-1].offset + 1) for tp, run in runs.items() if run]
        await self._view.write(lambda connection: apply_records(connection, records, ends))
        self._changed()

    async def _forget_some(self) -> None:
        if time.monotonic() - self._forgot >= _FORGET_S:
            self._forgot = time.monotonic()
            now_ms = time.time_ns() // 1_000_000
            await self._view.write(lambda connection: forget(connection, now_ms))


def _positions(connection: sqlite3.Connection) -> dict[TopicPartition, int]:
    rows = connection.execute("SELECT topic, part, next FROM position")
    return {TopicPartition(topic, part): offset for topic, part, offset in rows}


def _fetched(record: ConsumerRecord) -> Fetched:
    raw = Raw(record.key, record.value, record.headers, record.timestamp)
    return Fetched(record.topic, record.partition, record.offset, raw)
