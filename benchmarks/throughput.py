"""Messages per second from topic to committed: one escalation worker and what bounds it."""

import os
import uuid
from collections.abc import Sequence

from benchmarks.environment import Commits, Process, Seen, World
from benchmarks.escalation_throughput import messages
from benchmarks.report import Report

CASES = {
    "worker": "handoff worker escalation",
    "core": "bare aiokafka, same core and Redis",
    "store-only": "bare aiokafka, same Redis, no core",
    "faust-nothing": "Faust by chunks, doing nothing",
    "naive": "whole conversation rewritten",
}
LIMIT_S = 8.0


def run(report: Report, quick: bool) -> None:
    """Let the contenders read the same log in turn, round after round."""
    with World() as world:
        total = 20_000 if quick else 60_000 if world.real else 40_000
        world.fill(messages(total))
        for round_ in range(1 if quick else 3):
            # Whoever came first in a round comes last in the next one.
            for role in [*CASES][:: 1 if round_ % 2 == 0 else -1]:
                rate, cpu = one(world, role, total)
                report.add(CASES[role], "committed", "messages/s", rate)
                report.add(CASES[role], "CPU", "µs/message", cpu)
    for other in ("core", "store-only", "faust-nothing", "naive"):
        report.ratio(CASES["worker"], CASES[other], "committed")
    report.ratio(CASES["worker"], CASES["core"], "CPU")


def one(world: World, role: str, total: int) -> tuple[float, float]:
    """Messages per second and CPU µs per message of a contender that starts on a full log."""
    group = f"bench-{role}-{uuid.uuid4().hex[:8]}"
    world.store.flushall()
    commits = Commits(world, group)
    process = world.process("benchmarks.contenders", role, group, HANDOFF_REDIS_PREFIX=group)
    try:
        seen = commits.follow([process], total, LIMIT_S)
        at, cpu = map(float, process.wait_until_said("first"))
    finally:
        commits.close()
        process.kill()
    return rate_of([Seen(at, 0, cpu), *seen], total)


def rate_of(seen: Sequence[Seen], total: int) -> tuple[float, float]:
    """The rate from the first record in hand to the last commit before the very last.

    The last one waits for the next tick of the commit timer, with nothing left to do.
    """
    begin, end = seen[0], seen[-1]
    if end.records >= total and len(seen) > 3:
        end = seen[-2]
    records = end.records - begin.records
    return records / (end.at - begin.at), 1e6 * (end.cpu - begin.cpu) / records


def two_workers(report: Report, quick: bool) -> None:
    """Two worker processes in one group beside one alone; only a real broker can share a log."""
    with World() as world:
        if not world.real:
            return
        total = 100_000 if quick else 150_000
        world.fill(messages(total))
        # The broker, the store and what watches them take their share of the same machine.
        note = f"on {os.cpu_count()} cores, with broker and store"
        for _ in range(1 if quick else 2):
            for count in (1, 2):
                rate = many(world, count, total)
                report.add(f"workers: {count}", "committed", "messages/s", rate, note)
    report.ratio("workers: 2", "workers: 1", "committed")


def many(world: World, count: int, total: int) -> float:
    """Messages per second of several workers, from when each has records in hand."""
    group = f"bench-many-{uuid.uuid4().hex[:8]}"
    world.store.flushall()
    commits = Commits(world, group)
    processes: list[Process] = []
    try:
        for _ in range(count):
            arguments = ("benchmarks.contenders", "worker", group)
            processes.append(world.process(*arguments, HANDOFF_REDIS_PREFIX=group))
        seen = commits.follow(processes, total)
        began = max(float(process.wait_until_said("first")[0]) for process in processes)
    finally:
        commits.close()
        for process in processes:
            process.kill()
    after = [one for one in seen if one.at >= began]
    if len(after) < 4:
        raise RuntimeError(f"only {len(after)} commits while all were at work: more messages")
    return rate_of(after, total)[0]
