"""Moves messages for vendors from our topics to the store; Kafka never waits for a vendor."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from workers.contracts.codec import decode_message, decode_queue_message
from workers.contracts.control import Control
from workers.contracts.handoffs import Claimed, Handoff, QueueMessage, Refused, Withdrawn
from workers.contracts.rejections import Rejected
from workers.contracts.topics import CONTROL, DEAD_LETTERS
from workers.kafka.aiokafka_internals import stop
from workers.kafka.publishing import Record
from workers.outbound.calls import calls_of
from workers.outbound.vendor_file import Vendor
from workers.runtime.clock import now_ms
from workers.settings import Settings, kafka_client_kwargs
from workers.stores.deliveries import Delivery, DeliveryStore, Rank
from workers.stores.kept_record import undelivered

GROUP: Final = "handoff-bridge"
DURABLE_S: Final = 5.0
"""Time after which Redis has its writes on disk (appendfsync everysec): then they are committed."""
_POLL_MS: Final = 200

logger = logging.getLogger(__name__)


class Noted(NamedTuple):
    """The rank of one of our messages, and its statement about its conversation."""

    conversation_id: str
    kind: str
    rank: Rank
    known: dict[str, str]


class OutgoingReader:
    """Reads `conversation-control` and the queues' topics, and keeps the messages for vendors."""

    def __init__(
        self,
        settings: Settings,
        topics: Sequence[str],
        vendors: Mapping[str, Vendor],
        store: DeliveryStore,
        added: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._vendors = vendors
        self._store = store
        self._added = added
        self.assigned = asyncio.Event()
        """Set once partitions are assigned: every message published from then on is told."""

    async def run(self) -> None:
        """Read until cancelled; raises aiokafka's errors, after which it may be run again."""
        consumer = AIOKafkaConsumer(
            *self._topics,
            **kafka_client_kwargs(self._settings),
            group_id=GROUP,
            client_id=GROUP,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            isolation_level="read_committed",
            session_timeout_ms=round(self._settings.kafka_session_timeout_s * 1000),
            heartbeat_interval_ms=round(self._settings.kafka_session_timeout_s * 1000 / 4),
            fetch_max_wait_ms=self._settings.kafka_fetch_max_wait_ms,
        )
        await consumer.start()
        try:
            await self._read(consumer)
        finally:
            self.assigned.clear()
            await stop(consumer)

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        loop = asyncio.get_running_loop()
        read: deque[tuple[float, dict[TopicPartition, int]]] = deque()
        while True:
            runs = await consumer.getmany(timeout_ms=_POLL_MS)
            if not self.assigned.is_set() and consumer.assignment():
                # Where each partition begins is settled before we say that nothing is missed: a
                # start after a death would else begin with what is published from then on.
                begun = {tp: await consumer.position(tp) for tp in consumer.assignment()}
                await consumer.commit(begun)
                self.assigned.set()
            for records in runs.values():
                for record in records:
                    await self._keep(record)
            if runs:
                ends = {tp: records[-1].offset + 1 for tp, records in runs.items()}
                read.append((loop.time(), ends))
            durable: dict[TopicPartition, int] = {}
            while read and loop.time() - read[0][0] >= DURABLE_S:
                durable |= read.popleft()[1]
            ours = {tp: end for tp, end in durable.items() if tp in consumer.assignment()}
            if ours:
                await consumer.commit(ours)

    async def _keep(self, record: ConsumerRecord) -> None:
        noted = noted_of(record.topic, record.value)
        if noted is None:
            return
        for vendor in self._vendors.values():
            if vendor.conversation_id(noted.conversation_id) is None:
                continue
            now = now_ms()
            delivery = Delivery(
                vendor=vendor.name,
                kind=noted.kind,
                rank=noted.rank,
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                timestamp_ms=record.timestamp,
                key=record.key or b"",
                value=record.value,
                since_ms=now,
            )
            tell = bool(calls_of(vendor, record.topic))
            await self._store.add(noted.conversation_id, delivery, noted.known, now, tell=tell)
            self._added()
            return


def noted_of(topic: str, value: bytes | None) -> Noted | None:
    """Return the facts of a message about its conversation; None for a message not ours."""
    try:
        if topic == CONTROL:
            control = decode_message(Control, value)
            known: dict[str, str] = {"owner": control.owner}
            rank = Rank(control.epoch, control.seq)
            return Noted(control.conversation_id, "control", rank, known)
        message = decode_queue_message(value)
    except Rejected:
        return None
    kind = "refused" if isinstance(message, Refused) else "queue"
    rank = Rank(message.epoch, message.seq, message.revision)
    return Noted(message.conversation_id, f"{kind}:{message.queue}", rank, _known(message))


def _known(message: QueueMessage) -> dict[str, str]:
    if isinstance(message, Refused) or (isinstance(message, Withdrawn) and message.moved_to):
        return {}
    about = {
        "escalation_id": message.escalation_id,
        "queue": message.queue,
        "epoch": str(message.epoch),
    }
    if isinstance(message, Handoff):
        since = str(message.decided_at.timestamp())
        return {**about, "state": "waiting", "agent_id": "", "since": since}
    if isinstance(message, Claimed):
        return {**about, "state": "claimed", "agent_id": message.agent_id}
    return {"state": "ended"}


def letter(delivery: Delivery, why: str) -> Record:
    """Return the dead letter of a message that a vendor did not get."""
    key, value, headers = undelivered(delivery, why, "bridge")
    return Record(DEAD_LETTERS, key, value, None, headers)
