"""The embedded broker, for a laptop and for tests: real protocol, in memory, gone at the end."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

from workers.embedded.child import Child, ServerError
from workers.kafka.topic_diff import EMBEDDED_PARTITIONS

PARTITIONS: Final = EMBEDDED_PARTITIONS
"""Partitions of every topic here, also of one that a client asks for unannounced."""

PARTITION_BYTES: Final = 5 * 1024 * 1024
"""Limit of a partition, as bytes of the batches that producers sent (compressed ones count
compressed), and at most 100,000 batches: beyond either, the oldest batches are dropped."""

SESSION_TIMEOUT_S: Final = 3.0
"""Session timeout of consumers here. A group whose member left takes one second less than it to
accept another; one whose member was killed nearly twice as long as it."""

FETCH_MAX_WAIT_MS: Final = 20
"""Consumers' wait here: a fetch that found nothing is answered after the whole of it, even when
something arrives meanwhile."""


class EmbeddedKafka:
    """One broker on a loopback port, in a process of its own that cannot outlive ours.

    A fetch returns one producer batch of a partition at a time. A consumer group holds one member
    at a time. There are no topic configurations, offsets by time or admin requests.
    """

    def __init__(self) -> None:
        self._child: Child | None = None

    def start(self) -> Self:
        """Start it, with an empty log; returns when it accepts connections."""
        self._child = Child(Path(__file__).with_name("broker.py"), [])
        return self

    @property
    def bootstrap(self) -> str:
        """Return its host:port, the same until it is stopped."""
        return self._running().greeting

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._running().process.pid

    def ensure_topics(self, topics: Iterable[str]) -> None:
        """Create the topics that are not there, each with PARTITIONS partitions."""
        for topic in topics:
            self._command("create", topic, PARTITIONS)

    def down(self) -> None:
        """Refuse and drop connections, keeping the log, as a broker does that restarts."""
        self._command("down")

    def up(self) -> None:
        """Accept connections on the same address again."""
        self._command("up")

    def stop(self) -> None:
        """End it and its log; nothing happens when it is not running."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def _running(self) -> Child:
        if self._child is None:
            raise ServerError("the embedded broker is not running")
        return self._child

    def _command(self, *command: str | int) -> None:
        answer = json.loads(self._running().ask(json.dumps(command)))
        if answer is not None:
            raise ServerError(f"embedded broker: {command}: {answer}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
