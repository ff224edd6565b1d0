"""Servers for tests: real ones, embedded, and never shared between two tests."""

import itertools
from collections.abc import Iterator

import pytest

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
