"""`handoff doctor` against real servers: what is well, what is wrong, and what to do about it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from redis import Redis

from workers.cli.main import handoff
from workers.contracts.topics import load_topics
from workers.data import data_path
from workers.embedded import EmbeddedKafka

TOPICS = load_topics(data_path("topics.yaml").read_text(), "topics.yaml").topics


def _diagnoses(kafka: str, redis: str, *options: str, code: int) -> dict[str, set[str]]:
    arguments = ["doctor", "--kafka", kafka, "--redis", redis, "--json", *options]
    result = CliRunner().invoke(handoff, arguments)
    assert result.exit_code == code, result.output
    told: dict[str, set[str]] = {"ok": set(), "note": set(), "wrong": set()}
    for one in json.loads(result.stdout):
        told[one["state"]].add(f"{one['about']}: {one['said']}")
    return told


def test_what_is_well_is_said_and_what_is_wrong_ends_with_what_to_do(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    kafka.ensure_topics(TOPICS)
    told = _diagnoses(kafka.bootstrap, redis_url, code=0)
    assert any(one.startswith("topics: ") for one in told["ok"])
    assert "redis: never evicts" in told["ok"]
    assert any("nobody is online for" in one for one in told["note"])

    store = Redis.from_url(redis_url)
    store.config_set("maxmemory-policy", "allkeys-lru")
    try:
        bad = tmp_path / "bad.yaml"
        bad.write_text("version: 1\nrules: []\n")
        told = _diagnoses(kafka.bootstrap, redis_url, "--policy", str(bad), code=1)
    finally:
        store.config_set("maxmemory-policy", "noeviction")
        store.close()
    assert any("allkeys-lru" in one and "set it to noeviction" in one for one in told["wrong"])
    assert any(f"{bad}:2: rules" in one for one in told["wrong"])


def test_servers_that_are_away_are_findings_beside_each_other() -> None:
    told = _diagnoses("127.0.0.1:1", "redis://127.0.0.1:1/0", code=1)
    assert {one.split(" at ")[0] for one in told["wrong"]} == {"kafka: Kafka", "redis: Redis"}


def test_the_files_of_notifier_and_tickets_are_read_with_their_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = ("127.0.0.1:1", "redis://127.0.0.1:1/0")
    for name in ("NOTIFIER", "TICKETS"):
        monkeypatch.delenv(f"HANDOFF_{name}", raising=False)
    unset = {one.split(":")[0] for one in _diagnoses(*nowhere, code=1)["note"]}
    assert {"notifier", "tickets"} <= unset

    notifier, tickets = tmp_path / "notifier.yaml", data_path("vendors") / "mail.yaml"
    notifier.write_text("version: 1\nroutes: []\n")
    monkeypatch.setenv("HANDOFF_NOTIFIER", str(notifier))
    monkeypatch.setenv("HANDOFF_TICKETS", str(tickets))
    monkeypatch.delenv("TICKET_MAIL_PASSWORD", raising=False)
    told = _diagnoses(*nowhere, code=1)
    assert any(one.startswith(f"notifier: {notifier}:2: routes") for one in told["wrong"])
    assert any("tickets: " in one and "TICKET_MAIL_PASSWORD" in one for one in told["wrong"])

    monkeypatch.setenv("TICKET_MAIL_PASSWORD", "hunter2-and-more")
    told = _diagnoses(*nowhere, code=1)
    assert f"tickets: {tickets} and its secrets can be read" in told["ok"]
    assert "hunter2" not in str(told)


def test_topics_of_the_embedded_broker_are_as_they_should_be(kafka: EmbeddedKafka) -> None:
    kafka.ensure_topics(TOPICS)
    for command in ("check", "apply"):
        result = CliRunner().invoke(handoff, ["topics", command, "--kafka", kafka.bootstrap])
        assert result.exit_code == 0, result.output
