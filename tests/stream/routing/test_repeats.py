"""Repeats, lost stores, deaths and two routers at once change nothing of what is said."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from tests.support.routing_builders import (
    HOUR,
    MINUTE,
    NOW,
    decision,
    later,
    load,
)
from tests.support.routing_harness import Bench, route, turns
from workers.agents.routing.agent import RoutingAgent
from workers.contracts.topics import DECISIONS
from workers.errors import WentBackError
from workers.runtime.app import TP


class TestOnce:
    """The same again."""

    async def test_a_second_delivery_says_nothing(self, bench: Bench) -> None:
        one = decision()
        both = [one, later(one, "claim", owner="person", person="anna")]
        async with bench.router() as agent:
            await route(agent, *both)
            counts = [len(await bench.told()), len(await bench.queue("billing"))]
            await route(agent, *both)
            await route(agent, both[-1])
        assert [len(await bench.told()), len(await bench.queue("billing"))] == counts

    async def test_what_may_not_have_been_said_is_repeated_alike(self, bench: Bench) -> None:
        await bench.says(*turns(2))
        one = decision()
        async with bench.router() as agent:
            await route(agent, one)
            first = await bench.everything()
            await bench.redis.hdel("handoff:ledger:{c-1}", "done")
            bench.now += HOUR
            await bench.online(billing=0)
            await route(agent, one)
        assert await bench.everything() == first
        assert len(await bench.queue("billing")) == 2

    async def test_conversations_at_once_decisions_in_order(self, bench: Bench) -> None:
        firsts = [decision(f"c-{number}") for number in range(30)]
        ends = [later(one, "outcome", owner="ai", outcome="closed") for one in firsts]
        async with bench.router() as agent:
            await route(agent, *firsts, *ends)
        by_conversation: dict[str, list[int]] = {}
        for control in await bench.told():
            by_conversation.setdefault(control.conversation_id, []).append(control.seq)
        assert set(map(tuple, by_conversation.values())) == {(NOW, NOW + 1)}
        assert await bench.waiting() == {}


class TestLoss:
    """A store that forgets."""

    async def test_ledger_lost_and_restored_from_its_topic(self, bench: Bench) -> None:
        waiting, ended = decision("c-1"), decision("c-2")
        over = later(ended, "outcome", owner="ai", outcome="closed")
        async with bench.router() as agent:
            await route(agent, waiting, ended, over)
        before = await bench.everything()
        await bench.redis.flushdb()
        await bench.online(billing=0)
        async with bench.router() as agent:
            assert await bench.waiting() == {"billing": {str(waiting.escalation_id)}}
            await route(agent, waiting, ended, over)
        assert await bench.everything() == before, "what was planned stands, whatever the load"

    async def test_a_running_router_notices_a_store_that_went_back(self, bench: Bench) -> None:
        async with bench.router() as agent:
            await route(agent, decision("c-1"))
            await bench.redis.flushdb()
            with pytest.raises(WentBackError, match="went back in time"):
                await route(agent, decision("c-2"))

    async def test_only_the_last_writes_lost(self, bench: Bench) -> None:
        one = decision("c-1")
        async with bench.router() as agent:
            await route(agent, one)
            kept = {key: await bench.redis.dump(key) for key in await bench.redis.keys("*")}
            await route(agent, decision("c-2"))
        await bench.redis.flushdb()
        for key, value in kept.items():
            assert value is not None
            await bench.redis.restore(key, 0, value)
        async with bench.router():
            assert len((await bench.waiting())["billing"]) == 2
            assert (await bench.ledger.find("c-2")).record is not None

    async def test_a_place_that_is_nobodys_is_given_up(self, bench: Bench) -> None:
        one = decision("c-1")
        async with bench.router() as agent:
            await route(agent, one)
        bench.now += 2 * MINUTE
        await bench.load.reserve("tier_2", "left-behind", 9, NOW)
        await bench.load.reserve("billing", "just-taken", 9, bench.now)
        async with bench.router():
            assert await bench.waiting() == {
                "billing": {str(one.escalation_id), "just-taken"},
            }


class Crashing:
    """Producer and outlet of a router that dies at the n-th time it publishes, before or after."""

    def __init__(self, bench: Bench, at: int, *, after: bool) -> None:
        self._bench = bench
        self._left = at
        self._after = after

    async def publish(self, records: Any) -> Any:
        """Publish, or die."""
        return await self._once(self._bench.publisher.publish(records))

    def outlet(self, agent: RoutingAgent) -> None:
        """Let the agent die in its outlet too."""
        send = agent._outlet.send
        agent._outlet.send = lambda record: self._once(send(record))  # type: ignore[method-assign]

    async def _once(self, publishing: Awaitable[Any]) -> Any:
        self._left -= 1
        dying = self._left == 0
        if dying and not self._after:
            publishing.close()  # type: ignore[attr-defined]
            raise CrashError
        written = await publishing
        if dying:
            raise CrashError
        return written


class CrashError(Exception):
    """The process died here."""


@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_at_any_publish_changes_nothing(bench: Bench, after: bool) -> None:
    """The same set of messages, whenever the process dies and is started again."""
    results = []
    for number in range(1, 40):
        name = f"c-{after}-{number}"
        await bench.says(*turns(2), conversation=name)
        one = decision(name)
        moved = later(one, "move", cause="claim_missed", tried=("billing",))
        claim = later(moved, "claim", owner="person", person="bo", queue="tier_2")
        end = later(claim, "outcome", owner="ai", outcome="resolved", queue="tier_2")
        story = (one, moved, claim, end)
        crashed = False
        crashing = Crashing(bench, number, after=after)
        async with bench.router(crashing) as agent:
            crashing.outlet(agent)
            try:
                await route(agent, *story)
            except* CrashError:
                crashed = True
                # None of them is the record's fault: it is not to be tried alone.
                await agent.failing(TP(DECISIONS, 0), TimeoutError())
        async with bench.router() as agent:
            await route(agent, *story)
        results.append(name)
        if not crashed:
            break
    else:
        pytest.fail("it never got through")
    assert len(results) > 15
    packets: dict[str, set[tuple[str, str]]] = {}
    for queue_name in bench.topics.queues:
        for message in await bench.queue(queue_name):
            kind = (queue_name, f"{message.type}.{message.seq}")
            packets.setdefault(message.conversation_id, set()).add(kind)
    told: dict[str, set[tuple[int, str, str | None]]] = {}
    for control in await bench.told():
        said = (control.seq - NOW, control.owner, control.text)
        told.setdefault(control.conversation_id, set()).add(said)
    assert all(packets[name] == packets[results[-1]] for name in results)
    for name in results:
        assert sorted(seq for seq, _, _ in told[name]) == [0, 1, 2, 3], "one text for each change"
    assert await bench.waiting() == {}


async def test_two_routers_race_for_the_last_place(bench: Bench) -> None:
    async with bench.router() as first, bench.router() as second:
        everyone = [decision(f"c-{number}") for number in range(8)]
        await asyncio.gather(route(first, *everyone[:4]), route(second, *everyone[4:]))
    assert len(await bench.queue("billing")) == 2
    assert len(await bench.queue("tier_2")) == 2
    assert len(await bench.tickets()) == 4


async def test_two_routers_with_the_same_decision_agree(bench: Bench) -> None:
    """A router that lost its partition without knowing carries out the other's plan."""
    one = decision()
    async with bench.router() as first, bench.router() as second:
        deserted = load({"billing": 0, "tier_2": 1})
        second._stores.load.read = lambda *_: deserted  # type: ignore[method-assign]
        await asyncio.gather(route(first, one), route(second, one))
    packets = [message for name in bench.topics.queues for message in await bench.queue(name)]
    [place] = {message.queue for message in packets}
    assert await bench.waiting() == {place: {str(one.escalation_id)}}
    assert {routed.queue for routed in await bench.routed()} == {place}
    assert len({control.text for control in await bench.told()}) == 1
