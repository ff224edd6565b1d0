"""The wait that customers are told, and when they are told another."""

from tests.support.routing_builders import (
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    decision,
    later,
)
from tests.support.routing_harness import Bench, route
from workers.contracts.decisions import Decision
from workers.contracts.time import to_ms


async def test_wait_is_told_once_enough_was_seen(bench: Bench) -> None:
    async with bench.router() as agent:
        for number in range(6):
            one = decision(f"c-{number}", NOW + number * HOUR // 10)
            claim = later(one, "claim", owner="person", person="a", seq=one.seq + 4 * MINUTE)
            bench.now = one.seq
            await bench.online(billing=1)
            await route(agent, one)
            bench.now = claim.seq
            await route(agent, claim)
        last = decision("c-last", bench.now)
        await bench.online(billing=1)
        await route(agent, last)
    control = next(told for told in await bench.told() if told.conversation_id == "c-last")
    assert control.wait is not None
    assert control.wait.low_s <= 240 <= control.wait.high_s
    [kept] = [record for record in await bench.ledger_topic() if record.conversation_id == "c-last"]
    assert kept.predicted_wait == control.wait
    assert to_ms(kept.plan.planned_at) == last.seq


async def seen_before(bench: Bench, waited_s: int = 240) -> None:
    """Let the queue's recent past have five claims, each after so many seconds."""
    claims = [f"{bench.now}:{waited_s * SECOND}:0"] * 5
    await bench.redis.lpush(f"{bench.settings.redis_prefix}:{{load}}:claims:billing", *claims)


def look(one: Decision, after_s: int) -> Decision:
    """Return the decision to look at the wait again, so long after the escalation."""
    return later(one, "update", seq=one.seq + after_s * SECOND, epoch=one.epoch)


async def test_who_waits_hears_of_the_wait_only_when_it_has_changed(bench: Bench) -> None:
    one = decision()
    fits, late, settled = look(one, 3), look(one, 300), look(one, 303)
    async with bench.router() as agent:
        await seen_before(bench)
        await bench.online(billing=1)
        await route(agent, one)
        for update in (fits, late, settled):
            bench.now = update.seq
            await bench.online(billing=1)
            # A restart may hand it over again: it says the same, or nothing again.
            await route(agent, update)
            bench.now += 100 * SECOND
            await route(agent, update)
    first, again = await bench.told()
    assert first.wait is not None
    assert (again.seq, again.caused_by) == (late.seq, late.decision_id)
    assert (again.epoch, again.owner, again.ai_may_reply) == (one.epoch, "pending", False)
    assert again.kind == "notice"
    assert again.wait == first.wait, "those ahead have not moved"
    assert again.text
    entry = await bench.ledger.find("c-1")
    assert entry.record is not None
    assert entry.record.seq == settled.seq
    assert entry.record.told is not None
    assert entry.record.told.seq == late.seq
    assert entry.record.decision == one
    assert entry.record.predicted_wait == first.wait, "kept to compare with the actual one"


async def test_a_lost_store_tells_no_second_range(bench: Bench) -> None:
    one = decision()
    late = look(one, 300)
    async with bench.router() as agent:
        await seen_before(bench)
        await bench.online(billing=1)
        await route(agent, one)
        bench.now = late.seq
        await route(agent, late)
    told = await bench.told()
    await bench.redis.flushdb()
    bench.now += HOUR
    async with bench.router() as agent:
        await seen_before(bench, 900)
        await bench.online(billing=1)
        await route(agent, one, late)
    ranges = {control.wait for control in await bench.told() if control.seq == late.seq}
    assert ranges == {told[-1].wait}


async def test_an_update_alone_leaves_no_record(bench: Bench) -> None:
    async with bench.router() as agent:
        await bench.online(billing=1)
        await route(agent, look(decision(), 300))
    assert (await bench.ledger.find("c-1")).record is None
    assert await bench.told() == []
