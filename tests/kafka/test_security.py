"""The workers with the least they need: SASL over TLS, ACLs enforced, users of the store."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

import pytest
import uvloop
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError

from tests.kafka.secured_records import find, forged, of_the_desk, reason, said, send
from tests.kafka.security import (
    PASSWORD,
    REAUTHENTICATED_S,
    TOKEN_S,
    TOPIC_ACLS,
    SecuredRedis,
    add_users,
    allow,
    environment,
    renewed,
    secured_kafka,
    settings_of,
    used_rights,
    with_token,
)
from tests.kafka.server import VERSION, KafkaServer
from tests.support.authority import KEY_PASSWORD, Authority, TokenIssuer, make_authority
from tests.support.classifier_harness import MessagesApi, messages_api
from workers.contracts.topics import Topics, load_topics
from workers.embedded.workers import WorkerProcess
from workers.kafka.admin import apply
from workers.kafka.reader import Range, read
from workers.settings import kafka_client_kwargs, load_settings

WORKERS: Final = tuple(TOPIC_ACLS)
SECRET: Final = "a secret of the tests"
API_KEY: Final = "an API key of the tests"
DOUBTFUL: Final = (
    ("customer", "My invoice for February shows the wrong billing address."),
    ("ai_agent", "Which address is it?"),
    ("customer", "The wrong billing address, the invoice for February shows it."),
)
"""A conversation in which the customer repeats themselves, so that the classifier is asked."""
_TOPICS: Final = Path(__file__).parents[2] / "topics.yaml"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Certificates for this module."""
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> TokenIssuer:
    """Return the issuer of the bearer tokens that the broker accepts."""
    return TokenIssuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture(scope="module")
def kafka(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, issuer: TokenIssuer
) -> Iterator[KafkaServer]:
    """A broker with a user for each worker, and one for nobody."""
    with secured_kafka(tmp_path_factory.mktemp("secured"), authority, issuer) as server:
        add_users(server.bootstrap, (*WORKERS, "nobody"))
        for worker in WORKERS:
            allow(server.bootstrap, worker)
        yield server


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[SecuredRedis]:
    """A store with a user for each worker."""
    with SecuredRedis(tmp_path_factory.mktemp("store"), authority) as server:
        yield server


@pytest.fixture
async def api() -> AsyncIterator[MessagesApi]:
    """Serve the API that the classifier asks."""
    async with messages_api() as server:
        yield server


@pytest.fixture
async def declared(kafka: KafkaServer) -> Topics:
    """The topics, which are there."""
    topics = load_topics(_TOPICS.read_text(), str(_TOPICS))
    await apply(load_settings(kafka_bootstrap=kafka.bootstrap), topics)
    return topics


@pytest.mark.timeout(180)
@pytest.mark.usefixtures("declared")
async def test_workers_hand_over_with_the_least_that_they_need(
    kafka: KafkaServer,
    authority: Authority,
    issuer: TokenIssuer,
    store: SecuredRedis,
    api: MessagesApi,
    tmp_path: Path,
) -> None:
    token = tmp_path / "token"
    workers = {}
    for name in WORKERS:
        variables = environment(kafka, authority, name)
        if name == "desk":
            variables = with_token(variables, token)
        variables |= {
            "REDIS_URL": store.url(name),
            "HANDOFF_SECRET": SECRET,
            "ANTHROPIC_API_KEY": API_KEY,
            "ANTHROPIC_BASE_URL": api.url,
        }
        log = tmp_path / f"{name}.log"
        workers[name] = WorkerProcess(name, variables, log, ["--from", "earliest"])
    everybody = [*workers.values()]
    async with renewed(token, issuer, "desk"):
        try:
            await _each(WorkerProcess.start, everybody)
            await _hand_over(kafka)
            await _each(WorkerProcess.stop, everybody)
            with Redis.from_url(store.url("admin")) as client:
                client.flushall()
            await _end_with_an_empty_store(kafka, workers)
        except AssertionError as error:
            raise AssertionError(f"{error} {[worker.tail() for worker in everybody]}") from error
        finally:
            await _each(WorkerProcess.stop, everybody)
    logs = "".join((tmp_path / f"{name}.log").read_text() for name in WORKERS)
    for secret in (PASSWORD, KEY_PASSWORD, SECRET, API_KEY, token.read_text().strip()):
        assert secret not in logs
    assert "AuthorizationFailed" not in logs, logs
    assert "NOPERM" not in logs, logs
    with Redis.from_url(store.url("admin"), decode_responses=True) as client:
        denied = [entry for entry in client.acl_log() if entry["username"] in WORKERS]
    assert not denied
    if not VERSION.startswith("3."):
        # Brokers of before log through another library, which says nothing here.
        assert _rights() - used_rights(kafka.brokers[0].folder / "server.log") <= SELDOM


