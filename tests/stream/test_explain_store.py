"""`handoff explain` from what a real worker keeps in Redis, beside the same from the log."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result
from redis import Redis

from tests.support.escalation_harness import Worker, create_topics, policy_text, produce, settled
from tests.support.routing_builders import decision, placed
from workers.cli.main import handoff
from workers.contracts.decisions import Home
from workers.contracts.topics import EVENTS
from workers.embedded import EmbeddedKafka
from workers.embedded.kafka import PARTITIONS
from workers.settings import load_settings
from workers.stores.connection import connect
from workers.stores.ledger_store import LedgerStore
from workers.stores.partition_store import base_key

ASKS = "Let me talk to a human, please."
LOOPS = "Please restart the router and check the green light in front of it again."
CUT_OFF = "Your order 7 is with the courier already, so it cannot be changed, I am afraid."


class Talk:
    """The events of one conversation, ten seconds apart, an hour ago."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: list[dict[str, Any]] = []

    def say(self, role: str, content: str = "", **fields: Any) -> "Talk":
        """Add a message."""
        at = datetime.now(UTC) - timedelta(hours=1) + timedelta(seconds=10 * len(self.rows))
        envelope = {
            "event_id": f"{self.name}-{len(self.rows)}",
            "conversation_id": self.name,
            "occurred_at": at.isoformat(),
        }
        self.rows.append({**envelope, "role": role, "content": content, **fields})
        return self

    def ai(self, content: str, **agent: Any) -> "Talk":
        """Add an AI turn."""
        return self.say("ai_agent", content, agent={"id": "bot", "version": "1", **agent})


def asks() -> Talk:
    """Return a conversation in which the words decide."""
    talk = Talk("asks").say("customer", "Is 4111 1111 1111 1111 still my card?")
    return talk.ai("Which card do you mean?", confidence=0.9).say("customer", ASKS)


def loops() -> Talk:
    """Return a conversation in which the AI agent's own words decide."""
    talk = Talk("loops")
    for number in range(4):
        talk.say("customer", f"Now lamp {number} is {'red' if number % 2 else 'off'}").ai(LOOPS)
    return talk


def unsure() -> Talk:
    """Return a conversation in which numbers decide that are not among the words."""
    talk = Talk("unsure").say("customer", "Can order 7 go to Lisbon?")
    talk.ai("Perhaps it can.", confidence=0.3).say("customer", "Perhaps?")
    return talk.ai("It may be possible.", confidence=0.2).say("customer", "Well, can it?")


def quiet() -> Talk:
    """Return a conversation in which a rule nearly holds."""
    talk = Talk("quiet").say("customer", "Can order 7 go to Lisbon?")
    return talk.ai(CUT_OFF, context_tokens=80, context_limit=100)


def returned() -> Talk:
    """Return one that a person takes and that the customer closes."""
    talk = asks()
    talk.name = "returned"
    for number, row in enumerate(talk.rows):
        row |= {"conversation_id": "returned", "event_id": f"returned-{number}"}
    talk.say("human_agent", "Hi, Kim here, I have a look.", agent={"id": "kim"})
    return talk


TALKS = (asks(), loops(), unsure(), quiet(), returned())


@pytest.fixture
async def urls(kafka: EmbeddedKafka, redis_url: str, tmp_path: Path) -> tuple[str, str]:
    """Return servers on which a worker has folded every conversation."""
    create_topics(kafka)
    with Worker(kafka.bootstrap, redis_url, tmp_path, "--from", "earliest") as worker:
        await produce(kafka.bootstrap, [row for talk in TALKS for row in talk.rows])
        await settled(kafka.bootstrap, redis_url)
        assert worker.terminate() == 0
    return kafka.bootstrap, redis_url


async def explain(*arguments: str, code: int = 0, command: str = "explain") -> Result:
    """Call the command, or another that reads the same store."""
    environment = {"KAFKA_BOOTSTRAP": None, "REDIS_URL": None}
    invoke = partial(CliRunner().invoke, handoff, [command, *arguments], env=environment)
    result = await asyncio.to_thread(invoke)
    assert result.exit_code == code, result.output
    return result


async def both(urls: tuple[str, str], name: str) -> tuple[Any, Any]:
    """Return what the store and what the log tell."""
    kafka, redis = urls
    store = await explain(name, "--redis", redis, "--json")
    log = await explain(name, "--topic", EVENTS, "--kafka", kafka, "--json")
    return orjson.loads(store.stdout), orjson.loads(log.stdout)


