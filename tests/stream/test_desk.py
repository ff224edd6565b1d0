"""Desks' reports, through the desk agent, on a real broker and a real store."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from tests.support.routing_builders import NOW, SECOND, decision, queue, topics
from tests.support.routing_harness import Bench, bench_on, handle, route
from workers.contracts.codec import Raw, decode_event
from workers.contracts.deadletters import read_dead_letter
from workers.contracts.desks import DeskEvent, Presence, PresentAgent
from workers.contracts.events import Ownership
from workers.contracts.ids import ownership_event_id
from workers.contracts.signing import Secrets
from workers.contracts.time import from_ms
from workers.contracts.topics import DEAD_LETTERS, EVENTS
from workers.embedded import EmbeddedKafka
from workers.routing.availability import Load
from workers.runtime.dead_letter_limit import RUN, TooManyDeadLetters
from workers.settings import Settings

WORLD = topics(queue("billing"), queue("tier_2"))
SECRET = "a secret of the tests"


@pytest.fixture
async def bench(kafka: EmbeddedKafka, settings: Settings) -> AsyncIterator[Bench]:
    """Return servers on which one escalation waits on `billing`."""
    async with bench_on(kafka, settings, WORLD, SECRET) as bench:
        yield bench


def reported(kind: Any = "accepted", **given: Any) -> DeskEvent:
    """Return what a desk says about the test's escalation."""
    fields: dict[str, Any] = {
        "event_id": f"desk-{kind}",
        "occurred_at": from_ms(NOW - SECOND),
        "escalation_id": decision().escalation_id,
        "conversation_id": "c-1",
        "queue": "billing",
        "epoch": NOW,
        "agent_id": "anna",
    }
    return DeskEvent(type=kind, **{**fields, **given})


def online(count: int, at: int = NOW, **given: Any) -> Presence:
    """Return what a desk says about who is there."""
    return Presence(
        type="presence",
        event_id=f"p-{at}",
        occurred_at=from_ms(at),
        queue=given.pop("queue", "billing"),
        agents_online=count,
        **given,
    )


async def events(bench: Bench) -> list[Ownership]:
    """Return what is on the log from desks, each in its partition and signed."""
    found = []
    for record in await bench.records(EVENTS):
        raw = Raw(record.key, record.value, record.headers, record.timestamp)
        event = decode_event(raw, Secrets((SECRET.encode(),)).at(EVENTS, record.partition))
        if isinstance(event, Ownership):
            assert record.partition == decision().home.partition
            found.append(event)
    return found


async def letters(bench: Bench) -> list[tuple[str, str]]:
    """Return reason and agent of each dead letter."""
    found = []
    for record in await bench.records(DEAD_LETTERS):
        letter = read_dead_letter(Raw(record.key, record.value, record.headers, record.timestamp))
        assert letter is not None
        found.append((letter.reason, letter.agent))
    return found


async def load(bench: Bench) -> Load:
    """Return the load as a router reads it."""
    pipeline = bench.redis.pipeline(transaction=False)
    bench.load.ask(pipeline, NOW)
    [found] = await pipeline.execute()
    return bench.load.read(found, NOW, NOW)


async def given_an_escalation(bench: Bench) -> None:
    """Have the test's escalation placed."""
    async with bench.router() as agent:
        await route(agent, decision())


async def test_reports_go_onto_the_log_of_their_conversation(bench: Bench) -> None:
    await given_an_escalation(bench)
    said = [
        reported(),
        reported("replied"),
        reported("transferred", to_queue="tier_2", note="Please check."),
        reported("resolved", resolution="Refunded", justified=True),
        reported("rated", csat=4),
    ]
    async with bench.desk() as agent:
        await handle(agent, *said)
    found = await events(bench)
    assert [event.action for event in found] == [one.type for one in said], "in their order"
    assert [event.event_id for event in found] == [ownership_event_id(s.event_id) for s in said]
    assert [event.desk_event_id for event in found] == [one.event_id for one in said]
    assert found[0].agent_id == "anna"
    assert found[0].occurred_at == said[0].occurred_at
    assert (found[2].to_queue, found[2].note) == ("tier_2", "Please check.")
    assert (found[3].resolution, found[3].justified) == ("Refunded", True)
    assert found[4].csat == 4


