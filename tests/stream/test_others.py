"""One customer, one case: the router names a customer's other open escalations, on real servers."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from tests.support.routing_builders import MINUTE, NOW, decision, later, queue, topics
from tests.support.routing_harness import Bench, bench_on, route
from workers.contracts.decisions import Decision
from workers.contracts.events import Customer
from workers.contracts.handoffs import Claimed, Handoff
from workers.contracts.time import from_ms
from workers.embedded import EmbeddedKafka
from workers.routing.others import customer_of
from workers.settings import Settings
from workers.stores.customer_index import KEPT

WORLD = topics(queue("billing", max_waiting=50), queue("tier_2"))


@pytest.fixture
async def bench(kafka: EmbeddedKafka, settings: Settings) -> AsyncIterator[Bench]:
    """Return servers with two queues."""
    async with bench_on(kafka, settings, WORLD) as bench:
        await bench.online(billing=3, tier_2=3)
        yield bench


def ids(others: tuple[object, ...]) -> list[str]:
    return [one.conversation_id for one in others]  # type: ignore[attr-defined]


async def packets(bench: Bench) -> dict[str, list[str]]:
    """Return what the last packet of each conversation names."""
    told = [one for one in await bench.queue("billing") if isinstance(one, Handoff)]
    return {one.conversation_id: ids(one.packet.others) for one in told}


async def known(bench: Bench, one: Decision) -> list[str]:
    """Return the conversations that the index has of a decision's customer."""
    customer = customer_of(one)
    assert customer is not None
    pipeline = bench.redis.pipeline(transaction=False)
    bench.ledger.customers.ask(pipeline, customer)
    return bench.ledger.customers.read((await pipeline.execute())[0])


async def test_the_second_case_names_the_first_and_each_is_claimed_by_itself(bench: Bench) -> None:
    first, second = decision("c-1"), decision("c-2", NOW + 1)
    async with bench.router() as router:
        await route(router, first)
        await route(router, second)
        await route(router, second)
        assert await packets(bench) == {"c-1": [], "c-2": ["c-1"]}
        claim = later(first, "claim", owner="person", person="bo", queue="billing")
        await route(router, claim)
    [claimed] = [one for one in await bench.queue("billing") if isinstance(one, Claimed)]
    assert ids(claimed.others) == ["c-2"]
    told = {one.caused_by: ids(one.others) for one in await bench.told()}
    assert told == {first.decision_id: [], second.decision_id: [], claim.decision_id: ["c-2"]}
    still = (await bench.ledger.find("c-2")).record
    assert still is not None
    assert still.claimed_by is None, "nobody has claimed that one"


async def test_two_that_come_in_one_chunk_are_named_as_if_one_had_come_later(bench: Bench) -> None:
    async with bench.router() as router:
        await route(router, decision("c-1"), decision("c-2", NOW + 1), decision("c-3", NOW + 2))
    found = await packets(bench)
    assert {name: sorted(others) for name, others in found.items()} == {
        "c-1": [],
        "c-2": ["c-1"],
        "c-3": ["c-1", "c-2"],
    }


async def test_what_has_ended_leaves_and_a_repeat_says_the_same_as_before(bench: Bench) -> None:
    first, second = decision("c-1"), decision("c-2", NOW + 1)
    end = later(first, "outcome", owner="ai", outcome="resolved", queue="billing")
    async with bench.router() as router:
        await route(router, first)
        await route(router, second)
        await route(router, end)
        assert await known(bench, first) == ["c-2"]
    before = await bench.everything()
    # A router that was killed before it noted that all is published repeats what it planned.
    await bench.redis.hdel(f"{bench.settings.redis_prefix}:ledger:{{c-2}}", "done")
    async with bench.router() as router:
        await route(router, second)
        await route(router, decision("c-3", NOW + 2))
    assert (await packets(bench))["c-3"] == ["c-2"]
    after = await bench.everything()
    repeated = {name: {one for one in found if b"c-3" not in one} for name, found in after.items()}
    assert repeated == before


async def test_it_is_bounded_and_expires(bench: Bench) -> None:
    every = [decision(f"c-{n}", NOW + n, opened_at=from_ms(NOW + n)) for n in range(KEPT + 5)]
    async with bench.router() as router:
        await route(router, *every)
    found = await known(bench, every[0])
    assert sorted(found) == sorted(f"c-{n}" for n in range(5, KEPT + 5))
    [key] = await bench.redis.keys(f"{bench.settings.redis_prefix}:customer:*")
    assert await bench.redis.pttl(key) > 0
    assert b"cust-1" not in key


async def test_a_lost_store_has_it_again_from_the_topic(bench: Bench) -> None:
    async with bench.router() as router:
        await route(router, decision("c-1"))
    await bench.redis.flushdb()
    bench.now += MINUTE
    await bench.online(billing=3, tier_2=3)
    async with bench.router() as router:
        await route(router, decision("c-2", NOW + 1))
    assert (await packets(bench))["c-2"] == ["c-1"]


async def test_another_tenant_and_nobody_find_nothing(bench: Bench) -> None:
    first = decision("c-1")
    facts = first.facts
    other = msgspec.structs.replace(facts, tenant="acme")
    nobody = msgspec.structs.replace(facts, customer=Customer(name="Ada"))
    async with bench.router() as router:
        await route(router, first)
        await route(router, decision("c-2", NOW + 1, facts=other))
        await route(router, decision("c-3", NOW + 2, facts=nobody))
        await route(router, decision("c-4", NOW + 3, facts=nobody))
    assert await packets(bench) == {"c-1": [], "c-2": [], "c-3": [], "c-4": []}
