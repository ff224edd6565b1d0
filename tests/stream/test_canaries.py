"""Customers' and people's words are in no log, metric or dead letter's detail, at debug level too.

No secret is in a decision, the ledger or a notification: see also test_decision_canaries.py.
"""

import asyncio
import json
import logging
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from aiokafka import AIOKafkaProducer

from tests.support.canaries import NUMBER, SECRET, WRITTEN, with_canaries
from tests.support.classifier_harness import VERDICT, doubt, message, messages_api
from tests.support.forked import forked_worker
from workers.cli.up import is_ready
from workers.cli.worker import OneLineFormatter
from workers.contracts.codec import encode
from workers.contracts.events import AgentTurn, Customer, Message, ToolResult
from workers.contracts.topics import load_topics
from workers.embedded import EmbeddedStack
from workers.embedded.child import free_ports
from workers.embedded.workers import EMBEDDED_SETTINGS
from workers.kafka.reader import partitions_of, ranges_of, read, reading
from workers.runtime.failstop import _explained

CANARY: Final = "canary-7f3a"
FORGING: Final = "c-2\nFORGED 2026-01-01 CRITICAL \x1b[31m"
WORKERS: Final = ("escalation", "routing", "desk", "classifier", "outcomes")
_TOPICS: Final = Path(__file__).parents[2] / "topics.yaml"


def event(number: int, **fields: Any) -> bytes:
    base = {
        "event_id": f"e-{number}",
        "conversation_id": "c-1",
        "occurred_at": datetime.now(UTC).isoformat(),
        "role": "customer",
        "content": f"I want to talk to a human agent about {CANARY}.",
        "customer": {"id": "cu-1", "name": CANARY},
        "subject": CANARY,
    }
    return json.dumps({**base, **fields}).encode()


def log_records() -> list[bytes]:
    call = {"name": "find", "arguments": {"q": CANARY}}
    tool = {"name": "find", "status": "error", "error": CANARY, "result": CANARY}
    return [
        event(1),
        event(2, role="tool", content="", tool=tool),
        event(3, role="ai_agent", agent={"id": "bot", "tool_calls": [call]}),
        # Everything from here on is refused, and its refusal must not quote it.
        event(4, content=[CANARY]),
        event(5, occurred_at="2026-01-01 10:00", content=CANARY),
        event(6, type="gesture"),
        event(7, customer=CANARY),
        event(8, version=9),
        event(9, occurred_at="2999-01-01T00:00:00Z"),
        event(10, role=CANARY),
        b'{"event_id": "' + CANARY.encode(),
        CANARY.encode() + b"\xff",
    ]


def refused_for_a_number() -> list[bytes]:
    """An event for each text of a message, with a number in its place."""
    whole = json.loads(event(100)) | with_canaries(
        Message, role="ai_agent", customer=with_canaries(Customer), agent=with_canaries(AgentTurn)
    )
    refused = []
    for path in _texts_of(whole):
        changed = json.loads(json.dumps(whole))
        *way, last = path
        inner = changed
        for step in way:
            inner = inner[step]
        inner[last] = NUMBER
        refused.append(json.dumps(changed).encode())
    return refused


