"""`handoff up` leaves nothing behind, however it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from workers.cli.up import is_ready

_READY_S = 150.0
_GONE_S = 60.0


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


@contextmanager
def up(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Run `handoff up`; yield it and the file of what it says. Whatever fails, it is gone."""
    said = folder / "said"
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("KAFKA_BOOTSTRAP", "REDIS_URL")
    }
    temporary = folder / "temporary"
    temporary.mkdir()
    environment["TMPDIR"] = str(temporary)
    with (
        said.open("wb") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "workers.cli", "up"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as process,
    ):
        try:
            yield process, said
        finally:
            process.kill()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_servers_and_workers_end_with_it(number: signal.Signals, tmp_path: Path) -> None:
    with up(tmp_path) as (process, said):
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        assert re.fullmatch(r"export KAFKA_BOOTSTRAP=\S+ .*REDIS_URL_FILE=/\S+\n", line), line
        last = time.monotonic() + _READY_S
        for words in ("workers are ready", "no desk reports presence for tier_2_support"):
            while words not in said.read_text():
                assert process.poll() is None, said.read_text()
                assert time.monotonic() < last, said.read_text()
                time.sleep(0.2)
        below = descendants(process.pid)
        assert len(below) >= 6
        process.send_signal(number)
        assert process.wait(60) == (0 if number == signal.SIGTERM else -signal.SIGKILL)
    last = time.monotonic() + _GONE_S
    while left := [pid for pid in below if is_alive(pid)]:
        assert time.monotonic() < last, f"still running: {left}"
        time.sleep(0.2)
    if number == signal.SIGTERM:
        assert not list((tmp_path / "temporary").iterdir())


def test_an_address_that_sends_back_what_it_hears_is_no_worker_that_is_ready() -> None:
    def echo() -> None:
        with listening.accept()[0] as heard:
            heard.sendall(heard.recv(4096))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=echo, daemon=True).start()
        assert not is_ready(listening.getsockname()[1])
