"""Spreads a replay over the cores of this machine, and puts the parts together again."""

import multiprocessing
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Final

from workers.replay.backtest import BacktestPlan, Result, run_shard

SMALL: Final = 20_000
"""Records times candidates below which starting processes costs more than it saves."""

_POLL_S: Final = 0.2
_counter: "Synchronized[int] | None" = None


def replay(
    plan: BacktestPlan,
    records: int,
    advance: Callable[[int], None],
    decisions: Path | None = None,
    processes: int | None = None,
    milestones: Path | None = None,
) -> Result:
    """Run a plan over about so many records on all cores, and return what came out.

    The files `decisions` and `milestones` receive the values of all of them, partition by
    partition, each in its order.
    """
    partitions = sorted(plan.homes)
    if processes is None:
        work = records * len(plan.candidates)
        processes = 1 if work < SMALL else os.cpu_count() or 1
    shares = [frozenset(partitions[n::processes]) for n in range(min(processes, len(partitions)))]
    with tempfile.TemporaryDirectory(prefix="handoff-replay-") as name:
        folder = Path(name)
        if len(shares) <= 1:
            # Added to nothing, so that its lists have the order that several processes give them.
            result = Result()
            result.add(run_shard(plan, frozenset(partitions), folder, advance))
        else:
            result = _spread(plan, shares, folder, advance)
        for kind, path in (("decisions", decisions), ("milestones", milestones)):
            if path is not None:
                _gather(folder, kind, partitions, path)
    return result


def _gather(folder: Path, kind: str, partitions: Sequence[int], path: Path) -> None:
    with path.open("wb") as out:
        for partition in partitions:
            with (folder / f"{kind}-{partition}.jsonl").open("rb") as part:
                shutil.copyfileobj(part, out)


def _spread(
    plan: BacktestPlan,
    shares: Sequence[frozenset[int]],
    folder: Path,
    advance: Callable[[int], None],
) -> Result:
    context = multiprocessing.get_context("spawn")
    counter = context.Value("Q", 0)
    result = Result()
    with ProcessPoolExecutor(len(shares), context, _share_counter, (counter,)) as pool:
        pending: set[Future[Result]] = set()
        for number, share in enumerate(shares):
            own = folder / str(number)
            own.mkdir()
            pending.add(pool.submit(_run, plan, share, own))
        shown = 0
        try:
            while pending:
                done, pending = wait(pending, timeout=_POLL_S, return_when=FIRST_COMPLETED)
                for future in done:
                    result.add(future.result())
                shown, before = counter.value, shown
                advance(shown - before)
        except BaseException:
            # The pool would wait for work that is no longer needed.
            for process in multiprocessing.active_children():
                process.terminate()
            raise
    for own in folder.iterdir():
        for kind in ("decisions", "milestones"):
            for file in own.glob(f"{kind}-*.jsonl"):
                file.rename(folder / file.name)
    return result


def _share_counter(counter: "Synchronized[int]") -> None:
    global _counter  # noqa: PLW0603 - a shared value reaches a pool's processes in no other way
    _counter = counter
    # Ctrl-C reaches the whole group; our parent ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run(plan: BacktestPlan, mine: frozenset[int], folder: Path) -> Result:
    def advance(count: int) -> None:
        if _counter is not None:
            with _counter.get_lock():
                _counter.value += count

    return run_shard(plan, mine, folder, advance)
