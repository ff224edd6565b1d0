"""The workers with the least they need: SCRAM over TLS, ACLs enforced, a user of the store."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import TopicAuthorizationFailedError
from redis import Redis
from redis.exceptions import NoPermissionError

from tests.kafka.security import (
    PASSWORD,
    REDIS_RULES,
    TOPIC_ACLS,
    Authority,
    add_users,
    allow,
    behind_tls,
    make_authority,
    secured_kafka,
)
from tests.kafka.server import KafkaServer
from workers.cli.cluster import apply
from workers.contracts.codec import Raw, encode
from workers.contracts.deadletters import read_dead_letter
from workers.contracts.events import Routed
from workers.contracts.topics import Topics, load_topics
from workers.embedded import EmbeddedRedis
from workers.embedded.workers import WorkerProcess
from workers.replay.reader import partitions_of, ranges_of, read, reading
from workers.settings import Settings, kafka_client_kwargs, load_settings

WORKERS: Final = tuple(TOPIC_ACLS)
SECRET: Final = "a secret of the tests"
_TOPICS: Final = Path(__file__).parents[2] / "topics.yaml"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Certificates for this module."""
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[KafkaServer]:
    """A broker with a user for each worker, and one for nobody."""
    with secured_kafka(tmp_path_factory.mktemp("secured"), authority) as server:
        add_users(server.bootstrap, (*WORKERS, "nobody"))
        for worker in WORKERS:
            allow(server.bootstrap, worker)
        yield server


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """A store that knows the workers' user, and lets nobody else in."""
    with EmbeddedRedis(tmp_path_factory.mktemp("store")) as server:
        with Redis.from_url(server.url) as client:
            client.execute_command("ACL", "SETUSER", "handoff", "on", f">{PASSWORD}", *REDIS_RULES)
        yield server


@pytest.fixture
async def redis_url(store: EmbeddedRedis, authority: Authority) -> AsyncIterator[str]:
    """The store over TLS, as the workers' user."""
    port = int(store.url.rpartition(":")[2].split("/")[0])
    async with behind_tls(authority, port) as secure:
        user = f"handoff:{PASSWORD.replace(' ', '%20')}"
        yield f"rediss://{user}@127.0.0.1:{secure}/0?ssl_ca_certs={authority.ca}"


def environment(kafka: KafkaServer, authority: Authority, user: str) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP": f"127.0.0.1:{kafka.brokers[0].behind_proxy}",
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SASL_USERNAME": user,
        "KAFKA_SASL_PASSWORD": PASSWORD,
        "KAFKA_SSL_CAFILE": str(authority.ca),
    }


def settings_of(kafka: KafkaServer, authority: Authority, user: str) -> Settings:
    return load_settings(
        **{name.lower(): value for name, value in environment(kafka, authority, user).items()}
    )


async def find(kafka: KafkaServer, topics: Sequence[str], key: bytes, seconds: float) -> Any:
    """The first record of this key on one of the topics, read by the tests' own listener."""
    settings = load_settings(kafka_bootstrap=kafka.bootstrap)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        async with reading(settings) as consumer:
            ranges = await ranges_of(consumer, await partitions_of(consumer, topics))
        async with aclosing(read(settings, ranges)) as runs:
            async for _, records in runs:
                for record in records:
                    if record.key == key:
                        return record
        await asyncio.sleep(0.3)
    return None


@pytest.fixture
async def declared(kafka: KafkaServer) -> Topics:
    """The topics, which are there."""
    topics = load_topics(_TOPICS.read_text(), str(_TOPICS))
    await apply(load_settings(kafka_bootstrap=kafka.bootstrap), topics)
    return topics


