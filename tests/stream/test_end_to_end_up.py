"""`handoff up` leaves nothing behind, however it ends."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

_READY_S = 90.0
_GONE_S = 30.0


def descendants(pid: int) -> set[int]:
    """Return the processes below this one."""
    below: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            below |= {child} | descendants(child)
    return below


def is_alive(pid: int) -> bool:
    """Return whether a process still runs; one that ended and was not collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_servers_and_workers_end_with_it(number: signal.Signals, tmp_path: Path) -> None:
    said = tmp_path / "said"
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("KAFKA_BOOTSTRAP", "REDIS_URL")
    }
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment["TMPDIR"] = str(temporary)
    with said.open("wb") as errors:
        up = subprocess.Popen(
            [sys.executable, "-m", "workers.cli", "up"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    assert up.stdout is not None
    line = up.stdout.readline().decode()
    assert re.fullmatch(r"export KAFKA_BOOTSTRAP=\S+ .*REDIS_URL=redis://\S+\n", line), line
    last = time.monotonic() + _READY_S
    while "workers are ready" not in said.read_text():
        assert up.poll() is None, said.read_text()
        assert time.monotonic() < last, said.read_text()
        time.sleep(0.2)
    while "no desk reports presence for tier_2_support" not in said.read_text():
        assert time.monotonic() < last, said.read_text()
        time.sleep(0.2)
    below = descendants(up.pid)
    assert len(below) >= 6
    up.send_signal(number)
    assert up.wait(60) == (0 if number == signal.SIGTERM else -signal.SIGKILL)
    up.stdout.close()
    last = time.monotonic() + _GONE_S
    while left := [pid for pid in below if is_alive(pid)]:
        assert time.monotonic() < last, f"still running: {left}"
        time.sleep(0.2)
    if number == signal.SIGTERM:
        assert not list(temporary.iterdir())
