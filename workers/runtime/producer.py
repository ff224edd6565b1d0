"""The one producer of a worker: idempotent, so that what it sends to a partition stays in order."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import aiokafka
from aiokafka.structs import RecordMetadata
from faust.transport.drivers import aiokafka as driver

from workers.contracts.codec import Header

IDEMPOTENT: Final[Mapping[str, Any]] = {
    "acks": "all",
    "enable_idempotence": True,
    # A chunk's outputs to a partition go in one request.
    "max_batch_size": 512 * 1024,
    "max_request_size": 4 * 1024 * 1024,
    "request_timeout_ms": 10_000,
}
"""With these, nothing overtakes a batch in its partition, which is sent until it is answered."""


class Record(NamedTuple):
    """One record to publish; without `partition` the key decides, by Kafka's own hash."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: Sequence[Header] = ()


Publish = Callable[[Sequence[Record]], Awaitable[Sequence[RecordMetadata]]]
"""Send records in their order; return when Kafka has acknowledged every one of them."""


class Producer(driver.Producer):
    """Faust's producer with acknowledgements of all replicas and no duplicates of its own.

    A batch is retried until the broker answers, and nothing overtakes it in its partition; how
    long to wait is the caller's business.
    """

    mundane_level = "debug"
    kafka: Mapping[str, Any] = {}
    """Keywords of every aiokafka client; set by `make_app`."""

    def _settings_default(self) -> Mapping[str, Any]:
        return {**self.kafka, "client_id": self.client_id}

    def _settings_auth(self) -> Mapping[str, Any]:
        return {}

    def _settings_extra(self) -> Mapping[str, Any]:
        return IDEMPOTENT

    async def publish(self, records: Iterable[Record]) -> list[RecordMetadata]:
        """Send in order and return when each is acknowledged; raises on a definite rejection."""
        return await publish_all(self._ensure_producer(), records)


async def publish_all(
    producer: aiokafka.AIOKafkaProducer, records: Iterable[Record]
) -> list[RecordMetadata]:
    """Send in order and return when each is acknowledged; raises on a definite rejection."""
    sent = [
        await producer.send(
            record.topic,
            record.value,
            key=record.key,
            partition=record.partition,
            headers=[*record.headers],
        )
        for record in records
    ]
    return await asyncio.gather(*sent)
