"""Doubtful messages, through the classifier agent and the real SDK, to signals on the log."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from redis.asyncio import Redis

from tests.support.classifier_harness import (
    MODEL,
    VERDICT,
    MessagesApi,
    doubt,
    error,
    hang,
    message,
    messages_api,
)
from tests.support.fold_history import History
from tests.support.routing_builders import queue, topics
from tests.support.routing_harness import OPTIONS, Bench, Publisher, bench_on, chunk
from workers.agents.classifier import agent as classifier
from workers.agents.classifier.agent import ClassifierAgent
from workers.agents.classifier.limits import Breaker
from workers.agents.classifier.model_client import ModelClient
from workers.contracts.codec import Raw, decode_event, encode
from workers.contracts.deadletters import read_dead_letter
from workers.contracts.decisions import ClassificationRequest, Turn
from workers.contracts.events import Signal
from workers.contracts.ids import signal_event_id
from workers.contracts.signing import Secrets
from workers.contracts.topics import CLASSIFICATIONS, DEAD_LETTERS, EVENTS, load_topics
from workers.data import data_path
from workers.embedded import EmbeddedKafka, EmbeddedStack
from workers.embedded.workers import EMBEDDED_SETTINGS, WorkerProcess
from workers.runtime import metrics
from workers.runtime.app import TP
from workers.runtime.producer import Record
from workers.settings import Settings, load_settings

WORLD = topics(queue("billing"))
SECRET = "a secret of the tests"


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
    return (
        metrics.REGISTRY.get_sample_value("handoff_classifications_total", {"result": result})
        or 0.0
    )


async def test_an_answer_is_a_signal_where_the_conversation_lives(
    bench: Bench, api: MessagesApi
) -> None:
    api(message({**VERDICT, "intents": ["security_report"]}))
    asked = doubt("is anybody even there", now(), conversation_id="c-9", event_id="e-7")
    async with running(bench) as agent:
        await give(agent, asked)
    (found,) = await signals(bench)
    assert found.event_id == signal_event_id(asked.request_id)
    assert (found.conversation_id, found.about, found.model) == ("c-9", "e-7", MODEL)
    assert (found.requested_human, found.frustrated, found.solved) == (0.9, 0.4, 0.0)
    assert found.intents == ("security_report",)
    assert found.occurred_at >= asked.requested_at


async def test_silent_frustration_is_judged_and_the_log_repeats_it(
    bench: Bench, api: MessagesApi
) -> None:
    api(message({**VERDICT, "requested_human": 0.1, "frustrated": 0.8}))
    h = History()
    h.now = now() - 5_000
    h.customer("My invoice for February shows the wrong billing address.")
    h.ai("The invoice is made once a month by a system and cannot be changed. " * 5)
    h.customer("i see")
    (asked,) = h.requests
    assert (asked.doubts, h.story) == (("short_reply",), [])
    async with running(bench) as agent:
        await give(agent, msgspec.structs.replace(asked, home=doubt().home))
    (found,) = await signals(bench)
    h.apply(found)
    assert h.story == ["offer customer_frustration"]
    # Whoever folds the log again asks the same, and decides the same without asking anybody.
    again = History()
    for event in h.events:
        again.apply(event)
    assert [o.value for o in again.outputs] == [o.value for o in h.outputs]
    assert len(api.bodies) == 1


async def test_a_second_delivery_is_the_same_event_and_costs_nothing(
    bench: Bench, api: MessagesApi
) -> None:
    async with running(bench) as agent:
        for _ in range(2):
            await give(agent, doubt("hello?", now()))
    first, second = await signals(bench)
    assert first.event_id == second.event_id
    assert len(api.bodies) == 1


async def test_another_context_is_asked_about_again(bench: Bench, api: MessagesApi) -> None:
    partition = doubt().home.partition
    for number, last in enumerate(("Shall I get you a person?", "Is it the blue one?")):
        said = [
            Turn("e-0", now(), "ai_agent", f"{last} Or write to jane.doe@example.com."),
            Turn("e-1", now(), "customer", "yes please"),
            Turn("e-2", now(), "customer", "said after it"),
        ]
        await bench.says(*said, conversation=f"c-{number}", partition=partition)
    async with running(bench) as agent:
        for number in range(2):
            await give(agent, doubt("yes please", now(), conversation_id=f"c-{number}", turns=2))
    assert len(await signals(bench)) == 2
    earlier = [document["earlier"] for document in api.documents]
    assert [[said["from"] for said in one] for one in earlier] == [["assistant"]] * 2
    assert "person?" in earlier[0][0]["text"]
    assert "blue" in earlier[1][0]["text"]
    assert "jane.doe" not in str(api.bodies)


async def test_a_transcript_of_another_time_is_not_told(bench: Bench, api: MessagesApi) -> None:
    said = [Turn("e-8", now(), "customer", "old"), Turn("e-9", now(), "customer", "old too")]
    await bench.says(*said, partition=doubt().home.partition)
    async with running(bench) as agent:
        await give(agent, doubt("hello?", now(), turns=2))
    assert api.documents == [{"earlier": [], "message": "hello?"}]


@pytest.mark.usefixtures("api")
async def test_without_the_store_a_message_is_judged_alone(bench: Bench) -> None:
    async with running(bench, redis_url="redis://127.0.0.1:1/0") as agent:
        await give(agent, *doubts(3))
    assert len(await signals(bench)) == 3


async def test_numbers_of_a_customer_do_not_leave(bench: Bench, api: MessagesApi) -> None:
    text = "nobody helps me, card 4111 1111 1111 1111, jane.doe@example.com"
    async with running(bench) as agent:
        await give(agent, doubt(text, now()))
    (document,) = api.documents
    assert document["message"].startswith("nobody helps me, card [card]")
    assert "jane" not in str(api.bodies)


async def test_what_is_no_longer_of_interest_is_not_asked(bench: Bench, api: MessagesApi) -> None:
    stale = counted("stale")
    async with running(bench) as agent:
        await give(agent, doubt("hello?", now() - classifier.STALE_MS - 1000))
        await give(agent, doubt("hello?", now() - classifier.STALE_MS + 60_000))
    assert len(await signals(bench)) == len(api.bodies) == 1
    assert counted("stale") == stale + 1


async def test_what_cannot_be_read_is_a_dead_letter(bench: Bench, api: MessagesApi) -> None:
    async with running(bench) as agent:
        await give(agent, b"no JSON", doubt("hello?", now()), b'{"text": "canary"}')
    found = [
        read_dead_letter(Raw(record.key, record.value, record.headers, record.timestamp))
        for record in await bench.records(DEAD_LETTERS)
    ]
    assert sorted(letter.reason for letter in found if letter) == ["not_json", "schema"]
    assert {letter.agent for letter in found if letter} == {"classifier"}
    assert len(await signals(bench)) == len(api.bodies) == 1


async def test_no_answer_is_no_signal(bench: Bench, api: MessagesApi) -> None:
    api(
        message("no", stop_reason="refusal"),
        message({**VERDICT, "requested_human": 7}),
        error(400, "invalid_request_error"),
        message(),
    )
    async with running(bench) as agent:
        for request in doubts(4):
            await give(agent, request)
    assert [found.conversation_id for found in await signals(bench)] == ["c-3"]


async def test_only_so_many_are_asked_at_once(bench: Bench, api: MessagesApi) -> None:
    api.pause_s = 0.05
    async with running(bench) as agent:
        await give(agent, *doubts(3 * classifier.AT_ONCE))
    assert api.most_at_once == classifier.AT_ONCE
    assert len(await signals(bench)) == 3 * classifier.AT_ONCE


async def test_the_budget_of_a_minute_is_kept(bench: Bench, api: MessagesApi) -> None:
    over = counted("over_budget")
    async with running(bench, classifier_calls_per_minute=4) as agent:
        await give(agent, *doubts(10))
    assert len(await signals(bench)) == len(api.bodies) == 4
    assert counted("over_budget") == over + 6


async def test_retries_are_calls_of_the_budget(bench: Bench, api: MessagesApi) -> None:
    api(error(529, "overloaded_error"))
    async with running(bench, classifier_calls_per_minute=4) as agent:
        await give(agent, *doubts(3))
    assert len(api.bodies) == 4


async def test_equal_questions_at_once_are_one_call(bench: Bench, api: MessagesApi) -> None:
    api.pause_s = 0.1
    same = [doubt("the same words", now(), conversation_id=f"c-{n}", turns=0) for n in range(8)]
    async with running(bench) as agent:
        await give(agent, *same)
    assert len(api.bodies) == 1
    assert len(await signals(bench)) == 8


async def test_the_budget_of_a_conversation_is_kept(bench: Bench, api: MessagesApi) -> None:
    limit = classifier.PER_CONVERSATION
    talks = [doubt(f"hello {number}", now(), event_id=f"e-{number}") for number in range(limit + 3)]
    async with running(bench) as agent:
        await give(agent, *talks)
        await give(agent, *doubts(1, conversation_id="c-other"))
    assert len(api.bodies) == limit + 1
    assert {found.conversation_id for found in await signals(bench)} == {"c-1", "c-other"}


class Ahead(Breaker):
    """A breaker for which time passes when a test says so."""

    by = 0.0

    def allows(self, now: float) -> bool:
        """Decide as if it were later."""
        return super().allows(now + self.by)


async def test_a_failing_model_is_left_alone_and_then_tried(bench: Bench, api: MessagesApi) -> None:
    api(error(529, "overloaded_error", x_should_retry="false"))
    async with running(bench) as agent:
        agent._breaker = breaker = Ahead(classifier.FAILURES, 1000, 2000)
        for request in doubts(classifier.FAILURES + 3):
            await give(agent, request)
        assert len(api.bodies) == classifier.FAILURES, "the rest was not asked"
        breaker.by += 1000
        await give(agent, *doubts(3, conversation_id="c-probe"))
        assert len(api.bodies) == classifier.FAILURES + 1, "one to see"
        api(message())
        breaker.by += 2000
        await give(agent, *doubts(1))
        await give(agent, *doubts(3))
    assert {found.conversation_id for found in await signals(bench)} == {"c-0", "c-1", "c-2"}


async def test_a_look_whether_the_model_answers_again_is_one_request(
    bench: Bench, api: MessagesApi
) -> None:
    api(error(529, "overloaded_error", x_should_retry="false"))
    async with running(bench) as agent:
        agent._breaker = breaker = Ahead(classifier.FAILURES, 1000, 2000)
        for request in doubts(classifier.FAILURES):
            await give(agent, request)
        api(error(529, "overloaded_error"))
        breaker.by += 1000
        await give(agent, *doubts(8, conversation_id="c-probe"))
    assert len(api.bodies) == classifier.FAILURES + 1


async def test_a_limited_rate_is_left_alone_as_long_as_it_asks(
    bench: Bench, api: MessagesApi
) -> None:
    api(error(429, "rate_limit_error", retry_after="600"))
    limited, failed = counted("rate_limited"), counted("failed") + counted("timeout")
    async with running(bench) as agent:
        for request in doubts(classifier.FAILURES + 3):
            await give(agent, request)
        assert len(api.bodies) == 1
        assert counted("rate_limited") - limited == classifier.FAILURES + 3
        assert counted("failed") + counted("timeout") == failed
        assert not agent._breaker.is_open, "a limit is no failure"
    assert await signals(bench) == []


async def test_a_chunk_ends_in_time_whatever_the_model_does(
    bench: Bench, api: MessagesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "ASKING_S", 0.3)
    monkeypatch.setattr(classifier, "FAILURES", 1000)
    late, slow = counted("late"), counted("timeout")
    api(hang)
    async with running(bench, limit_s=0.6, classifier_calls_per_minute=1000) as agent:
        started = time.monotonic()
        await give(agent, *doubts(100))
        took = time.monotonic() - started
    # Asking ends after 0.3 s, and what was asked by then 0.6 s later.
    assert took < 5
    assert counted("timeout") - slow == classifier.AT_ONCE
    assert counted("late") - late == 100 - classifier.AT_ONCE
    assert await signals(bench) == []


def test_a_chunk_ends_before_it_would_end_the_process() -> None:
    from workers.agents.classifier.model_client import CALL_S
    from workers.runtime.app import CHUNK_LIMIT_S

    assert classifier.ASKING_S + classifier.EARLIER_S + CALL_S < 15 < CHUNK_LIMIT_S


async def test_a_new_policy_brings_its_intents(
    bench: Bench, api: MessagesApi, tmp_path: Path
) -> None:
    text = (data_path("policies") / "default.yaml").read_text()
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    agent = ClassifierAgent(
        bench.settings, OPTIONS._replace(policy=file), ModelClient("a key", MODEL)
    )
    publisher: Any = bench.publisher
    agent.producer = publisher
    await agent.start()
    await give(agent, *doubts(1))
    file.write_text(text.replace("data_leak", "leak_of_data").replace("01.1", "01.2"))
    agent.hangup()
    await give(agent, *doubts(1))
    await agent.stop()
    enums = [
        body["output_config"]["format"]["schema"]["properties"]["intents"]["items"]["enum"]
        for body in api.bodies
    ]
    assert ["data_leak" in one for one in enums] == [True, False]
    assert ["leak_of_data" in one for one in enums] == [False, True]


async def test_without_a_key_requests_are_dropped(
    bench: Bench, api: MessagesApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "workers")
    agent = classifier.make_agent(bench.settings, OPTIONS)
    await agent.start()
    await give(agent, b"not even read", *doubts(2))
    await agent.stop()
    assert api.bodies == []
    assert await bench.records(EVENTS) == await bench.records(DEAD_LETTERS) == []
    assert len(caplog.messages) == 1
    assert "ANTHROPIC_API_KEY is not set" in caplog.text


async def committed(bootstrap: str, offset: int) -> None:
    """Wait until the classifier has committed a partition up to an offset."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id="handoff-classifier", enable_auto_commit=False
    )
    await consumer.start()
    try:
        while (await consumer.committed(TopicPartition(CLASSIFICATIONS, 1)) or 0) < offset:  # noqa: ASYNC110 - Kafka tells nobody
            await asyncio.sleep(0.2)
    finally:
        await consumer.stop()


