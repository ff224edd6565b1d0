"""`make bench`, or `python -m benchmarks [NAME ...] [--quick] [--ten] [--json FILE]`."""

import argparse
import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import (
    allocations,
    backtest,
    bridge,
    console,
    day,
    flood,
    growth,
    latency,
    memory,
    million,
    rebalance,
    recovery,
    routing,
    throughput,
)
from benchmarks.environment import kafka_name
from benchmarks.others import run as others
from benchmarks.report import Report, Row, machine, show, write

SCENARIOS: dict[str, Callable[[Report, bool], None]] = {
    "throughput": throughput.run,
    "workers": throughput.two_workers,
    "routing": routing.run,
    "latency": latency.run,
    "flood": flood.run,
    "growth": growth.run,
    "memory": memory.run,
    "million": million.run,
    "allocations": allocations.run,
    "core": backtest.core,
    "backtest": backtest.run,
    "day": day.run,
    "long-backtest": backtest.long,
    "console": console.run,
    "recovery": recovery.run,
    "rebalance": rebalance.run,
    "bridge": bridge.run,
    "others": others.run,
}


def main() -> None:
    """Run the scenarios that are named, or all; print one table and write one JSON file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SCENARIOS))
    parser.add_argument("--quick", action="store_true", help="small sizes, few repetitions")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"), metavar="FILE")
    parser.add_argument("--ten", action="store_true", help="long-backtest: ten million messages")
    arguments = parser.parse_args()
    if arguments.ten:
        SCENARIOS["long-backtest"] = partial(backtest.long, total=10_000_000)
    for name in arguments.names:
        if name not in SCENARIOS:
            parser.error(f"no scenario {name}: choose from {', '.join(SCENARIOS)}")
    # A young cluster is still electing leaders, which aiokafka tells many times over.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    facts = machine(kafka_name())
    rows: list[Row] = []
    for name in arguments.names or SCENARIOS:
        report, started = Report(name), time.monotonic()
        SCENARIOS[name](report, arguments.quick)
        rows += report.rows
        print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)
        # After each, so that a run that is ended early has its figures.
        write(arguments.json, facts, rows)
    show(facts, rows)
    print(f"written to {arguments.json}")


if __name__ == "__main__":
    main()
