"""Worker processes, started again when they end, as `handoff worker all` does."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from workers.embedded.child import GuardedServer, ServerError

PAUSE_S: Final = 0.5
_ROOT: Final = Path(__file__).parents[2]


class Worker:
    """One `handoff worker KIND`, with what it needs to be started again."""

    def __init__(self, kind: str, command: list[str], log: Path) -> None:
        self.kind = kind
        self.log = log
        self.wanted = True
        self.server: GuardedServer | None = None
        self._command = command
        self.extra: dict[str, str] = {}
        """Of the environment, for the next start only."""

    def start(self) -> None:
        """Start the process."""
        extra = [f"{name}={value}" for name, value in self.extra.items()]
        self.server = GuardedServer(["/usr/bin/env", *extra, *self._command], self.log)

    @property
    def pid(self) -> int | None:
        """The process that runs now, if one does."""
        server = self.server
        return server.pid if server is not None and server.running else None

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal; False when no process runs."""
        pid = self.pid
        if pid is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        return True


class Fleet:
    """All workers of a run; `exits` counts how they ended, killed ones as their signal."""

    def __init__(self, folder: Path, environment: Mapping[str, str], arguments: list[str]) -> None:
        self._folder = folder
        self._environment = [f"{name}={value}" for name, value in environment.items()]
        self._arguments = arguments
        self._numbers: Counter[str] = Counter()
        self.workers: list[Worker] = []
        self.exits: Counter[str] = Counter()

    def start(self) -> None:
        """Watch over the workers from now on."""
        self._watching = asyncio.create_task(self._watch())

    async def add(self, kind: str) -> Worker:
        """Start one more worker of a kind."""
        self._numbers[kind] += 1
        name = f"{kind}-{self._numbers[kind]}"
        command = [
            *("/usr/bin/env", *self._environment),
            *(sys.executable, "-m", "workers.cli", "worker", kind, *self._arguments),
        ]
        worker = Worker(kind, command, self._folder / f"{name}.log")
        await asyncio.to_thread(worker.start)
        self.workers.append(worker)
        return worker

    async def remove(self, worker: Worker) -> None:
        """End one in order, for good."""
        worker.wanted = False
        self.workers.remove(worker)
        if worker.server is not None:
            await asyncio.to_thread(worker.server.stop)
            self._note(worker)

    def of(self, kind: str) -> list[Worker]:
        """The workers of a kind."""
        return [worker for worker in self.workers if worker.kind == kind]

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            for worker in [*self.workers]:
                server = worker.server
                if server is None or server.running or not worker.wanted:
                    continue
                self._note(worker)
                worker.server = None
                # It has ended; this closes our side of its guard.
                await asyncio.to_thread(server.stop)
                await asyncio.sleep(PAUSE_S)
                with suppress(ServerError):
                    await asyncio.to_thread(worker.start)

    def _note(self, worker: Worker) -> None:
        if worker.server is not None:
            code = worker.server.exit_code
            killed = {247: "SIGKILL", 0: "in order"}
            self.exits[f"{worker.kind} {killed.get(code or 0, code)}"] += 1

    async def stop(self) -> None:
        """End every worker in order, at the same time."""
        self._watching.cancel()
        for worker in self.workers:
            worker.wanted = False
            worker.signal(signal.SIGCONT)
        servers = [worker.server for worker in self.workers if worker.server is not None]
        await asyncio.gather(*(asyncio.to_thread(server.stop) for server in servers))
        for worker in self.workers:
            self._note(worker)
        self.workers.clear()
