"""Reading parts of the log, and of the topics that tell about it, beside the consumer group."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import aclosing

import msgspec
from aiokafka import ConsumerRecord, TopicPartition

from workers.agents.incoming import POISON
from workers.contracts.codec import Raw, decode_message
from workers.contracts.deadletters import read_dead_letter
from workers.contracts.decisions import Home
from workers.contracts.ledger import LedgerRecord
from workers.contracts.rejections import Rejected
from workers.contracts.time import to_ms
from workers.contracts.topics import DEAD_LETTERS, LEDGER
from workers.replay.reader import Range, partitions_of, ranges_of, read, reading
from workers.settings import Settings


class OpenConversation(msgspec.Struct, frozen=True):
    """A conversation whose escalation is open, as `escalation-ledger` knows it."""

    conversation_id: str
    started_at: int


class Log:
    """One partition of the log; every call opens a consumer of its own, so it is for rare use."""

    def __init__(self, settings: Settings, home: Home) -> None:
        self._settings = settings
        self._home = home
        self._tp = TopicPartition(home.topic, home.partition)

    async def offset_at(self, timestamp_ms: int) -> int:
        """The first offset at or after a time; the end of the log when there is none."""
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
        """Runs of records from `start` up to `end`, only those with one of the `keys` if given."""
        ranges = {self._tp: Range(start, end)}
        async with aclosing(read(self._settings, ranges)) as runs:
            async for _, records in runs:
                chosen = [r for r in records if keys is None or r.key in keys]
                if chosen:
                    yield chosen

    async def open_conversations(self) -> list[OpenConversation]:
        """Conversations of this partition whose escalation the ledger topic says is open."""
        last: dict[bytes, bytes | None] = {}
        async for record in self._whole(LEDGER):
            last[record.key] = record.value
        found = []
        for value in last.values():
            ledger = _ledger(value)
            if ledger is None or ledger.outcome is not None or ledger.escalation_id is None:
                continue
            if ledger.home == self._home:
                started = to_ms(ledger.decision.facts.started_at)
                found.append(OpenConversation(ledger.conversation_id, started))
        return found

    async def poison(self) -> tuple[int, ...]:
        """Offsets of this partition that are in `dead-letters` because processes died at them."""
        offsets = set()
        async for record in self._whole(DEAD_LETTERS):
            raw = Raw(record.key, record.value, record.headers, record.timestamp)
            letter = read_dead_letter(raw)
            if letter is not None and letter.reason == POISON:
                topic, partition, offset = letter.origin
                if (topic, partition) == self._tp:
                    offsets.add(offset)
        return tuple(sorted(offsets))

    async def _whole(self, topic: str) -> AsyncIterator[ConsumerRecord]:
        async with reading(self._settings) as consumer:
            ranges = await ranges_of(consumer, await partitions_of(consumer, [topic]))
        async with aclosing(read(self._settings, ranges)) as runs:
            async for _, records in runs:
                for record in records:
                    yield record


def _ledger(value: bytes | None) -> LedgerRecord | None:
    try:
        return None if value is None else decode_message(LedgerRecord, value)
    except Rejected:
        # It is ours, so only a version that this worker does not know.
        return None
