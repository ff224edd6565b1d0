"""Webhooks of vendors: proven, turned into events, written."""

from typing import Any, NamedTuple

import msgspec
import orjson

from workers.bridge.intake import RefusedEvent
from workers.contracts.codec import Raw, decode_desk_event, decode_event
from workers.contracts.rejections import Rejected
from workers.contracts.topics import DESKS
from workers.kafka.publishing import Record
from workers.outbound.trees import Data
from workers.outbound.vendor_events import (
    ConversationNotes,
    VendorEvent,
    conversation_of,
    events_of,
    noted_of,
)
from workers.outbound.vendor_file import Vendor
from workers.stores.deliveries import DeliveryStore


class Read(NamedTuple):
    """The content of a webhook: records to publish, refusals, and notes to keep afterwards."""

    records: list[Record]
    refused: list[RefusedEvent]
    conversation_id: str | None
    noted: ConversationNotes
    events: list[VendorEvent]
    """The events, as the vendor's rules made them."""


class BadPayloadError(ValueError):
    """A body that is no JSON object."""


def payload_of(body: bytes) -> dict[str, Any]:
    """Return the payload of a webhook, or raise BadPayloadError."""
    try:
        payload = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        raise BadPayloadError("the body is no JSON object") from None
    if not isinstance(payload, dict):
        raise BadPayloadError("the body is no JSON object")
    return payload


async def read_webhook(vendor: Vendor, body: bytes, store: DeliveryStore, now_ms: int) -> Read:
    """Return the events of a webhook; BadPayloadError if it cannot be read."""
    payload = payload_of(body)
    conversation_id = conversation_of(vendor, payload)
    known = {} if conversation_id is None else await store.known(conversation_id)
    return read_payload(vendor, payload, known, now_ms)


def read_payload(vendor: Vendor, payload: dict[str, Any], known: Data, now_ms: int) -> Read:
    """Return the events of a payload; those that fit no contract are refused."""
    events = events_of(vendor, payload, known)
    conversation_id = conversation_of(vendor, payload)
    read = Read([], [], conversation_id, noted_of(vendor, payload), events)
    for index, made in enumerate(events):
        try:
            read.records.append(_record(made, now_ms))
        except Rejected as rejected:
            event_id = None if made.event is None else str(made.event.get("event_id"))[:256]
            detail = f"rule {made.rule}: {rejected.detail}"
            read.refused.append(RefusedEvent(index, event_id, rejected.reason, detail))
    return read


def _record(made: VendorEvent, now_ms: int) -> Record:
    if made.event is None:
        raise Rejected("schema", made.problem or "no event")
    value = orjson.dumps(made.event)
    key = str(made.event.get("conversation_id", "")).encode("utf-8", "replace")
    raw = Raw(key, value, (), now_ms)
    if made.topic == DESKS:
        decode_desk_event(raw)
    else:
        decode_event(raw)
    return Record(made.topic, key, value)