def _texts_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            # Anything may stand in arguments and results.
            if name not in ("arguments", "result"):
                yield from _texts_of(inner, (*path, name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _texts_of(inner, (*path, place))
    elif isinstance(value, str):
        yield path


def with_every_text() -> list[bytes]:
    """Events with a secret in every text, and a request for a person: all are decided on."""
    told = {"customer": with_canaries(Customer), "content": f"I want a human agent. {WRITTEN}"}
    told["role"] = "customer"
    agent = {"role": "ai_agent"}
    tool = {"tool": with_canaries(ToolResult), "role": "tool"}
    filled = with_canaries(Message, agent=with_canaries(AgentTurn, id="bot"))
    ids = ({"event_id": f"f-{n}", "occurred_at": datetime.now(UTC).isoformat()} for n in range(9))
    person = {"role": "human_agent"}
    said: tuple[dict[str, Any], ...] = (agent, tool, tool, tool, told, agent, person, tool, told)
    return [
        json.dumps({**filled, **fields, **id_, "conversation_id": FORGING}).encode()
        for fields, id_ in zip(said, ids, strict=True)
    ]


def desk_records() -> list[bytes]:
    known = {
        "type": "returned",
        "event_id": "d-1",
        "occurred_at": datetime.now(UTC).isoformat(),
        "escalation_id": "nobody's",
        "conversation_id": "c-1",
        "queue": "billing",
        "epoch": 1,
        "reason": CANARY,
        "note": CANARY,
    }
    broken = [{**known, "note": [CANARY]}, {**known, "reason": {"text": CANARY}}, CANARY]
    return [json.dumps(one).encode() for one in (known, *broken)]


def classifications() -> list[bytes]:
    at = time.time_ns() // 1_000_000
    doubts = [doubt(f"is {CANARY} even there {n}", at, event_id=f"e-{n}") for n in (1, 2)]
    return [encode(one) for one in doubts]


@pytest.mark.timeout(400)
async def test_no_worker_writes_content_to_its_log_or_metrics(tmp_path: Path) -> None:
    async with EmbeddedStack() as stack, messages_api() as api:
        topics = load_topics(_TOPICS.read_text(), str(_TOPICS)).topics
        stack.kafka.ensure_topics(topics)
        async with AIOKafkaProducer(bootstrap_servers=stack.bootstrap) as producer:
            for topic, records in (
                ("conversation-events", log_records()),
                ("desk-events", desk_records()),
            ):
                for value in records:
                    await producer.send_and_wait(topic, value, key=b"c-1")
            for value in refused_for_a_number():
                await producer.send_and_wait("conversation-events", value, key=b"c-1")
            for value in with_every_text():
                await producer.send_and_wait("conversation-events", value, key=FORGING.encode())
            for value in (b"{", json.dumps({"note": CANARY}).encode(), CANARY.encode()):
                await producer.send_and_wait("escalation-decisions", value, key=b"c-1")
            # The first is asked about; the model's answer to the second is no answer.
            for value in (*classifications(), b"{", CANARY.encode()):
                await producer.send_and_wait("classification-requests", value, key=b"c-1")
        api(message({**VERDICT, "intents": []}), message({**VERDICT, CANARY: CANARY}))
        ports = free_ports(len(WORKERS))
        environment = {
            **stack.environment(),
            **EMBEDDED_SETTINGS,
            "HANDOFF_LOG_LEVEL": "DEBUG",
            "ANTHROPIC_API_KEY": "a key of the tests",
            "ANTHROPIC_BASE_URL": api.url,
            # What the SDK would log by itself, the whole request included.
            "ANTHROPIC_LOG": "debug",
        }
        workers = [
            forked_worker(
                name,
                environment,
                tmp_path / f"{name}.log",
                ["--from", "earliest", "--health-port", str(port)],
            )
            for name, port in zip(WORKERS, ports, strict=True)
        ]
        try:
            for worker in workers:
                await asyncio.to_thread(worker.start)
            said = await asyncio.to_thread(_metrics_when_done, stack, ports)
            published = await _published_at_last(stack)
            async with asyncio.timeout(100):
                while len(api.bodies) < 2:  # noqa: ASYNC110 - the API tells nobody
                    await asyncio.sleep(0.1)
        finally:
            for worker in workers:
                await asyncio.to_thread(worker.stop)
    logs = {worker.log.stem: worker.log.read_text() for worker in workers}
    _hold_no_words(logs, said, published)


def _hold_no_words(logs: dict[str, str], said: str, published: "_Published") -> None:
    assert all(logs.values()), "nothing was logged: nothing is shown"
    for name, text in {**logs, "metrics and health": said, "details": published.details}.items():
        words = (CANARY, SECRET, str(NUMBER), "\x1b")
        lines = [line for line in text.splitlines() if any(word in line for word in words)]
        assert not lines, f"{name}: {lines}"
        assert not [line for line in text.splitlines() if line.startswith("FORGED")], name
    assert any("FORGED" in value for value in published.values["escalation-ledger"])
    for topic, values in published.values.items():
        assert sum(SECRET in value or str(NUMBER) in value for value in values) == 0, topic


def _metrics_when_done(stack: EmbeddedStack, ports: list[int]) -> str:
    """Return the workers' metrics once every bad record has its dead letter."""
    until = time.monotonic() + 240
    expected = 18 + len(refused_for_a_number())
    while time.monotonic() < until:
        if all(map(is_ready, ports)) and asyncio.run(_letters(stack)) >= expected:
            break
        time.sleep(0.3)
    else:
        pytest.fail(f"not done: {asyncio.run(_letters(stack))} dead letters")
    pages = []
    for port in ports:
        for path in ("metrics", "live", "ready"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as page:
                pages.append(page.read().decode())
    return "".join(pages)


async def _letters(stack: EmbeddedStack) -> int:
    async with reading(stack.settings()) as consumer:
        ranges = await ranges_of(consumer, await partitions_of(consumer, ["dead-letters"]))
    return sum(found.end - found.start for found in ranges.values())


class _Published(NamedTuple):
    details: str
    """The reasons that dead letters give, one a line."""
    values: dict[str, list[str]]
    """Of the topics that are kept for months, and of what teams are told."""


async def _published_at_last(stack: EmbeddedStack) -> _Published:
    """Return all that is published once the conversation with every text is handed over."""
    until = time.monotonic() + 100
    while True:
        published = await _published(stack)
        known = published.values["escalation-ledger"]
        if any("FORGED" in value for value in known) or time.monotonic() > until:
            return published


async def _published(stack: EmbeddedStack) -> _Published:
    topics = ["escalation-decisions", "escalation-ledger", "escalation-notifications"]
    details, values = [], defaultdict(list)
    async with reading(stack.settings()) as consumer:
        partitions = await partitions_of(consumer, ["dead-letters", *topics])
        ranges = await ranges_of(consumer, partitions)
    async for tp, records in read(stack.settings(), ranges):
        for record in records:
            if tp.topic == "dead-letters":
                details += [value.decode() for name, value in record.headers if "detail" in name]
            else:
                values[tp.topic].append(record.value.decode())
    return _Published("\n".join(details), values)


def test_a_log_line_is_one_line_whatever_stands_in_it() -> None:
    record = logging.LogRecord("x", logging.ERROR, "", 0, "%s: refused", (FORGING,), None)
    line = OneLineFormatter("%(levelname)s %(message)s").format(record)
    assert line == r"ERROR c-2\nFORGED 2026-01-01 CRITICAL \x1b[31m: refused"


def test_the_text_of_an_exception_that_a_library_logs_is_left_out() -> None:
    try:
        raise ValueError(CANARY)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", (), sys.exc_info())
    text = OneLineFormatter("%(message)s").format(record)
    assert "ValueError" in text
    assert CANARY not in text


def test_the_end_of_a_process_does_not_quote_what_killed_it() -> None:
    try:
        raise ValueError(f"cannot read {CANARY}")
    except ValueError as error:
        explained = _explained(error)
    assert "ValueError" in explained
    assert CANARY not in explained
