"""People at the console's desk: their queues, their presence, and what they report."""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from workers.console.event_sender import EventSender, NotSent
from workers.contracts.desks import DeskEvent, Presence, PresentAgent
from workers.contracts.topics import DESKS, Topics

SLOTS: Final = 3
"""Conversations that one person takes at once, as far as waits are estimated."""
_DESK_ID: Final = "console"
_LOOK_S: Final = 1.0
_GONE_S: Final = 60.0
"""Seconds after which a person whose page is closed is no longer there."""

logger = logging.getLogger(__name__)


@dataclass
class Worker:
    """A person at the desk."""

    name: str
    queues: tuple[str, ...] = ()
    present: bool = False
    pages: int = 0
    seen: float = field(default_factory=time.monotonic)

    @property
    def is_there(self) -> bool:
        """Return True if they have declared presence and their page is open or was lately."""
        return self.present and (self.pages > 0 or time.monotonic() - self.seen < _GONE_S)


class DeskRoom:
    """The people at the desk; a queue's presence is reported while one of them is there."""

    def __init__(
        self, topics: Topics, sender: EventSender, held: Callable[[], Awaitable[Mapping[str, int]]]
    ) -> None:
        """Prepare an empty room; `held` tells how many conversations each person has open."""
        self._topics = topics
        self._sender = sender
        self._held = held
        self._workers: dict[str, Worker] = {}
        self._reported: dict[str, tuple[float, tuple[PresentAgent, ...]]] = {}
        """Time and people of the last report, by queue."""

    def worker(self, name: str) -> Worker:
        """Return the person who works under this name."""
        return self._workers.setdefault(name, Worker(name))

    async def set_presence(self, name: str, queues: tuple[str, ...], *, present: bool) -> None:
        """Come, go, or change queues; reported before this returns, NotSent when it cannot be."""
        worker = self.worker(name)
        worker.queues, worker.present, worker.seen = queues, present, time.monotonic()
        await self._report()

    async def keep_reporting(self) -> None:
        """Report each queue often enough that its desk counts as there, until cancelled."""
        told = False
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                await self._report()
            except NotSent as error:
                if not told:
                    logger.warning("presence: %s", error)
                told = True
            else:
                told = False

    async def leave(self) -> None:
        """Report at the end that everyone has gone."""
        for worker in self._workers.values():
            worker.present = False
        await self._report()

    async def _report(self) -> None:
        now = time.monotonic()
        there: dict[str, list[str]] = {}
        for worker in self._workers.values():
            if worker.is_there:
                for queue in worker.queues:
                    there.setdefault(queue, []).append(worker.name)
        held = await self._held() if there else {}
        for queue in sorted({*there, *self._reported}):
            people = tuple(
                PresentAgent(id=name, open=held.get(name, 0))
                for name in sorted(there.get(queue, ()))
            )
            at, said = self._reported.get(queue, (-1e9, ()))
            every = self._topics.queues[queue].presence_seconds / 3
            if people == said and now - at < every:
                continue
            await self._say(queue, people)
            if people:
                self._reported[queue] = (now, people)
            else:
                # Said once; other desks of this queue may be there.
                self._reported.pop(queue, None)

    async def _say(self, queue: str, people: tuple[PresentAgent, ...]) -> None:
        presence = Presence(
            type="presence",
            event_id=str(uuid.uuid4()),
            occurred_at=datetime.now(UTC),
            queue=queue,
            agents_online=len(people),
            free_slots=sum(max(0, SLOTS - (one.open or 0)) for one in people),
            agents=people,
            desk_id=_DESK_ID,
        )
        await self._sender.send(DESKS, queue, _plain(presence))

    async def act(self, person: str, kind: Any, about: Any, fields: dict[str, Any]) -> None:
        """Report a person's action on an escalation; `about` is its row of the view."""
        event = DeskEvent(
            type=kind,
            event_id=str(uuid.uuid4()),
            occurred_at=datetime.now(UTC),
            escalation_id=about["escalation_id"],
            conversation_id=about["conversation_id"],
            queue=about["queue"],
            epoch=about["epoch"],
            agent_id=person,
            agent_name=person,
            **fields,
        )
        await self._sender.send(DESKS, about["conversation_id"], _plain(event))


def _plain(event: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(event)
    return plain
