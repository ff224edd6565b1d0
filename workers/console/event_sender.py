"""Writes events of the console's desk and chat, acknowledged, and says when that is impossible."""

import asyncio
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from workers.settings import Settings, kafka_client_kwargs

_ANSWER_S: Final = 5.0


class NotSent(Exception):
    """Kafka did not acknowledge an event; it may be sent again under the same id."""


class EventSender:
    """One producer for all users, started at its first use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def send(self, topic: str, key: str, event: dict[str, Any]) -> None:
        """Publish an event and return once it is acknowledged; NotSent after five seconds."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                producer = await self._started()
                await producer.send_and_wait(topic, orjson.dumps(event), key=key.encode())
        except (KafkaError, OSError, TimeoutError) as error:
            raise NotSent(
                "Kafka does not answer. It may still arrive: look before you send it again."
            ) from error

    async def close(self) -> None:
        """End the producer."""
        if self._producer is not None:
            await self._producer.stop()

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **kafka_client_kwargs(self._settings),
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=0,
                    client_id="handoff-console",
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer
