"""Every value of a type survives the wire: encoded, valid to the schema, decoded unchanged."""

from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import contract_strategies
from tests.support.schema_files import verdicts
from workers.contracts.codec import Raw, encode
from workers.contracts.desks import Presence
from workers.contracts.events import ROLE_ALIASES, Deadline, Message
from workers.contracts.registry import decode_record
from workers.contracts.time import from_ms, to_ms

NEVER_AHEAD = to_ms(contract_strategies.LAST_MOMENT)


def _there_and_back(schema: str, value: Any) -> Any:
    written = encode(value)
    key = value.queue if isinstance(value, Presence) else getattr(value, "conversation_id", None)
    assert encode(value) == written
    return decode_record(schema, Raw((key or "").encode(), written, [], NEVER_AHEAD))


@given(contract_strategies.events)
def test_events(event: Any) -> None:
    back = _there_and_back("conversation-events", event)
    if isinstance(event, Message):
        role = ROLE_ALIASES.get(event.role, event.role)
        event = msgspec.structs.replace(event, role=role)
    assert back == event
    assert verdicts("conversation-events", orjson.loads(encode(back))) == (True, True)


@given(contract_strategies.desk_events)
def test_desk_events(event: Any) -> None:
    assert _there_and_back("desk-events", event) == event
    assert verdicts("desk-events", orjson.loads(encode(event))) == (True, True)


@given(contract_strategies.queue_messages)
def test_queue_messages(message: Any) -> None:
    assert _there_and_back("handoff-queue", message) == message
    assert verdicts("handoff-queue", orjson.loads(encode(message))) == (True, True)


@pytest.mark.parametrize("name", sorted(contract_strategies.single))
@settings(max_examples=40)
@given(st.data())
def test_other_topics(name: str, data: st.DataObject) -> None:
    value = data.draw(contract_strategies.single[name])
    assert _there_and_back(name, value) == value
    python, rust = verdicts(name, orjson.loads(encode(value)))
    assert python == rust
    # What is required only under a condition the types cannot say.
    if name in ("classification-requests", "conversation-control", "escalation-notifications"):
        assert python


def test_the_bytes_of_a_message() -> None:
    """Defaults are left out, times end in Z, fields keep their order: equal events, equal bytes."""
    due = from_ms(1_793_528_473_250)
    event = Deadline(
        event_id="d", conversation_id="c", occurred_at=due, type="deadline", due_at=due
    )
    moment = b'"2026-11-01T10:21:13.250000Z"'
    assert encode(event) == (
        b'{"event_id":"d","conversation_id":"c","occurred_at":%b,"type":"deadline","due_at":%b}'
        % (moment, moment)
    )
