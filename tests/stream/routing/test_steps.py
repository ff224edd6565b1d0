"""The steps of the routing agent with a chunk: order, transcripts, settling."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import pytest

from tests.support.routing_builders import (
    decision,
    later,
)
from tests.support.routing_harness import Bench, decision_home, route, turns
from workers.agents.routing import agent as routing
from workers.agents.routing.agent import PACKETS_AT_ONCE
from workers.agents.routing.chunk_read import read_for
from workers.contracts.decisions import Decision
from workers.runtime.producer import Record
from workers.stores.partition_store import TRANSCRIPT_BYTES, read_transcript, whole_transcript


async def test_each_step_waits_for_the_one_before_it(bench: Bench) -> None:
    """Ledger, packet, withdrawal and log, customer."""
    one = decision()
    moved = later(one, "move", cause="claim_missed", tried=("billing",))
    began: list[str] = []
    ended: list[str] = []

    async def slowly(topics_named: list[str], publishing: Awaitable[Any]) -> Any:
        # Every step takes a while, so that one that doesn't wait would be seen.
        began.extend(f"{name} after {len(ended)}" for name in topics_named)
        written = await publishing
        await asyncio.sleep(0.01)
        ended.extend(topics_named)
        return written

    class Slow:
        async def publish(self, records: Any) -> Any:
            return await slowly([r.topic for r in records], bench.publisher.publish(records))

    async with bench.router(Slow()) as agent:
        send = agent._outlet.send
        agent._outlet.send = lambda record: slowly([record.topic], send(record))  # type: ignore[method-assign]
        await route(agent, one)
        began.clear()
        ended.clear()
        await route(agent, moved)
    assert began == [
        "escalation-ledger after 0",
        "handoff-tier_2 after 1",
        "handoff-billing after 2",
        "escalation-notifications after 2",
        "conversation-events after 2",
        "conversation-control after 5",
    ]


async def test_of_a_long_transcript_the_end_is_read(bench: Bench) -> None:
    await bench.says(*turns(200, 32_000))
    home, prefix = decision_home(), bench.settings.redis_prefix
    found = await read_transcript(bench.redis, prefix, home, "c-1", 200)
    assert [turn.event_id for turn in found] == [f"e-{n}" for n in range(185, 201)]
    [first] = await read_transcript(bench.redis, prefix, home, "c-1", 1)
    assert first.event_id == "e-1"
    assert await read_transcript(bench.redis, prefix, home, "c-1", 0) == []
    assert await read_transcript(bench.redis, prefix, home, "c-2", 9) == []
    assert len(await whole_transcript(bench.redis, prefix, home, "c-1")) == 200
    last = turns(40)
    await bench.says(*last[:-1], *turns(1, TRANSCRIPT_BYTES), conversation="c-3")
    found = await read_transcript(bench.redis, prefix, home, "c-3", 40)
    assert [turn.event_id for turn in found] == ["e-1"], "the last turn, however long"


async def test_few_transcripts_are_read_in_one_exchange(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = [decision(f"c-{number}") for number in range(2 * PACKETS_AT_ONCE + 1)]
    sizes = []

    async def counted(decisions: Sequence[Decision], *stores: Any, **given: Any) -> Any:
        sizes.append(len(decisions))
        return await read_for(decisions, *stores, **given)

    monkeypatch.setattr("workers.agents.routing.agent.read_for", counted)
    async with bench.router() as agent:
        await route(agent, *some)
    assert sizes == [PACKETS_AT_ONCE, PACKETS_AT_ONCE, 1]
    assert len(await bench.ledger_topic()) >= len(some)


async def test_what_is_done_is_settled_while_another_waits(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "SETTLE_S", 0.05)
    stuck, fine = decision("c-1"), decision("c-2")
    never = asyncio.Event()
    async with bench.router() as agent:
        send = agent._outlet.send

        async def some(record: Record) -> None:
            if record.key == b"c-1":
                await never.wait()
            await send(record)

        agent._outlet.send = some  # type: ignore[method-assign]
        routed = asyncio.create_task(route(agent, stuck, fine))
        async with asyncio.timeout(60):
            while not (await bench.ledger.find("c-2")).done:  # noqa: ASYNC110 - Redis tells nobody
                await asyncio.sleep(0.02)
        assert not (await bench.ledger.find("c-1")).done
        never.set()
        await routed
    assert (await bench.ledger.find("c-1")).done
