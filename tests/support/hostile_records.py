"""Records of every topic as anybody could write them: good ones, damaged ones, and any bytes."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import orjson
from aiokafka import ConsumerRecord
from hypothesis import strategies as st

from tests.support.contract_strategies import desk_events, events, queue_messages, single
from workers.contracts.codec import Header, Raw, encode
from workers.contracts.deadletters import Origin, dead_letter, retry_mark
from workers.contracts.deadletters import read_dead_letter as _read
from workers.contracts.rejections import REJECTION_REASONS
from workers.contracts.signing import SIGNATURE_HEADER, Secrets, signature_headers
from workers.contracts.topics import DEAD_LETTERS, DESKS, EVENTS

SECRETS: Final = Secrets((b"a key of the tests",))
_HOLE: Final = "@@hole@@"
_IN_PLACE: Final = tuple(
    text.encode()
    for text in (
        *('"\\ud800"', '"\\u0000"', '"\\u202e\\u001b[31m\\n"', '""', '"policy"', '"handoff"'),
        *('"0001-01-01T00:00:00+23:59"', '"9999-12-31T23:59:59.999999-23:59"', '"2026-02-30"'),
        *("null", "true", "{}", "[]", "-1", "0", "1e999", "1e308", "-0.0", "NaN", "Infinity"),
        *("9007199254740991", "9007199254740993", "18446744073709551616", "9" * 400, "9" * 5000),
        *('"' + "a" * 129 + '"', '"' + "é" * 20_000 + '"', "[" * 200 + "]" * 200),
        '{"topic":"escalation-decisions","partition":0}',
        '{"topic":"conversation-events","partition":2147483648}',
    )
)
"""JSON, or nearly, that stands in the place of a value."""
_SIZES: Final = (32_768, 97_000, 1_000_001, 2_000_000, 5_000_000)

names = st.one_of(
    st.text(max_size=8),
    st.sampled_from((SIGNATURE_HEADER, "dead-letter-reason", "dead-letter-retried", "\ufffd", "")),
)
contents = st.one_of(
    st.none(), st.binary(max_size=16), st.sampled_from((b"0" * 64, b"\xff", b"1/2/3", b"-1"))
)
headers = st.one_of(
    st.lists(st.tuples(names, contents), max_size=4),
    st.sampled_from(
        ([(SIGNATURE_HEADER, b"")] * 2_000, [("n" * 40_000, b"v" * 40_000)], [("h", None)] * 3_000)
    ),
)
any_bytes = st.one_of(
    st.none(),
    st.binary(max_size=64),
    st.text(max_size=16).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.builds(
        lambda byte, size: byte * size, st.sampled_from((b"k", b"\xff")), st.sampled_from(_SIZES)
    ),
    st.sampled_from((b"[" * 100_000, b'{"a":' * 50_000, b"9" * 200_000, b"\x1f\x8b" + b"\0" * 64)),
)
timestamps = st.one_of(
    st.integers(1_700_000_000_000, 1_900_000_000_000),
    st.sampled_from((-1, 0, 1, 2**53, 253_402_300_799_999, 2**63 - 1)),
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: Sequence[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        inner = [*value.items()]
    elif isinstance(value, list):
        inner = [*enumerate(value)]
    return [path, *(found for name, one in inner for found in _places(one, (*path, name)))]


@st.composite
def damaged(draw: Callable[..., Any], value: bytes) -> bytes:
    """Return a JSON text in which some values are others, or nearly JSON."""
    tree = orjson.loads(value)
    put = []
    for _ in range(draw(st.integers(1, 2))):
        places = [path for path in _places(tree) if path]
        if not places:
            break
        *way, last = draw(st.sampled_from(places))
        inner = tree
        for step in way:
            inner = inner[step]
        inner[last] = _HOLE
        put.append(draw(st.sampled_from(_IN_PLACE)))
    text = orjson.dumps(tree)
    for one in put:
        text = text.replace(f'"{_HOLE}"'.encode(), one, 1)
    return text


@st.composite
def _values(draw: Callable[..., Any], messages: st.SearchStrategy[msgspec.Struct]) -> Any:
    """Return the value of a record, and the key that belongs to it."""
    message = draw(messages)
    own = getattr(message, "conversation_id", None) or getattr(message, "queue", None) or "key"
    value = encode(message)
    kind = draw(st.integers(0, 9))
    if kind >= 7:
        return own.encode(), draw(any_bytes)
    if kind >= 3:
        value = draw(damaged(value))
    if kind == 6:
        value = value[: draw(st.integers(0, len(value)))]
    return own.encode(), value


def messages_of(topic: str) -> st.SearchStrategy[msgspec.Struct]:
    """Return good messages of a topic."""
    if topic == EVENTS:
        return events
    if topic == DESKS:
        return desk_events
    return single.get(topic, queue_messages)


def _letters() -> st.SearchStrategy[tuple[bytes | None, bytes | None, list[Header]]]:
    letters = st.builds(
        lambda origin, raw, reason: dead_letter(origin, raw, reason, "detail", "escalation"),
        st.builds(
            Origin, st.sampled_from((EVENTS, DESKS, "\x1b")), st.integers(0, 9), st.integers(0, 9)
        ),
        st.builds(Raw, any_bytes, any_bytes, headers, timestamps),
        st.sampled_from(REJECTION_REASONS),
    )

    def marked(letter: tuple[bytes | None, bytes | None, list[Header]]) -> Any:
        found = _read(Raw(*letter, 0))
        return letter if found is None else retry_mark(found)

    return letters | letters.map(marked)


@st.composite
def records(draw: Callable[..., Any], topic: str) -> ConsumerRecord:
    """Return one record of a topic; of three in ten nothing is as it should be."""
    if topic == DEAD_LETTERS:
        key, value, foreign = draw(_letters())
        if draw(st.booleans()):
            foreign = [*draw(headers), *foreign[draw(st.integers(0, 3)) :]]
    else:
        key, value = draw(_values(messages_of(topic)))
        foreign = draw(headers)
        if draw(st.booleans()) and value is not None:
            foreign = [*signature_headers(SECRETS, key, value), *foreign]
    if draw(st.integers(0, 4)) == 0:
        key = draw(any_bytes)
    return record_of(topic, key, value, foreign, draw(timestamps))


def record_of(
    topic: str,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[Header] = (),
    timestamp_ms: int = 1_793_525_400_000,
    partition: int = 0,
) -> ConsumerRecord:
    """Return a record as aiokafka's consumer hands it out, at offset 7."""
    sizes = (len(key or b""), len(value or b""))
    return ConsumerRecord(
        topic, partition, 7, timestamp_ms, 0, key, value, None, *sizes, tuple(headers)
    )
