"""Reads the topics for the audit, side by side, while everything else may be running."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from aiokafka import ConsumerRecord, TopicPartition

from workers.audit.audit import Audit
from workers.audit.audit_report import Report, WindowRate
from workers.audit.conversation_track import At
from workers.audit.horizon import PLACED_WITHIN_S, Horizon, WorkerProgress
from workers.contracts.codec import (
    UNSIGNED,
    Raw,
    decode_event,
    decode_message,
    decode_queue_message,
)
from workers.contracts.control import Control
from workers.contracts.deadletters import read_dead_letter
from workers.contracts.decisions import Decision, Home
from workers.contracts.events import Routed
from workers.contracts.ledger import LedgerRecord
from workers.contracts.rejections import Rejected
from workers.contracts.signing import Secrets
from workers.contracts.tickets import Notification, Ticket
from workers.contracts.topics import (
    CONTROL,
    DEAD_LETTERS,
    DECISIONS,
    DESKS,
    EVENTS,
    LEDGER,
    NOTIFICATIONS,
    TICKETS,
    Topics,
)
from workers.conversation.partition_meta import policy_in, read_meta, version_order
from workers.conversation.rates import read_rates
from workers.kafka.reader import (
    Ranges,
    ReadError,
    committed,
    first_timestamp,
    partitions_of,
    ranges_of,
    read,
    reading,
)
from workers.settings import Settings
from workers.stores.connection import connect
from workers.stores.partition_store import REBUILDING, Head, PartitionStore

ESCALATION_GROUP: Final = "handoff-escalation"
ROUTING_GROUP: Final = "handoff-routing"
DESK_GROUP: Final = "handoff-desk"
_NO_EFFECTS: Final = (LEDGER, NOTIFICATIONS)
"""Topics that no decision is held against: one is compacted, the other tells teams."""


class MissingTopicsError(ReadError):
    """The cluster lacks topics that the audit reads, so nothing can be proven."""


class LiveAudit:
    """One audit of live topics: `begin` notes every consumer's position, `run` reads and judges."""

    def __init__(
        self,
        settings: Settings,
        topics: Topics,
        secrets: Secrets = UNSIGNED,
        placed_within_s: float = PLACED_WITHIN_S,
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._placed_within_s = placed_within_s
        self._queue_topics = [queue.topic for queue in topics.queues.values()]
        self._ranges: Ranges = {}
        self._horizon = Horizon(now_ms=0)

    async def begin(self) -> int:
        """Note every consumer's position, then the ends of the topics; return the records to read.

        Raises MissingTopicsError unless every topic that is to be read exists.
        """
        # The committed offsets are read first, so that all they led to lies within what is
        # read; the decisions' ends come last, so that every effect that is read was decided.
        handled = await committed(self._settings, ROUTING_GROUP, DECISIONS)
        applied = await committed(self._settings, ESCALATION_GROUP, EVENTS)
        reported = await committed(self._settings, DESK_GROUP, DESKS)
        effects = [*self._queue_topics, TICKETS, CONTROL, LEDGER, DEAD_LETTERS, NOTIFICATIONS]
        inputs = [EVENTS, DECISIONS, DESKS]
        async with reading(self._settings) as consumer:
            there = await partitions_of(consumer, [*effects, *inputs])
            self._require_topics([*effects, *inputs], there)
            heads = await self._heads([tp.partition for tp in there if tp.topic == EVENTS])
            now_ms = time.time_ns() // 1_000_000
            downstream = await ranges_of(consumer, [tp for tp in there if tp.topic in effects])
            log = await ranges_of(consumer, [tp for tp in there if tp.topic == EVENTS])
            desks = await ranges_of(consumer, [tp for tp in there if tp.topic == DESKS])
            decisions = await ranges_of(consumer, [tp for tp in there if tp.topic == DECISIONS])
        trimmed = {tp: found for tp, found in downstream.items() if tp.topic not in _NO_EFFECTS}
        log_since = await first_timestamp(self._settings, log)
        self._horizon = Horizon(
            now_ms=now_ms,
            handled=handled,
            applied=applied,
            marks=_marks(heads),
            rates=window_rates(heads.values()),
            progress=[
                *_progress("escalation", log, applied | _applied(heads)),
                *_progress("routing", decisions, handled),
                *_progress("desk", desks, reported),
            ],
            placed_within_s=self._placed_within_s,
            log_since_ms=log_since,
            decisions_since_ms=await first_timestamp(self._settings, decisions),
            effects_since_ms=max(log_since, await first_timestamp(self._settings, trimmed)),
        )
        self._ranges = downstream | log | decisions
        return sum(found.end - found.start for found in self._ranges.values())

    def _require_topics(self, named: Iterable[str], there: Iterable[TopicPartition]) -> None:
        if missing := sorted({*named} - {tp.topic for tp in there}):
            raise MissingTopicsError(
                f"{self._settings.kafka_bootstrap}: no such topics: {', '.join(missing)}: name "
                "the workers' cluster, or create the topics with `handoff topics apply`"
            )

    async def _heads(self, partitions: Iterable[int]) -> dict[int, Head]:
        """Return the store's data of each partition, if a store is named."""
        if self._settings.redis_url is None:
            return {}
        redis = connect(self._settings)
        try:
            prefix, heads = self._settings.redis_prefix, {}
            for partition in partitions:
                home = Home(topic=EVENTS, partition=partition)
                heads[partition] = await PartitionStore(redis, prefix, home, "audit").head()
            return heads
        finally:
            await redis.aclose()

    async def run(self, advance: Callable[[int], None]) -> Report:
        """Read what `begin` found, telling `advance` how many records were read, and judge."""
        audit = Audit(self._horizon)
        async for tp, records in read(self._settings, self._ranges):
            for record in records:
                self._take(audit, tp, record)
            advance(len(records))
        return audit.report()

    def _take(self, audit: Audit, tp: TopicPartition, record: ConsumerRecord) -> None:
        at = At(tp.partition, record.offset, record.timestamp)
        if tp.topic == EVENTS:
            self._event(audit, at, record)
            return
        if tp.topic == DEAD_LETTERS:
            letter = read_dead_letter(_raw(record))
            if letter is not None:
                origin = letter.origin
                log = origin.topic == EVENTS
                audit.dead_letter(letter.reason, origin.partition, origin.offset, of_the_log=log)
            return
        if record.value is None:
            return
        try:
            self._own(audit, tp.topic, at, record.value)
        except Rejected as rejected:
            audit.unknown(f"{tp.topic}[{tp.partition}] offset {record.offset}: {rejected}")

    def _own(self, audit: Audit, topic: str, at: At, value: bytes) -> None:
        if topic == DECISIONS:
            audit.decision(at, decode_message(Decision, value), hash(value))
        elif topic == CONTROL:
            audit.control(at, decode_message(Control, value))
        elif topic == LEDGER:
            audit.ledger(decode_message(LedgerRecord, value))
        elif topic == TICKETS:
            audit.ticket(at, decode_message(Ticket, value))
        elif topic == NOTIFICATIONS:
            audit.notification(decode_message(Notification, value))
        else:
            audit.queue_message(at, decode_queue_message(value))

    def _event(self, audit: Audit, at: At, record: ConsumerRecord) -> None:
        try:
            event = decode_event(_raw(record), self._secrets.at(EVENTS, at.partition))
        except Rejected as rejected:
            audit.unreadable(at, rejected.reason)
            return
        audit.event(at, event.event_id, event.conversation_id, event.type)
        if type(event) is Routed:
            audit.routed(at, event)


def _marks(heads: Mapping[int, Head]) -> dict[int, int]:
    """Return the last offset folded per partition; none of those that are being rebuilt."""
    return {
        partition: head.mark.offset
        for partition, head in heads.items()
        if head.mark is not None and REBUILDING not in head.meta
    }


def _applied(heads: Mapping[int, Head]) -> dict[int, int]:
    """Return per partition the first offset that is not yet folded, as far as the store knows."""
    return {partition: mark + 1 for partition, mark in _marks(heads).items()}


def _progress(
    worker: str, ranges: Ranges, positions: Mapping[int, int]
) -> Iterator[WorkerProgress]:
    for tp, found in ranges.items():
        if (position := positions.get(tp.partition)) is not None:
            yield WorkerProgress(worker, tp.topic, tp.partition, position, found.start, found.end)


def window_rates(heads: Iterable[Head]) -> list[WindowRate]:
    """Add up the windows of all partitions, judged by the newest policy in force in any."""
    metas = [meta for head in heads if (meta := read_meta(head.meta)) is not None]
    windows = [meta.rates for meta in metas if meta.rates is not None]
    if not windows:
        return []
    newest = max(metas, key=lambda meta: version_order(meta.policy_version))
    bands = policy_in(newest.policy_text).bands
    return [
        WindowRate(
            subject=str(rate.subject),
            conversations=rate.found.conversations,
            escalated=rate.found.escalated,
            share=round(rate.found.share, 4),
            low=rate.low,
            high=rate.high,
            verdict=rate.verdict,
        )
        for rate in read_rates(windows, bands)
    ]


def _raw(record: ConsumerRecord) -> Raw:
    return Raw(record.key, record.value, record.headers, record.timestamp)
