"""`handoff replay` and `handoff audit` over topics, without any worker."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from click.testing import CliRunner

from tests.unit.replay.test_files import event, policy, policy_event
from workers.cli.main import handoff
from workers.contracts.codec import Raw
from workers.contracts.deadletters import Origin, dead_letter
from workers.contracts.topics import DEAD_LETTERS, EVENTS, load_topics
from workers.data import data_path
from workers.embedded import EmbeddedKafka
from workers.embedded.workers import EMBEDDED_SETTINGS

_MINUTE = 60_000
_START = round(datetime(2026, 11, 1, 9, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture(autouse=True)
def _quick_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in EMBEDDED_SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("REDIS_URL", raising=False)


async def produce(kafka: EmbeddedKafka, rows: list[dict[str, Any]], minute: int = 0) -> None:
    """Put events on partition 1 of the log, with Kafka timestamps a minute apart."""
    topics = load_topics(data_path("topics.yaml").read_text(encoding="utf-8"), "topics.yaml")
    kafka.ensure_topics(topics.topics)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    for number, row in enumerate(rows, start=minute):
        key, value = row["conversation_id"].encode(), orjson.dumps(row)
        at = _START + number * _MINUTE
        await producer.send_and_wait(EVENTS, value, key=key, partition=1, timestamp_ms=at)
    await producer.stop()


def run(kafka: EmbeddedKafka, *arguments: str, code: int = 0) -> Any:
    """Call a command with --json on this broker."""
    called = [*arguments, "--kafka", kafka.bootstrap, "--json"]
    result = CliRunner().invoke(handoff, called)
    assert result.exit_code == code, result.output
    return orjson.loads(result.stdout)


async def in_thread(kafka: EmbeddedKafka, *arguments: str, code: int = 0) -> Any:
    """Call a command from an asynchronous test."""
    return await asyncio.to_thread(run, kafka, *arguments, code=code)


def conversations() -> list[dict[str, Any]]:
    """Return a policy, and three conversations with three messages each."""
    rows = [event(name, number) for name in ("a", "b", "c") for number in range(3)]
    return [policy_event(policy(turns=2), "1"), *rows]


async def test_a_topic_is_decided_over_partition_by_partition(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    await produce(kafka, conversations())
    out = tmp_path / "decisions.jsonl"
    result = await in_thread(kafka, "replay", "--topic", EVENTS, "--decisions", str(out))
    assert (result["events"], result["conversations"]) == (9, 3)
    assert result["policies"][0]["rules"] == {"long": 3}
    homes = [orjson.loads(line)["home"] for line in out.read_bytes().splitlines()]
    assert homes == [{"topic": EVENTS, "partition": 1}] * 3


async def test_since_and_until_go_by_kafkas_timestamps(kafka: EmbeddedKafka) -> None:
    rows = conversations()
    rows[1:1] = [policy_event(policy("2", turns=2, queue="legal"), "2")]
    await produce(kafka, rows)
    # The policy of minute 1 holds in the window, which is that of the second conversation.
    window = ["--since", "2026-11-01T09:05:00Z", "--until", "2026-11-01T09:08:00Z"]
    result = await in_thread(kafka, "replay", "--topic", EVENTS, *window)
    assert (result["events"], result["conversations"]) == (3, 1)
    assert result["policies"][0]["queues"] == {"legal": 1}


async def test_what_the_worker_gave_up_is_left_out(kafka: EmbeddedKafka) -> None:
    rows = conversations()
    await produce(kafka, rows)
    raw = Raw(b"b", orjson.dumps(rows[6]), (), _START + 6 * _MINUTE)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    # The other one stood there before the topic was made anew.
    for offset, gone in ((6, raw), (5, Raw(b"b", b"another", (), _START))):
        origin = Origin(EVENTS, 1, offset)
        key, value, headers = dead_letter(origin, gone, "poison", "twice", "escalation")
        await producer.send_and_wait(DEAD_LETTERS, value, key=key, headers=headers)
    await producer.stop()
    result = await in_thread(kafka, "replay", "--topic", EVENTS)
    assert result["refused"] == {"poison": 1}
    assert result["refusals"][0]["where"] == f"{EVENTS}[1] offset 6"
    assert result["policies"][0]["escalations"] == 2


async def test_the_audit_names_what_is_not_applied_and_not_in_the_dead_letters(
    kafka: EmbeddedKafka,
) -> None:
    await produce(kafka, conversations())
    report = await in_thread(kafka, "audit", code=1)
    assert report["counts"]["not_yet_applied"] == 10
    assert report["findings_by_kind"] == {"behind": 1}


def test_a_kafka_that_is_not_there_is_named(kafka: EmbeddedKafka) -> None:
    address = kafka.bootstrap
    kafka.stop()
    for command, code in ((["replay", "--topic", EVENTS], 69), (["audit"], 69)):
        result = CliRunner().invoke(handoff, [*command, "--kafka", address])
        assert result.exit_code == code
        assert f"Kafka at {address} is not reachable" in result.output