def decided(told: Any) -> list[tuple[str, str, str]]:
    """Return where and why something was decided."""
    return [
        (line["event_id"], decision["action"], decision["rule"])
        for line in told["lines"]
        for decision in line["decisions"]
    ]


async def test_what_the_store_tells(urls: tuple[str, str]) -> None:
    _, redis_url = urls
    for name, rule in (("asks", "asks-for-a-person"), ("loops", "going-in-circles")):
        store, log = await both(urls, name)
        assert decided(store) == decided(log)
        assert (decided(store)[-1][1], decided(store)[-1][2]) == ("escalate", rule)
        assert [line["owner"] for line in store["lines"]] == [
            line["owner"] for line in log["lines"]
        ]
        assert [one["signals"] for one in store["lines"] if one["kind"] == "customer"] == [
            one["signals"] for one in _without_confidence(log) if one["kind"] == "customer"
        ]
        assert store["now"]["rule"] == rule
        assert f"by rule {rule}; open: a person is awaited" in store["conclusion"]
    async with connect(load_settings(redis_url=redis_url)) as redis:
        for name in ("asks", "elsewhere"):
            await LedgerStore(redis, "handoff").write(
                placed("queue", "billing", first=decision(name)), ""
            )
    text = (await explain("asks", "--redis", redis_url)).stdout
    assert re.search(r"also open:  \S+ \S+ explicit_request, billing: elsewhere", text)
    shown = await explain("asks", "--redis", redis_url, command="packet")
    assert re.search(r"Also open\n +\S+ \S+ +explicit_request, billing: elsewhere", shown.stdout)
    assert "requested_human" in text
    assert '"Let me talk to a human, please."' in text
    assert "not told: the store keeps the words" in text
    assert "4111" not in text

    # What decided was a number that the AI agent reported: the state knows, the words don't.
    store, log = await both(urls, "unsure")
    (opened,) = decided(log)
    assert opened[1:] == ("escalate", "unsure")
    assert decided(store) == []
    notes = {line["event_id"]: line["note"] for line in store["lines"] if line["note"]}
    assert notes == {
        opened[0]: "escalated for agent_uncertainty, which the words alone do not show"
    }
    assert store["conclusion"].startswith("Escalated for agent_uncertainty by rule unsure; open")

    store, log = await both(urls, "quiet")
    (miss,) = store["now"]["near_misses"]
    assert (miss["rule"], miss["value"]) == ("context-nearly-full", 0.8)
    assert store["now"]["signals"] == log["lines"][-1]["signals"]
    assert store["conclusion"] == "Not escalated: no rule held; nearly held: context-nearly-full."

    store, _ = await both(urls, "returned")
    assert store["now"]["owner"] == "person"
    assert "open: a person kim" in store["conclusion"]


def _without_confidence(told: Any) -> list[Any]:
    for line in told["lines"]:
        line["signals"].pop("confidence", None)
    lines: list[Any] = told["lines"]
    return lines


async def test_what_is_gone_or_cannot_be_read_is_said(
    urls: tuple[str, str], tmp_path: Path
) -> None:
    _, redis_url = urls
    keys = [base_key("handoff", Home(topic=EVENTS, partition=n)) for n in range(PARTITIONS)]
    with Redis.from_url(redis_url) as redis:
        for key in keys:
            redis.lpop(f"{key}t:loops", 3)
            if redis.exists(f"{key}s:asks"):
                redis.set(f"{key}s:asks", b"\xff\xff")
    told = orjson.loads((await explain("loops", "--redis", redis_url, "--json")).stdout)
    assert "3 of 8 turns are no longer stored" in told["missing"]
    assert told["now"]["rule"] == "going-in-circles"
    unreadable = await explain("asks", "--redis", redis_url, code=1)
    assert "cannot be read" in unreadable.stderr
    unknown = await explain("nobody", "--redis", redis_url, code=1)
    assert "nothing of nobody in the store" in unknown.stderr
    stricter = tmp_path / "policy.yaml"
    stricter.write_text(policy_text().replace("context_used: 0.85", "context_used: 0.95"))
    other = await explain("quiet", "--redis", redis_url, "--policy", str(stricter), "--json")
    (miss,) = orjson.loads(other.stdout)["now"]["near_misses"]
    assert miss["needed"] == 0.95
