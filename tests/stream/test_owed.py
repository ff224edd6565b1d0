"""A topic that refuses for a while: what became of an escalation is told there afterwards."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.support.routing_builders import decision, later, queue, topics
from tests.support.routing_harness import Bench, bench_on, route
from workers.agents.routing.desk_producer import TopicRefusesError
from workers.contracts.handoffs import Claimed, Handoff
from workers.contracts.time import DAY
from workers.embedded import EmbeddedKafka
from workers.runtime.producer import Record
from workers.settings import Settings
from workers.stores.undelivered import Undelivered, UndeliveredStore


@pytest.fixture
async def bench(settings: Settings, kafka: EmbeddedKafka) -> AsyncIterator[Bench]:
    """Servers with every topic, and a publisher."""
    async with bench_on(kafka, settings, topics(queue("billing"), queue("tier_2"))) as bench:
        yield bench


@pytest.mark.expects_errors("not authorised")
async def test_a_claim_is_told_when_the_topic_takes_messages_again(bench: Bench) -> None:
    waits = decision("c-1")
    claim = later(waits, "claim", owner="person", person="bo")
    async with bench.router() as agent:
        await route(agent, waits)

        async def refuse(record: Record) -> None:
            raise TopicRefusesError(f"{record.topic}: not authorised")

        agent._outlet.send = refuse  # type: ignore[method-assign]
        await route(agent, claim)
        assert await agent._router.telling.owed() == 0
    assert [type(message) for message in await bench.queue("billing")] == [Handoff]
    async with bench.router() as agent:
        assert await agent._router.telling.owed() == 1
        assert await agent._router.telling.owed() == 0
    assert [type(message) for message in await bench.queue("billing")] == [Handoff, Claimed]


async def test_what_is_owed_has_an_age_of_its_own(redis_url: str) -> None:
    redis = Redis.from_url(redis_url)
    try:
        store, week = UndeliveredStore(redis, "p"), 7 * DAY
        old, new = (Undelivered("t", b"k", value) for value in (b"old", b"new"))
        await store.add(old, 1000)
        await store.add(new, 1000 + week)
        # One that is owed once more does not begin anew.
        await store.add(old, 1000 + week)
        assert await store.all(1000 + week) == [old, new]
        assert await store.all(1001 + week) == [new]
        assert await redis.zcard("p:undelivered") == 1
        await store.drop([new])
        assert await store.all(1001 + week) == []
    finally:
        await redis.aclose()
