"""The tickets agent: keeps each request in the store, and works on all of them beside its topic."""

import logging

from redis.asyncio import Redis

from workers.agents.shared.keeping_agent import KeepingAgent
from workers.agents.tickets.ticket_texts import TicketTexts
from workers.agents.tickets.ticket_worker import TicketWorker
from workers.contracts.codec import decode_message
from workers.contracts.tickets import Ticket
from workers.contracts.topics import DEAD_LETTERS, DESKS, TICKETS, Topics
from workers.errors import ConfigurationError
from workers.outbound.ticket_file import TicketVendor, load_tickets
from workers.runtime.app import Options
from workers.runtime.clock import now_ms
from workers.runtime.topics_file import read_topics
from workers.settings import Settings
from workers.stores.kept_record import KeptRecord
from workers.stores.ticket_store import TicketStore

logger = logging.getLogger(__name__)


def make_agent(settings: Settings, options: Options) -> "TicketsAgent":
    """Return the tickets agent; errors of topics.yaml and of the ticket system's file say where."""
    if settings.tickets is None:
        raise ConfigurationError(
            "no ticket system: set HANDOFF_TICKETS to its file, as in vendors/zendesk.yaml"
        )
    vendor = load_tickets(settings.tickets)
    return TicketsAgent(settings, read_topics(options.topics), vendor, options)


class TicketsAgent(KeepingAgent):
    """Makes each ticket that is asked for, once; a second delivery changes nothing."""

    group = "handoff-tickets"
    topic = TICKETS
    publishes = (DESKS, DEAD_LETTERS)

    def __init__(
        self, settings: Settings, topics: Topics, vendor: TicketVendor, options: Options
    ) -> None:
        super().__init__(settings, options)
        self._topics = topics
        self._vendor = vendor

    def work_with(self, redis: Redis, prefix: str, address: str) -> TicketWorker:
        """Return what works on tickets."""
        self._store = TicketStore(redis, prefix, address)
        texts = TicketTexts(redis, prefix, address, self._topics)
        logger.info("tickets are made at %s", self._vendor.name)
        return TicketWorker(self._vendor, self._store, texts, self.producer.publish, now_ms)

    async def keep(self, value: bytes | None, kept: KeptRecord) -> None:
        """Keep a request."""
        asked = decode_message(Ticket, value)
        await self._store.add(asked.ticket_request_id, asked.epoch, asked.seq, kept, now_ms())
