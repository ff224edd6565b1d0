"""Bytes of a record to typed events and back; the one place where a record is refused.

Every refusal is a function of the record's bytes, its timestamp and the secrets, so that a replay
refuses what the live worker refused.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import accumulate
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
import orjson

from workers.contracts.desks import LEAD_REQUIRED, REQUIRED, DeskEvent, LeadEvent, Presence
from workers.contracts.events import EVENT_TYPES, OWN_TYPES, ROLE_ALIASES, Event, Message
from workers.contracts.handoffs import Claimed, Handoff, QueueMessage, Refused, Withdrawn
from workers.contracts.rejections import Rejected, rejection, shown
from workers.contracts.signing import Secrets, is_signed
from workers.contracts.time import MINUTE, to_ms

MAX_VALUE_BYTES: Final = 1_000_000
"""Bytes of an event's value; with key and headers it stays below a broker's default limit."""
MAX_DEPTH: Final = 32
"""Objects and arrays inside each other, the event itself included."""
LATEST_MS: Final = to_ms(datetime(3000, 1, 1, tzinfo=UTC))
"""Latest accepted time of an event: deadlines could not be counted from a later one."""
MAX_AHEAD_MS: Final = 5 * MINUTE
"""Limit by which `occurred_at` may be ahead of the record's own timestamp, in ms."""

UNSIGNED: Final = Secrets()

S = TypeVar("S", bound=msgspec.Struct)


Header = tuple[str, bytes | None]
"""A record's header: a name, and any bytes or null."""


