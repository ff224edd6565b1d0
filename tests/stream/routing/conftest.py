"""Servers of the routing agent's tests: two queues that take two escalations each."""

from collections.abc import AsyncIterator

import pytest

from tests.support.routing_builders import queue, topics
from tests.support.routing_harness import Bench, bench_on
from workers.embedded import EmbeddedKafka
from workers.settings import Settings


@pytest.fixture
async def bench(kafka: EmbeddedKafka, settings: Settings) -> AsyncIterator[Bench]:
    """Return servers with every topic; our own events are signed."""
    queues = topics(
        queue("billing", overflow=("tier_2",), max_waiting=2),
        queue("tier_2", max_waiting=2, priority=2),
    )
    async with bench_on(kafka, settings, queues, "a secret of the tests") as bench:
        yield bench
