"""Dead letters keep a record as it was, and are listed and sent again from the command line."""

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from tests.support import contract_strategies
from tests.support.schema_files import verdicts
from workers.cli.main import handoff
from workers.contracts.codec import Header, Raw
from workers.contracts.deadletters import (
    MAX_DEAD_LETTER_BYTES,
    DeadLetter,
    Origin,
    dead_letter,
    digest_of,
    fit,
    is_given_up,
    read_dead_letter,
    read_retry_mark,
    retry_mark,
)
from workers.contracts.rejections import REJECTION_REASONS, RejectionReason
from workers.contracts.topics import DEAD_LETTERS, EVENTS, load_topics
from workers.data import data_path
from workers.embedded import EmbeddedKafka

CONTENT = "my password is swordfish"

# What is named as our own headers are is not kept.
names = st.text(contract_strategies.texts, max_size=20).filter(
    lambda name: "dead-letter-" not in name
)
headers = st.lists(st.tuples(names, st.none() | st.binary(max_size=20)), max_size=4)
raws = st.builds(
    Raw,
    st.none() | st.binary(max_size=20),
    st.none() | st.binary(max_size=50),
    headers,
    st.integers(-1, 2**45),
)
origins = st.builds(
    Origin,
    st.from_regex(r"[A-Za-z0-9._-]{1,40}", fullmatch=True),
    st.integers(0, 2**31),
    st.integers(0, 2**62),
)
reasons = st.sampled_from(REJECTION_REASONS)


def _producible(raw: Raw) -> Raw:
    """Producers refuse a record with neither key nor value, so it is kept with an empty key."""
    return raw._replace(key=b"") if raw.key is None and raw.value is None else raw


@given(
    raws,
    origins,
    reasons,
    st.text(contract_strategies.texts, max_size=500),
    st.text(contract_strategies.texts),
)
def test_a_record_comes_back_as_it_was(
    raw: Raw, origin: Origin, reason: RejectionReason, detail: str, agent: str
) -> None:
    key, value, kept = dead_letter(origin, raw, reason, detail, agent)
    raw = _producible(raw)
    letter = read_dead_letter(Raw(key, value, kept, 5))
    assert letter == DeadLetter(origin, reason, detail, agent, raw, cut=False)
    assert dead_letter(origin, raw, reason, detail, agent) == (key, value, kept)
    assert (key, value) == (raw.key, raw.value)
    # Ours come after the record's own, so that whoever reads the first of a name finds its own.
    assert kept[: len(raw.headers)] == raw.headers


@given(raws, origins, origins, reasons)
def test_a_second_death_keeps_the_first_record(
    raw: Raw, first: Origin, second: Origin, reason: RejectionReason
) -> None:
    """Headers of an earlier round never pile up, nor are they taken for the record's own."""
    key, value, kept = dead_letter(first, raw, reason, "first", "escalation")
    again = Raw(key, value, kept, raw.timestamp_ms)
    key, value, anew = dead_letter(second, again, reason, "second", "desk")
    assert len(anew) == len(kept)
    letter = read_dead_letter(Raw(key, value, anew, 7))
    assert letter is not None
    assert (letter.origin, letter.raw, letter.detail) == (second, _producible(raw), "second")


@given(raws)
def test_what_is_no_dead_letter_is_none(raw: Raw) -> None:
    assert read_dead_letter(raw) is None
    assert read_retry_mark(raw) is None


def test_the_headers_keep_their_schema() -> None:
    raw = Raw(b"c-1", b"x" * (MAX_DEAD_LETTER_BYTES + 1), [("trace", b"1")], 1_793_525_400_000)
    _, value, kept = dead_letter(Origin(EVENTS, 3, 9), raw, "too_large", "d" * 900, "escalation")
    ours = {name: (text or b"").decode() for name, text in kept}
    assert verdicts("dead-letters", ours) == (True, True)
    assert value is not None
    assert 0.99 * MAX_DEAD_LETTER_BYTES < len(value) < MAX_DEAD_LETTER_BYTES
    letter = read_dead_letter(Raw(b"c-1", value, kept, 0))
    assert letter is not None
    assert letter.cut
    mark = {name: (text or b"").decode() for name, text in retry_mark(letter)[2]}
    assert verdicts("dead-letters", mark) == (True, True)


@given(raws, origins)
def test_a_mark_names_the_record(raw: Raw, origin: Origin) -> None:
    letter = DeadLetter(origin, "poison", "", "escalation", raw, cut=False)
    key, value, kept = retry_mark(letter)
    assert key is not None
    assert read_retry_mark(Raw(key, value, kept, 0)) == (origin, letter.digest)
    assert read_dead_letter(Raw(key, value, kept, 0)) is None


@given(raws, raws, origins)
def test_what_was_given_up_is_known_by_its_content(raw: Raw, other: Raw, origin: Origin) -> None:
    key, value, kept = dead_letter(origin, raw, "poison", "", "escalation")
    letter = read_dead_letter(Raw(key, value, kept, 0))
    assert letter is not None
    given_up = {origin.offset: (letter.digest,)}
    assert is_given_up(raw, origin.offset, given_up)
    assert not is_given_up(raw, origin.offset + 1, given_up)
    assert is_given_up(other, origin.offset, given_up) == (digest_of(other) == digest_of(raw))
    assert is_given_up(other, origin.offset, {origin.offset: ()}), "as up to 0.1: by offset alone"