class Raw(NamedTuple):
    """A record as Kafka hands it over; `timestamp_ms` is Kafka's, not the event's."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]
    timestamp_ms: int


class _Head(msgspec.Struct):
    """The fields of a message that select the type to decode it as."""

    type: Any = "message"
    version: Any = 1


_MESSAGE: Final = msgspec.json.Decoder(Message)
QUEUE_TYPES: Final[dict[str, type[QueueMessage]]] = {
    "handoff": Handoff,
    "claimed": Claimed,
    "refused": Refused,
    "withdrawn": Withdrawn,
}
DESK_TYPES: Final[dict[str, type[DeskEvent | LeadEvent | Presence]]] = {
    "presence": Presence,
    **dict.fromkeys(REQUIRED, DeskEvent),
    **dict.fromkeys(LEAD_REQUIRED, LeadEvent),
}


def encode(message: msgspec.Struct) -> bytes:
    """Return the JSON of a message, without fields at their default; times in UTC end in Z.

    Equal messages give equal bytes.
    """
    plain = msgspec.to_builtins(message, builtin_types=(datetime,))
    return orjson.dumps(plain, option=orjson.OPT_UTC_Z)


def decode_event(record: Raw, secrets: Secrets = UNSIGNED) -> Event:
    """Decode the event of one record of `conversation-events`, aliases of roles resolved.

    Raise Rejected where it cannot be.
    """
    value = _sized(record.value)
    event: Event
    try:
        event = _MESSAGE.decode(value)
    except (ValueError, RecursionError):
        event = _decode_typed(value, EVENT_TYPES)
    _require_json(value)
    _require_key(record.key, event.conversation_id, "conversation_id")
    if type(event) is Message:
        _require_turn(event)
    elif secrets and event.type in OWN_TYPES:
        _require_signature(record, event.type, secrets)
    _require_time(event.occurred_at, record.timestamp_ms)
    return event


def decode_desk_event(record: Raw, secrets: Secrets = UNSIGNED) -> DeskEvent | LeadEvent | Presence:
    """Decode the event of one record of `desk-events`, or raise Rejected.

    A lead's event must be signed by one of the secrets, if there are any.
    """
    value = _sized(record.value)
    event = _decode_typed(value, DESK_TYPES)
    _require_json(value)
    if isinstance(event, Presence):
        _require_key(record.key, event.queue, "queue")
    else:
        _require_key(record.key, event.conversation_id, "conversation_id")
        for field in _required(event):
            if getattr(event, field) is None:
                raise Rejected("schema", f"{field}: missing: {event.type} requires it")
        if isinstance(event, LeadEvent) and not event.force:
            raise Rejected("schema", f"force: false: {event.type} is a lead's: send true")
        if event.force and secrets:
            _require_signature(record, event.type, secrets)
    _require_time(event.occurred_at, record.timestamp_ms)
    return event


def _required(event: DeskEvent | LeadEvent) -> tuple[str, ...]:
    if isinstance(event, LeadEvent):
        return LEAD_REQUIRED[event.type]
    return (*REQUIRED[event.type], *(("lead", "reason") if event.force else ()))


def decode_queue_message(value: bytes | None) -> QueueMessage:
    """Decode the message of one record of a `handoff-<queue>` topic, or raise Rejected."""
    return _decode_typed(_sized(value, limit=None), QUEUE_TYPES)


def decode_message(cls: type[S], value: bytes | None) -> S:
    """Decode the message of one record of a topic whose only type is `cls`, or raise Rejected."""
    return _decode_as(cls, _sized(value, limit=None))


def _sized(value: bytes | None, limit: int | None = MAX_VALUE_BYTES) -> bytes:
    if value is None:
        raise Rejected("not_json", "event: no value: send a JSON object")
    if limit is not None and len(value) > limit:
        raise Rejected("too_large", f"event: {len(value)} bytes: send at most {limit}")
    return value


def _decode_typed(value: bytes, types: dict[str, type[S]]) -> S:
    head = _decode_as(_Head, value)
    cls = types.get(head.type) if isinstance(head.type, str) else None
    if cls is None:
        known = ", ".join(types)
        raise Rejected("unknown_type", f"type: {shown(head.type)}: use one of {known}")
    return _decode_as(cls, value)


def _decode_as(cls: type[S], value: bytes) -> S:
    try:
        message: S = _decoder(cls).decode(value)
    except msgspec.ValidationError as error:
        _require_json(value)
        _require_version(value)
        raise rejection(error, value) from None
    except (ValueError, RecursionError) as error:
        _require_json(value)
        # msgspec names the byte and never quotes the text.
        raise Rejected("not_json", f"event: {error}: send one JSON object") from None
    return message


@cache
def _decoder(cls: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(cls)


def _require_json(value: bytes) -> None:
    """Refuse what the decoder passes over in fields that it does not know."""
    if not value.isascii():
        try:
            value.decode()
        except UnicodeDecodeError as error:
            problem = f"event: not UTF-8 at byte {error.start}: send UTF-8"
            raise Rejected("not_json", problem) from None
    if value.count(b"{") + value.count(b"[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise Rejected("too_deep", f"event: nested deeper than {MAX_DEPTH}: flatten it")


_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NO_BRACKET: Final = bytes(set(range(256)) - set(b"[]{}"))
_STEPS: Final = bytes.maketrans(b"[]{}", b"\x01\x00\x01\x00")


def _depth(value: bytes) -> int:
    """Return the deepest nesting of brackets outside strings, in JSON or in what is none."""
    brackets = _STRING.sub(b"", value).translate(_STEPS, _NO_BRACKET)
    return max(accumulate(2 * step - 1 for step in brackets), default=0)


def _require_version(value: bytes) -> None:
    try:
        version = _decoder(_Head).decode(value).version
    except (ValueError, RecursionError):
        return
    if isinstance(version, int) and version != 1:
        raise Rejected("unknown_version", f"version: {shown(version)}: this reader knows 1")


def _require_key(key: bytes | None, expected: str, field: str) -> None:
    if key is None:
        raise Rejected("missing_key", f"key: missing: produce with {field} as the record's key")
    if key != expected.encode():
        detail = f"key: not the {field} {shown(expected)}: produce with {field} as the record's key"
        raise Rejected("key_mismatch", detail)


def _require_time(occurred_at: datetime, timestamp_ms: int) -> None:
    moment_ms = occurred_at.timestamp() * 1000
    if moment_ms > LATEST_MS:
        raise Rejected("ahead_of_time", f"occurred_at: {occurred_at.isoformat()}: after 2999")
    if moment_ms > timestamp_ms + MAX_AHEAD_MS:
        detail = (
            f"occurred_at: {occurred_at.isoformat()}: more than 5 minutes ahead of the record's "
            "timestamp: check the producer's clock"
        )
        raise Rejected("ahead_of_time", detail)
    if moment_ms < 0:
        raise Rejected("schema", f"occurred_at: {occurred_at.isoformat()}: before 1970")


def _require_turn(event: Message) -> None:
    """Refuse a turn that lacks what its role needs; resolve the role's alias."""
    role: str = event.role
    if alias := ROLE_ALIASES.get(role):
        role = alias
        # The event was made a moment ago: no other code holds it yet.
        msgspec.structs.force_setattr(event, "role", role)
    calls = event.agent.tool_calls if event.agent is not None else ()
    if role == "tool":
        if event.tool is None:
            raise Rejected("schema", "tool: missing: a turn with role tool requires it")
        _require_int64("tool.result", event.tool.result)
    elif not (event.content or event.attachments or (role == "ai_agent" and calls)):
        detail = f"content: empty: a turn with role {role} requires text, or attachments"
        raise Rejected("schema", detail)
    for index, call in enumerate(calls):
        _require_int64(f"agent.tool_calls[{index}].arguments", call.arguments)


def _require_int64(field: str, value: Any) -> None:
    """Refuse integers that no encoder of ours could write again."""
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise Rejected("schema", f"{field}: an integer beyond 64 bits: send it as text")
    elif isinstance(value, list):
        for item in value:
            _require_int64(field, item)
    elif isinstance(value, dict):
        for item in value.values():
            _require_int64(field, item)


def _require_signature(record: Raw, kind: str, secrets: Secrets) -> None:
    if not is_signed(secrets, record.key or b"", record.value or b"", record.headers):
        detail = f"type: {kind}: only our own agents may send it: check HANDOFF_SECRET"
        raise Rejected("unsigned", detail)
