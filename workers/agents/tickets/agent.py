"""The tickets agent: keeps each request in the store, and works on all of them beside its topic.

No call to the ticket system holds up a chunk: what `handle` does is write to the store.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from contextlib import suppress

from aiokafka import ConsumerRecord
from faust.types import TP

from workers.agents.shared.dead_letters import refuse
from workers.agents.shared.suspicion import Suspicion, poison
from workers.agents.tickets.ticket_texts import TicketTexts
from workers.agents.tickets.ticket_worker import TicketWorker
from workers.contracts.codec import decode_message
from workers.contracts.rejections import Rejected
from workers.contracts.tickets import Ticket
from workers.contracts.topics import DEAD_LETTERS, DESKS, TICKETS, Topics
from workers.errors import ConfigurationError
from workers.outbound.ticket_file import TicketVendor, load_tickets
from workers.runtime.app import Agent, Options
from workers.runtime.clock import now_ms
from workers.runtime.dead_letter_limit import DeadLetterLimit
from workers.runtime.failstop import fail_stop
from workers.runtime.topics_file import read_topics
from workers.settings import Settings, redis_address
from workers.stores.connection import connect, wait_for_redis
from workers.stores.ticket_store import TicketRequest, TicketStore

logger = logging.getLogger(__name__)


def make_agent(settings: Settings, options: Options) -> "TicketsAgent":
    """Return the tickets agent; errors of topics.yaml and of the ticket system's file say where."""
    if settings.tickets is None:
        raise ConfigurationError(
            "no ticket system: set HANDOFF_TICKETS to its file, as in vendors/zendesk.yaml"
        )
    vendor = load_tickets(settings.tickets)
    return TicketsAgent(settings, read_topics(options.topics), vendor, options)


class TicketsAgent(Agent):
    """Makes each ticket that is asked for, once; a second delivery changes nothing."""

    group = "handoff-tickets"
    topic = TICKETS
    publishes = (DESKS, DEAD_LETTERS)

    def __init__(
        self, settings: Settings, topics: Topics, vendor: TicketVendor, options: Options
    ) -> None:
        super().__init__(settings)
        self._topics = topics
        self._vendor = vendor
        self._limit = DeadLetterLimit(enforced=options.dead_letter_limit)

    async def start(self) -> None:
        """Connect, and go on with what is in the store."""
        self._redis = connect(self.settings)
        await wait_for_redis(self._redis, self.settings)
        prefix, address = self.settings.redis_prefix, redis_address(self.settings.redis_url or "")
        self._suspicion = Suspicion(self._redis, self.settings, self.group)
        self._store = TicketStore(self._redis, prefix, address)
        texts = TicketTexts(self._redis, prefix, address, self._topics)
        self._worker = TicketWorker(self._vendor, self._store, texts, self.producer.publish, now_ms)
        logger.info("tickets are made at %s", self._vendor.name)
        self._working = asyncio.create_task(self._work(), name="tickets")

    async def _work(self) -> None:
        try:
            await self._worker.run()
        except Exception as error:  # noqa: BLE001 - the end of the process is the same for all
            fail_stop("handoff-tickets: work on tickets", error)

    async def stop(self) -> None:
        """Leave what is in hand to whoever comes next, and disconnect."""
        self._working.cancel()
        with suppress(asyncio.CancelledError):
            await self._working
        await self._worker.close()
        await self._redis.aclose()

    async def handle(self, tp: TP, records: Sequence[ConsumerRecord]) -> None:
        """Keep a chunk's requests in the store."""
        async for some, deaths in self._suspicion.portions(tp, records):
            refused: dict[int, Rejected] = {}
            for record in some:
                if deaths:
                    refused[record.offset] = poison()
                    continue
                try:
                    await self._keep(record)
                except Rejected as rejected:
                    refused[record.offset] = rejected
            await refuse("tickets", tp, some, refused, self._limit, self.producer)
        self._worker.wake()

    async def _keep(self, record: ConsumerRecord) -> None:
        asked = decode_message(Ticket, record.value)
        request = TicketRequest(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            timestamp_ms=record.timestamp,
            key=record.key or b"",
            value=record.value,
        )
        request_id = asked.ticket_request_id
        await self._store.add(request_id, asked.epoch, asked.seq, request, now_ms())

    async def failing(self, tp: TP, error: Exception) -> None:
        """Take back that the records in hand are suspected, when a server was away."""
        await self._suspicion.failing(tp, error)

    async def revoked(self, tps: Collection[TP]) -> None:
        """Take it back at an orderly end, too."""
        await self._suspicion.released(tps)
