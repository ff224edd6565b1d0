"""One partition under faults: whatever happens between two awaits, decisions are a quiet run's."""

import asyncio
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.escalation_harness import by_key, conversations
from tests.support.partition_harness import (
    BASE,
    Crash,
    asks,
    says,
    survive,
    world,
)
from workers.agents.escalation.fenced_store import MarkMoved
from workers.errors import ConfigurationError
from workers.runtime.placing import Bounds


# The database is emptied for each example.
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_decisions_are_those_of_a_quiet_run_whatever_dies_when(seed: int, redis_url: str) -> None:
    async def run() -> None:
        rows = conversations(160, 8, seed % 1000)
        async with world(redis_url, rows + rows[:40]) as here:
            await survive(here, random.Random(seed), faults=12)
            await here.drain()
            assert by_key(here.pairs()) == by_key(here.quiet())

    asyncio.run(run())


async def test_an_output_that_was_written_and_not_published_is_published_by_the_next_owner(
    redis_url: str,
) -> None:
    async with world(redis_url, [asks("a", 1), asks("b", 2), says("c", 3)]) as here:
        partition = await here.owner()

        def fault(where: str) -> None:
            if where == "publish":
                raise Crash

        here.faults = fault
        with pytest.raises(Crash):
            await here.deliver(partition)
        assert here.published == []
        here.faults = lambda _: None
        await here.owner()
        assert here.pairs() == here.quiet() != []
        # And by nobody after one who committed.
        await here.owner()
        assert here.pairs() == here.quiet()


@pytest.mark.parametrize(("begin", "end", "why"), [(12, 20, "trimmed"), (0, 5, "was cut")])
async def test_a_mark_outside_of_the_log_is_an_error_that_names_itself(
    redis_url: str, begin: int, end: int, why: str
) -> None:
    async with world(redis_url, [says("a", n) for n in range(10)]) as here:
        await here.drain()
        with pytest.raises(ConfigurationError, match=f"the mark 9 lies outside.*{why}"):
            await here.partition().place(Bounds(begin, end, 10), "now")


async def test_an_idle_partition_notices_that_the_store_went_back(redis_url: str) -> None:
    async with world(redis_url, [says("a", 1)]) as here:
        partition = await here.owner()
        await here.deliver(partition)
        await partition.marked.check()
        await here.redis.set(f"{BASE}mark", b"-1 somebody")
        with pytest.raises(MarkMoved):
            await partition.marked.check()
        # Whoever gave the partition up no longer cares.
        await partition.marked.close()
        await partition.marked.check()


async def test_timers_wait_until_everything_on_the_log_at_the_takeover_is_folded(
    redis_url: str,
) -> None:
    async with world(redis_url, [says("a", n) for n in range(3)]) as here:
        partition = await here.owner()
        assert not partition.is_caught_up(0)
        await here.deliver(partition, 2)
        assert not partition.is_caught_up(2)
        await here.deliver(partition, 1)
        assert partition.is_caught_up(0)
