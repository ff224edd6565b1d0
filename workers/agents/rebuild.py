"""An empty store: what of the log has to be folded again before a partition goes on.

The log is folded from `REBUILD_WINDOW_MS` before, after the conversations with an open escalation
that are older than that. Nothing below the committed offset is published; in the end the latest
decision of every open escalation is, once more.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import aclosing
from itertools import islice
from typing import Final, Literal

import msgspec
from aiokafka import ConsumerRecord, TopicPartition

from workers.contracts.codec import Raw, decode_message
from workers.contracts.deadletters import read_dead_letter
from workers.contracts.decisions import Home
from workers.contracts.events import POLICY_CONVERSATION
from workers.contracts.ledger import LedgerRecord
from workers.contracts.rejections import Rejected
from workers.contracts.time import DAY, to_ms
from workers.contracts.topics import DEAD_LETTERS, DECISIONS, LEDGER
from workers.conversation.chunk import Change, Folded, Incoming, Output, fold_chunk
from workers.conversation.meta import PartitionMeta
from workers.replay.reader import Range, partitions_of, ranges_of, read, reading
from workers.settings import Settings

REBUILD_WINDOW_MS: Final = 3 * DAY
POISON: Final = "poison"


class Rebuild(msgspec.Struct, kw_only=True, frozen=True):
    """A rebuild in progress, stored with the mark, so that a restart goes on with it."""

    kind: Literal["first", "again"]
    """The very first start, or a store that lost what it had."""
    since: int
    """The offset where everything is folded from."""
    until: int
    """Outputs of records below are never published."""
    prepared: bool = False
    """Older conversations are folded, and `poison` is known."""
    poison: tuple[int, ...] = ()
    """Offsets that were dead-lettered because processes died at them."""


class OpenConversation(msgspec.Struct, frozen=True):
    """A conversation whose escalation is open, as `escalation-ledger` knows it."""

    conversation_id: str
    started_at: int


class Log:
    """Reads parts of the log beside the consumer group; every call opens its own consumer."""

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
                    return found.offset if moment == timestamp_ms else held.end
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

    async def first_policy(self, start: int, end: int) -> ConsumerRecord | None:
        """The first policy event at or after an offset: it holds before it, too."""
        async with aclosing(self.records(start, end, {POLICY_CONVERSATION.encode()})) as runs:
            async for records in runs:
                return records[0]
        return None

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


def split_at(records: Sequence[ConsumerRecord], offset: int) -> list[Sequence[ConsumerRecord]]:
    """The records below an offset and those from it on, each if there are any."""
    below = sum(record.offset < offset for record in records)
    return [part for part in (records[:below], records[below:]) if part]


def latest_decisions(folded: Folded) -> dict[str, Output | None]:
    """The last decision of each conversation that is open after a chunk; None when it is not."""
    latest: dict[str, Output | None] = {
        name: None for name, change in folded.changes.items() if not change.is_open
    }
    for output in folded.outputs:
        if output.topic == DECISIONS:
            name = (output.key or b"").decode()
            if latest.get(name, output) is not None:
                latest[name] = output
    return latest


class Beside:
    """Conversations folded anew in memory, to replace what is stored of them."""

    def __init__(self, home: Home, meta: PartitionMeta) -> None:
        self.meta = meta
        self.changes: dict[str, Change] = {}
        self.latest: dict[str, Output | None] = {}
        self._home = home

    def fold(self, incoming: Sequence[Incoming]) -> None:
        """Fold one run of records onto what is here."""
        states = {name: change.blob for name, change in self.changes.items()}
        known = {name: set(change.ids) for name, change in self.changes.items()}
        folded = fold_chunk(incoming, states, known, self.meta, self._home)
        self.meta = folded.meta
        self.latest |= latest_decisions(folded)
        for name, change in folded.changes.items():
            before = self.changes.get(name)
            if before is not None and not change.fresh:
                change.turns = before.turns + change.turns
                change.ids = before.ids + change.ids
            change.fresh = True
            self.changes[name] = change


def batched(changes: Mapping[str, Change], size: int) -> Iterator[dict[str, Change]]:
    """The changes in portions of at most `size`."""
    items = iter(changes.items())
    while portion := dict(islice(items, size)):
        yield portion
