"""Servers for tests: real ones, embedded, and never shared between two tests."""

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.bridge import WEBHOOK_KEY, eventually, senders_file, serving
from workers.bridge.control_stream import ControlStreams
from workers.bridge.publisher import Publisher
from workers.bridge.routes import Doors, make_app
from workers.bridge.senders import load_senders
from workers.contracts.topics import CONTROL, DESKS, EVENTS
from workers.embedded import EmbeddedKafka, EmbeddedRedis, EmbeddedStack
from workers.embedded.kafka import FETCH_MAX_WAIT_MS, SESSION_TIMEOUT_S
from workers.settings import Settings, load_settings

_DATABASES = 4096


@pytest.fixture(scope="session")
def _redis_server() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(databases=_DATABASES) as server:
        yield server


@pytest.fixture(scope="session")
def _numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def redis_url(_redis_server: EmbeddedRedis, _numbers: Iterator[int]) -> str:
    """Return the URL of an empty database of this test's own, on a server for all tests."""
    return f"{_redis_server.url.rpartition('/')[0]}/{next(_numbers)}"


@pytest.fixture
def kafka() -> Iterator[EmbeddedKafka]:
    """Start a broker of this test's own, empty; it takes a tenth of a second."""
    with EmbeddedKafka() as server:
        yield server


@pytest.fixture
def kafka_bootstrap(kafka: EmbeddedKafka) -> str:
    """Return the address of this test's broker."""
    return kafka.bootstrap


@pytest.fixture
def stack() -> Iterator[EmbeddedStack]:
    """Start a broker and a store of this test's own, to be killed and started again."""
    with EmbeddedStack() as servers:
        yield servers


@pytest.fixture
def settings(kafka_bootstrap: str, redis_url: str) -> Settings:
    """Return settings for this test's broker and database, with short waits."""
    return load_settings(
        kafka_bootstrap=kafka_bootstrap,
        redis_url=redis_url,
        kafka_session_timeout_s=SESSION_TIMEOUT_S,
        kafka_fetch_max_wait_ms=FETCH_MAX_WAIT_MS,
    )


@pytest.fixture
def bridge_broker(kafka: EmbeddedKafka) -> EmbeddedKafka:
    """Start a broker with the topics that the bridge writes and reads."""
    kafka.ensure_topics((EVENTS, DESKS, CONTROL))
    return kafka


@pytest.fixture
async def bridge_url(bridge_broker: EmbeddedKafka, tmp_path: Path) -> AsyncIterator[str]:
    """Serve the bridge in this process; yields its address once Kafka is reached."""
    file = senders_file(tmp_path)
    senders = load_senders(file.read_text(), str(file), ["tier_2_support"])
    settings = load_settings(kafka_bootstrap=bridge_broker.bootstrap, kafka_fetch_max_wait_ms=20)
    publisher = Publisher(settings, (EVENTS, DESKS, CONTROL))
    await publisher.start()
    try:
        streams = ControlStreams(settings)
        app = make_app(
            Doors(senders, {"hooks": (WEBHOOK_KEY,)}, {}, publisher, streams, None, None)
        )
        async with serving(app) as address:

            async def reached() -> bool:
                return publisher.problem is None

            await eventually(reached, "Kafka")
            yield address
    finally:
        await publisher.stop()