def test_what_was_given_up_is_known_though_its_dead_letter_is_cut() -> None:
    raw = Raw(b"k" * 100_000, b"x" * (MAX_DEAD_LETTER_BYTES + 1), [("n", None)], 7)
    key, value, kept = dead_letter(Origin(EVENTS, 3, 9), raw, "poison", "", "escalation")
    letter = read_dead_letter(Raw(key, value, kept, 0))
    assert letter is not None
    assert letter.cut
    assert is_given_up(raw, 9, {9: (letter.digest,)})
    assert not is_given_up(raw._replace(timestamp_ms=8), 9, {9: (letter.digest,)})


LETTERS: list[tuple[Origin, RejectionReason, bytes | None]] = [
    (Origin(EVENTS, 1, 10), "ahead_of_time", b'{"content":"%b"}' % CONTENT.encode()),
    (Origin(EVENTS, 2, 20), "not_json", CONTENT.encode()),
    (Origin(EVENTS, 2, 21), "not_json", None),
    (Origin("desk-events", 0, 5), "unknown_escalation", b"{}"),
    (Origin("no-such-topic", 0, 1), "schema", b"{}"),
    # Dead-lettered twice, as happens after a crash.
    (Origin(EVENTS, 1, 10), "ahead_of_time", b'{"content":"%b"}' % CONTENT.encode()),
]


@pytest.fixture
def bootstrap() -> Iterator[str]:
    with EmbeddedKafka() as kafka:
        kafka.ensure_topics([EVENTS, "desk-events", DEAD_LETTERS])
        asyncio.run(_produce(kafka.bootstrap))
        yield kafka.bootstrap


async def _produce(bootstrap: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for number, (origin, reason, body) in enumerate(LETTERS):
            raw = Raw(b"c-%d" % origin.partition, body, [("trace", b"t")], 1_793_525_400_000)
            key, value, kept = dead_letter(origin, raw, reason, "field: what to do", "escalation")
            await producer.send_and_wait(
                DEAD_LETTERS, value, key, number % 4, headers=kept, timestamp_ms=1000 * (number + 1)
            )


def test_a_record_without_key_is_sent_again(bootstrap: str) -> None:
    async def produce() -> None:
        async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
            for number, body in enumerate((b"{}", None)):
                raw = Raw(None, body, [], 1_793_525_400_000)
                origin = Origin(EVENTS, 3, number)
                key, value, kept = dead_letter(origin, raw, "missing_id", "id", "escalation")
                await producer.send_and_wait(DEAD_LETTERS, value, key, headers=kept)

    asyncio.run(produce())
    for count in (2, 0):
        result = _run(bootstrap, "retry", "--reason", "missing_id")
        assert f"{count} sent again, 0 not" in result.output


async def _consume(bootstrap: str, topic: str) -> list[Any]:
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, fetch_max_wait_ms=20) as consumer:
        partitions = [TopicPartition(topic, number) for number in range(4)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning()
        found: list[Any] = []
        while len(found) < sum(ends.values()):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += records
        return found


def _run(bootstrap: str, *arguments: str) -> Result:
    return CliRunner().invoke(handoff, ["deadletters", *arguments, "--kafka", bootstrap])


def _listed(bootstrap: str, *arguments: str) -> Any:
    return orjson.loads(_run(bootstrap, "list", "--json", *arguments).stdout)


def test_list_says_why_and_where_and_never_what(bootstrap: str) -> None:
    table = _run(bootstrap, "list")
    assert table.exit_code == 0
    assert "swordfish" not in table.output
    first = table.output.splitlines()[1].split()
    assert first[1:5] == ["ahead_of_time", EVENTS, "1", "10"]
    rows = _listed(bootstrap)
    assert "swordfish" not in str(rows)
    places = [(row["topic"], row["partition"], row["offset"]) for row in rows]
    assert places == [tuple(origin) for origin, _, _ in LETTERS[:-1]]
    assert rows[0]["detail"] == "field: what to do"


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["--reason", "not_json"], 2),
        (["--reason", "not_json", "--reason", "schema"], 3),
        (["--topic", "desk-events"], 1),
        (["--since", "1970-01-01T00:00:04Z"], 3),
        (["--since", "1970-01-01T00:00:04Z", "--topic", EVENTS], 1),
        (["--reason", "poison"], 0),
    ],
)
def test_filters(bootstrap: str, arguments: list[str], count: int) -> None:
    assert len(_listed(bootstrap, *arguments)) == count


