"""A child process that lives while a pipe to us is open, so that it ends however we end."""

import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_STOP_S: Final = 20.0
_PORTS: Final = range(20_000, 32_000)
"""Below those that Linux and macOS give to outgoing connections, one of which could take a port
before the server that it is meant for listens there."""
_TRIES: Final = 200
_CHANCE: Final = random.SystemRandom()
"""Processes that are forked from one share the state of the global generator, and its ports."""


class ServerError(RuntimeError):
    """An embedded server did not start, or is gone; the message says what it printed."""


class Child:
    """Runs one of this package's scripts; its first line is read as its greeting."""

    def __init__(
        self, script: Path, arguments: list[str], start_s: float = 15.0, keep: tuple[int, ...] = ()
    ) -> None:
        self.name = script.name
        # A session of its own keeps Ctrl-C from it: it is ours to stop, after our own work.
        # A bare Popen, not a context: the process outlives this call.
        self.process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-I", str(script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            pass_fds=keep,
        )
        try:
            self.greeting = self.read_line(start_s)
        except ServerError:
            self.kill()
            raise

    def read_line(self, within_s: float) -> str:
        """Return the next line it prints; ServerError when there is none in that time."""
        output = self.process.stdout
        until = time.monotonic() + within_s
        line = b""
        while output is not None and not line.endswith(b"\n"):
            readable, _, _ = select.select([output], [], [], max(0.0, until - time.monotonic()))
            if not readable:
                raise ServerError(f"{self.name}: no answer in {within_s:g} s")
            if not (data := os.read(output.fileno(), 1)):
                raise ServerError(f"{self.name}: ended with exit code {self.process.wait()}")
            line += data
        return line.decode().strip()

    def ask(self, line: str, within_s: float = 10.0) -> str:
        """Write a line to it and return the line it answers with."""
        if self.process.stdin is None or self.process.poll() is not None:
            raise ServerError(f"{self.name}: not running")
        self.process.stdin.write(line.encode() + b"\n")
        return self.read_line(within_s)

    def stop(self) -> None:
        """Close the pipe and wait for its end; kill it when that takes too long."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def kill(self) -> None:
        """End it as kill -9 would, and wait for that."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class GuardedServer:
    """Runs any server's command under the guard, which ends it when we end."""

    def __init__(
        self,
        command: list[str],
        log: Path,
        temporary: Path | None = None,
        keep: tuple[int, ...] = (),
    ) -> None:
        """Start it, with its output added to the log; a temporary folder goes when it ends.

        The files in `keep` stay open for as long as the server runs.
        """
        self.log = log
        self._temporary = temporary
        folder = "" if temporary is None else str(temporary)
        arguments = [str(log), folder, *command]
        self._guard = Child(Path(__file__).with_name("guard.py"), arguments, keep=keep)

    @property
    def pid(self) -> int:
        """Return the server's own process id."""
        return int(self._guard.greeting)

    @property
    def running(self) -> bool:
        """Return whether the server has not ended yet."""
        return self._guard.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Return what the server ended with, 256 less its signal if one killed it; None before."""
        return self._guard.process.poll()

    def tail(self) -> str:
        """Return the end of its log, for an error message."""
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""

    def stop(self) -> None:
        """End it in order and wait for that."""
        self._guard.stop()
        if self._temporary is not None:
            # The guard does so too, unless it was killed.
            shutil.rmtree(self._temporary, ignore_errors=True)

    def kill(self) -> None:
        """End it as kill -9 does and wait for that."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.stop()


def free_port() -> int:
    """Return a loopback port that is free at the moment."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return so many loopback ports in a row that are free at the moment; ServerError for none."""
    for _ in range(_TRIES):
        start = _CHANCE.randrange(_PORTS.start, _PORTS.stop - count)
        ports = list(range(start, start + count))
        if all(map(_is_free, ports)):
            return ports
    raise ServerError(f"no {count} free ports in a row on 127.0.0.1")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