async def test_as_a_process(tmp_path: Path, api: MessagesApi) -> None:
    file = load_topics(data_path("topics.yaml").read_text(), "topics.yaml")
    api(message({**VERDICT, "intents": []}), message("no JSON"))
    with EmbeddedStack() as servers:
        servers.kafka.ensure_topics(file.topics)
        environment = {
            **servers.environment(),
            **EMBEDDED_SETTINGS,
            "ANTHROPIC_API_KEY": "a key of the tests",
            "ANTHROPIC_BASE_URL": api.url,
            "HANDOFF_CLASSIFIER_MODEL": MODEL,
            "HANDOFF_SECRET": SECRET,
            "HANDOFF_LOG_LEVEL": "DEBUG",
        }
        settings = load_settings(kafka_bootstrap=servers.bootstrap, redis_url=servers.redis_url)
        worker = WorkerProcess("classifier", environment, tmp_path / "classifier.log")
        requests = [doubt("canary one", now()), doubt("canary two", now(), event_id="e-2")]
        async with Publisher(servers.bootstrap) as publisher:
            bench = Bench(settings, file, publisher)
            records = [Record(CLASSIFICATIONS, b"c-1", encode(one), 1) for one in requests]
            with worker:
                await publisher.publish(records[:1])
                async with asyncio.timeout(90):
                    while not await bench.records(EVENTS):  # noqa: ASYNC110 - Kafka tells nobody
                        await asyncio.sleep(0.2)
                    await publisher.publish(records[1:])
                    await committed(servers.bootstrap, 2)
            (found,) = await signals(bench)
            await Redis.aclose(bench.redis)
    assert found.event_id == signal_event_id(requests[0].request_id)
    assert set(api.keys) == {"a key of the tests"}
    log = worker.log.read_text()
    assert f"asks {MODEL}" in log
    assert "malformed" in log, "the second one was dropped, and the worker went on"
    assert "per thousand" in log
    assert "canary" not in log
    assert "a key of the tests" not in log
