"""Start-up, a lag of 100,000 messages, and a store that is folded again from the log."""

import subprocess
import sys
import time

from benchmarks.environment import Commits, World
from benchmarks.escalation_throughput import messages
from benchmarks.report import Report

GROUP = "handoff-escalation"


def run(report: Report, quick: bool) -> None:
    """Measure the time from a process's start to its first records, and to the end of the lag."""
    for _ in range(1 if quick else 2):
        with World() as world:
            # What the embedded broker keeps holds no more.
            total = 20_000 if quick else 100_000 if world.real else 40_000
            world.fill(messages(total))
            _lag(report, world, total)
            _rebuild(report, world)


def _lag(report: Report, world: World, total: int) -> None:
    commits = Commits(world, GROUP)
    process = world.process("benchmarks.contenders", "worker", GROUP)
    try:
        seen = commits.follow([process], total)
        first = float(process.wait_until_said("first")[0])
        report.add("start-up", "process start to first records", "s", first - process.spawned)
        seconds = seen[-1].at - process.spawned
        report.add(f"lag of {total:,}", "process start to committed", "s", seconds)
        report.add(f"lag of {total:,}", "recovered", "messages/s", total / seconds)
        report.add(f"lag of {total:,}", "peak of the worker", "MB", process.peak_mb)
    finally:
        commits.close()
        process.stop()


def _rebuild(report: Report, world: World) -> None:
    commits = Commits(world, GROUP)
    total = commits.records()
    commits.close()
    world.store.flushall()
    started = time.monotonic()
    environment = ["/usr/bin/env", *(f"{k}={v}" for k, v in world.environment.items())]
    command = [*environment, sys.executable, "-m", "workers.cli", "rebuild", "--yes", "--json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - started
    report.add("handoff rebuild", f"of {total:,} records", "s", seconds)
    report.add("handoff rebuild", "folded", "messages/s", total / seconds)
