"""A topic that refuses for a while: what became of an escalation is told there afterwards."""

from collections.abc import AsyncIterator

import pytest

from tests.support.routing_builders import decision, later, queue, topics
from tests.support.routing_harness import Bench, bench_on, route
from workers.agents.routing.desk_producer import TopicRefusesError
from workers.contracts.handoffs import Claimed, Handoff
from workers.embedded import EmbeddedKafka
from workers.runtime.producer import Record
from workers.settings import Settings


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
        assert await agent._router.tell_owed() == 0
    assert [type(message) for message in await bench.queue("billing")] == [Handoff]
    async with bench.router() as agent:
        assert await agent._router.tell_owed() == 1
        assert await agent._router.tell_owed() == 0
    assert [type(message) for message in await bench.queue("billing")] == [Handoff, Claimed]
