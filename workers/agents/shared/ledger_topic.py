"""Brings the ledger in Redis up to its topic: at a start, and before an id counts as unknown."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import aiokafka
from aiokafka import ConsumerRecord, TopicPartition
from redis.asyncio import Redis

from workers.contracts.codec import decode_message
from workers.contracts.ledger import LedgerRecord
from workers.contracts.rejections import Rejected
from workers.contracts.time import MINUTE, to_ms
from workers.contracts.topics import LEDGER
from workers.errors import ConfigurationError, WentBackError
from workers.kafka.aiokafka_internals import all_metadata, stop
from workers.routing.ledger_record import waits_on
from workers.stores.ledger_store import LedgerStore
from workers.stores.queue_load import ANY_NUMBER, LoadStore

_BATCH: Final = 500
_LOOKS: Final = 4
"""Answers without the topic after which there is none; a broker may be about to create it."""
_SETTLED_MS: Final = MINUTE
"""Age from which a taken place has its record in the ledger, or will never have one."""

logger = logging.getLogger(__name__)


class CaughtUp(NamedTuple):
    """The state of the ledger in Redis once all of its topic has been read."""

    witness: str
    """The witness left in the store; see `LedgerStore.has`."""
    positions: Mapping[int, int]
    """The position reached of each partition."""


class LedgerTopic:
    """Reads what the topic has and Redis has not; safe while others write to both."""

    def __init__(
        self, kafka: Mapping[str, Any], client_id: str, redis: "Redis",
        ledger: LedgerStore, load: LoadStore,
    ) -> None:  # fmt: skip
        self._kafka = kafka
        self._client_id = client_id
        self._redis = redis
        self._ledger = ledger
        self._load = load

    async def catch_up(self) -> CaughtUp:
        """Restore every record beyond the positions in Redis.

        Everything that was on the topic when it was called is in Redis when it returns, and for as
        long as the store has the witness. A position read there later that is lower than the one
        returned tells that Redis went back in time.
        """
        consumer = aiokafka.AIOKafkaConsumer(
            **self._kafka,
            client_id=self._client_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        await consumer.start()
        try:
            while True:
                witness = await self._ledger.witness()
                try:
                    known = await self._ledger.positions()
                    return CaughtUp(witness, await self._read(consumer, known, witness))
                except WentBackError as error:
                    logger.warning("%s: reading again", error)
        finally:
            await stop(consumer)

    async def _read(
        self, consumer: aiokafka.AIOKafkaConsumer, known: Mapping[int, int], witness: str
    ) -> Mapping[int, int]:
        tps = await self._partitions(consumer)
        begins = await consumer.beginning_offsets(tps)
        ends = await consumer.end_offsets(tps)
        starts = {tp: _start(known.get(tp.partition, 0), begins[tp], ends[tp]) for tp in tps}
        behind = {tp for tp in tps if starts[tp] < ends[tp]}
        if not behind:
            return known
        consumer.assign(behind)
        for tp in behind:
            consumer.seek(tp, starts[tp])
        restored = 0
        reached = {tp: known.get(tp.partition, 0) for tp in tps}
        while behind:
            fetched = await consumer.getmany(*behind, timeout_ms=1000, max_records=_BATCH)
            for tp, records in fetched.items():
                restored += await self._restore(records)
                end = records[-1].offset + 1
                await self._ledger.advance([(tp.partition, reached[tp], end)], witness)
                reached[tp] = end
            behind = {tp for tp in behind if await consumer.position(tp) < ends[tp]}
        rest = [(tp.partition, reached[tp], ends[tp]) for tp in tps]
        positions = await self._ledger.advance(rest, witness)
        if any(positions[tp.partition] < ends[tp] for tp in tps):
            raise WentBackError("Redis went back in time while the ledger was read")
        if restored:
            logger.warning("%d ledger records were missing in Redis and are restored", restored)
        return positions

    async def _partitions(self, consumer: aiokafka.AIOKafkaConsumer) -> list[TopicPartition]:
        for _ in range(_LOOKS):
            cluster = await all_metadata(consumer)
            if found := cluster.partitions_for_topic(LEDGER):
                return [TopicPartition(LEDGER, partition) for partition in sorted(found)]
            await asyncio.sleep(0.25)
        raise ConfigurationError(f"no topic {LEDGER}: create it with `handoff topics apply`")

    async def _restore(self, records: Sequence[ConsumerRecord]) -> int:
        found: list[LedgerRecord] = []
        for record in records:
            if record.value is None:
                continue  # a conversation that was forgotten
            try:
                found.append(decode_message(LedgerRecord, record.value))
            except Rejected as rejected:
                logger.error("%s[%d] %d: %s", LEDGER, record.partition, record.offset, rejected)
        # Desks may still speak of escalations that a later one of their conversation followed.
        restored = await self._ledger.restore(found)
        latest = {one.conversation_id: one for one in restored}
        for one in latest.values():
            await self.align(one)
        return len(latest)

    async def align(self, record: LedgerRecord) -> None:
        """Give the escalation of this record a place where it waits, and nowhere else."""
        if record.escalation_id is None:
            return
        queue = waits_on(record)
        if queue is not None and self._load.knows(queue):
            placed_ms = to_ms(record.placed_at or record.plan.planned_at)
            await self._load.reserve(queue, record.escalation_id, ANY_NUMBER, placed_ms)
            return
        pipeline = self._redis.pipeline(transaction=False)
        self._load.release(pipeline, record.escalation_id)
        await pipeline.execute()

    async def reconcile(self, now_ms: int) -> int:
        """Give up places whose escalation does not wait there; return how many those were.

        A router that ended between taking a place and writing the ledger left them behind.
        """
        waiting = await self._load.waiting_since(now_ms - _SETTLED_MS)
        ids = [escalation_id for members in waiting.values() for escalation_id in members]
        if not ids:
            return 0
        where = await self._ledger.whereabouts(ids)
        entries = await self._ledger.find_all({found.conversation_id for found in where.values()})
        stale = []
        for queue, members in waiting.items():
            for escalation_id in members:
                found = where.get(escalation_id)
                record = None if found is None else entries[found.conversation_id].record
                here = record is not None and record.escalation_id == escalation_id
                if not here or waits_on(record) != queue:
                    stale.append((queue, escalation_id))
        await self._load.drop(stale)
        if stale:
            logger.warning("freed %d places in queues that no escalation held", len(stale))
        return len(stale)


def _start(known: int, begin: int, end: int) -> int:
    """Return the offset to go on from; one beyond the end belongs to another cluster's topic."""
    return begin if known > end else max(known, begin)
