"""`python -m tests.faults`: rounds of faults from a seed; exit code 1 when a promise was broken."""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
import time
from pathlib import Path
from random import SystemRandom
from typing import Any

from tests.faults.environment import World, a_world
from tests.faults.injuries import FAULTS, Fault, unmount
from tests.faults.round import Plan, run_round
from tests.faults.table import table


async def run_fault(fault: Fault, plan: Plan, rounds: int, folder: Path) -> list[dict[str, Any]]:
    """Run the rounds of one fault in a world of their own; return a row for each."""
    rows: list[dict[str, Any]] = []
    seed = f"{plan.seed} {fault.name}"
    world: World | None = None
    try:
        async with a_world(folder / fault.name, seed, fault.brokers, fault.properties) as world:
            for number in range(1, rounds + 1):
                row = await run_round(world, fault, plan, number)
                rows.append(row)
                say(json.dumps(row))
                if row["broken"]:
                    break
    finally:
        if world is not None:
            unmount(world)
    return rows


def say(line: str) -> None:
    """Print at once: a run is watched while it goes on."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="repeats a run; printed")
    parser.add_argument("--rounds", type=int, default=2, help="of each fault")
    parser.add_argument("--fault", action="append", choices=[*FAULTS], help="default: all")
    parser.add_argument("--seconds", type=float, default=30.0, help="of load per round")
    parser.add_argument("--rate", type=float, default=250.0, help="events a second")
    parser.add_argument("--folder", type=Path, default=None, help="for logs; default: a new one")
    parser.add_argument("--out", type=Path, default=None, help="add the rows to this JSONL file")
    given = parser.parse_args()
    seed = SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    folder = given.folder or Path(tempfile.mkdtemp(prefix="handoff-faults-"))
    plan = Plan(seed, given.seconds, given.rate)
    # The clients of the harness itself live through every fault, too.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    say(f"seed {seed}, logs in {folder}")
    rows: list[dict[str, Any]] = []
    for name in given.fault or FAULTS:
        started = time.monotonic()
        found = asyncio.run(run_fault(FAULTS[name], plan, given.rounds, folder))
        rows += found
        if given.out is not None:
            with given.out.open("a") as file:
                file.writelines(json.dumps(row) + "\n" for row in found)
        took = time.monotonic() - started
        verdict = "BROKEN" if any(row["broken"] for row in found) else "held"
        count = "1 round" if len(found) == 1 else f"{len(found)} rounds"
        say(f"{name}: {verdict}, {count} in {took:.0f} s")
    say(table(rows))
    return 1 if any(row["broken"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
