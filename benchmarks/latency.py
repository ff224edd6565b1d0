"""From an event that asks for a person to its packet on the queue's topic, beside a bare pipeline.

The bare pipeline passes the same events on in two hops, acknowledged, and does nothing else.
"""

import statistics
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from benchmarks.environment import BARE_TOPICS, World
from benchmarks.load import DRAIN_S, Load, Taken
from benchmarks.report import Report
from workers.contracts.topics import DECISIONS, EVENTS

HANDOFF = "handoff, both workers"
BARE = "bare, two hops"
MOST = "80 % of its most"
WARM_UP_S = 2.0
BROKER_RATE, BROKER_S = 1000, 40.0
"""Messages per second and seconds while a young broker compiles itself, which takes a core."""
Pipeline = Callable[[World], AbstractContextManager[Load]]


def run(report: Report, quick: bool) -> None:
    """Both pipelines in turn at each rate; who comes first changes."""
    rates = (100, 500) if quick else (100, 500, 2000)
    pipelines: list[tuple[str, Pipeline]] = [(HANDOFF, handoff), (BARE, bare)]
    with World() as world:
        for _, pipeline in pipelines:
            with pipeline(world) as load:
                load.send(BROKER_RATE, 5 if quick else BROKER_S)
                load.drain(DRAIN_S)
        for _ in range(1 if quick else 2):
            for rate in rates:
                seconds = 6 if quick else 20 if rate == 500 else 10
                for case, pipeline in pipelines:
                    with pipeline(world) as load:
                        _note(report, f"{case}, {rate}/s", load.take(rate, seconds))
                pipelines.reverse()
            if not quick:
                for case, pipeline in pipelines:
                    with pipeline(world) as load:
                        most = load.most(10_000)
                        report.add(case, "most", "messages/s", most)
                        _note(report, f"{case}, {MOST}", load.take(0.8 * most, 10))
        for rate in rates:
            for figure in ("p50", "p99"):
                report.ratio(f"{HANDOFF}, {rate}/s", f"{BARE}, {rate}/s", figure)


def _note(report: Report, case: str, taken: Taken) -> None:
    found = sorted(taken.milliseconds)
    note = f"{len(found)} handoffs at {taken.rate:.0f}/s"
    if taken.unasked:
        note += f", {taken.unasked} unasked"
    if taken.missing:
        note += f", {taken.missing} not within {DRAIN_S:g} s"
    if len(found) < 20:
        report.add(case, "handoffs", "", len(found), note)
        return
    cuts = statistics.quantiles(found, n=1000, method="inclusive")
    report.add(case, "first hop, p50", "ms", statistics.median(taken.first_hop))
    report.add(case, "p50", "ms", cuts[499], note)
    report.add(case, "p99", "ms", cuts[989], note)
    if len(found) >= 1000:
        report.add(case, "p99.9", "ms", cuts[998], note)
    report.add(case, "highest", "ms", found[-1], note)
    for name, cores in zip(("first", "second"), taken.cores, strict=True):
        report.add(case, f"CPU of the {name} hop", "% of a core", 100 * cores)


@contextmanager
def handoff(world: World) -> Iterator[Load]:
    """An escalation and a routing worker at work, and a load on them."""
    topics = [queue.topic for queue in world.topics.queues.values()]
    with ExitStack() as stack:
        hops = [world.worker(name, "--log-level", "WARNING") for name in ("escalation", "routing")]
        for hop in hops:
            stack.callback(hop.stop)
        load = stack.enter_context(Load(world, hops, (EVENTS, DECISIONS, *topics)))
        load.until_open()
        load.send(200, WARM_UP_S)
        yield load


@contextmanager
def bare(world: World) -> Iterator[Load]:
    """Two bare loops at work, and the same load on them."""
    begin, between, end = BARE_TOPICS
    with ExitStack() as stack:
        hops = []
        for source, target in ((begin, between), (between, end)):
            group = f"bench-hop-{uuid.uuid4().hex[:8]}"
            role = ("benchmarks.contenders", "hop", group, source, target, "latest")
            hops.append(world.process(*role))
            stack.callback(hops[-1].stop)
        load = stack.enter_context(Load(world, hops, BARE_TOPICS))
        load.until_open()
        load.send(200, WARM_UP_S)
        yield load
