"""Doubtful messages, through the classifier agent and the real SDK, to signals on the log."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from redis.asyncio import Redis

from tests.support.classifier_bench import (
    SECRET,
    counted,
    doubts,
    give,
    now,
    running,
    signals,
)
from tests.support.classifier_harness import (
    MODEL,
    VERDICT,
    MessagesApi,
    doubt,
    error,
    message,
)
from tests.support.fold_history import History
from tests.support.forked import forked_worker
from tests.support.routing_harness import OPTIONS, Bench, Publisher
from workers.agents.classifier import agent as classifier
from workers.agents.classifier.agent import ClassifierAgent
from workers.agents.classifier.model_client import ModelClient
from workers.contracts.codec import Raw, encode
from workers.contracts.deadletters import read_dead_letter
from workers.contracts.decisions import Turn
from workers.contracts.ids import signal_event_id
from workers.contracts.topics import CLASSIFICATIONS, DEAD_LETTERS, EVENTS, load_topics
from workers.data import data_path
from workers.embedded import EmbeddedStack
from workers.embedded.workers import EMBEDDED_SETTINGS
from workers.runtime.producer import Record
from workers.settings import load_settings


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
        worker = forked_worker("classifier", environment, tmp_path / "classifier.log")
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
    assert f"asking {MODEL}" in log
    assert "malformed" in log, "the second one was dropped, and the worker went on"
    assert "per thousand" in log
    assert "canary" not in log
    assert "a key of the tests" not in log
