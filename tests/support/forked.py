"""`handoff` in processes of its own that are forked rather than started, for short tests.

Importing a worker takes most of a short test's processor time: one process imports all of them,
and forks for each start. tests/stream/test_demo.py and test_end_to_end_up.py start them for real.
"""

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final, Self

from workers.cli.__main__ import main

STOP_S: Final = 60.0
_AGENTS: Final = ("escalation", "routing", "desk", "outcomes", "classifier", "notifier", "tickets")
_FORKING: Final = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(
    [
        "workers.cli.__main__",
        "workers.cli.worker",
        "workers.cli.bridge",
        "workers.runtime.process",
        *(f"workers.agents.{name}.agent" for name in _AGENTS),
    ]
)


def _run(
    arguments: Sequence[str],
    code: str | None,
    environment: Mapping[str, str],
    folder: Path | None,
    log: Path,
) -> None:
    """Be `python -m workers.cli`, or `python -c` with the code, in the process that was forked."""
    with log.open("ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    if folder is not None:
        os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["handoff", *arguments]
    if code is None:
        main()
    exec(compile(code, "<worker>", "exec"), {"__name__": "__main__"})  # noqa: S102 - our own


class ForkedHandoff:
    """One `handoff ARGUMENTS`, to be stopped, killed and started again; it ends with us."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        *,
        folder: Path | None = None,
        code: str | None = None,
    ) -> None:
        """Prepare it: `environment` is all that it has, its output is added to the log.

        It runs in `folder`; `code` is run in place of the command line, to inject faults.
        """
        self.log = log
        self.arguments = (*arguments,)
        self.environment = environment
        self._folder = folder
        self._code = code
        self.process: ForkServerProcess | None = None

    def start(self) -> Self:
        """Start it, or start it again."""
        self.log.touch()
        given = (self.arguments, self._code, self.environment, self._folder, self.log)
        self.process = _FORKING.Process(target=_run, args=given, daemon=True)
        self.process.start()
        return self

    @property
    def pid(self) -> int:
        """Return its process id."""
        assert self.process is not None
        assert self.process.pid is not None
        return self.process.pid

    @property
    def exit_code(self) -> int | None:
        """Return what it ended with, less than 0 if a signal killed it; None before."""
        return None if self.process is None else self.process.exitcode

    @property
    def running(self) -> bool:
        """Return whether it was started and has not ended."""
        return self.process is not None and self.exit_code is None

    def tail(self) -> str:
        """Return the end of its log, for a failure's message."""
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""

    def kill(self) -> None:
        """End it as kill -9 does."""
        assert self.process is not None
        self.process.kill()
        self.process.join()

    def terminate(self) -> int:
        """Ask it to end in order; return its exit code."""
        assert self.process is not None
        self.process.terminate()
        self.process.join(STOP_S)
        assert self.process.exitcode is not None, f"it has not ended within {STOP_S:g} s"
        return self.process.exitcode

    def stop(self) -> None:
        """End it in order where it still runs, with kill -9 if that takes too long."""
        if self.process is None:
            return
        self.process.terminate()
        self.process.join(STOP_S)
        if self.process.exitcode is None:
            self.kill()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def forked_worker(
    name: str, environment: Mapping[str, str], log: Path, arguments: Sequence[str] = ()
) -> ForkedHandoff:
    """Return `handoff worker NAME`, not started, with these variables beside ours."""
    return ForkedHandoff(("worker", name, *arguments), {**os.environ, **environment}, log)
