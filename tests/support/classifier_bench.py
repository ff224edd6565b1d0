"""The classifier agent inside a test: its chunks are handed to it by hand."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import ConsumerRecord

from tests.support.classifier_harness import (
    MODEL,
    doubt,
)
from tests.support.counting import value_of
from tests.support.routing_harness import OPTIONS, Bench, chunk
from workers.agents.classifier.agent import ClassifierAgent
from workers.agents.classifier.model_client import ModelClient
from workers.contracts.codec import Raw, decode_event
from workers.contracts.decisions import ClassificationRequest
from workers.contracts.events import Signal
from workers.contracts.signing import Secrets
from workers.contracts.topics import CLASSIFICATIONS, EVENTS
from workers.data import data_path
from workers.runtime.app import TP

SECRET = "a secret of the tests"


@asynccontextmanager
async def running(
    bench: Bench, limit_s: float = 10.0, **given: Any
) -> AsyncIterator[ClassifierAgent]:
    """Run an agent that has a key."""
    settings = bench.settings.model_copy(update=given)
    shipped = OPTIONS._replace(policy=data_path("policies/default.yaml"))
    agent = ClassifierAgent(settings, shipped, ModelClient("a key", MODEL, limit_s))
    publisher: Any = bench.publisher
    agent.producer = publisher
    await agent.start()
    try:
        yield agent
    finally:
        await agent.stop()


def doubts(count: int, **given: Any) -> list[ClassificationRequest]:
    """Return requests of now about different conversations and messages."""
    return [
        doubt(f"is there anybody {number}", now(), **{"conversation_id": f"c-{number}", **given})
        for number in range(count)
    ]


def now() -> int:
    """Return the time of the wall's clock in milliseconds."""
    return time.time_ns() // 1_000_000


async def give(agent: ClassifierAgent, *requests: ClassificationRequest | bytes) -> None:
    """Give an agent one chunk."""
    await agent.handle(TP(CLASSIFICATIONS, 0), chunk(*requests, topic=CLASSIFICATIONS))


async def signals(bench: Bench) -> list[Signal]:
    """Return the signals on the log, each checked to be signed and in its partition."""
    return read_signals(await bench.records(EVENTS))


def read_signals(records: list[ConsumerRecord]) -> list[Signal]:
    """Decode records of the log as the fold does."""
    found = []
    for record in records:
        raw = Raw(record.key, record.value, record.headers, record.timestamp)
        event = decode_event(raw, Secrets((SECRET.encode(),)).at(EVENTS, record.partition))
        assert isinstance(event, Signal)
        assert record.partition == 2, "the home of the tests' conversations"
        found.append(event)
    return found


def counted(result: str) -> float:
    """Return how many requests have had this end so far."""
    return value_of("classifications_total", result=result)
