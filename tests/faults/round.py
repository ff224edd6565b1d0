"""One round: load at a steady rate, a fault at a random moment, quiet, then the checks."""

import asyncio
import time
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from tests.faults.checks import Verdict, judge
from tests.faults.environment import World
from tests.faults.evidence import gather
from tests.faults.injuries import Fault
from tests.faults.load import record
from tests.faults.watch import GROUPS
from workers.contracts.topics import DESKS, EVENTS

QUIET_S: Final = 150.0
"""In so long after the load everything must have come to rest, or the round fails."""
STILL_S: Final = 2.5
SOON_MS: Final = 12_000
"""Longer than any deadline of the hurried policy but the last one of all."""
TAIL_S: Final = 4.0
"""The fault begins early enough that some load follows it."""


@dataclass(frozen=True)
class Plan:
    """The parameters of a run; a seed and these repeat it."""

    seed: int
    seconds: float
    rate: float


async def run_round(world: World, fault: Fault, plan: Plan, number: int) -> dict[str, Any]:
    """Run one round and return its row, with everything that was broken."""
    random = Random(f"fault {plan.seed} {fault.name} {number}")
    at = random.uniform(2.0, max(2.0, plan.seconds / 2 - TAIL_S))
    world.watch.reset()
    exits, started = world.fleet.exits.copy(), time.monotonic()
    world.desks.tidying = False
    steps = record(plan.seed, number, plan.seconds, plan.rate)
    load = asyncio.create_task(world.chat.play(steps))

    async def hurt() -> None:
        await asyncio.sleep(at)
        await fault.injure(world, random)

    injury = asyncio.create_task(hurt())
    await asyncio.gather(load, injury)
    world.desks.tidying = True
    problem = await _quiet(world)
    verdict = await check(world)
    if problem is not None:
        verdict.find("lost", problem)
    if fault.delay_s is not None and verdict.delay[0] > fault.delay_s:
        verdict.find("wrong", f"told after {verdict.delay[0]:.1f} s: {verdict.delay[1]}")
    return {
        "fault": fault.name,
        "round": number,
        "seed": plan.seed,
        "at_s": round(at, 1),
        **verdict.counts,
        "lost": len(verdict.broken["lost"]),
        "twice": len(verdict.broken["twice"]),
        "wrong": len(verdict.broken["wrong"]),
        "delay_s": round(verdict.delay[0], 2),
        "pause_s": round(max(world.watch.longest.values()), 1),
        "pauses": {group: round(pause, 1) for group, pause in world.watch.longest.items()},
        "served_pauses": {group: round(pause, 1) for group, pause in world.watch.served.items()},
        "exits": dict(world.fleet.exits - exits),
        "load_late_s": round(world.chat.late_s, 2),
        "took_s": round(time.monotonic() - started, 1),
        "desks": dict(world.desks.did),
        "broken": {kind: found[:20] for kind, found in verdict.broken.items() if found},
    }


async def check(world: World) -> Verdict:
    """Judge a world that has come to rest."""
    with world.redis_client() as redis:
        evidence = await gather(world.settings, world.topics, EVENTS, redis)
    audit = await world.audit()
    policy = world.policy_file.read_text()
    return await asyncio.to_thread(judge, evidence, policy, world.chat, world.desks, audit)


async def _quiet(world: World) -> str | None:
    """Wait until nobody has anything to do: no lag, no deadline due soon, desks idle."""
    started = time.monotonic()
    still = started
    while True:
        await asyncio.sleep(0.25)
        now = time.monotonic()
        busy = await _busy(world)
        if busy is not None:
            still = now
        if now - still >= STILL_S:
            return None
        if now - started > QUIET_S:
            return f"not at rest {QUIET_S:g} s after the load: {busy}"


async def _busy(world: World) -> str | None:
    try:
        lag = await world.watch.look()
    except Exception as error:  # noqa: BLE001 - a broker that is away is reason enough
        return f"Kafka: {error!r}"
    # Desks go on saying who is there.
    if any(
        lag[group] > (len(world.topics.queues) if topic == DESKS else 0)
        for group, topic in GROUPS.items()
    ):
        return f"lag {lag}"
    if world.desks.busy:
        return "somebody at a desk is at work"
    if len(world.fleet.workers) != sum(worker.pid is not None for worker in world.fleet.workers):
        return "a worker is starting"
    if world.desks.idle_s < STILL_S or world.chat.idle_s < STILL_S:
        return "desks or chat systems hear something"
    return _due(world)


def _due(world: World) -> str | None:
    """Return what is due within the next seconds; None if nothing is."""
    until = int(time.time() * 1000) + SOON_MS
    with world.redis_client() as redis:
        if owed := redis.zcard("handoff:undelivered"):
            return f"{owed} messages are owed to desks"
        for partition in range(world.topics.topics[EVENTS].partitions):
            key = f"handoff:{{{EVENTS}:{partition}}}:timers"
            soon = redis.zcount(key, "-inf", until)
            if soon:
                return f"partition {partition}: {soon} timers"
    return None
