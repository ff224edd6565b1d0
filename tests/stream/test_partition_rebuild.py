"""The rebuild of a partition whose store is empty or cannot be read."""

import asyncio
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.escalation_harness import by_key, conversations
from tests.support.partition_harness import (
    BASE,
    HOME,
    asks,
    decisions,
    dump,
    record,
    returned,
    says,
    survive,
    world,
)
from workers.agents.escalation.log_reader import HandedOver
from workers.agents.escalation.partition import Unreadable
from workers.errors import ConfigurationError
from workers.runtime.placing import Bounds
from workers.stores.partition_store import read_transcript


async def test_an_empty_store_is_rebuilt_and_open_escalations_are_published_again(
    redis_url: str,
) -> None:
    rows = [
        asks("open", 1),
        asks("closed", 2),
        {"event_id": "x", "conversation_id": "closed", "occurred_at": "2026-11-01T09:03:00Z"}
        | {"type": "closed", "by": "customer"},
        says("quiet", 4),
        asks("late", 5),
    ]
    async with world(redis_url, rows[:4]) as here:
        await here.drain()
        quietly = here.pairs()
        assert quietly == here.quiet()
        before = await dump(here.redis, f"{BASE}[sti]:*")
        await here.redis.flushdb()
        here.log.all.append(record(4, rows[4]))
        # One that dies at once leaves behind what there is to do.
        await here.partition().place(Bounds(0, 5, 4), "now")
        partition = await here.owner()
        assert here.pairs() == quietly
        while await here.deliver(partition, 3):
            pass
        repeated, *rest = here.pairs()[len(quietly) :]
        assert repeated == quietly[0]
        assert [key for key, _ in rest] == [b"late"]
        for key, value in before.items():
            assert await here.redis.dump(key) == value
        assert by_key(here.pairs()) == by_key(here.quiet())
        # Once is enough.
        count, here.committed = len(here.published), 5
        await here.owner()
        assert len(here.published) == count


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_a_rebuild_that_dies_at_any_moment_ends_as_one_that_does_not(
    seed: int, redis_url: str
) -> None:
    async def run() -> None:
        rows = conversations(120, 8, seed % 1000)
        async with world(redis_url, rows) as here:
            here.log.all, later = here.log.all[:80], here.log.all[80:]
            await here.drain()
            await here.redis.flushdb()
            here.log.all += later
            here.log.ledger = [HandedOver(f"conv-{seed % 1000}-1", 0)]
            here.log.window = 10
            await survive(here, random.Random(seed), faults=5)
            await here.drain()
            # Ten records are outside of the window: what they opened is not known in other ways.
            for name, values in by_key(here.pairs()).items():
                wanted = by_key(here.quiet()).get(name, [])
                if name == f"conv-{seed % 1000}-1".encode():
                    assert values == wanted

    asyncio.run(run())


async def test_conversations_open_for_longer_than_the_window_are_folded_from_their_start(
    redis_url: str,
) -> None:
    rows = [asks("old", 1), says("other", 2), says("old", 3), says("new", 4), says("old", 5)]
    async with world(redis_url, rows) as here:
        await here.drain()
        old = await here.redis.get(f"{BASE}s:old")
        await here.redis.flushdb()
        here.log.window, here.log.ledger = 3, [HandedOver("old", 0)]
        partition = await here.owner()
        while await here.deliver(partition):
            pass
        assert await here.redis.get(f"{BASE}s:old") == old
        assert await here.redis.get(f"{BASE}s:other") is None
        assert [key for key, _ in here.pairs()] == [b"old", b"old"]


async def test_an_escalation_that_was_older_than_the_window_and_ended_in_it_stays_ended(
    redis_url: str,
) -> None:
    person = {"role": "human_agent", "content": "Anna here.", "agent": {"id": "anna"}}
    rows = [asks("a", 1), asks("a", 2) | person, says("a", 3)]
    async with world(redis_url, rows) as here:
        await here.drain()
        ended = returned(decisions(here)[-1], 4)
        here.log.all += [record(3, ended), record(4, says("a", 5))]
        await here.drain()
        before, told = await here.redis.get(f"{BASE}s:a"), len(here.published)
        assert decisions(here)[-1]["action"] == "return"
        await here.redis.flushdb()
        # The person's words are the first that the window has of it.
        here.log.window, here.log.ledger = 1, [HandedOver("a", 0)]
        await here.drain()
        assert await here.redis.get(f"{BASE}s:a") == before
        assert len(here.published) == told


async def test_an_empty_store_beside_a_log_made_anew_says_what_to_do(redis_url: str) -> None:
    async with world(redis_url, [asks("a", 1)]) as here:
        with pytest.raises(ConfigurationError, match="run `handoff rebuild`"):
            await here.partition().place(Bounds(0, 1, 1000), "now")


@pytest.mark.expects_errors("folding 1 unreadable states again")
async def test_a_state_that_cannot_be_decoded_is_folded_again(redis_url: str) -> None:
    rows = [asks("a", 1), says("b", 2), says("a", 3), says("a", 4)]
    async with world(redis_url, rows[:3]) as here:
        await here.drain()
        sound = await here.redis.get(f"{BASE}s:a")
        await here.redis.set(f"{BASE}s:a", b"\xc1 of another version")
        here.log.all.append(record(3, rows[3]))
        partition = await here.owner()
        with pytest.raises(Unreadable) as caught:
            await here.deliver(partition)
        await partition.rebuilding.fold_again(caught.value.conversation_ids, 0)
        assert await here.redis.get(f"{BASE}s:a") == sound
        await here.deliver(partition)
        assert here.pairs() == here.quiet()
        assert len(await read_transcript(here.redis, "p", HOME, "a", 9)) == 3
