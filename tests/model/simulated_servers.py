"""The simulated servers: a log, topics, committed offsets, and a Redis that can go back in time.

Everything that a worker does to a server is one `Op`. The scheduler decides when it happens,
whether the worker lives to see the answer, and what the server remembers afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from workers.contracts.codec import Header

Value = bytes | int | frozenset[str] | tuple[Any, ...]
HISTORY = 40
"""Writes that a Redis can lose at once."""


class LostAnswer(Exception):
    """The server may have done it or not; the worker never learns."""


class FailStop(Exception):
    """The worker found something that must not be and ended itself."""


@dataclass(frozen=True)
class Op:
    """One await of a worker: `call` acts on the world; `kind` is what faults are chosen by."""

    kind: str
    call: Callable[[], Any]


IDLE = Op("idle", lambda: None)
Worker = Generator[Op, Any, None]


@dataclass(frozen=True)
class Record:
    """A record of any topic."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: tuple[Header, ...] = ()


@dataclass
class Redis:
    """Keys with immutable values; each write can be undone by a fault, from the newest back."""

    data: dict[str, Value] = field(default_factory=dict)
    history: list[dict[str, Value]] = field(default_factory=list)

    def write(self, changes: dict[str, Value | None]) -> None:
        """Apply `changes` at once; None deletes."""
        self.history.append(dict(self.data))
        del self.history[:-HISTORY]
        for key, value in changes.items():
            if value is None:
                self.data.pop(key, None)
            else:
                self.data[key] = value

    def lose(self, writes: int) -> None:
        """Go back by that many writes, as a restart from an older snapshot does."""
        if writes and self.history:
            index = max(0, len(self.history) - writes)
            self.data = self.history[index]
            del self.history[index:]

    def wipe(self) -> None:
        """Start empty."""
        self.data, self.history = {}, []

    def keys(self, prefix: str) -> list[str]:
        """Keys that begin with `prefix`, sorted."""
        return sorted(key for key in self.data if key.startswith(prefix))


@dataclass
class World:
    """All servers, one partition per topic, and a clock in milliseconds."""

    now: int
    topics: dict[str, list[Record]] = field(default_factory=dict)
    committed: dict[str, int] = field(default_factory=dict)
    owner: dict[str, int] = field(default_factory=dict)
    """The generation of each consumer group; commits of older ones are refused."""
    redis: Redis = field(default_factory=Redis)

    def topic(self, name: str) -> list[Record]:
        """All records of a topic."""
        return self.topics.setdefault(name, [])

    def append(
        self,
        name: str,
        key: bytes,
        value: bytes,
        headers: tuple[Header, ...] = (),
    ) -> int:
        """Append a record and return its offset."""
        records = self.topic(name)
        records.append(Record(len(records), self.now, key, value, headers))
        return len(records) - 1

    def commit(self, group: str, generation: int, offset: int) -> None:
        """Commit for the present generation of the group; a zombie's commit changes nothing."""
        if self.owner.get(group) == generation:
            self.committed[group] = offset
