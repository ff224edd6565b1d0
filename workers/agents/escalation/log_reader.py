"""Reading parts of the log, and of the topics that tell about it, beside the consumer group."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import aclosing

import msgspec
from aiokafka import ConsumerRecord, TopicPartition

from workers.agents.escalation.decoding import POISON
from workers.contracts.codec import Raw, decode_message
from workers.contracts.deadletters import read_dead_letter
from workers.contracts.decisions import Home
from workers.contracts.ledger import LedgerRecord
from workers.contracts.rejections import Rejected
from workers.contracts.time import to_ms
from workers.contracts.topics import DEAD_LETTERS, LEDGER
from workers.kafka.reader import Range, partitions_of, ranges_of, read, reading
from workers.settings import Settings


class OpenConversation(msgspec.Struct, frozen=True):
    """A conversation whose escalation is open, as `escalation-ledger` knows it."""

    conversation_id: str
    started_at: int


class Surroundings:
    """What other topics tell about the log, read once for all partitions of a worker."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = asyncio.Lock()
        self._open: dict[Home, list[OpenConversation]] | None = None
        self._poison: dict[Home, list[int]] | None = None

    async def open_conversations(self, home: Home) -> list[OpenConversation]:
        """Conversations of a partition whose escalation the ledger topic says is open."""
        async with self._lock:
            if self._open is None:
                self._open = await self._read_ledger()
        return self._open.get(home, [])

    async def poison(self, home: Home) -> tuple[int, ...]:
        """Offsets of a partition that are in `dead-letters` because processes died at them."""
        async with self._lock:
            if self._poison is None:
                self._poison = await self._read_dead_letters()
        return tuple(sorted(set(self._poison.get(home, []))))

    async def _read_ledger(self) -> dict[Home, list[OpenConversation]]:
        last: dict[bytes, tuple[Home, OpenConversation]] = {}
        async for record in self._whole(LEDGER):
            ledger = _ledger(record.value)
            if ledger is None or ledger.outcome is not None or ledger.escalation_id is None:
                last.pop(record.key, None)
                continue
            started = to_ms(ledger.decision.facts.started_at)
            last[record.key] = ledger.home, OpenConversation(ledger.conversation_id, started)
        found: dict[Home, list[OpenConversation]] = {}
        for home, conversation in last.values():
            found.setdefault(home, []).append(conversation)
        return found

    async def _read_dead_letters(self) -> dict[Home, list[int]]:
        found: dict[Home, list[int]] = {}
        async for record in self._whole(DEAD_LETTERS):
            raw = Raw(record.key, record.value, record.headers, record.timestamp)
            letter = read_dead_letter(raw)
            if letter is not None and letter.reason == POISON:
                home = Home(topic=letter.origin.topic, partition=letter.origin.partition)
                found.setdefault(home, []).append(letter.origin.offset)
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
        """Yield runs of records from `start` up to `end`.

        Only those with one of the `keys` if given.
        """
        ranges = {self._tp: Range(start, end)}
        async with aclosing(read(self._settings, ranges)) as runs:
            async for _, records in runs:
                chosen = [r for r in records if keys is None or r.key in keys]
                if chosen:
                    yield chosen

    async def open_conversations(self) -> list[OpenConversation]:
        """Conversations of this partition whose escalation the ledger topic says is open."""
        return await self._around.open_conversations(self.home)

    async def poison(self) -> tuple[int, ...]:
        """Offsets of this partition that are in `dead-letters` because processes died at them."""
        return await self._around.poison(self.home)


def _ledger(value: bytes | None) -> LedgerRecord | None:
    try:
        return None if value is None else decode_message(LedgerRecord, value)
    except Rejected:
        # It is ours, so only a version that this worker does not know.
        return None
