"""Desks take the smallest `sort_at` first: the urgent wait less, and nobody starves."""

import heapq
import random
from datetime import datetime, timedelta
from statistics import mean

from tests.support.routing_builders import MINUTE, NOW, decision, load, queue, topics
from workers.contracts.decisions import Decision
from workers.contracts.handoffs import Handoff
from workers.contracts.time import from_ms, to_ms
from workers.contracts.topics import Topics
from workers.handoff.packet import build_packet
from workers.routing.envelopes import handoff
from workers.routing.plan import plan

EQUAL = topics(queue("billing", claim_minutes=50.0, priority=3))
LOAD = 0.95
WORK_MIN = 5


def packet(one: Decision, world: Topics = EQUAL, again: Decision | None = None) -> Handoff:
    planned = plan(one, world, load({"billing": 1}), to_ms(one.decided_at))
    shown = build_packet(one.facts, (), one, "standard")
    message = handoff(one, planned, world, shown, again=again).message
    assert isinstance(message, Handoff)
    return message


def test_of_the_time_to_claim_it_a_share_by_priority_counts() -> None:
    one = decision(opened_at=from_ms(NOW))
    assert packet(one).sort_at == from_ms(NOW) + timedelta(minutes=30)
    assert packet(decision(opened_at=from_ms(NOW), priority=1)).sort_at == from_ms(NOW) + timedelta(
        minutes=10
    )


def test_a_leads_word_moves_what_waits() -> None:
    one = decision(opened_at=from_ms(NOW))
    hurried = packet(one, again=decision(seq=NOW + 1, action="update", priority=1))
    assert (hurried.priority, hurried.sort_at) == (1, from_ms(NOW) + timedelta(minutes=10))


def test_a_moved_escalation_keeps_its_age() -> None:
    old = decision(seq=NOW + 90 * MINUTE, opened_at=from_ms(NOW), action="move")
    new = decision("c-2", NOW + 90 * MINUTE, opened_at=from_ms(NOW + 90 * MINUTE), priority=1)
    older, newer = packet(old).sort_at, packet(new).sort_at
    assert older is not None
    assert newer is not None
    assert older < newer


def test_at_95_percent_load_nobody_starves_and_the_urgent_wait_less() -> None:
    chance = random.Random(7)
    waits: dict[int, list[float]] = {1: [], 3: [], 5: []}
    line: list[tuple[datetime, int, int]] = []
    free_at, now = NOW, NOW
    for number in range(3_000):
        now += round(chance.expovariate(LOAD / WORK_MIN) * MINUTE)
        while line and free_at <= now:
            _, opened, priority = heapq.heappop(line)
            free_at = max(free_at, opened)
            waits[priority].append((free_at - opened) / MINUTE)
            free_at += WORK_MIN * MINUTE
        free_at = max(free_at, now) if not line else free_at
        priority = chance.choice((1, 3, 5))
        one = decision(f"c-{number}", now, opened_at=from_ms(now), priority=priority)
        heapq.heappush(line, (packet(one).sort_at or from_ms(now), now, priority))
    assert mean(waits[1]) < mean(waits[3]) < mean(waits[5])
    served = sum(map(len, waits.values()))
    assert served > 2_900
    # Strict priority would leave the least urgent for the end of the day.
    assert max(waits[5]) - max(waits[1]) <= 50 * 4 / 5 + WORK_MIN, "never more than the share"
