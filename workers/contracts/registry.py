"""The types to which the records of each schema are decoded."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec

from workers.contracts.codec import (
    DESK_TYPES,
    QUEUE_TYPES,
    UNSIGNED,
    Raw,
    decode_desk_event,
    decode_event,
    decode_message,
    decode_queue_message,
)
from workers.contracts.control import Control
from workers.contracts.deadletters import read_dead_letter, read_retry_mark
from workers.contracts.decisions import ClassificationRequest, Decision
from workers.contracts.events import EVENT_TYPES
from workers.contracts.ledger import LedgerRecord
from workers.contracts.outcomes import OutcomeRecord
from workers.contracts.rejections import Rejected
from workers.contracts.tickets import Notification, Ticket

SINGLE_TYPES: Final[dict[str, type[msgspec.Struct]]] = {
    "escalation-decisions": Decision,
    "classification-requests": ClassificationRequest,
    "support-tickets": Ticket,
    "escalation-notifications": Notification,
    "conversation-control": Control,
    "escalation-ledger": LedgerRecord,
    "escalation-outcomes": OutcomeRecord,
}
"""Schemas whose records are of one type only."""
TYPED_BY_FIELD: Final[dict[str, dict[str, type[msgspec.Struct]]]] = {
    "conversation-events": {**EVENT_TYPES},
    "desk-events": {**DESK_TYPES},
    "handoff-queue": {**QUEUE_TYPES},
}
"""Schemas whose field `type` says which type a record is of."""


def decode_record(schema: str, record: Raw) -> object:
    """Return what our own readers make of one record of a topic with this schema.

    Raise Rejected where it cannot be.

    Signatures are not asked for; KeyError when there is no such schema.
    """
    return _DECODERS[schema](record)


def _dead_letter(record: Raw) -> object:
    letter = read_dead_letter(record) or read_retry_mark(record)
    if letter is None:
        raise Rejected("schema", "headers: no dead letter: see dead-letters.v1.schema.json")
    return letter


def _single(cls: type[msgspec.Struct], record: Raw) -> object:
    return decode_message(cls, record.value)


_DECODERS: Final[dict[str, Callable[[Raw], Any]]] = {
    "conversation-events": lambda record: decode_event(record, UNSIGNED),
    "desk-events": decode_desk_event,
    "handoff-queue": lambda record: decode_queue_message(record.value),
    "dead-letters": _dead_letter,
    **{schema: partial(_single, cls) for schema, cls in SINGLE_TYPES.items()},
}
