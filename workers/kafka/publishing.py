"""Settings that every producer of ours shares: idempotent, acknowledged by all replicas."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import aiokafka
import msgspec
from aiokafka.partitioner import murmur2
from aiokafka.structs import RecordMetadata

from workers.contracts.codec import Header, encode
from workers.contracts.signing import Secrets, signature_headers

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


def signed_record(
    topic: str, partition: int, key: str, event: msgspec.Struct, secrets: Secrets
) -> Record:
    """Return an event that only our agents write, with the signature that binds it to its place."""
    name, value = key.encode(), encode(event)
    headers = signature_headers(secrets.at(topic, partition), name, value)
    return Record(topic, name, value, partition, headers)


@lru_cache(maxsize=20_000)
def partition_of(key: str, partitions: int) -> int:
    """Return the partition into which Kafka's own clients put what has this key."""
    hashed: int = murmur2(key.encode()) & 0x7FFFFFFF
    return hashed % partitions


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
