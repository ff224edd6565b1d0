"""Installs the other libraries and measures them beside the worker, on a real broker."""

import subprocess
import sys
import uuid
import venv
from pathlib import Path

from benchmarks.environment import Commits, Seen, World
from benchmarks.escalation_throughput import messages
from benchmarks.report import Report
from benchmarks.throughput import CASES, LIMIT_S, one, rate_of

_HERE = Path(__file__).parent
_ENVIRONMENTS = _HERE.parents[1] / ".cache" / "bench"
QUIX_REDIS = "Quix Streams, Redis"
JOBS = {
    "Quix Streams, its own state": "quix",
    QUIX_REDIS: "quix",
    "FastStream by batches, same core and Redis": "faststream",
}
"""The contenders, and the environment of each."""


def run(report: Report, quick: bool) -> None:
    """The worker and the others in turn, over the same log."""
    pythons = {name: _environment(name) for name in JOBS.values()}
    with World() as world:
        if not world.real:
            print("others: they need a broker that creates topics: skipped", flush=True)
            return
        total = 20_000 if quick else 120_000
        world.fill(messages(total))
        for _ in range(1 if quick else 2):
            rate, cpu = one(world, "worker", total)
            report.add(CASES["worker"], "committed", "messages/s", rate)
            report.add(CASES["worker"], "CPU", "µs/message", cpu)
            for case, name in JOBS.items():
                rate, cpu = _one(world, case, pythons[name], total)
                report.add(case, "committed", "messages/s", rate)
                report.add(case, "CPU", "µs/message", cpu)
    for case in JOBS:
        report.ratio(CASES["worker"], case, "committed")
        report.ratio(CASES["worker"], case, "CPU")


def _environment(name: str) -> Path:
    """The interpreter of an environment with this library, made the first time."""
    folder = _ENVIRONMENTS / name
    python = folder / "bin" / "python"
    done = folder / ".done"
    if not done.exists():
        venv.create(folder, clear=True, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*command, "-r", str(_HERE / f"{name}.txt")], check=True)
        done.touch()
    return python


def _one(world: World, case: str, python: Path, total: int) -> tuple[float, float]:
    name = JOBS[case]
    group = f"bench-{name}-{uuid.uuid4().hex[:8]}"
    world.store.flushall()
    arguments = [f"benchmarks.others.{name}_job", group]
    if name == "quix":
        arguments.append(str(world.folder / group))
    if case == QUIX_REDIS:
        arguments.append("redis")
    commits = Commits(world, group)
    process = world.process(*arguments, python=python, HANDOFF_REDIS_PREFIX=group)
    try:
        seen = commits.follow([process], total, LIMIT_S)
        at, cpu = map(float, process.wait_until_said("first"))
    finally:
        commits.close()
        process.kill()
    return rate_of([Seen(at, 0, cpu), *seen], total)


if __name__ == "__main__":
    sys.exit("python -m benchmarks others")