async def _each(do: Callable[[WorkerProcess], Any], workers: Iterable[WorkerProcess]) -> None:
    for worker in workers:
        await asyncio.to_thread(do, worker)


async def _hand_over(kafka: KafkaServer) -> None:
    """Something for every worker to do, and something that it must refuse."""
    await send(kafka, "conversation-events", "secure-1", said("secure-1", "Give me a human agent."))
    await send(kafka, "conversation-events", "forged-1", forged())
    doubtful = [said("doubt-1", text, role) for role, text in DOUBTFUL]
    await send(kafka, "conversation-events", "doubt-1", *doubtful)
    assert await find(kafka, "conversation-control", 60, "secure-1"), "no control"
    assert await reason(kafka, "forged-1", "escalation") == "unsigned"
    signal = await find(
        kafka, "conversation-events", 20, "doubt-1", lambda r: b'"signal"' in r.value
    )
    assert signal is not None, "no signal"
    for topic, agent in (
        ("escalation-decisions", "routing"),
        ("classification-requests", "classifier"),
        ("desk-events", "desk"),
    ):
        await send(kafka, topic, f"bad-{agent}", b"{")
        assert await reason(kafka, f"bad-{agent}", agent) == "not_json"


async def _end_with_an_empty_store(kafka: KafkaServer, workers: dict[str, WorkerProcess]) -> None:
    """The desk worker learns from the ledger's topic where the escalation is, then all do."""
    record = await find(kafka, "escalation-ledger", 5, "secure-1")
    ledger = json.loads(record.value)
    told = [of_the_desk(kind, ledger) for kind in ("accepted", "resolved")]
    await send(kafka, "desk-events", "secure-1", *told)
    await asyncio.to_thread(workers["desk"].start)
    async with asyncio.timeout(30):
        while "are restored" not in workers["desk"].tail():  # noqa: ASYNC110 - a log tells nobody
            await asyncio.sleep(0.2)
    others = [worker for name, worker in workers.items() if name != "desk"]
    await _each(WorkerProcess.start, others)
    ended = await find(
        kafka, "escalation-decisions", 60, "secure-1", lambda r: b'"outcome"' in r.value
    )
    assert ended is not None, "no end"


SELDOM: Final = {
    ("escalation", "WRITE", "escalation-notifications"),
    ("routing", "READ", "escalation-ledger"),
    ("routing", "WRITE", "support-tickets"),
    ("routing", "WRITE", "escalation-notifications"),
}
"""Rights without use above: on later rungs, and for what the desk worker has restored."""


def _rights() -> set[tuple[str, str, str]]:
    return {
        (worker, operation, topic)
        for worker, topics in TOPIC_ACLS.items()
        for topic, operations in topics.items()
        for operation in operations
    }


@pytest.mark.timeout(90)
@pytest.mark.usefixtures("declared")
async def test_a_worker_outlives_its_bearer_token(
    kafka: KafkaServer,
    authority: Authority,
    issuer: TokenIssuer,
    store: SecuredRedis,
    tmp_path: Path,
) -> None:
    token = tmp_path / "token"
    variables = with_token(environment(kafka, authority, "desk"), token)
    worker = WorkerProcess("desk", {**variables, "REDIS_URL": store.url("desk")}, tmp_path / "log")
    async with renewed(token, issuer, "desk"):
        with worker:
            await send(kafka, "desk-events", "renewed-0", b"{")
            assert await reason(kafka, "renewed-0", "desk"), worker.tail()
            started, number = time.monotonic(), 0
            while time.monotonic() < started + TOKEN_S + 2 * REAUTHENTICATED_S:
                number += 1
                await send(kafka, "desk-events", f"renewed-{number}", b"{")
                assert await reason(kafka, f"renewed-{number}", "desk"), worker.tail()
                await asyncio.sleep(REAUTHENTICATED_S / 2)
            assert worker.running
    assert number >= 4


