"""Bytes that Python allocates for one message, from its bytes to what the fold says of it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.backtest import fold_log
from benchmarks.escalation_throughput import messages
from benchmarks.report import Report
from workers.contracts.codec import Raw, decode_event
from workers.contracts.signing import Secrets
from workers.conversation.fold import Incoming

_MEMRAY = Path(__file__).parents[1] / ".cache" / "bench" / "memray"
"""A profiler of memory that nothing else here needs."""
_COUNT = 2_000


def run(report: Report, quick: bool) -> None:  # noqa: ARG001 - it takes seconds either way
    """In a process of its own, which the profiler slows down."""
    if not _MEMRAY.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        wanted = ["--target", str(_MEMRAY), "memray>=1.15,<2"]
        if subprocess.run([*command, *wanted], check=False).returncode:
            print("allocations: memray cannot be installed: skipped", flush=True)
            return
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.allocations"],
        check=True,
        env={**os.environ, "PYTHONPATH": str(_MEMRAY)},
        stdout=subprocess.PIPE,
    )
    size, number = json.loads(done.stdout)
    report.add("decode and fold", "allocated, freed or not", "bytes/message", size)
    report.add("decode and fold", "allocations", "per message", number)


def main() -> None:
    """Print bytes and allocations per message."""
    import memray

    now = int(time.time() * 1000)
    raws = [Raw(k, v, (), now + n) for n, (k, v) in enumerate(messages(_COUNT))]
    # What is made once for all is made here.
    _work(raws)
    with TemporaryDirectory() as folder:
        found = Path(folder) / "allocations"
        with memray.Tracker(found, trace_python_allocators=True):
            _work(raws)
        records = memray.FileReader(found).get_allocation_records()
        sizes = [record.size for record in records if record.size > 0]
    print(json.dumps((sum(sizes) / _COUNT, len(sizes) / _COUNT)))


def _work(raws: list[Raw]) -> None:
    fold_log(
        [
            Incoming(number, raw.timestamp_ms, decode_event(raw, Secrets()), raw)
            for number, raw in enumerate(raws)
        ]
    )


if __name__ == "__main__":
    main()
