"""Real servers: KAFKA_BOOTSTRAP and REDIS_URL name existing ones, or they are started here."""

import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from aiokafka.admin import NewTopic

from tests.kafka.server import KafkaServer, admin_client
from workers.embedded import EmbeddedRedis
from workers.settings import Settings, load_settings

NewTopicCall = Callable[[str, int], Awaitable[str]]


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """Start one real broker for all tests that do not hurt it; never an existing one."""
    with KafkaServer(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """Start one store with persistence for all tests that do not hurt it."""
    with EmbeddedRedis(tmp_path_factory.mktemp("store")) as server:
        yield server


@pytest.fixture(scope="session")
def kafka_bootstrap(request: pytest.FixtureRequest) -> str:
    """Return the address of the existing Kafka, or of the one started for the tests."""
    if existing := os.environ.get("KAFKA_BOOTSTRAP"):
        return existing
    server: KafkaServer = request.getfixturevalue("kafka_server")
    return server.bootstrap


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of the existing Redis, or of the store started for the tests."""
    if existing := os.environ.get("REDIS_URL"):
        return existing
    server: EmbeddedRedis = request.getfixturevalue("redis_server")
    return server.url


@pytest.fixture
def run_id() -> str:
    """Return a word that no other test uses: for names of topics, groups and keys."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def settings(kafka_bootstrap: str, redis_url: str, run_id: str) -> Settings:
    """Return settings for the two servers under a key prefix of this test's own."""
    return load_settings(kafka_bootstrap=kafka_bootstrap, redis_url=redis_url, redis_prefix=run_id)


@pytest.fixture
async def new_topic(kafka_bootstrap: str, run_id: str) -> AsyncIterator[NewTopicCall]:
    """Return a call that creates topics named for this test; they are deleted after it."""
    created: list[str] = []
    async with admin_client(kafka_bootstrap) as admin:
        replicas = min(3, len((await admin.describe_cluster())["brokers"]))

        async def create(name: str, partitions: int) -> str:
            topic = f"{run_id}.{name}"
            await admin.create_topics([NewTopic(topic, partitions, replicas)])
            created.append(topic)
            return topic

        yield create
        await admin.delete_topics(created)
