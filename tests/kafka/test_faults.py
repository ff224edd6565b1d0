"""The promises under faults, in short; `make faults` is the long run."""

import os
from pathlib import Path
from random import SystemRandom
from typing import Final

import pytest

from tests.faults.environment import a_world
from tests.faults.injuries import FAULTS
from tests.faults.round import Plan, run_round

SECONDS: Final = 10.0
RATE: Final = 120.0
ROLLING_PAUSE_S: Final = 45.0
"""A rebalance takes a second; a machine that had other work has needed 27."""
IN_SHORT: Final = (
    "rolling-restart",
    "kill-all",
    "zombie-escalation",
    "redis-older",
    "broker-restart",
    "redis-empty",
)


@pytest.mark.timeout(600)
async def test_nothing_is_lost_or_done_twice_whatever_fails(tmp_path: Path) -> None:
    # HANDOFF_FAULTS_SEED repeats a run; the message of a failure names it.
    seed = int(os.environ.get("HANDOFF_FAULTS_SEED") or SystemRandom().randrange(1_000_000))
    plan = Plan(seed, SECONDS, RATE)
    async with a_world(tmp_path, f"{seed} short") as world:
        for number, name in enumerate(IN_SHORT, 1):
            row = await run_round(world, FAULTS[name], plan, number)
            assert not row["broken"], f"seed {seed}, {name}: {row}"
            assert row["events"] > number * SECONDS * RATE / 2
            assert row["escalations"] > 0
            if name == "rolling-restart":
                assert row["repeated"] == 0, f"seed {seed}: an orderly end repeats nothing: {row}"
                assert row["pause_s"] < ROLLING_PAUSE_S, f"seed {seed}: {row}"
