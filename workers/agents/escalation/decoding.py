"""Records of the log as the fold takes them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from aiokafka import ConsumerRecord

from workers.contracts.codec import Raw, decode_event
from workers.contracts.deadletters import NONE_GIVEN_UP, POISON, GivenUp, is_given_up
from workers.contracts.events import Message
from workers.contracts.rejections import Rejected
from workers.contracts.signing import Secrets
from workers.conversation.fold import Incoming

READ_AT_ONCE: Final = 65_536
"""Characters of messages that are folded before the event loop goes on with other work.

Prose of that length takes a tenth of a second.
"""


def decode(record: ConsumerRecord, secrets: Secrets, given_up: GivenUp = NONE_GIVEN_UP) -> Incoming:
    """Return a record with its event, or with why it was refused, as what was given up is."""
    raw = Raw(record.key, record.value, record.headers, record.timestamp)
    offset, at = record.offset, record.timestamp
    if is_given_up(raw, offset, given_up):
        return Incoming(offset, at, None, raw, Rejected(POISON, "event: in dead-letters"))
    try:
        return Incoming(offset, at, decode_event(raw, secrets), raw)
    except Rejected as rejected:
        return Incoming(offset, at, None, raw, rejected)


def at_once(incoming: Sequence[Incoming]) -> int:
    """Return how many of these records are folded at once: at least one, by what they say."""
    said = 0
    for count, one in enumerate(incoming):
        if type(one.event) is Message:
            # A tool's words may stand in several fields.
            said += len(one.raw.value or b"" if one.event.role == "tool" else one.event.content)
            if said > READ_AT_ONCE and count:
                return count
    return len(incoming)


def split_at(records: Sequence[ConsumerRecord], *offsets: int) -> list[Sequence[ConsumerRecord]]:
    """Return the records below the first offset, up to the next …, each part if there are any."""
    ends = [sum(record.offset < offset for record in records) for offset in sorted(offsets)]
    parts = (records[start:end] for start, end in pairwise([0, *ends, len(records)]))
    return [part for part in parts if part]
