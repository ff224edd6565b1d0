"""Our own workers as processes beside the embedded servers, and gone when we are."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from workers.embedded.child import GuardedServer
from workers.embedded.kafka import FETCH_MAX_WAIT_MS, SESSION_TIMEOUT_S

EMBEDDED_SETTINGS = {
    "KAFKA_SESSION_TIMEOUT_S": str(SESSION_TIMEOUT_S),
    "KAFKA_FETCH_MAX_WAIT_MS": str(FETCH_MAX_WAIT_MS),
}
"""Settings that suit workers and other readers on the embedded broker."""


class WorkerProcess:
    """One `handoff worker NAME` as a process, to be stopped, killed and started again."""

    def __init__(
        self,
        name: str,
        environment: Mapping[str, str],
        log: Path,
        arguments: Sequence[str] = (),
    ) -> None:
        """Prepare it; its output is added to the log."""
        self.name = name
        self.log = log
        assigned = [f"{key}={value}" for key, value in environment.items()]
        worker = [sys.executable, "-m", "workers.cli", "worker", name, *arguments]
        # `env` keeps what we set to this process, without changing our own environment.
        self._command = ["/usr/bin/env", *assigned, *worker]
        self._server: GuardedServer | None = None

    def start(self) -> Self:
        """Start it, or start it again."""
        self._server = GuardedServer(self._command, self.log)
        return self

    @property
    def running(self) -> bool:
        """Return whether it was started and has not ended."""
        return self._server is not None and self._server.running

    @property
    def pid(self) -> int:
        """Return its process id."""
        if self._server is None:
            raise RuntimeError(f"worker {self.name}: not started")
        return self._server.pid

    def tail(self) -> str:
        """Return the end of its log."""
        return "" if self._server is None else self._server.tail()

    def stop(self) -> None:
        """End it in order: work in flight is finished."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def kill(self) -> None:
        """End it as kill -9 does."""
        if self._server is not None:
            self._server.kill()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
