"""Turns the body of a post into records: what each event is, whose it may be, why it is refused."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from workers.bridge.senders import CHAT_TYPES, DESK_TYPES, Sender
from workers.contracts.codec import Raw, decode_desk_event, decode_event
from workers.contracts.desks import DeskEvent, LeadEvent
from workers.contracts.rejections import Rejected, shown
from workers.contracts.topics import DESKS, EVENTS
from workers.kafka.publishing import Record

MAX_BODY_BYTES: Final = 2_000_000
"""Bytes of one post; an event may have 1,000,000."""
MAX_EVENTS: Final = 1000
"""Events of one post."""
NOT_ALLOWED: Final = "not_allowed"


class BadBodyError(ValueError):
    """A body that is no event and no array of events; nothing of it is written."""


class RefusedEvent(msgspec.Struct, frozen=True):
    """The reason why one event of a post was not written; sending it again does not help."""

    index: int
    """Its place in the post, from 0."""
    event_id: str | None
    reason: str
    detail: str


class Parsed(NamedTuple):
    """The events of a post: records to publish in their order, and refused events."""

    records: list[Record]
    refused: list[RefusedEvent]


class _EventHead(msgspec.Struct):
    """The fields of an event from which its topic and key follow."""

    type: Any = "message"
    event_id: Any = None
    conversation_id: Any = None
    queue: Any = None


_HEAD: Final = msgspec.json.Decoder(_EventHead)
_EVENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])


def parse(body: bytes, sender: Sender, now_ms: int, topic: str | None = None) -> Parsed:
    """Return the events in a post of this sender; `now_ms` stands for Kafka's own timestamp.

    With a topic only its events are taken, else an event's type says which topic it belongs to.
    BadBodyError when the body as a whole cannot be read.
    """
    parsed = Parsed([], [])
    for index, value in enumerate(_split(body)):
        head = _head(value)
        try:
            parsed.records.append(_record(value, head, sender, now_ms, topic))
        except Rejected as rejected:
            reason = NOT_ALLOWED if isinstance(rejected, _NotAllowed) else rejected.reason
            event_id = None if head is None else head.event_id
            parsed.refused.append(RefusedEvent(index, _shown_id(event_id), reason, rejected.detail))
    return parsed


def _shown_id(event_id: object) -> str | None:
    return event_id[:256] if isinstance(event_id, str) else None


def _split(body: bytes) -> Sequence[bytes]:
    """Return each event's own bytes, which are written as they were posted."""
    text = body.lstrip()
    if not text.startswith(b"["):
        return [text]
    try:
        events = [bytes(event) for event in _EVENTS.decode(text)]
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else error
        raise BadBodyError(f"not an array of events: {why}: send JSON") from None
    if not events:
        raise BadBodyError("an empty array: send at least one event")
    if len(events) > MAX_EVENTS:
        raise BadBodyError(f"{len(events)} events: send at most {MAX_EVENTS} in one post")
    return events


def _head(value: bytes) -> _EventHead | None:
    try:
        return _HEAD.decode(value)
    except (ValueError, RecursionError):
        return None


class _NotAllowed(Rejected):
    """The sender may not write it."""

    def __init__(self, detail: str) -> None:
        super().__init__("schema", detail)


def _record(
    value: bytes, head: _EventHead | None, sender: Sender, now_ms: int, topic: str | None
) -> Record:
    if head is None:
        # The contract's own decoder says what is wrong with it.
        decode_event(Raw(b"", value, (), now_ms))
        raise Rejected("not_json", "event: not a JSON object")
    kind = head.type
    if topic is None:
        topic = DESKS if isinstance(kind, str) and kind in DESK_TYPES else EVENTS
    known = DESK_TYPES if topic == DESKS else CHAT_TYPES
    if not isinstance(kind, str) or kind not in known:
        raise Rejected("unknown_type", f"type: {shown(kind)}: use one of {', '.join(known)}")
    if kind not in sender.events:
        may = ", ".join(sender.events)
        raise _NotAllowed(f'type: "{kind}": {sender.sender} may write {may}')
    named = head.queue if kind == "presence" else head.conversation_id
    key = named.encode("utf-8", "surrogatepass") if isinstance(named, str) else b""
    raw = Raw(key, value, (), now_ms)
    if topic == EVENTS:
        decode_event(raw)
    else:
        event = decode_desk_event(raw)
        if isinstance(event, LeadEvent) or (isinstance(event, DeskEvent) and event.force):
            raise _NotAllowed("force: a lead's event needs our signature: use `handoff claim`")
        if event.queue not in sender.queues:
            may = ", ".join(sender.queues)
            raise _NotAllowed(f"queue: {shown(event.queue)}: {sender.sender} may write for {may}")
    return Record(topic, key, value)
