"""Servers and a model of the classifier tests."""

from collections.abc import AsyncIterator

import pytest

from tests.support.classifier_bench import SECRET
from tests.support.classifier_harness import (
    MessagesApi,
    messages_api,
)
from tests.support.routing_builders import queue, topics
from tests.support.routing_harness import Bench, bench_on
from workers.embedded import EmbeddedKafka
from workers.settings import Settings

WORLD = topics(queue("billing"))


@pytest.fixture
async def bench(kafka: EmbeddedKafka, settings: Settings) -> AsyncIterator[Bench]:
    """Return servers on which our own events are signed."""
    async with bench_on(kafka, settings, WORLD, SECRET) as bench:
        yield bench


@pytest.fixture
async def api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MessagesApi]:
    """Run a server that the SDK finds by its own environment variable."""
    async with messages_api() as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        yield server
