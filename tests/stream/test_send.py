"""`handoff send` against a real broker: what arrives, under which key, and what is reported."""

import asyncio
import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.support import bridge
from workers.cli.send import send
from workers.embedded import EmbeddedKafka

TOPICS = ("conversation-events", "desk-events")


@pytest.fixture
def broker(kafka: EmbeddedKafka) -> EmbeddedKafka:
    kafka.ensure_topics(TOPICS)
    return kafka


def event(number: int, conversation: str = "c-1") -> str:
    return json.dumps({"event_id": f"e-{number}", "conversation_id": conversation, "n": number})


def run(kafka: EmbeddedKafka, data: str | bytes, *arguments: str) -> Result:
    return CliRunner().invoke(send, ["-", "--kafka", kafka.bootstrap, *arguments], input=data)


def arrived(kafka: EmbeddedKafka, topic: str) -> list[tuple[bytes, bytes]]:
    return asyncio.run(bridge.arrived(kafka, topic))


def numbers(records: Sequence[tuple[bytes, bytes]]) -> list[int]:
    return [json.loads(value)["n"] for _, value in records]


def test_every_line_arrives_under_its_conversation_in_order(
    broker: EmbeddedKafka, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(event(n, f"c-{n % 7}") for n in range(12_000)))
    result = CliRunner().invoke(send, [str(file), "--kafka", broker.bootstrap])
    assert result.exit_code == 0, result.output
    assert "12,000 events sent to conversation-events" in result.output
    records = arrived(broker, "conversation-events")
    assert sorted(numbers(records)) == list(range(12_000))
    for conversation in range(7):
        own = [record for record in records if record[0] == f"c-{conversation}".encode()]
        assert numbers(own) == list(range(conversation, 12_000, 7))


def test_bad_lines_are_named_and_the_others_are_sent(broker: EmbeddedKafka) -> None:
    lines = [event(1), "{broken", "", "[1]", '{"n": 5}', event(6), event(7)[:-9]]
    lines.append('{"conversation_id": 7}')
    result = run(broker, "\n".join(lines), "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert (report["sent"], report["not_sent"]) == (2, 5)
    assert [entry["line"] for entry in report["lines"]] == [2, 4, 5, 7, 8]
    assert "standard input:5: conversation_id: missing" in result.stderr
    assert "standard input:8: conversation_id: not text" in result.stderr
    assert numbers(arrived(broker, "conversation-events")) == [1, 6]


def test_a_line_too_large_for_the_broker_is_reported_and_loses_no_other(
    broker: EmbeddedKafka,
) -> None:
    lines = [event(1), event(2)[:-1] + ', "x": "' + "y" * 5_000_000 + '"}', event(3)]
    result = run(broker, "\n".join(lines))
    assert result.exit_code == 1
    assert "standard input:2: more than 4,194,304 bytes" in result.stderr
    assert "more than 4,194,304 bytes" in result.stderr
    assert numbers(arrived(broker, "conversation-events")) == [1, 3]


def test_presence_goes_under_its_queue(broker: EmbeddedKafka) -> None:
    presence = {"type": "presence", "event_id": "p", "queue": "billing", "n": 1}
    accepted = {"type": "accepted", "event_id": "a", "queue": "billing", "conversation_id": "c"}
    data = "\n".join(map(json.dumps, (presence, accepted)))
    result = run(broker, data, "--topic", "desk-events")
    assert result.exit_code == 0, result.output
    assert {key for key, _ in arrived(broker, "desk-events")} == {b"billing", b"c"}


def test_what_a_broker_never_acknowledged_is_reported(
    broker: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aiokafka import AIOKafkaProducer
    from aiokafka.errors import TopicAuthorizationFailedError

    plain = AIOKafkaProducer.send

    async def refused_for_c2(
        self: AIOKafkaProducer, topic: str, value: bytes, key: bytes
    ) -> asyncio.Future[object]:
        future: asyncio.Future[object] = await plain(self, topic, value, key=key)
        if key == b"c-2":
            future = asyncio.get_running_loop().create_future()
            future.set_exception(TopicAuthorizationFailedError("not yours"))
        return future

    monkeypatch.setattr(AIOKafkaProducer, "send", refused_for_c2)
    result = run(broker, "\n".join([event(1), event(2, "c-2"), event(3)]))
    assert result.exit_code == 1
    assert "standard input:2: " in result.stderr
    assert "2 events sent" in result.output


def test_an_unknown_topic_is_not_made_by_asking(broker: EmbeddedKafka) -> None:
    result = run(broker, event(1), "--topic", "conversation-evnts")
    assert result.exit_code == 1
    assert "no topic conversation-evnts" in result.stderr


def test_no_broker_is_one_clear_line() -> None:
    result = CliRunner().invoke(send, ["-", "--kafka", "127.0.0.1:1"], input=event(1))
    assert result.exit_code == 69
    assert "127.0.0.1:1" in result.stderr


def test_events_of_long_ago_are_sent_with_a_warning(broker: EmbeddedKafka) -> None:
    now = datetime.now(UTC)
    times = [now - timedelta(days=300), now - timedelta(hours=2), now - timedelta(minutes=9)]
    lines = [event(n)[:-1] + f', "occurred_at": "{at.isoformat()}"}}' for n, at in enumerate(times)]
    lines += [event(3)[:-1] + ', "occurred_at": "yesterday"}', event(4)]
    result = run(broker, "\n".join(lines), "--json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert (report["sent"], report["older_than_an_hour"]) == (5, 2)
    assert (
        f"2 events are older than an hour (the oldest of {times[0].isoformat()})" in result.stderr
    )
    assert "handoff import --now" in result.stderr
    assert run(broker, lines[2]).stderr == ""


def test_what_lies_ahead_of_now_is_refused_on_topics_that_go_by_it(broker: EmbeddedKafka) -> None:
    later, soon = (datetime.now(UTC) + timedelta(minutes=m) for m in (9, 1))
    lines = [
        event(n)[:-1] + f', "occurred_at": "{at.isoformat()}"}}'
        for n, at in enumerate((later, soon))
    ]
    result = run(broker, "\n".join([*lines, event(2)]))
    assert result.exit_code == 1
    assert "standard input:1: occurred_at: " in result.stderr
    assert "ahead of now: check the clock of what wrote it: not sent" in result.stderr
    assert numbers(arrived(broker, "conversation-events")) == [1, 2]


def test_it_reads_what_replay_reads(broker: EmbeddedKafka, tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain.jsonl", tmp_path / "packed.jsonl.gz"
    plain.write_bytes(b"\xef\xbb\xbf" + event(1).encode() + b"\n\n")
    packed.write_bytes(gzip.compress(event(2).encode()))
    files = [str(plain), str(packed), "-"]
    result = CliRunner().invoke(
        send, [*files, "--kafka", broker.bootstrap], input=gzip.compress(event(3).encode())
    )
    assert result.exit_code == 0, result.output
    assert "3 events sent" in result.output
    assert sorted(numbers(arrived(broker, "conversation-events"))) == [1, 2, 3]
