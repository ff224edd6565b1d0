"""The decoder under hostile input: it answers or refuses, always alike, and never anything else."""

import json
import re
import tracemalloc
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.support import contract_strategies
from tests.support.schema_files import record_of, schema, verdicts
from workers.contracts.codec import (
    MAX_AHEAD_MS,
    MAX_DEPTH,
    MAX_VALUE_BYTES,
    Raw,
    decode_desk_event,
    decode_event,
    decode_queue_message,
    encode,
)
from workers.contracts.events import Deadline, Event, Message
from workers.contracts.rejections import REJECTION_REASONS, Rejected
from workers.contracts.signing import SIGNATURE_HEADER, Secrets, signature_headers
from workers.contracts.time import from_ms, to_ms

NOW = to_ms(contract_strategies.LAST_MOMENT)
GOOD: dict[str, Any] = {
    "event_id": "m-1",
    "conversation_id": "c-1",
    "occurred_at": "2026-11-01T09:30:00Z",
    "role": "customer",
    "content": "Where is my order?",
}
SECRETS = Secrets((b"new", b"old"))


def _record(value: bytes | None, key: bytes | None = b"c-1") -> Raw:
    return Raw(key, value, [], NOW)


def _reason(value: bytes | None, key: bytes | None = b"c-1") -> str | None:
    rejected = _rejection(value, key)
    if rejected is None:
        return None
    assert rejected.reason in REJECTION_REASONS
    field, _, rest = rejected.detail.partition(": ")
    assert field
    assert rest
    assert len(rejected.detail) < 400
    return rejected.reason


def _rejection(value: bytes | None, key: bytes | None) -> Rejected | None:
    try:
        decode_event(_record(value, key))
    except Rejected as rejected:
        return rejected
    return None


def _good(**fields: Any) -> bytes:
    return orjson.dumps({**GOOD, **fields})


@settings(max_examples=300)
@given(
    st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode(errors="replace"))
)
@example(b"")
@example(b"\xef\xbb\xbf{}")
@example(b"\xff\xfe{\x00}\x00")
@example(b"1e999999999")
@example(b'{"event_id":1e999999999}')
@example(b'{"x":-}')
@example(b'"\\ud800"')
@example(b"nul")
def test_any_bytes_are_refused(value: bytes) -> None:
    assert _reason(value) is not None
    for decode in (decode_desk_event, lambda record: decode_queue_message(record.value)):
        with pytest.raises(Rejected):
            decode(_record(value))


@settings(max_examples=300)
@given(contract_strategies.events, st.data())
def test_a_damaged_event_is_decoded_or_refused_and_always_alike(
    event: Event, data: st.DataObject
) -> None:
    value = bytearray(encode(event))
    key = event.conversation_id.encode()
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(value) - 1))
        value[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        if not value:
            break
    first = _reason(bytes(value), key)
    assert _reason(bytes(value), key) == first


_FIELDS = sorted(
    {*schema("conversation-events")["properties"]}
    | {*schema("conversation-events")["$defs"]["Message"]["properties"]}
)
_events_of_sorts = st.dictionaries(
    st.sampled_from(_FIELDS), contract_strategies.json_values, max_size=6
)


@settings(max_examples=300)
@given(_events_of_sorts | contract_strategies.json_values)
def test_any_json_is_judged_as_the_schema_does(value: Any) -> None:
    """Our reader takes what the schema accepts, and never misreads what the schema refuses."""
    body = orjson.dumps({**GOOD, **value} if isinstance(value, dict) else value)
    loaded = orjson.loads(body)
    valid = verdicts("conversation-events", loaded)[0]
    record = record_of("conversation-events", loaded)
    reason = _reason(body, record.key)
    assert valid or reason is not None
    if valid and reason is not None:
        # Of these the schema cannot know.
        assert reason in ("too_deep", "too_large", "ahead_of_time")


@given(
    contract_strategies.events,
    st.dictionaries(st.text(contract_strategies.texts), contract_strategies.json_values),
)
def test_unknown_fields_change_nothing(event: Event, extra: dict[str, Any]) -> None:
    known = {field for struct in (type(event), Message) for field in struct.__struct_fields__}
    value = encode(event)
    more = {**{name: item for name, item in extra.items() if name not in known}}
    widened = orjson.dumps({**more, **orjson.loads(value)})
    key = event.conversation_id.encode()
    assert decode_event(_record(widened, key)) == decode_event(_record(value, key))


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("levels", [33, 1_000, 200_000])
@pytest.mark.parametrize("closed", [True, False])
def test_deep_nesting(opening: str, levels: int, closed: bool) -> None:
    closing = ("]" if opening == "[" else "}") * levels if closed else ""
    nested = opening * levels + ("1" if "a" in opening else "") + closing
    body = json.dumps(GOOD)[:-1] + ',"trace":' + nested + ("}" if closed else "")
    expected = "too_deep" if len(body) <= MAX_VALUE_BYTES else "too_large"
    assert _reason(body.encode()) == expected
    # The same way whoever calls, and however deep the caller's own stack is.
    assert _from_depth(500, body.encode()) == expected


def _from_depth(frames: int, value: bytes) -> str | None:
    return _from_depth(frames - 1, value) if frames else _reason(value)


@given(st.integers(1, 40), st.sampled_from(["trace", "metadata"]))
def test_the_limit_of_depth_is_exact(levels: int, field: str) -> None:
    nested: Any = "x"
    for _ in range(levels):
        nested = [nested]
    # The event is a level itself; brackets in text and in neighbours are none.
    value = _good(**{field: nested, "content": '[[[[{{{{\\"[[[[' * 10, "flat": [[], [], {}] * 30})
    assert (_reason(value) == "too_deep") == (levels + 1 > MAX_DEPTH)


def test_the_limit_of_size_is_exact() -> None:
    room = MAX_VALUE_BYTES - len(_good(content=""))
    assert _reason(_good(content="x" * room)) is None
    assert _reason(_good(content="x" * (room + 1))) == "too_large"


@pytest.mark.parametrize(
    "value",
    [
        _good()[:-1] + b',"content":"\xff\xfe"}',
        _good()[:-1] + b',"unknown":"\xc3\x28"}',
        _good()[:-1] + b',"unknown":"\xed\xa0\x80"}',
        _good()[:-1] + b',"content":"\\ud83d"}',
        _good()[:-1] + b',"content":"\\ude00\\ud83d"}',
        _good()[:-1] + b',"n":NaN}',
        _good()[:-1] + b',"n":Infinity}',
        _good()[:-1] + b',"n":01}',
        _good()[:-1] + b"}}",
        _good() + _good(),
        _good().replace(b"order", b"or\nder"),
        b"\xef\xbb\xbf" + _good(),
        None,
    ],
)
def test_what_is_not_json(value: bytes | None) -> None:
    assert _reason(value) == "not_json"


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "1" * 400, "-0", "1e-400", "0.1" + "0" * 300]
)
@pytest.mark.parametrize("field", ["agent.epoch", "agent.confidence", "version", "unknown"])
def test_huge_numbers(number: str, field: str) -> None:
    path = field.split(".")
    inner = f'{{"{path[1]}":{number}}}' if len(path) > 1 else number
    body = json.dumps(GOOD)[:-1] + f',"{path[0]}":{inner}}}'
    if _reason(body.encode()) is None:
        event = decode_event(_record(body.encode()))
        assert decode_event(_record(encode(event))) == event


