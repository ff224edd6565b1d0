"""The bridge's way into Kafka: an answer within seconds, even if Kafka hangs."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from workers.kafka.publishing import IDEMPOTENT, Record, publish_all
from workers.settings import Settings, kafka_client_kwargs

ACKNOWLEDGED_S: Final = 4.0
"""So long a post waits for Kafka; chat systems give up after five seconds."""
_AGAIN_S: Final = 1.0

logger = logging.getLogger(__name__)


class UnavailableError(RuntimeError):
    """Kafka did not acknowledge in time; the records may be written, and may be sent again."""


class Publisher:
    """Publishes posts with one producer, which is made anew when it can send nothing any more."""

    def __init__(self, settings: Settings, topics: Collection[str]) -> None:
        self._settings = settings
        self._topics = topics
        self._producer: AIOKafkaProducer | None = None
        self._connecting: asyncio.Task[None] | None = None
        self.problem: str | None = "Kafka was not reached yet"
        """The reason why nothing can be published at the moment; None: publishing works."""

    async def start(self) -> None:
        """Begin to look for Kafka; returns at once."""
        self._connecting = asyncio.create_task(self._connect())

    async def stop(self) -> None:
        """Send what waits, and disconnect."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait({self._connecting})
        if self._producer is not None:
            await _stop(self._producer)

    async def publish(self, records: Sequence[Record]) -> None:
        """Return when Kafka has acknowledged every record; UnavailableError after seconds."""
        producer = self._producer
        if producer is None:
            raise UnavailableError(self.problem or "Kafka is not reachable")
        try:
            async with asyncio.timeout(ACKNOWLEDGED_S):
                await publish_all(producer, records)
        except TimeoutError:
            raise UnavailableError("Kafka did not acknowledge in time") from None
        except KafkaError as error:
            logger.warning("Kafka refused to write: %s", type(error).__name__)
            if not error.retriable:
                self._replace(producer)
            raise UnavailableError("Kafka cannot write at the moment") from None

    def _replace(self, producer: AIOKafkaProducer) -> None:
        """Give a producer up: after some errors it would refuse everything that follows."""
        if self._producer is producer:
            self._producer, self.problem = None, "Kafka cannot write at the moment"
            self._connecting = asyncio.create_task(self._connect(producer))

    async def _connect(self, former: AIOKafkaProducer | None = None) -> None:
        if former is not None:
            await _stop(former)
        said = None
        while self._producer is None:
            producer = AIOKafkaProducer(
                **kafka_client_kwargs(self._settings), client_id="handoff-bridge", **IDEMPOTENT
            )
            try:
                await producer.start()
                self.problem = await self._lacking(producer)
            except KafkaError as error:
                self.problem = f"Kafka is not reachable: {type(error).__name__}"
            if self.problem is None:
                self._producer = producer
                logger.info("Kafka at %s is reached", self._settings.kafka_bootstrap)
                return
            await _stop(producer)
            if self.problem != said:
                said = self.problem
                logger.warning("%s (%s); waiting", said, self._settings.kafka_bootstrap)
            await asyncio.sleep(_AGAIN_S)

    async def _lacking(self, producer: AIOKafkaProducer) -> str | None:
        # A request for everything makes no broker create what is missing.
        cluster = await producer.client.fetch_all_metadata()
        missing = [name for name in self._topics if not cluster.partitions_for_topic(name)]
        if not missing:
            return None
        return f"Kafka has no topic {', '.join(missing)}: handoff topics apply creates it"


async def _stop(producer: AIOKafkaProducer) -> None:
    with suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(ACKNOWLEDGED_S):
            await producer.stop()
