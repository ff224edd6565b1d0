"""The producer towards desks and ticket systems, whose topics may refuse what they are sent.

A refusal there is an answer and not an accident: the escalation goes on to the next rung. With an
idempotent producer it would leave a gap that the broker takes for loss, so this one is not; the
messages carry ids and an order of their own.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any, Final

import aiokafka
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from workers.runtime import metrics
from workers.runtime.producer import Record

_RETRY_S: Final = 0.25
_BATCH_BYTES: Final = 256 * 1024
_LOOKS: Final = 4
"""Answers without the topic after which it does not exist; a broker may be about to create it."""
_REMEMBERED_S: Final = 30.0
_OVERHEAD_BYTES: Final = 200
"""Bytes of a record and its batch beside key, value and headers."""

logger = logging.getLogger(__name__)


class TopicRefusesError(Exception):
    """The topic will not take this record, however often it is sent."""


class TooLargeError(TopicRefusesError):
    """The record is larger than the topic takes; a smaller one may go through."""


class Outlet:
    """Sends one record at a time until it is acknowledged, or definitely refused."""

    def __init__(self, kafka: Mapping[str, Any], client_id: str, limits: Mapping[str, int]) -> None:
        """Take aiokafka's keywords and, per topic, the most bytes that a record may have."""
        self._kafka = kafka
        self._client_id = client_id
        self._limits = limits
        self._absent: dict[str, float] = {}
        self._batching: aiokafka.AIOKafkaProducer | None = None
        self._single: aiokafka.AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect."""
        self._batching = await self._started(_BATCH_BYTES)
        # Kafka refuses a batch as a whole: each of its packets is then tried again alone.
        self._single = await self._started(1)

    async def _started(self, batch_bytes: int) -> aiokafka.AIOKafkaProducer:
        producer = aiokafka.AIOKafkaProducer(
            **self._kafka,
            client_id=self._client_id,
            acks="all",
            request_timeout_ms=5_000,
            max_request_size=max(self._limits.values(), default=1 << 20),
            max_batch_size=batch_bytes,
        )
        await producer.start()
        return producer

    async def stop(self) -> None:
        """Disconnect."""
        for producer in (self._batching, self._single):
            if producer is not None:
                await producer.stop()

    async def send(self, record: Record) -> None:
        """Return when the record is acknowledged; time-outs are tried again without end.

        Raises TopicRefusesError, or TooLargeError which is one of them.
        """
        if _size(record) > self._limits.get(record.topic, 1 << 20):
            raise TooLargeError(f"{record.topic}: {_size(record)} bytes are too many")
        alone = False
        while True:
            try:
                await self._require(record.topic)
                await self._send(record, self._single if alone else self._batching)
            except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
                if alone:
                    raise TooLargeError(f"{record.topic}: {error}") from error
                alone = True
            except (TopicAuthorizationFailedError, InvalidTopicError) as error:
                raise TopicRefusesError(f"{record.topic}: {error!r}") from error
            except KafkaError as error:
                logger.warning("%s: %r: trying again", record.topic, error)
                await asyncio.sleep(_RETRY_S)
            else:
                metrics.PUBLISHED.labels("routing", record.topic).inc()
                return

    async def _send(self, record: Record, producer: aiokafka.AIOKafkaProducer | None) -> None:
        acknowledged = await _running(producer).send(
            record.topic,
            record.value,
            key=record.key,
            partition=record.partition,
            headers=[*record.headers],
        )
        await acknowledged

    async def _require(self, topic: str) -> None:
        """Refuse a topic that a reachable cluster does not have.

        The client takes its whole time-out to find out, and says the same when no broker answers.
        """
        client = _running(self._batching).client
        if client.cluster.partitions_for_topic(topic) is not None:
            return
        if time.monotonic() < self._absent.get(topic, 0.0):
            raise TopicRefusesError(f"{topic}: no such topic")
        client.add_topic(topic)
        for _ in range(_LOOKS):
            answered = await client.force_metadata_update()
            if client.cluster.partitions_for_topic(topic) is not None:
                return
            if topic in client.cluster.unauthorized_topics:
                raise TopicAuthorizationFailedError(topic)
            if not answered:
                raise UnknownTopicOrPartitionError("no broker answers")
            await asyncio.sleep(_RETRY_S)
        self._absent[topic] = time.monotonic() + _REMEMBERED_S
        raise TopicRefusesError(f"{topic}: no such topic")


def _running(producer: aiokafka.AIOKafkaProducer | None) -> aiokafka.AIOKafkaProducer:
    if producer is None:
        raise RuntimeError("the outlet was not started")
    return producer


def _size(record: Record) -> int:
    parts = (record.key or b"", record.value or b"")
    headers = sum(len(name) + len(value or b"") for name, value in record.headers)
    return sum(map(len, parts)) + headers + _OVERHEAD_BYTES
