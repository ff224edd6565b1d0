"""What customers and people write is in no log and no metric, at debug level too."""

import asyncio
import json
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaProducer

from tests.support.classifier_harness import VERDICT, doubt, message, messages_api
from workers.cli.up import free_ports, is_ready
from workers.contracts.codec import encode
from workers.contracts.topics import load_topics
from workers.embedded import EmbeddedStack
from workers.embedded.workers import EMBEDDED_SETTINGS, WorkerProcess
from workers.kafka.reader import partitions_of, ranges_of, reading
from workers.runtime.failstop import _explained

CANARY: Final = "canary-7f3a"
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


@pytest.mark.timeout(120)
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
            for value in (b"{", json.dumps({"note": CANARY}).encode(), CANARY.encode()):
                await producer.send_and_wait("escalation-decisions", value, key=b"c-1")
            # The first is asked about; the model's answer to the second is no answer.
            for value in (*classifications(), b"{", CANARY.encode()):
                await producer.send_and_wait("classification-requests", value, key=b"c-1")
        api(message({**VERDICT, "intents": []}), message(f"I cannot judge {CANARY}"))
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
            WorkerProcess(
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
            assert len(api.bodies) == 2
        finally:
            for worker in workers:
                await asyncio.to_thread(worker.stop)
    logs = {worker.name: worker.log.read_text() for worker in workers}
    assert all(logs.values()), "nothing was logged: nothing is shown"
    for name, text in {**logs, "metrics": said}.items():
        lines = [line for line in text.splitlines() if CANARY in line]
        assert not lines, f"{name}: {lines}"


def _metrics_when_done(stack: EmbeddedStack, ports: list[int]) -> str:
    """What the workers measure once everything that is bad has its dead letter."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if all(map(is_ready, ports)) and asyncio.run(_letters(stack)) >= 18:
            break
        time.sleep(0.3)
    else:
        pytest.fail(f"not done: {asyncio.run(_letters(stack))} dead letters")
    pages = []
    for port in ports:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            pages.append(page.read().decode())
    return "".join(pages)


async def _letters(stack: EmbeddedStack) -> int:
    async with reading(stack.settings()) as consumer:
        ranges = await ranges_of(consumer, await partitions_of(consumer, ["dead-letters"]))
    return sum(found.end - found.start for found in ranges.values())


def test_the_end_of_a_process_does_not_quote_what_killed_it() -> None:
    try:
        raise ValueError(f"cannot read {CANARY}")
    except ValueError as error:
        explained = _explained(error)
    assert "ValueError" in explained
    assert CANARY not in explained
