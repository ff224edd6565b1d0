"""Memory of one worker while a million conversations pass, and of the store that keeps them."""

from collections.abc import Iterator

from benchmarks.environment import Commits, World
from benchmarks.events import said
from benchmarks.report import Report

GROUP = "handoff-escalation"
FIRST = 10_000
LIMIT_S = 420


def run(report: Report, quick: bool) -> None:
    """Each message is the first of its conversation; none of them ends."""
    with World() as world:
        # The embedded broker drops what is old when there is so much.
        total = 30_000 if quick or not world.real else 1_000_000
        commits = Commits(world, GROUP)
        process = world.process("benchmarks.contenders", "worker", GROUP)
        case = f"{total:,} conversations"
        try:
            empty = world.store_mb
            world.fill(_opening(0, FIRST))
            commits.follow([process], FIRST)
            report.add(f"{FIRST:,} conversations", "worker", "MB", process.memory_mb)
            world.fill(_opening(FIRST, total))
            commits.follow([process], total, give_up_s=LIMIT_S)
            report.add(case, "worker", "MB", process.memory_mb)
            report.add(case, "worker, the most", "MB", process.peak_mb)
            report.add(case, "store", "bytes each", (world.store_mb - empty) * 2**20 / total)
        finally:
            commits.close()
            process.kill()


def _opening(start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    for number in range(start, end):
        content = f"my order {number} has not arrived yet, where is it?"
        yield said(f"conversation-{number}", f"event-{number}", content)
