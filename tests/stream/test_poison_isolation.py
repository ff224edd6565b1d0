"""A record at which an agent dies is tried alone, then bare, then left to people."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.routing_builders import decision, queue, topics
from tests.support.routing_harness import Bench, bench_on, chunk, handle
from workers.agents.desk import agent as desk
from workers.agents.routing import packet_builder
from workers.contracts.codec import Raw, decode_desk_event, encode
from workers.contracts.deadletters import read_dead_letter
from workers.contracts.decisions import Decision, Turn
from workers.contracts.handoffs import Handoff
from workers.contracts.topics import DEAD_LETTERS
from workers.embedded import EmbeddedKafka
from workers.handoff.packet import packet_for
from workers.runtime.app import TP
from workers.settings import Settings

DEADLY = "words at which a process dies"


class Killed(Exception):
    """Stands for kill -9: nothing of ours runs after it."""


@pytest.fixture
async def bench(kafka: EmbeddedKafka, settings: Settings) -> AsyncIterator[Bench]:
    """Return servers with one queue."""
    async with bench_on(kafka, settings, topics(queue("billing"))) as made:
        yield made


async def _until_it_lives(bench: Bench, *decisions: Decision | bytes) -> int:
    """Start routing agents, one after the other, until one has handled the chunk."""
    for deaths in range(10):
        try:
            async with bench.router() as agent:
                await handle(agent, *decisions)
        except Killed:
            continue
        return deaths
    raise AssertionError("it never lives")


async def _letters(bench: Bench) -> list[Any]:
    found = [
        read_dead_letter(Raw(one.key, one.value, one.headers, one.timestamp))
        for one in await bench.records(DEAD_LETTERS)
    ]
    return [letter for letter in found if letter is not None]


@pytest.mark.expects_errors("handed over with ids and counts alone")
async def test_a_decision_whose_words_kill_is_handed_over_without_them(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = packet_for

    def deadly(about: Any, transcript: Any, *rest: Any) -> Any:
        if any(turn.content == DEADLY for turn in transcript):
            raise Killed
        return build(about, transcript, *rest)

    monkeypatch.setattr(packet_builder, "packet_for", deadly)
    await bench.online(billing=1)
    for name, said in (("c-1", "Hello"), ("c-2", DEADLY), ("c-3", "Hello")):
        await bench.says(Turn(f"{name}-1", bench.now, "customer", said), conversation=name)
    some = [decision(name) for name in ("c-1", "c-2", "c-3")]
    assert await _until_it_lives(bench, *some) == 3
    packets = [one for one in await bench.queue("billing") if isinstance(one, Handoff)]
    told = {one.conversation_id: one.packet.transcript for one in packets}
    roles = {name: [turn.role for turn in transcript] for name, transcript in told.items()}
    assert roles == {
        "c-1": ["customer", "system"],
        "c-2": ["system"],
        "c-3": ["customer", "system"],
    }
    assert await _letters(bench) == []


@pytest.mark.expects_errors("handed over with ids and counts alone")
async def test_a_decision_that_kills_bare_too_is_left_to_people(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = packet_for

    def deadly(about: Any, *rest: Any) -> Any:
        if about.conversation_id == "c-2":
            raise Killed
        return build(about, *rest)

    monkeypatch.setattr(packet_builder, "packet_for", deadly)
    await bench.online(billing=1)
    some = [decision(name) for name in ("c-1", "c-2", "c-3")]
    assert await _until_it_lives(bench, *some) == 4
    assert {one.conversation_id for one in await bench.queue("billing")} == {"c-1", "c-3"}
    (letter,) = await _letters(bench)
    assert (letter.reason, letter.raw.value) == ("poison", encode(some[1]))
    (told,) = [one for one in await bench.notifications() if one.kind == "not_handed_over"]
    assert told.conversation_id == "c-2"


async def test_an_outage_makes_no_record_suspect(bench: Bench) -> None:
    (record,) = chunk(decision("c-1"))
    tp = _tp(record)
    for _ in range(6):
        async with bench.router() as agent:
            async for _portion in agent._suspicion.portions(tp, [record]):
                pass
            await agent.failing(tp, TimeoutError())
    async with bench.router() as agent:
        assert [deaths async for _, deaths in agent._suspicion.portions(tp, [record])] == [0]


def _tp(record: Any) -> TP:
    return TP(record.topic, record.partition)


@pytest.mark.expects_errors
async def test_a_report_at_which_the_desk_agent_dies_is_dead_lettered_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = decode_desk_event

    def deadly(raw: Any, *rest: Any) -> Any:
        if raw.key == b"deadly":
            raise Killed
        return decode(raw, *rest)

    monkeypatch.setattr(desk, "decode_desk_event", deadly)
    records = chunk(b"one", b"two", b"three", topic="desk-events")
    records[1].key = b"deadly"
    deaths = 0
    while deaths < 10:
        try:
            async with bench.desk() as agent:
                await agent.handle(_tp(records[0]), records)
                break
        except Killed:
            deaths += 1
    assert deaths == 3
    reasons = [letter.reason for letter in await _letters(bench)]
    assert set(reasons) == {"not_json", "poison"}
    assert reasons.count("poison") == 1
