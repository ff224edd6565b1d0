"""Records that are sent to the secured workers, and the listener that reads their answers."""

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaProducer

from tests.kafka.server import KafkaServer
from workers.contracts.codec import Raw, encode
from workers.contracts.deadletters import read_dead_letter
from workers.contracts.events import Routed
from workers.kafka.reader import partitions_of, ranges_of, read, reading
from workers.settings import load_settings


async def find(
    kafka: KafkaServer,
    topic: str,
    seconds: float,
    key: str,
    wanted: Callable[[Any], bool] = lambda _: True,
) -> Any:
    """The first record of this key that is wanted, read by the tests' own listener; or None."""
    settings = load_settings(kafka_bootstrap=kafka.bootstrap)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        async with reading(settings) as consumer:
            ranges = await ranges_of(consumer, await partitions_of(consumer, [topic]))
        async with aclosing(read(settings, ranges)) as runs:
            async for _, records in runs:
                for record in records:
                    if record.key == key.encode() and wanted(record):
                        return record
        await asyncio.sleep(0.3)
    return None


async def send(kafka: KafkaServer, topic: str, key: str, *values: dict[str, Any] | bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        for value in values:
            content = value if isinstance(value, bytes) else json.dumps(value).encode()
            await producer.send_and_wait(topic, content, key=key.encode())


def said(conversation: str, text: str, role: str = "customer") -> dict[str, Any]:
    return {
        "event_id": str(uuid.uuid4()),
        "conversation_id": conversation,
        "occurred_at": datetime.now(UTC).isoformat(),
        "role": role,
        "content": text,
    }


def forged() -> bytes:
    """Return an event that only our own agents may write, without their signature."""
    routed = Routed(
        type="routed",
        event_id="forged",
        conversation_id="forged-1",
        occurred_at=datetime.now(UTC),
        decision_id="d",
        escalation_id="e",
        seq=1,
        place="contact",
        queue="billing",
        rung=0,
    )
    return encode(routed)


def of_the_desk(kind: str, ledger: Any) -> dict[str, Any]:
    """Return a desk's event about the escalation of a record of the ledger."""
    return {
        "type": kind,
        "event_id": f"d-{kind}",
        "conversation_id": ledger["conversation_id"],
        "occurred_at": datetime.now(UTC).isoformat(),
        "escalation_id": ledger["escalation_id"],
        "queue": ledger["plan"].get("queue") or "tier_2_support",
        "epoch": ledger["epoch"],
    }


async def reason(kafka: KafkaServer, key: str, agent: str) -> str | None:
    """Return the reason with which an agent dead-lettered a record of this key, or None."""

    def by_agent(record: Any) -> bool:
        found = read_dead_letter(Raw(record.key, record.value, record.headers, record.timestamp))
        return found is not None and found.agent == agent

    letter = await find(kafka, "dead-letters", 20, key, by_agent)
    if letter is None:
        return None
    found = read_dead_letter(Raw(letter.key, letter.value, letter.headers, letter.timestamp))
    return None if found is None else found.reason
