"""The load of the queues as the router last read it, and whether a queue takes one more."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from workers.contracts.topics import Topics
from workers.routing.opening_hours import is_open

SkipReason = Literal["tried", "rejected", "unknown_queue", "closed", "nobody_online", "full"]


@dataclass(frozen=True, slots=True)
class LastPresence:
    """The last report of desks on who is online on one queue."""

    at_ms: int
    agents_online: int
    free_slots: int | None = None
    agents: frozenset[str] = frozenset()
    open_cases: Mapping[str, int] = field(default_factory=dict)
    """The number of conversations that people have open, where it was reported."""


@dataclass(frozen=True, slots=True)
class Load:
    """Waiting escalations and people online, by queue; a missing queue has neither.

    `since_ms` is when the router that reads it was started: it may have missed reports of desks
    from before.
    """

    since_ms: int
    waiting: Mapping[str, int] = field(default_factory=dict)
    presence: Mapping[str, LastPresence] = field(default_factory=dict)

    def with_waiting(self, queue: str, waiting: int) -> "Load":
        """Return the same load after more was learnt about one queue."""
        return replace(self, waiting={**self.waiting, queue: waiting})


def refusal(topics: Topics, queue: str, load: Load, now_ms: int) -> SkipReason | None:
    """Return the reason why a queue takes no escalation at `now_ms`; None if it does."""
    if queue not in topics.queues:
        return "unknown_queue"
    if not is_open(topics.calendar(queue), now_ms):
        return "closed"
    if is_deserted(topics, queue, load, now_ms):
        return "nobody_online"
    if load.waiting.get(queue, 0) >= topics.queues[queue].max_waiting:
        return "full"
    return None


def is_deserted(topics: Topics, queue: str, load: Load, now_ms: int) -> bool:
    """Return True if no one is online on a queue, or its desk has been silent for too long."""
    presence = _recent(topics, queue, load, now_ms)
    if presence is not None:
        return presence.agents_online == 0
    # Silence tells nothing before we have listened for as long as a desk may be silent.
    return now_ms - load.since_ms > topics.queues[queue].presence_seconds * 1000


def people_online(topics: Topics, queue: str, load: Load, now_ms: int) -> int:
    """Return the number of people whom a desk lately reported online; 0 if it is silent."""
    presence = _recent(topics, queue, load, now_ms)
    return 0 if presence is None else presence.agents_online


def is_online(topics: Topics, queue: str, person: str, load: Load, now_ms: int) -> bool:
    """Return True if a desk lately reported this person online on the queue."""
    presence = _recent(topics, queue, load, now_ms)
    return presence is not None and person in presence.agents


def least_busy(topics: Topics, queue: str, load: Load, now_ms: int) -> str | None:
    """Return who on a queue has the fewest conversations open; None when no desk says how many."""
    presence = _recent(topics, queue, load, now_ms)
    if presence is None or not presence.open_cases:
        return None
    return min(presence.open_cases, key=lambda person: (presence.open_cases[person], person))


def together(said: Sequence[LastPresence], limit_ms: int) -> LastPresence | None:
    """Return what all desks of one queue say, those left out that have been silent for too long.

    `limit_ms` is the time before which a report is too old. Where all are, the latest one stands.
    """
    if len(said) <= 1:
        return said[0] if said else None
    latest = max(said, key=lambda one: one.at_ms)
    recent = [one for one in said if one.at_ms >= limit_ms] or [latest]
    free = [one.free_slots for one in recent if one.free_slots is not None]
    open_cases: Counter[str] = Counter()
    for one in recent:
        open_cases.update(one.open_cases)
    return LastPresence(
        at_ms=latest.at_ms,
        agents_online=sum(one.agents_online for one in recent),
        free_slots=sum(free) if len(free) == len(recent) else None,
        agents=frozenset[str]().union(*(one.agents for one in recent)),
        open_cases=dict(open_cases),
    )


def free_slots(topics: Topics, queue: str, load: Load, now_ms: int) -> int | None:
    """Return the number of further conversations that a queue's people can take, or None."""
    presence = _recent(topics, queue, load, now_ms)
    return None if presence is None else presence.free_slots


def _recent(topics: Topics, queue: str, load: Load, now_ms: int) -> LastPresence | None:
    known, presence = topics.queues.get(queue), load.presence.get(queue)
    if known is None or presence is None:
        return None
    return presence if now_ms - presence.at_ms <= known.presence_seconds * 1000 else None