def test_retry_sends_each_once_to_where_it_was(bootstrap: str) -> None:
    dry = _run(bootstrap, "retry", "--reason", "not_json", "--dry-run")
    assert dry.exit_code == 0
    assert "conversation-events[2]@20: not_json" in dry.output
    assert asyncio.run(_consume(bootstrap, EVENTS)) == []

    once = _run(bootstrap, "retry", "--topic", EVENTS)
    assert once.exit_code == 0, once.output
    assert "3 sent again, 0 not" in once.output
    records = asyncio.run(_consume(bootstrap, EVENTS))
    sent = {(r.partition, r.key, r.value, *r.headers) for r in records}
    assert sent == {
        (origin.partition, b"c-%d" % origin.partition, value, ("trace", b"t"))
        for origin, _, value in LETTERS
        if origin.topic == EVENTS
    }
    assert len(records) == 3

    twice = _run(bootstrap, "retry", "--topic", EVENTS)
    assert "0 sent again, 0 not" in twice.output
    assert len(asyncio.run(_consume(bootstrap, EVENTS))) == 3
    again = {(row["topic"], row["again"]) for row in _listed(bootstrap)}
    assert again == {(EVENTS, "sent"), ("desk-events", "no"), ("no-such-topic", "no")}


def test_show_prints_all_of_one(bootstrap: str) -> None:
    table = _run(bootstrap, "show", "conversation-events[2]@20")
    assert table.exit_code == 0, table.output
    assert CONTENT in table.output
    assert "trace: t" in table.output
    assert "retry --topic conversation-events --reason not_json" in table.output
    told = orjson.loads(_run(bootstrap, "show", "conversation-events[2]@21", "--json").stdout)
    assert (told["value"], told["key"], told["reason"]) == ("none", "c-2", "not_json")
    missing = _run(bootstrap, "show", "conversation-events[2]@99")
    assert missing.exit_code == 1
    assert "no dead letter of conversation-events[2]@99" in missing.output
    for wrong in ("conversation-events", "[2]@20", "a[2]@" + "9" * 5_000, "a[x]@1"):
        assert _run(bootstrap, "show", wrong).exit_code == 2


def test_show_escapes_what_a_terminal_would_obey(bootstrap: str) -> None:
    async def produce() -> None:
        async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
            raw = Raw(b"\x1b[2J", b"\xff\x00\x1b]0;owned\x07 gr\xc3\xbc\xc3\x9fe", [], 0)
            key, value, kept = dead_letter(Origin(EVENTS, 0, 7), raw, "not_json", "d", "desk")
            await producer.send_and_wait(DEAD_LETTERS, value, key, headers=kept)

    asyncio.run(produce())
    shown = _run(bootstrap, "show", "conversation-events[0]@7")
    assert shown.exit_code == 0, shown.output
    assert "\\xff\\x00\\x1b]0;owned\\x07 grüße" in shown.output
    assert "\x1b" not in shown.output


def test_retry_names_what_cannot_be_sent(bootstrap: str) -> None:
    result = _run(bootstrap, "retry", "--json")
    assert result.exit_code == 1
    answer = orjson.loads(result.stdout)
    assert len(answer["sent"]) == 4
    assert [problem["record"] for problem in answer["not_sent"]] == ["no-such-topic[0]@1"]
    assert "topic or partition is not there" in result.stderr


def test_a_broker_without_dead_letters() -> None:
    with EmbeddedKafka() as kafka:
        assert _listed(kafka.bootstrap) == []
        assert _run(kafka.bootstrap, "retry").exit_code == 0


def test_wrong_calls() -> None:
    assert _run("127.0.0.1:1", "list", "--reason", "bad").exit_code == 2
    assert _run("127.0.0.1:1", "list", "--since", "yesterday").exit_code == 2
    unreachable = _run("127.0.0.1:1", "list")
    assert unreachable.exit_code == 69
    assert "127.0.0.1:1" in unreachable.output


@pytest.mark.parametrize("key", [None, b"k" * 5_000_000])
@pytest.mark.parametrize("value", [None, b"v" * 5_000_000])
@pytest.mark.parametrize(
    "headers",
    [[], [("h" * 3_000_000, b"x")], [("n", None)] * 500_000, [("n", b"x" * 3_000_000)]],
    ids=["none", "a long name", "many", "a long value"],
)
def test_whatever_stood_in_a_record_its_dead_letter_fits(
    key: bytes | None, value: bytes | None, headers: list[Header]
) -> None:
    raw = Raw(key, value, headers, 1_793_525_400_000)
    made = dead_letter(Origin(EVENTS, 3, 9), raw, "too_large", "d" * 9_000, "escalation")
    limit = load_topics(data_path("topics.yaml").read_text(), "topics.yaml").topics
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 1 << 30)
    builder.append(0, 1_793_525_400_000, *made)
    assert len(builder.build()) < limit[DEAD_LETTERS].max_message_bytes
    letter = read_dead_letter(Raw(*made, 0))
    assert letter is not None
    assert letter.origin == Origin(EVENTS, 3, 9)
    assert letter.cut == (len(key or b"") + len(value or b"") > 0 or bool(headers))
    smaller = fit(*made, 900_000) or made
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 1 << 30)
    builder.append(0, 1_793_525_400_000, *smaller)
    assert len(builder.build()) < 1_000_000
    again = read_dead_letter(Raw(*smaller, 0))
    assert again is not None
    assert again.origin == letter.origin
