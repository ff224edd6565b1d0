"""Reading parts of the log, and of the topics that tell about it, beside the consumer group."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import aclosing
from math import inf
from typing import NamedTuple

from aiokafka import ConsumerRecord, TopicPartition

from workers.contracts.codec import MAX_AHEAD_MS, decode_message
from workers.contracts.decisions import Home
from workers.contracts.ledger import LedgerRecord
from workers.contracts.rejections import Rejected
from workers.contracts.time import HOUR, to_ms
from workers.contracts.topics import LEDGER
from workers.kafka.dead_letter_topic import read_given_up
from workers.kafka.reader import Range, partitions_of, ranges_of, read, reading
from workers.settings import Settings


class HandedOver(NamedTuple):
    """A conversation whose escalation is open, or ended lately, as `escalation-ledger` knows it."""

    conversation_id: str
    started_at: int
    """Start of the conversation, in milliseconds since the epoch."""


class Surroundings:
    """Facts about the log from other topics, read once for all partitions of a worker."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = asyncio.Lock()
        self._handed_over: dict[Home, list[HandedOver]] = {}
        self._ended_since: float = inf
        self._given_up: dict[Home, dict[int, tuple[str, ...]]] | None = None

    async def handed_over(self, home: Home, since_ms: int) -> list[HandedOver]:
        """Return conversations of a partition whose escalation was open at some time after that.

        Of those that ended, only the ones that began before are named, and perhaps some more.
        """
        async with self._lock:
            if since_ms < self._ended_since:
                # Other partitions of this worker began a moment before this one.
                self._ended_since = since_ms - HOUR
                self._handed_over = await self._read_ledger(since_ms - HOUR)
        return self._handed_over.get(home, [])

    async def given_up(self, home: Home) -> dict[int, tuple[str, ...]]:
        """Return what is in `dead-letters` because processes died at it, as `GivenUp` says."""
        async with self._lock:
            if self._given_up is None:
                self._given_up = await read_given_up(self._settings)
        return self._given_up.get(home, {})

    async def _read_ledger(self, since_ms: int) -> dict[Home, list[HandedOver]]:
        last: dict[bytes, tuple[Home, HandedOver]] = {}
        async for record in self._whole(LEDGER):
            last.pop(record.key, None)
            ledger = _ledger(record.value)
            if ledger is None or ledger.escalation_id is None:
                continue
            started = to_ms(ledger.decision.facts.started_at)
            # The router wrote it after the event that ended it was on the log.
            if ledger.outcome is not None and (
                record.timestamp < since_ms or started > since_ms + HOUR + MAX_AHEAD_MS
            ):
                continue
            last[record.key] = ledger.home, HandedOver(ledger.conversation_id, started)
        found: dict[Home, list[HandedOver]] = {}
        for home, conversation in last.values():
            found.setdefault(home, []).append(conversation)
        return found

    async def _whole(self, topic: str) -> AsyncIterator[ConsumerRecord]:
        async with reading(self._settings) as consumer:
            ranges = await ranges_of(consumer, await partitions_of(consumer, [topic]))
        async with aclosing(read(self._settings, ranges)) as runs:
            async for _, records in runs:
                for record in records:
                    yield record


class LogReader:
    """One partition of the log; every call opens a consumer of its own, so it is for rare use."""

    def __init__(self, settings: Settings, home: Home, around: Surroundings) -> None:
        self._settings = settings
        self.home = home
        self._around = around
        self._tp = TopicPartition(home.topic, home.partition)

    async def offset_at(self, timestamp_ms: int) -> int:
        """Return the first offset at or after a time; the end of the log when there is none."""
        async with reading(self._settings) as consumer:
            held = (await ranges_of(consumer, [self._tp]))[self._tp]
            for moment in (timestamp_ms, 0):
                found = (await consumer.offsets_for_times({self._tp: moment}))[self._tp]
                if found is not None:
                    return int(found.offset) if moment == timestamp_ms else held.end
        # The embedded broker keeps no times: everything that it holds is recent.
        return held.start

    async def records(
        self, start: int, end: int, keys: Collection[bytes] | None = None
    ) -> AsyncGenerator[list[ConsumerRecord], None]:
        """Yield runs of records from `start` up to `end`, only those with one of the `keys`."""
        ranges = {self._tp: Range(start, end)}
        async with aclosing(read(self._settings, ranges)) as runs:
            async for _, records in runs:
                chosen = [r for r in records if keys is None or r.key in keys]
                if chosen:
                    yield chosen

    async def handed_over(self, since_ms: int) -> list[HandedOver]:
        """Return conversations of this partition, as `Surroundings.handed_over` says."""
        return await self._around.handed_over(self.home, since_ms)

    async def given_up(self) -> dict[int, tuple[str, ...]]:
        """Return what of this partition workers died at, as `GivenUp` says."""
        return await self._around.given_up(self.home)


def _ledger(value: bytes | None) -> LedgerRecord | None:
    try:
        return None if value is None else decode_message(LedgerRecord, value)
    except Rejected:
        # It is ours, so only a version that this worker does not know.
        return None