async def test_a_second_delivery_is_the_same_event(bench: Bench) -> None:
    await given_an_escalation(bench)
    async with bench.desk() as agent:
        await handle(agent, reported())
        await handle(agent, reported())
    first, second = await events(bench)
    assert msgspec.to_builtins(first) == msgspec.to_builtins(second)


async def test_presence_goes_to_the_load(bench: Bench) -> None:
    async with bench.desk() as agent:
        await handle(agent, online(2, free_slots=1, agents=("anna", "bo")), key=lambda p: p.queue)
        found = (await load(bench)).presence["billing"]
        assert (found.agents_online, found.free_slots, found.at_ms) == (2, 1, NOW)
        assert found.agents == {"anna", "bo"}
        later = NOW + SECOND
        await handle(agent, online(0, later), key=lambda p: p.queue, timestamp=later)
        await handle(agent, online(2), key=lambda p: p.queue)
    found = (await load(bench)).presence["billing"]
    assert found.agents_online == 0, "what is delivered again does not replace what came later"
    assert await bench.records(EVENTS) == []


async def test_two_desks_of_one_queue_are_added_up(bench: Bench) -> None:
    said = [
        online(2, desk_id="chat", free_slots=1, agents=(PresentAgent(id="anna", open=2), "bo")),
        online(1, desk_id="phone", free_slots=3, agents=("cy",)),
        online(4, desk_id="chat", queue="tier_2"),
    ]
    async with bench.desk() as agent:
        for one in said:
            await handle(agent, one, key=lambda p: p.queue)
        found = (await load(bench)).presence["billing"]
        assert (found.agents_online, found.free_slots) == (3, 4)
        assert found.agents == {"anna", "bo", "cy"}
        assert found.open_cases == {"anna": 2}
        gone = NOW + SECOND
        leaves = online(0, gone, desk_id="chat")
        await handle(agent, leaves, key=lambda p: p.queue, timestamp=gone)
    assert (await load(bench)).presence["billing"].agents_online == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (reported(escalation_id="nobody's"), "unknown_escalation"),
        (reported(conversation_id="c-2"), "unknown_escalation"),
        (reported(queue="biling"), "unknown_queue"),
        (online(1, queue="biling"), "unknown_queue"),
        (reported(agent_id=None), "schema"),
        (b"no JSON", "not_json"),
    ],
)
async def test_what_cannot_be_used_is_a_dead_letter(
    bench: Bench, said: DeskEvent | Presence | bytes, reason: str
) -> None:
    await given_an_escalation(bench)
    async with bench.desk() as agent:
        await handle(agent, said, key=lambda one: getattr(one, "conversation_id", one.queue))
        await handle(agent, reported())
    assert await letters(bench) == [(reason, "desk")]
    assert len(await events(bench)) == 1, "the next one gets through"


async def test_a_desk_whose_queue_is_unknown_here_stops_nobody(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await given_an_escalation(bench)
    said = [online(1, NOW + n, queue="biling") for n in range(RUN)]
    async with bench.desk() as agent:
        await handle(agent, *said, key=lambda one: one.queue)
        await handle(agent, reported())
    assert await letters(bench) == [("unknown_queue", "desk")] * RUN
    assert len(await events(bench)) == 1
    lines = [line.getMessage() for line in caplog.records if "dead letter" in line.getMessage()]
    assert lines[0] == "desk-events[0]@0: dead letter: unknown_queue"
    assert len(lines) == RUN, "one each"


async def test_what_stops_the_desk_can_be_listed(bench: Bench) -> None:
    async with bench.desk() as agent:
        with pytest.raises(
            TooManyDeadLetters, match=r"100 not_json; key .*desk-events\[0\] offsets"
        ):
            await handle(agent, *[b"no JSON"] * RUN)
    assert await letters(bench) == [("not_json", "desk")] * RUN


async def test_a_transfer_to_an_unknown_queue_is_for_the_fold(bench: Bench) -> None:
    await given_an_escalation(bench)
    async with bench.desk() as agent:
        await handle(agent, reported("transferred", to_queue="biling"))
    assert [event.to_queue for event in await events(bench)] == ["biling"]


async def test_nothing_is_unknown_because_the_store_is_empty(bench: Bench) -> None:
    await given_an_escalation(bench)
    await bench.redis.flushdb()
    async with bench.desk() as agent:
        await handle(agent, reported())
    assert len(await events(bench)) == 1
    assert await letters(bench) == []
    assert await bench.waiting() == {"billing": {str(decision().escalation_id)}}
