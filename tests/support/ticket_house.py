"""The tickets worker of one file, killed and started again, with what it says."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from tests.support.kill_points import Killed, KillPoints
from tests.support.routing_builders import decision, queue, topics
from workers.agents.tickets.ticket_texts import TicketTexts
from workers.agents.tickets.ticket_worker import TicketWorker
from workers.contracts.codec import encode
from workers.contracts.decisions import Home, Turn
from workers.contracts.tickets import Ticket
from workers.contracts.time import MINUTE, from_ms
from workers.contracts.topics import TICKETS
from workers.handoff.packet import build_packet
from workers.outbound.ticket_file import load_tickets
from workers.runtime.clock import now_ms
from workers.runtime.producer import Record
from workers.stores.kept_record import KeptRecord
from workers.stores.partition_store import base_key
from workers.stores.ticket_store import TicketStore

_HOME: Final = Home(topic="conversation-events", partition=3)
_LIMIT_S: Final = 60.0
_TOPICS: Final = topics(queue("billing", redaction="standard"))


class TicketHouse:
    """The store, and the tickets worker of a file, which is killed and started again."""

    def __init__(self, file: Path, redis: Redis, address: str) -> None:
        self.file = file
        self.redis = redis
        self.store = TicketStore(redis, "handoff", address)
        self.texts = TicketTexts(redis, "handoff", address, _TOPICS)
        self.published: list[Record] = []
        self.ahead_ms = 0
        self.kills = KillPoints()

    def clock(self) -> int:
        """Return the time in milliseconds, ahead by what was waited for ended workers."""
        return now_ms() + self.ahead_ms

    async def _publish(self, records: Any) -> list[Any]:
        self.published += records
        self.kills.point()
        return []

    def start(self) -> None:
        """Start a worker, as a process does."""
        store = TicketStore(self.redis, "handoff", "redis")
        vendor = load_tickets(self.file)
        worker = TicketWorker(vendor, store, self.texts, self._publish, self.clock)
        self.kills.tap(store, "note")
        self.kills.tap(worker._sender, "send")
        self._worker, self._running = worker, asyncio.create_task(worker.run())

    async def stop(self) -> None:
        """End it at once, whatever is in hand."""
        self._running.cancel()
        with suppress(asyncio.CancelledError, Killed):
            await self._running
        await self._worker.close()

    async def drive(self, done: Callable[[], Any]) -> None:
        """Wait until it is so; a worker that is killed is started again."""
        async with asyncio.timeout(_LIMIT_S):
            while not done():
                if self._running.done():
                    await self.stop()
                    # Nobody takes what an ended process had in hand before this has passed.
                    self.ahead_ms += 10_001
                    self.start()
                self._worker.wake()
                await asyncio.sleep(0.005)

    async def idle(self) -> None:
        """Run it until there is nothing left to do."""
        waiting = 1

        async def look() -> None:
            nonlocal waiting
            while waiting:
                waiting = await self.store.waiting()
                await asyncio.sleep(0.01)

        looking = asyncio.create_task(look())
        await self.drive(lambda: waiting == 0)
        await looking

    async def ask(self, seq: int, kind: str = "ticket", **fields: Any) -> Ticket:
        """Keep a request for the ticket, or its withdrawal, as the agent does."""
        one = decision(seq=seq, epoch=fields.pop("epoch", seq), home=_HOME)
        packet = None
        if kind == "ticket":
            made = build_packet(one.facts, (), one, "standard")
            packet = msgspec.structs.replace(made, transcript_total=0)
        request = Ticket(
            **{
                "type": kind,
                "ticket_request_id": "request-1",
                "escalation_id": "e-1",
                "conversation_id": "c-1",
                "epoch": one.epoch,
                "seq": seq,
                "queue": "billing",
                "reason": "explicit_request",
                "priority": 1,
                "subject": "Ada: the invoice" if kind == "ticket" else "no longer needed: closed",
                "answer_by": from_ms(self.clock() + 30 * MINUTE),
                "home": _HOME,
                "requested_at": from_ms(self.clock()),
                "packet": packet,
                **fields,
            }
        )
        record = KeptRecord(
            topic=TICKETS,
            partition=0,
            offset=seq,
            timestamp_ms=self.clock(),
            key=b"c-1",
            value=encode(request),
        )
        await self.store.add("request-1", request.epoch, seq, record, self.clock())
        return request

    async def say(self, text: str, role: str = "customer") -> None:
        """Add a turn to the stored transcript."""
        turn = Turn(event_id=f"m-{text}", at=self.clock(), role=role, content=text)
        await self.redis.rpush(f"{base_key('handoff', _HOME)}t:c-1", msgspec.msgpack.encode(turn))

    def told(self, kind: str = "") -> list[dict[str, Any]]:
        """Return what was said on desk-events, repeats under the same id left out."""
        events = [json.loads(r.value or b"") for r in self.published if r.topic == "desk-events"]
        once = list({event["event_id"]: event for event in events}.values())
        return [event for event in once if kind in ("", event["type"])]

    def letters(self) -> list[Record]:
        """Return the dead letters."""
        return [record for record in self.published if record.topic == "dead-letters"]
