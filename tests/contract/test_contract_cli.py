"""`handoff schemas` and `handoff topics` as a person calls them."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

import workers.cli.schemas
from tests.support.schema_files import FOLDER, TOPICS_FILE, topics
from workers.cli.main import handoff
from workers.contracts.topics import OWN_TOPICS
from workers.data import data_path
from workers.embedded import EmbeddedKafka

GOOD = {
    "event_id": "m-1",
    "conversation_id": "c-1",
    "occurred_at": "2026-11-01T09:30:00Z",
    "role": "user",
    "content": "Hello?",
}


def _run(*arguments: str, given: bytes | None = None) -> Result:
    return CliRunner().invoke(handoff, arguments, input=given)


@pytest.fixture(scope="module")
def bootstrap() -> Iterator[str]:
    with EmbeddedKafka() as kafka:
        kafka.ensure_topics(OWN_TOPICS)
        yield kafka.bootstrap


def test_the_shipped_contract_is_well() -> None:
    result = _run("schemas", "check")
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith(" checked, 0 problems\n")


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("desk-events.v1.schema.json", '"required"', '"requierd"', "requierd"),
        ("topics.v1.schema.json", '"additionalProperties"', '"aditionalProperties"', "aditional"),
        ("examples/desk-events/1/valid/presence.json", '"queue"', '"que"', "queue"),
        ("examples/desk-events/1/invalid/rated-six.json", '"csat": 6', '"csat": 5', "expected"),
    ],
)
def test_a_broken_contract_is_named(
    file: str, old: str, new: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "schemas"
    shutil.copytree(FOLDER, folder)
    content = (folder / file).read_text()
    assert old in content
    (folder / file).write_text(content.replace(old, new, 1))
    shipped = {"schemas": folder}
    monkeypatch.setattr(
        workers.cli.schemas, "data_path", lambda name: shipped.get(name) or data_path(name)
    )
    result = _run("schemas", "check")
    assert result.exit_code == 1
    assert file.rpartition("/")[2] in result.stderr
    assert told in result.stderr


def test_records_are_checked_before_they_are_sent() -> None:
    lines = [
        GOOD,
        {**GOOD, "occurred_at": "2026-11-01 09:30:00Z"},
        {**GOOD, "role": "the customer said: my PIN is 1234"},
        {"event_id": "m-2"},
    ]
    given = b"\n".join([*map(orjson.dumps, lines), b"", b"no json"])
    result = _run("schemas", "check", "-", given=given)
    assert result.exit_code == 1
    assert [line.split(": ")[:3] for line in result.stderr.splitlines()] == [
        ["<stdin>:2", "schema", "occurred_at"],
        ["<stdin>:3", "schema", "role"],
        ["<stdin>:4", "missing_id", "conversation_id"],
        ["<stdin>:6", "not_json", "event"],
    ]
    assert "1234" not in result.output
    good = _run("schemas", "check", "-", given=orjson.dumps(GOOD))
    assert (good.exit_code, good.stdout) == (0, "1 record checked, 0 problems\n")


def test_records_of_another_topic() -> None:
    path = FOLDER / "examples/handoff-queue/1/valid/handoff.json"
    line = orjson.dumps(orjson.loads(path.read_bytes()))
    assert _run("schemas", "check", "-", "--topic", "handoff-legal", given=line).exit_code == 0
    unknown = _run("schemas", "check", "-", "--topic", "handoff-nobody", given=line)
    assert unknown.exit_code == 2
    assert "handoff-legal" in unknown.output


def test_list_and_asyncapi() -> None:
    rows = orjson.loads(_run("schemas", "list", "--json").stdout)
    assert {name for row in rows for name in row["topics"]} == set(topics().topics)
    assert _run("schemas", "list").stdout.count("\n") == len(rows) + 1
    document = orjson.loads(_run("schemas", "asyncapi").stdout)
    assert document["asyncapi"] == "3.0.0"


def test_topics_list() -> None:
    rows = orjson.loads(_run("topics", "list", "--json").stdout)
    assert [row["topic"] for row in rows] == list(topics().topics)
    table = _run("topics", "list").stdout.splitlines()
    assert table[1].split() == [
        "conversation-events",
        "12",
        "30",
        "days",
        "conversation_id",
        "conversation-events",
    ]


def test_a_bad_file_is_the_callers_mistake(tmp_path: Path) -> None:
    bad = tmp_path / "topics.yaml"
    bad.write_text(TOPICS_FILE.read_text().replace("priority: 3", "priorty: 3", 1))
    for command in ("list", "check", "apply"):
        result = _run("topics", command, "--topics", str(bad))
        assert result.exit_code == 2
        assert "priorty: '3': unknown key: did you mean priority?" in result.output


def test_check_names_what_is_missing(bootstrap: str) -> None:
    """The embedded broker has 4 partitions, as it should, and no topics of queues yet."""
    result = _run("topics", "check", "--kafka", bootstrap)
    assert result.exit_code == 1
    told = result.stderr.splitlines()
    assert not any("conversation-events: " in line for line in told)
    assert sum("none of this name" in line for line in told) == len(topics().queues)
    found: list[dict[str, Any]] = orjson.loads(
        _run("topics", "check", "--kafka", bootstrap, "--json").stdout
    )["differences"]
    assert len(found) == len(told)


def test_apply_says_when_a_broker_cannot(bootstrap: str) -> None:
    result = _run("topics", "apply", "--kafka", bootstrap)
    assert result.exit_code == 1
    assert "handoff up" in result.output


def test_a_broker_that_is_not_there_is_named() -> None:
    for command in ("check", "apply"):
        result = _run("topics", command, "--kafka", "127.0.0.1:1")
        assert result.exit_code == 69
        assert "Kafka at 127.0.0.1:1 is not reachable" in result.output
