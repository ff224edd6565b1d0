"""A record of Kafka that is kept in the store until something is done about it."""

import msgspec

from workers.contracts.codec import Header, Raw
from workers.contracts.deadletters import Origin, dead_letter
from workers.stores.deliveries import Delivery


class KeptRecord(msgspec.Struct, kw_only=True, frozen=True, array_like=True):
    """The record as it came, without its headers."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes
    value: bytes


def undelivered(
    record: KeptRecord | Delivery, why: str, agent: str
) -> tuple[bytes | None, bytes | None, list[Header]]:
    """Return key, value and headers of the dead letter of a record that could not be delivered."""
    origin = Origin(record.topic, record.partition, record.offset)
    raw = Raw(record.key, record.value, (), record.timestamp_ms)
    return dead_letter(origin, raw, "undelivered", why, agent)
