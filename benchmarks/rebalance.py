"""Effect of a worker that joins or leaves its group on customers: the longest wait meanwhile."""

import threading

from benchmarks.environment import World
from benchmarks.latency import handoff
from benchmarks.load import DRAIN_S, Load
from benchmarks.report import Report

RATE = 100
JOINING_S = 12.0
LEAVING_S = 6.0
_GROUP = "handoff-escalation"


def run(report: Report, quick: bool) -> None:
    """A second escalation worker joins, leaves in order, joins again and is killed."""
    with World() as world:
        if not world.real:
            print("rebalance: it needs a broker that shares a log: skipped", flush=True)
            return
        killed_s = LEAVING_S + world.settings.kafka_session_timeout_s
        for _ in range(1 if quick else 2):
            with handoff(world) as load:
                for name, seconds in (("in order", LEAVING_S), ("by kill -9", killed_s)):
                    second = world.process("benchmarks.contenders", "worker", _GROUP)
                    _note(report, "a second worker joins", load, JOINING_S)
                    at = float(second.wait_until_said("first")[0])
                    report.add("a second worker joins", "from its start", "s", at - second.spawned)
                    end = second.stop if name == "in order" else second.kill
                    # An end in order takes a while, and the load goes on meanwhile.
                    ending = threading.Thread(target=end)
                    ending.start()
                    _note(report, f"it leaves {name}", load, seconds)
                    ending.join()


def _note(report: Report, case: str, load: Load, seconds: float) -> None:
    taken = load.take(RATE, seconds)
    note = f"{len(taken.first_hop)} decisions"
    if taken.missing:
        note += f", {taken.missing} not within {DRAIN_S:g} s"
    report.add(case, "longest from event to decision", "ms", max(taken.first_hop), note)