@given(st.integers(-(10**6), 10**6))
def test_time_ahead_is_measured_against_the_record(skew_ms: int) -> None:
    occurred_at = 1_793_525_400_000
    value = _good(occurred_at=from_ms(occurred_at).isoformat())
    record = Raw(b"c-1", value, [], occurred_at - skew_ms)
    if skew_ms > MAX_AHEAD_MS:
        with pytest.raises(Rejected) as caught:
            decode_event(record)
        assert caught.value.reason == "ahead_of_time"
    else:
        assert decode_event(record).occurred_at == from_ms(occurred_at)


@given(st.text(contract_strategies.texts, min_size=60, max_size=200))
def test_a_detail_never_quotes_what_somebody_wrote(text: str) -> None:
    """Details go to logs; a message that stands in a wrong place stays out of them."""
    assume(re.search(r"\w{5}", text))
    broken: list[dict[str, Any]] = [
        {"role": text},
        {"type": text},
        {"version": text},
        {"occurred_at": text},
        {"content": [text]},
        {"customer": text},
        {"agent": {"confidence": text}},
        {"agent": {"tool_calls": [{"name": [text]}]}},
        {"event_id": text * 5},
        {text: 1, "role": None},
    ]
    for fields in broken:
        with pytest.raises(Rejected) as caught:
            decode_event(_record(_good(**fields)))
        assert text not in caught.value.detail


OWN = Deadline(
    event_id="d-1",
    conversation_id="c-1",
    occurred_at=from_ms(1_793_525_400_000),
    type="deadline",
    due_at=from_ms(1_793_525_400_000),
)


@pytest.mark.parametrize("keys", [(b"new",), (b"old",), (b"old", b"other")])
def test_our_own_types_are_taken_with_a_signature_of_any_key(keys: tuple[bytes, ...]) -> None:
    value = encode(OWN)
    headers = signature_headers(Secrets(keys), b"c-1", value)
    assert decode_event(Raw(b"c-1", value, headers, NOW), SECRETS) == OWN


def _forgeries(value: bytes) -> list[list[tuple[str, bytes]]]:
    signature = signature_headers(SECRETS, b"c-1", value)[0][1]
    return [
        [],
        signature_headers(Secrets((b"guess",)), b"c-1", value),
        signature_headers(SECRETS, b"c-2", value),
        signature_headers(SECRETS, b"c-1", value + b" "),
        # The same bytes with the border between key and value moved.
        signature_headers(SECRETS, b"c-", b"1" + value),
        [(SIGNATURE_HEADER, signature[:-1])],
        [(SIGNATURE_HEADER, b"")],
        [("signature", signature)],
    ]


@pytest.mark.parametrize("number", range(8))
def test_our_own_types_are_refused_without_a_signature(number: int) -> None:
    value = encode(OWN)
    record = Raw(b"c-1", value, _forgeries(value)[number], NOW)
    with pytest.raises(Rejected) as caught:
        decode_event(record, SECRETS)
    assert caught.value.reason == "unsigned"
    assert decode_event(record) == OWN


def test_chat_systems_need_no_signature() -> None:
    assert isinstance(decode_event(_record(_good()), SECRETS), Message)


def test_secrets_do_not_show() -> None:
    assert "new" not in repr(SECRETS)


def test_hostile_input_costs_little_memory() -> None:
    value = b'{"x":[' + b"[]," * 300_000 + b"[]]}"
    tracemalloc.start()
    assert _reason(value) is not None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60 * len(value)


def test_a_decoded_event_can_be_encoded_again_whatever_its_numbers() -> None:
    call = {"name": "count", "arguments": {"n": [2**64 - 1, -(2**63), 1.5e300]}}
    event = decode_event(_record(_good(role="ai_agent", agent={"tool_calls": [call]})))
    assert msgspec.json.decode(encode(event))["agent"]["tool_calls"] == [call]
