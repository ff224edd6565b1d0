"""Records of the log as the fold takes them."""

from collections.abc import Collection, Sequence
from typing import Final

from aiokafka import ConsumerRecord

from workers.contracts.codec import Raw, decode_event
from workers.contracts.rejections import Rejected
from workers.contracts.signing import Secrets
from workers.conversation.fold import Incoming

POISON: Final = "poison"


def decode(record: ConsumerRecord, secrets: Secrets, poison: Collection[int] = ()) -> Incoming:
    """Return a record with its event, or with why it was refused.

    `poison` are offsets refused before.
    """
    raw = Raw(record.key, record.value, record.headers, record.timestamp)
    offset, at = record.offset, record.timestamp
    if offset in poison:
        return Incoming(offset, at, None, raw, Rejected(POISON, "event: in dead-letters"))
    try:
        return Incoming(offset, at, decode_event(raw, secrets), raw)
    except Rejected as rejected:
        return Incoming(offset, at, None, raw, rejected)


def split_at(records: Sequence[ConsumerRecord], offset: int) -> list[Sequence[ConsumerRecord]]:
    """Return the records below an offset and those from it on, each if there are any."""
    below = sum(record.offset < offset for record in records)
    return [part for part in (records[:below], records[below:]) if part]
