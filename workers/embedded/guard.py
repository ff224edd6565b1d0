"""Runs one server and ends it when standard input closes, which the end of our parent does too.

    guard.py LOG FOLDER COMMAND...

LOG takes what the server prints; FOLDER is removed afterwards, an empty one names none. Run by
path with the standard library alone, so that it starts in a few hundredths of a second. The first
line it prints is the server's pid.
"""

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_STOP_S: Final = 15.0


def _die_with_the_guard() -> None:
    """Have the kernel kill us when the guard itself is killed (Linux can, macOS cannot)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait(server: subprocess.Popen[bytes], wakeup: int) -> None:
    """Return when standard input is closed or the server has ended."""
    while server.poll() is None:
        readable, _, _ = select.select([0, wakeup], [], [])
        if wakeup in readable:
            os.read(wakeup, 4096)
        elif not os.read(0, 4096):
            return


def main() -> int:
    """Run the server; return its exit code."""
    log, folder, *command = sys.argv[1:]
    wakeup, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with Path(log).open("ab") as output:
        # The guard has one thread, which lives as long as it: both caveats of preexec_fn and of
        # a parent-death signal are about threads.
        server = subprocess.Popen(  # noqa: S603 - the command is our parent's
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=_die_with_the_guard,  # noqa: PLW1509
        )
    print(server.pid, flush=True)  # noqa: T201 - the parent reads it
    try:
        _wait(server, wakeup)
        return _end(server)
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def _end(server: subprocess.Popen[bytes]) -> int:
    server.terminate()
    try:
        return server.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        server.kill()
        return server.wait()


if __name__ == "__main__":
    sys.exit(main())
