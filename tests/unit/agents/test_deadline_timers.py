"""A timer is removed when the event that it stands for is acknowledged, and not before."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from workers.agents.escalation.deadline_timers import Timers
from workers.contracts.decisions import Home
from workers.contracts.signing import Secrets
from workers.contracts.topics import EVENTS

DUE_MS = 1_700_000_000_000


class Acknowledged(NamedTuple):
    """A broker's acknowledgement of one record."""

    timestamp: int


class Kept:
    """The timers of a partition, and what was done with them in which order."""

    home = Home(topic=EVENTS, partition=3)

    def __init__(self) -> None:
        self.timers = {"c-1": DUE_MS, "c-2": DUE_MS + 1}
        self.done: list[str] = []

    async def due(self, now_ms: int, limit: int) -> list[tuple[str, int]]:
        """Both."""
        assert now_ms > DUE_MS
        return [*self.timers.items()][:limit]

    async def settle(self, conversation_id: str, due_ms: int) -> None:
        """Remove one."""
        assert self.timers.pop(conversation_id) == due_ms
        self.done.append(f"removed {conversation_id}")


async def test_first_the_events_then_the_timers() -> None:
    kept: Any = Kept()

    async def publish(records: Sequence[Any]) -> list[Acknowledged]:
        kept.done += [f"published {record.key.decode()}" for record in records]
        return [Acknowledged(DUE_MS + 1000)] * len(records)

    publisher: Any = publish
    assert await Timers(publisher, Secrets(())).fire(kept) == 2
    assert kept.done == ["published c-1", "published c-2", "removed c-1", "removed c-2"]


async def test_a_timer_stays_when_its_event_is_not_acknowledged() -> None:
    kept: Any = Kept()

    async def publish(records: Sequence[Any]) -> list[Acknowledged]:
        raise ConnectionError(f"{len(records)} records were not heard of again")

    publisher: Any = publish
    with pytest.raises(ConnectionError):
        await Timers(publisher, Secrets(())).fire(kept)
    assert (kept.done, len(kept.timers)) == ([], 2)


async def test_a_timer_stays_when_its_record_is_older_than_it_is_due() -> None:
    kept: Any = Kept()

    async def publish(records: Sequence[Any]) -> list[Acknowledged]:
        # The clock of this machine is ahead of the broker's.
        return [Acknowledged(DUE_MS) for _ in records]

    publisher: Any = publish
    timers = Timers(publisher, Secrets(()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "workers.agents.escalation.deadline_timers.time.time", lambda: (DUE_MS + 2000) / 1000
        )
        assert await timers.fire(kept) == 1
    assert [*kept.timers] == ["c-2"], "the fold would have ignored its event"