@pytest.mark.parametrize("lifetime_s", [-30.0, 60.0])
async def test_a_token_that_has_expired_or_is_somebody_elses_is_refused_and_said(
    kafka: KafkaServer,
    authority: Authority,
    issuer: TokenIssuer,
    store: SecuredRedis,
    tmp_path: Path,
    lifetime_s: float,
) -> None:
    signed_by = issuer if lifetime_s < 0 else TokenIssuer(tmp_path)
    token = tmp_path / "token"
    token.write_text(signed_by.token("desk", lifetime_s))
    variables = with_token(environment(kafka, authority, "desk"), token)
    worker = WorkerProcess("desk", {**variables, "REDIS_URL": store.url("desk")}, tmp_path / "log")
    with worker:
        async with asyncio.timeout(20):
            while "bearer token" not in worker.tail():  # noqa: ASYNC110 - a log tells nobody
                await asyncio.sleep(0.2)
        assert worker.running, "it waits for another token"


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("escalation", "handoff-billing"),
        ("escalation", "conversation-control"),
        ("routing", "escalation-decisions"),
        ("desk", "escalation-decisions"),
        ("desk", "conversation-control"),
        ("classifier", "escalation-decisions"),
        ("outcomes", "conversation-events"),
        ("classifier", "conversation-control"),
        ("nobody", "conversation-events"),
    ],
)
async def test_nobody_may_write_what_is_not_theirs(
    kafka: KafkaServer, authority: Authority, declared: Topics, user: str, topic: str
) -> None:
    assert topic in declared.topics
    servers = kafka_client_kwargs(settings_of(environment(kafka, authority, user)))
    async with AIOKafkaProducer(**servers, request_timeout_ms=5_000) as producer:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait(topic, b"{}", key=b"k")


async def test_without_a_client_certificate_nobody_gets_in(
    kafka: KafkaServer, authority: Authority, store: SecuredRedis
) -> None:
    variables = environment(kafka, authority, "desk")
    kept = {name: value for name, value in variables.items() if "_KEY" not in name}
    del kept["KAFKA_SSL_CERTFILE"]
    producer = AIOKafkaProducer(**kafka_client_kwargs(settings_of(kept)))
    with pytest.raises(KafkaConnectionError):
        await producer.start()
    await producer.stop()

    def ask(url: str) -> None:
        with Redis.from_url(url) as client:
            client.ping()

    url = store.url("desk")
    await asyncio.to_thread(ask, url)
    with pytest.raises(RedisConnectionError, match=r"(?i)certificate|reset|closed|broken pipe|EOF"):
        await asyncio.to_thread(ask, re.sub("&ssl_certfile.*", "", url))
    with pytest.raises(RedisConnectionError, match=r"(?i)verify failed"):
        await asyncio.to_thread(ask, re.sub(r"ssl_ca_certs=[^&]*&", "", url))


async def test_a_connection_that_is_waited_on_is_closed_at_once(
    kafka: KafkaServer, authority: Authority, declared: Topics
) -> None:
    settings = settings_of(environment(kafka, authority, "escalation"))
    assert "conversation-events" in declared.topics
    await send(kafka, "conversation-events", "early", *[said("early", "hello")] * 3)
    tps = [TopicPartition("conversation-events", number) for number in range(12)]

    async def leave_early() -> None:
        # The broker has a fetch in hand, to which it has no answer yet.
        async with aclosing(read(settings, {tp: Range(0, 1_000) for tp in tps})) as runs:
            await anext(runs)

    def as_workers_do() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            for _ in range(5):
                runner.run(leave_early())

    started = time.monotonic()
    await asyncio.to_thread(as_workers_do)
    assert time.monotonic() - started < 25, "this event loop waits 30 s for a peer's goodbye"


FOREIGN: Final[dict[str, Sequence[Sequence[str]]]] = {
    "escalation": [("GET", "handoff:ledger:{c}"), ("SET", "handoff:undelivered", "1")],
    "routing": [
        ("SET", "handoff:{conversation-events:0}:mark", "1"),
        ("DEL", "handoff:{conversation-events:0}:t:c"),
        ("LRANGE", "handoff:{conversation-events:0}:outbox", "0", "1"),
    ],
    "desk": [
        # It reads states, to find where a conversation lives that a lead names.
        ("SET", "handoff:{conversation-events:0}:s:c", "1"),
        ("DEL", "handoff:{conversation-events:0}:s:c"),
        ("LRANGE", "handoff:{conversation-events:0}:t:c", "0", "1"),
    ],
    "classifier": [
        ("RPUSH", "handoff:{conversation-events:0}:t:c", "1"),
        ("GET", "handoff:ledger:{c}"),
    ],
    "outcomes": [
        ("GET", "handoff:{conversation-events:0}:s:c"),
        ("GET", "handoff:ledger:{c}"),
    ],
}
"""Commands on keys that belong to another worker."""


@pytest.mark.parametrize("user", WORKERS)
async def test_a_user_of_the_store_touches_its_own_keys_alone(
    store: SecuredRedis, user: str
) -> None:
    forbidden: list[Sequence[str]] = [
        ("GET", "others:key"),
        ("SET", "others:key", "1"),
        ("FLUSHALL",),
        ("CONFIG", "SET", "maxmemory-policy", "allkeys-lru"),
        ("KEYS", "*"),
        ("ACL", "LIST"),
        *FOREIGN[user],
    ]

    def attempts() -> None:
        with Redis.from_url(store.url(user)) as client:
            assert client.ping()
            for command in forbidden:
                with pytest.raises(NoPermissionError):
                    client.execute_command(*command)

    await asyncio.to_thread(attempts)
