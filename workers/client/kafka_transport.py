"""The client's way over Kafka."""

from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from workers.contracts.codec import decode_message
from workers.contracts.control import Control
from workers.contracts.rejections import Rejected
from workers.contracts.topics import CONTROL, EVENTS
from workers.kafka.publishing import IDEMPOTENT, Record, publish_all
from workers.kafka.reader import partitions_of, reading
from workers.settings import Settings, kafka_client_kwargs, load_settings


class KafkaTransport:
    """Writes to `conversation-events` and reads `conversation-control`.

    Every process hears of all conversations, from the beginning of what the topic keeps, so
    that it knows the messages sent while it was away before anything new.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        """Take settings, or read the environment (KAFKA_BOOTSTRAP and its companions)."""
        self._settings = settings or load_settings()
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect to Kafka; aiokafka's KafkaConnectionError when there is none."""
        kafka = kafka_client_kwargs(self._settings)
        self._producer = AIOKafkaProducer(**kafka, client_id="handoff-client", **IDEMPOTENT)
        await self._producer.start()

    async def stop(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            await self._producer.stop()

    async def send(self, conversation_id: str, value: bytes) -> None:
        """Return when Kafka has acknowledged the event; aiokafka's KafkaError when it cannot."""
        if self._producer is None:
            raise RuntimeError("not started: use the client with `async with`")
        await publish_all(self._producer, [Record(EVENTS, conversation_id.encode(), value)])

    async def follow(self) -> AsyncIterator[Control]:
        """Yield what is on the topic, and then what comes."""
        async with reading(self._settings) as consumer:
            await _to_beginning(consumer)
            while True:
                for records in (await consumer.getmany(timeout_ms=1000)).values():
                    for record in records:
                        control = readable(record.value)
                        if control is not None:
                            yield control


async def _to_beginning(consumer: AIOKafkaConsumer) -> None:
    partitions = await partitions_of(consumer, [CONTROL])
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)


def readable(value: bytes | None) -> Control | None:
    """Return a control message, or None for any other record."""
    try:
        return decode_message(Control, value)
    except Rejected:
        return None