async def send(kafka: KafkaServer, key: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        await producer.send_and_wait("conversation-events", value, key=key.encode())


@pytest.mark.timeout(180)
@pytest.mark.usefixtures("declared")
async def test_workers_hand_over_with_the_least_that_they_need(
    kafka: KafkaServer,
    authority: Authority,
    redis_url: str,
    tmp_path: Path,
) -> None:
    asked = {
        "event_id": "e-1",
        "conversation_id": "secure-1",
        "occurred_at": datetime.now(UTC).isoformat(),
        "role": "customer",
        "content": "I want to talk to a human agent, please.",
    }
    forged = Routed(
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
    workers = []
    for name in WORKERS:
        variables = environment(kafka, authority, name)
        variables |= {"REDIS_URL": redis_url, "HANDOFF_SECRET": SECRET}
        log = tmp_path / f"{name}.log"
        workers.append(WorkerProcess(name, variables, log, ["--from", "earliest"]))
    try:
        for worker in workers:
            await asyncio.to_thread(worker.start)
        await send(kafka, "secure-1", json.dumps(asked).encode())
        await send(kafka, "forged-1", encode(forged))
        tails = [worker.tail() for worker in workers]
        told = await find(kafka, ["conversation-control"], b"secure-1", 60)
        assert told is not None, tails
        letter = await find(kafka, ["dead-letters"], b"forged-1", 20)
        refused = read_dead_letter(Raw(letter.key, letter.value, letter.headers, letter.timestamp))
        assert refused is not None
        assert refused.reason == "unsigned"
        ledger = await find(kafka, ["escalation-ledger"], b"secure-1", 5)
        escalation = json.loads(ledger.value)["escalation_id"]
        resolved = {
            "type": "resolved",
            "event_id": "d-1",
            "conversation_id": "secure-1",
            "occurred_at": datetime.now(UTC).isoformat(),
            "escalation_id": escalation,
            "queue": json.loads(ledger.value)["plan"].get("queue") or "tier_2_support",
            "epoch": json.loads(ledger.value)["epoch"],
        }
        async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
            await producer.send_and_wait(
                "desk-events", json.dumps(resolved).encode(), key=b"secure-1"
            )
        assert await _ended(kafka, "secure-1"), [worker.tail() for worker in workers]
    finally:
        for worker in workers:
            await asyncio.to_thread(worker.stop)
    logs = "".join((tmp_path / f"{name}.log").read_text() for name in WORKERS)
    for secret in (PASSWORD, PASSWORD.replace(" ", "%20"), SECRET):
        assert secret not in logs
    assert "AuthorizationFailed" not in logs, logs
    assert "NOPERM" not in logs, logs


async def _ended(kafka: KafkaServer, conversation: str) -> bool:
    settings = load_settings(kafka_bootstrap=kafka.bootstrap)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        async with reading(settings) as consumer:
            tps = await partitions_of(consumer, ["escalation-decisions"])
            ranges = await ranges_of(consumer, tps)
        async with aclosing(read(settings, ranges)) as runs:
            async for _, records in runs:
                values = [r.value for r in records if r.key == conversation.encode()]
                if any(json.loads(value)["action"] == "outcome" for value in values):
                    return True
        await asyncio.sleep(0.3)
    return False


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("escalation", "handoff-billing"),
        ("escalation", "conversation-control"),
        ("routing", "escalation-decisions"),
        ("desk", "escalation-decisions"),
        ("desk", "conversation-control"),
        ("nobody", "conversation-events"),
    ],
)
async def test_nobody_may_write_what_is_not_theirs(
    kafka: KafkaServer, authority: Authority, declared: Topics, user: str, topic: str
) -> None:
    assert topic in declared.topics
    servers = kafka_client_kwargs(settings_of(kafka, authority, user))
    async with AIOKafkaProducer(**servers, request_timeout_ms=5_000) as producer:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait(topic, b"{}", key=b"k")


async def test_the_user_of_the_store_touches_our_keys_alone(redis_url: str) -> None:
    def attempts() -> None:
        with Redis.from_url(redis_url) as client:
            assert client.set("handoff:probe", "1")
            assert client.delete("handoff:probe") == 1
            assert client.info("memory")
            for command in (
                ("GET", "others:key"),
                ("SET", "others:key", "1"),
                ("FLUSHALL",),
                ("CONFIG", "SET", "maxmemory-policy", "allkeys-lru"),
                ("KEYS", "*"),
                ("ACL", "LIST"),
            ):
                with pytest.raises(NoPermissionError):
                    client.execute_command(*command)

    await asyncio.to_thread(attempts)
