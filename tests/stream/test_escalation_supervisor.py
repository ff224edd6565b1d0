"""`worker all`: what ends is started again, what cannot go on ends everything, SIGTERM ends all."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

_SUPERVISOR = """
import logging, sys
from workers.cli import worker
logging.basicConfig(level="INFO")
worker.FIRST_PAUSE_S, worker.STOP_LIMIT_S = 0.05, 1.0
commands = {name: [sys.executable, "-c", code] for name, code in zip("ab", sys.argv[1:])}
sys.exit(worker.Supervisor(commands).run())
"""
_LIVES = "import signal, sys, time; open({!r}, 'a').write('x'); {}; time.sleep(60)"
_IN_ORDER = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))"
_DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"


def _start(*codes: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", _SUPERVISOR, *codes], stderr=subprocess.PIPE)


def _until_starts(file: Path, count: int) -> None:
    last = time.monotonic() + 30
    while not file.exists() or len(file.read_text()) < count:
        assert time.monotonic() < last, f"not started {count} times"
        time.sleep(0.02)


def test_a_process_that_ends_is_started_again_and_all_end_with_sigterm(tmp_path: Path) -> None:
    dies, lives = tmp_path / "dies", tmp_path / "lives"
    supervisor = _start(
        f"import os; open({str(dies)!r}, 'a').write('x'); os._exit(70)",
        _LIVES.format(str(lives), _IN_ORDER),
    )
    _until_starts(dies, 3)
    _until_starts(lives, 1)
    supervisor.send_signal(signal.SIGTERM)
    _, said = supervisor.communicate(timeout=20)
    assert supervisor.returncode == 0
    assert b"a ended with exit code 70" in said
    assert lives.read_text() == "x"


@pytest.mark.parametrize("code", [65, 78])
def test_what_a_restart_does_not_mend_ends_everything(tmp_path: Path, code: int) -> None:
    lives = tmp_path / "lives"
    supervisor = _start(_LIVES.format(str(lives), _IN_ORDER), f"import os; os._exit({code})")
    supervisor.communicate(timeout=20)
    assert supervisor.returncode == code


def test_a_process_that_does_not_end_is_killed_and_that_is_no_success(tmp_path: Path) -> None:
    deaf = tmp_path / "deaf"
    supervisor = _start(_LIVES.format(str(deaf), _DEAF))
    _until_starts(deaf, 1)
    time.sleep(0.1)
    supervisor.send_signal(signal.SIGTERM)
    _, said = supervisor.communicate(timeout=20)
    assert supervisor.returncode == 1
    assert b"did not stop within" in said
