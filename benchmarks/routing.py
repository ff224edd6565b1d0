"""Handoffs per second of one routing worker, from decisions to committed."""

from benchmarks.environment import Commits, Seen, World
from benchmarks.events import said
from benchmarks.report import Report
from benchmarks.throughput import rate_of
from workers.contracts.topics import DECISIONS

GROUP = "handoff-escalation"


def run(report: Report, quick: bool) -> None:
    """Every message asks for a person: a packet, a ledger record, a log entry, a control each."""
    total = 4_000 if quick else 8_000
    for _ in range(1 if quick else 2):
        with World() as world:
            world.fill([_asking(number) for number in range(total)])
            _decide(world, total)
            commits = Commits(world, "handoff-routing", DECISIONS)
            router = world.process("benchmarks.contenders", "router", str(world.topics_file))
            try:
                seen = commits.follow([router], total)
                at, used = map(float, router.wait_until_said("first"))
                rate, cpu = rate_of([Seen(at, 0, used), *seen], total)
            finally:
                commits.close()
                router.stop()
            report.add("handoff worker routing", "committed", "handoffs/s", rate)
            report.add("handoff worker routing", "CPU", "µs/handoff", cpu)


def _decide(world: World, total: int) -> None:
    commits = Commits(world, GROUP)
    worker = world.worker("escalation", "--log-level", "WARNING")
    try:
        commits.follow([worker], total)
    finally:
        commits.close()
        worker.stop()


def _asking(number: int) -> tuple[bytes, bytes]:
    content = f"I would like to speak to a person about my order {number} please"
    return said(f"asks-{number}", f"event-{number}", content)
