"""People at desks and a ticket system: they claim, reply, transfer, return, resolve, or do nothing.

What becomes of an escalation is decided by its own random numbers, so that a seed repeats it.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

import orjson

from tests.faults.chat import Chat, Record
from tests.faults.following import Follower
from workers.contracts.codec import decode_message, decode_queue_message
from workers.contracts.handoffs import Claimed, Handoff, Refused
from workers.contracts.tickets import Ticket
from workers.contracts.topics import DESKS, QUEUE_PREFIX, TICKETS, Topics

PRESENCE_S: Final = 3.0
UNMANNED: Final = ("manager_approval",)
"""Queues where nobody is ever online: what belongs there goes on to the next rung at once."""

Rank = tuple[int, int, int]


@dataclass
class Desks:
    """The desks of all queues; they keep to the rule that the greater rank wins."""

    bootstrap: str
    topics: Topics
    chat: Chat
    seed: str
    tidying: bool = False
    """Set when a round ends: everything is claimed and brought to its end."""
    places: dict[tuple[str, str], tuple[Rank, bool]] = field(default_factory=dict)
    """Per (escalation, queue or "ticket") the greatest rank, and whether it waits there."""
    did: Counter[str] = field(default_factory=Counter)

    async def start(self) -> None:
        """Come to work."""
        self._working: set[asyncio.Task[None]] = set()
        self._numbers: Counter[str] = Counter()
        self._claims: dict[str, str] = {}
        topics = [queue.topic for queue in self.topics.queues.values()]
        self._following = Follower(self.bootstrap, [*topics, TICKETS], self._heard)
        await self._following.start()
        self._presence = asyncio.create_task(self._be_present())

    async def stop(self) -> None:
        """Go home."""
        self._presence.cancel()
        for task in self._working:
            task.cancel()
        await asyncio.gather(self._presence, *self._working, return_exceptions=True)
        await self._following.stop()

    @property
    def busy(self) -> bool:
        """Return True if someone at a desk is about to act."""
        return bool(self._working)

    @property
    def idle_s(self) -> float:
        """Seconds since a queue or the ticket topic said something."""
        return self._following.idle_s

    # ---- reading -------------------------------------------------------------------------------

    def _heard(self, topic: str, value: bytes) -> None:
        if topic == TICKETS:
            self._ticket(decode_message(Ticket, value))
            return
        message = decode_queue_message(value)
        rank = (message.epoch, message.seq, message.revision)
        if isinstance(message, Refused):
            self.did["was refused"] += 1
            return
        if not self._greater(message.escalation_id, topic, rank, isinstance(message, Handoff)):
            return
        if isinstance(message, Handoff):
            self._work(self._take(message, topic.removeprefix(QUEUE_PREFIX)))
        elif isinstance(message, Claimed):
            key = f"{message.escalation_id} {message.epoch}"
            if self._claims.setdefault(key, message.agent_id) == message.agent_id:
                self._work(self._care(message))

    def _greater(self, escalation_id: str, place: str, rank: Rank, waits: bool) -> bool:
        known = self.places.get((escalation_id, place))
        if known is not None and rank <= known[0]:
            return False
        self.places[escalation_id, place] = (rank, waits)
        return True

    def _work(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._working.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.did[f"failed: {task.exception()!r}"] += 1

    # ---- doing ---------------------------------------------------------------------------------

    async def _take(self, message: Handoff, queue: str) -> None:
        random = Random(f"{self.seed} {message.escalation_id} {message.seq}")
        choice = 0.2 if self.tidying else random.random()
        if choice > 0.85:
            self.did["ignored"] += 1
            return
        await asyncio.sleep(random.uniform(0.1, 0.4 if self.tidying else 3.0))
        people = [f"{queue}-{random.randrange(5)}"]
        if choice < 0.1:
            people.append(f"{queue}-late")
        for person in people:
            await self._report(message, "accepted", queue, random, agent_id=person)

    async def _care(self, message: Claimed) -> None:
        random = Random(f"{self.seed} {message.escalation_id} {message.epoch} claimed")
        person, queue = message.agent_id, message.queue
        choice = 0.5 if self.tidying else random.random()
        if choice > 0.9:
            self.did["never replied"] += 1
            return
        await asyncio.sleep(random.uniform(0.1, 1.0))
        await self._report(message, "replied", queue, random, agent_id=person)
        if choice < 0.5:
            event_id = f"person-{message.escalation_id}-{message.epoch}"
            said = "I have read what you wrote and look into it."
            agent = {"id": person}
            await self.chat.say(
                message.conversation_id, event_id, role="human_agent", content=said, agent=agent
            )
        await asyncio.sleep(random.uniform(0.1, 2.0))
        if choice < 0.1:
            other = random.choice([name for name in self.topics.queues if name != queue])
            await self._report(
                message, "transferred", queue, random, agent_id=person, to_queue=other
            )
        elif choice < 0.3:
            await self._report(message, "returned", queue, random, reason="done", agent_id=person)
        elif choice < 0.35:
            await self._report(message, "abandoned", queue, random, agent_id=person)
        elif choice < 0.87:
            end = {"resolution": "explained", "justified": True, "agent_id": person}
            await self._report(message, "resolved", queue, random, **end)
            if random.random() < 0.3:
                await self._report(message, "rated", queue, random, csat=random.randint(1, 5))

    def _ticket(self, ticket: Ticket) -> None:
        rank = (ticket.epoch, ticket.seq, 0)
        waits = ticket.type == "ticket"
        if self._greater(ticket.escalation_id, "ticket", rank, waits) and waits:
            self._work(self._make_ticket(ticket))

    async def _make_ticket(self, ticket: Ticket) -> None:
        random = Random(f"{self.seed} {ticket.escalation_id} {ticket.seq}")
        choice = 0.5 if self.tidying else random.random()
        await asyncio.sleep(random.uniform(0.1, 1.5))
        number = f"T-{random.randrange(100_000)}"
        if choice < 0.2:
            await self._report(ticket, "ticket_refused", ticket.queue, random, reason="closed")
        elif choice < 0.85:
            await self._report(ticket, "ticketed", ticket.queue, random, ticket_id=number)
            await asyncio.sleep(random.uniform(0.5, 5.0))
            await self._report(ticket, "resolved", ticket.queue, random, resolution="by ticket")

    async def _report(
        self,
        about: Handoff | Claimed | Ticket,
        kind: str,
        queue: str,
        random: Random,
        **fields: Any,
    ) -> None:
        self.did[kind] += 1
        subject = f"{about.escalation_id}-{about.seq}-{kind}"
        self._numbers[subject] += 1
        event = {
            "type": kind,
            "event_id": f"d-{subject}-{self._numbers[subject]}",
            "occurred_at": _now(),
            "escalation_id": about.escalation_id,
            "conversation_id": about.conversation_id,
            "queue": queue,
            "epoch": about.epoch,
            **fields,
        }
        record = Record(about.conversation_id.encode(), orjson.dumps(event))
        await self.chat.send(record, topic=DESKS)
        if random.random() < 0.03:
            await self.chat.send(record, topic=DESKS)

    async def _be_present(self) -> None:
        number = 0
        while True:
            number += 1
            for queue in self.topics.queues:
                event = {
                    "type": "presence",
                    "event_id": f"p-{self.seed}-{queue}-{number}",
                    "occurred_at": _now(),
                    "queue": queue,
                    "agents_online": 0 if queue in UNMANNED else 5,
                }
                await self.chat.send(Record(queue.encode(), orjson.dumps(event)), topic=DESKS)
            await asyncio.sleep(PRESENCE_S)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
