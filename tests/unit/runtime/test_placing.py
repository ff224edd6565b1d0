"""Placing partitions that are revoked before it is done: they are nobody's, and stay so."""

import asyncio
from collections.abc import Collection, Mapping

import pytest
from faust.types import TP

from workers.runtime.app import Agent, agent_placing
from workers.runtime.placing import Bounds, RevokedMeanwhile
from workers.settings import load_settings

HERE, THERE = TP("t", 0), TP("t", 1)


class Slow(Agent):
    """Waits for its store before it knows where to begin."""

    group = "handoff-slow"
    topic = "t"

    def __init__(self) -> None:
        super().__init__(load_settings())
        self.answer = asyncio.Event()
        self.taken_over: list[TP] = []

    async def positions(self, bounds: Mapping[TP, Bounds]) -> Mapping[TP, int]:
        """Wait for the store."""
        await self.answer.wait()
        return await super().positions(bounds)

    async def assigned(self, tps: Collection[TP]) -> None:
        """Keep what was taken over."""
        self.taken_over += tps


async def test_partitions_that_are_revoked_while_they_are_placed_are_not_taken_over() -> None:
    agent = Slow()
    placing = asyncio.create_task(agent_placing(agent)({HERE: Bounds(0, 5, 3)}))
    await asyncio.sleep(0)
    agent.let_go([])
    # The next assignment begins before the store has answered.
    again = asyncio.create_task(agent_placing(agent)({THERE: Bounds(0, 5, 4)}))
    await asyncio.sleep(0)
    agent.answer.set()
    with pytest.raises(RevokedMeanwhile):
        await placing
    assert await again == {THERE: 4}
    assert (agent.reached, agent.taken_over) == ({THERE: 4}, [THERE])


async def test_partitions_that_stay_are_taken_over() -> None:
    agent = Slow()
    agent.let_go([THERE])
    agent.answer.set()
    assert await agent_placing(agent)({HERE: Bounds(0, 5, 3)}) == {HERE: 3}
    assert (agent.reached, agent.taken_over) == ({HERE: 3}, [HERE])
