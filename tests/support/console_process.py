"""A console as a process, alone or beside servers and workers of its own."""

import hashlib
import re
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

import orjson
from confluent_kafka import Producer

from tests.support.console_site import shipped_topics
from workers.contracts.topics import DESKS, EVENTS
from workers.embedded import EmbeddedStack, GuardedServer
from workers.embedded.workers import EMBEDDED_SETTINGS, WorkerProcess

T = TypeVar("T")
PATIENCE_S = 90.0
TOKENS = {name: f"the token of {name}" for name in ("Lea", "Dee", "Vic")}
"""Of a lead, of somebody at the desk of billing, and of a viewer of billing."""


def eventually(found: Callable[[], T | None], what: Callable[[], object]) -> T:
    """Return what `found` finds once it finds something; a failure says `what` there was."""
    until = time.monotonic() + PATIENCE_S
    while not (result := found()):
        assert time.monotonic() < until, what()
        time.sleep(0.05)
    return result


class ConsoleProcess:
    """One `handoff console`, on a free port unless one is given; leave it to end it in order."""

    def __init__(
        self,
        environment: Mapping[str, str],
        folder: Path,
        arguments: Sequence[str] = (),
        port: str = "0",
    ) -> None:
        self.data = folder / "data"
        self._command = [
            *("/usr/bin/env", *(f"{name}={value}" for name, value in environment.items())),
            *(sys.executable, "-m", "workers.cli", "console", "--listen", f"127.0.0.1:{port}"),
            *("--data", str(self.data), *arguments),
        ]
        self._log = folder / "console.log"
        self.address = ""

    def __enter__(self) -> Self:
        self._server = GuardedServer(self._command, self._log)
        try:
            self.address = eventually(self._answers, self._server.tail)
        except BaseException:
            self._server.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def _answers(self) -> str | None:
        assert self._server.running, self._server.tail()
        found = re.findall(r"console is at (\S+)/\n", self.log)
        return found[-1] if found else None

    @property
    def log(self) -> str:
        """Return everything that it has written."""
        return self._log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._server.pid

    @property
    def exit_code(self) -> int | None:
        """Return what it ended with; None before."""
        return self._server.exit_code

    def read(self, path: str = "/") -> str:
        """Return a page; nothing when there is none."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=20) as answer:  # noqa: S310 - our own
                return str(answer.read().decode())
        except OSError:
            return ""

    def shows(self, words: str, path: str = "/") -> str:
        """Return a page once it has some words."""
        pages = [""]

        def there() -> str | None:
            pages[0] = self.read(path)
            return pages[0] if words in pages[0] else None

        return eventually(there, lambda: f"{words!r} is missing in {pages[0]}")


class ConsoleSystem:
    """A broker, a store, a worker of each kind, and two consoles: an open one and a guarded one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.servers = stack.enter_context(EmbeddedStack())
            self.kafka = self.servers.kafka
            self.kafka.ensure_topics(shipped_topics().topics)
            self.environment = environment = {
                "KAFKA_BOOTSTRAP": self.servers.bootstrap,
                "REDIS_URL": self.servers.redis_url,
                **EMBEDDED_SETTINGS,
            }
            self.workers = stack.enter_context(
                WorkerProcess(
                    "all", environment, self._folder / "workers.log", ["--from", "earliest"]
                )
            )
            self.producer = Producer({"bootstrap.servers": self.servers.bootstrap, "log_level": 2})
            self.open = stack.enter_context(ConsoleProcess(environment, self._made("open")))
            people = self._folder / "people.yaml"
            people.write_text(_people())
            self.guarded = stack.enter_context(
                ConsoleProcess(environment, self._made("guarded"), ["--tokens", str(people)])
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _made(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        return folder

    def report(self, topic: str, key: str, **fields: Any) -> None:
        """Write one event as a chat system or a desk would, acknowledged."""
        event = {
            "event_id": str(uuid.uuid4()),
            "occurred_at": datetime.now(UTC).isoformat(),
            **fields,
        }
        self.producer.produce(topic, key=key.encode(), value=orjson.dumps(event))
        assert self.producer.flush(PATIENCE_S) == 0

    def say(self, conversation: str, content: str, **fields: Any) -> None:
        """Say something as a customer, or as `role`."""
        self.report(
            EVENTS,
            conversation,
            conversation_id=conversation,
            **{"role": "customer", "content": content, **fields},
        )

    def staff(self, *queues: str) -> None:
        """Say that somebody is there for some queues, at a desk of another kind."""
        for queue in queues:
            presence = {"agents_online": 1, "free_slots": 3, "agents": ["somebody"]}
            self.report(DESKS, queue, type="presence", queue=queue, **presence)


def _people() -> str:
    digests = {name: hashlib.sha256(token.encode()).hexdigest() for name, token in TOKENS.items()}
    return f"""version: 1
people:
  - {{name: Lea, role: lead, sha256: {digests["Lea"]}}}
  - {{name: Dee, role: desk, queues: [billing], sha256: {digests["Dee"]}}}
  - {{name: Vic, role: viewer, queues: [billing], sha256: {digests["Vic"]}}}
"""
