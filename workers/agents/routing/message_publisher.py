"""Publishes the router's messages: to desks, to the ledger's topic, and to all others."""

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from aiokafka.structs import RecordMetadata

from workers.agents.routing.desk_producer import Outlet, TopicRefusesError
from workers.agents.routing.ledger_progress import LedgerProgress
from workers.agents.routing.router_stores import Stores
from workers.contracts.codec import encode
from workers.contracts.ledger import LedgerRecord
from workers.contracts.signing import Secrets
from workers.contracts.topics import LEDGER
from workers.routing.envelopes import Envelope
from workers.runtime import metrics
from workers.runtime.producer import Publish, Record, signed_record
from workers.stores.undelivered import Undelivered

logger = logging.getLogger(__name__)


class Telling:
    """Each method returns when what it says is durable."""

    def __init__(
        self,
        stores: Stores,
        outlet: Outlet,
        publish: Publish,
        secrets: Secrets,
        now_ms: Callable[[], int],
    ) -> None:
        self._stores = stores
        self._outlet = outlet
        self._publish = publish
        self._secrets = secrets
        self._now_ms = now_ms
        self.progress = LedgerProgress()
        """The records that this router wrote to the ledger's topic."""

    async def place(self, message: Envelope) -> None:
        """Send a packet or a ticket's request; raise TopicRefusesError if it does not take it."""
        await self._outlet.send(self._record(message))

    async def ledger(self, record: LedgerRecord) -> None:
        """Put a record that is in Redis onto the ledger's topic."""
        key = record.conversation_id.encode()
        for written in await self._published([Record(LEDGER, key, encode(record))]):
            self.progress.add(record, written.partition, written.offset)

    async def desks(self, messages: Sequence[Envelope]) -> None:
        """Tell queues and ticket systems what became of it; a refused message is sent later."""
        for message in messages:
            record = self._record(message)
            try:
                await self._outlet.send(record)
            except TopicRefusesError as error:
                logger.error("%s: %s", message.conversation_id, error)
                owed = Undelivered(record.topic, record.key or b"", record.value or b"")
                await self._stores.persist(partial(self._stores.owed.add, owed, self._now_ms()))

    async def owed(self) -> int:
        """Deliver what was refused before, as far as that is possible now; return how many."""
        delivered, refusing = [], set()
        for owed in await self._stores.owed.all(self._now_ms()):
            if owed.topic in refusing:
                continue
            try:
                await self._outlet.send(Record(owed.topic, owed.key, owed.value))
            except TopicRefusesError:
                refusing.add(owed.topic)
            else:
                delivered.append(owed)
        await self._stores.owed.drop(delivered)
        return len(delivered)

    async def everybody(self, messages: Iterable[Envelope | None]) -> None:
        """Publish to the log, teams and chat systems; None is left out."""
        records = [self._record(message) for message in messages if message is not None]
        if records:
            await self._published(records)

    async def _published(self, records: Sequence[Record]) -> Sequence[RecordMetadata]:
        written = await self._publish(records)
        for record in records:
            metrics.PUBLISHED.labels("routing", record.topic).inc()
        return written

    def _record(self, message: Envelope) -> Record:
        topic, partition, name = message.topic, message.partition, message.conversation_id
        if partition is not None:
            return signed_record(topic, partition, name, message.message, self._secrets)
        return Record(topic, name.encode(), encode(message.message))
