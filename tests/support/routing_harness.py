"""A routing agent inside a test, on real servers: its chunks are handed to it by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.structs import RecordMetadata
from pydantic import SecretStr
from redis.asyncio import Redis

from tests.support.routing_builders import NOW
from workers.agents.desk.agent import DeskAgent
from workers.agents.routing.agent import RoutingAgent
from workers.contracts.codec import decode_message, decode_queue_message, encode
from workers.contracts.control import Control
from workers.contracts.decisions import Decision, Turn
from workers.contracts.events import Routed
from workers.contracts.handoffs import QueueMessage
from workers.contracts.ledger import LedgerRecord
from workers.contracts.signing import Secrets, signature_headers
from workers.contracts.tickets import Notification, Ticket
from workers.contracts.topics import (
    CONTROL,
    DECISIONS,
    EVENTS,
    LEDGER,
    NOTIFICATIONS,
    TICKETS,
    Topics,
)
from workers.embedded import EmbeddedKafka
from workers.routing.availability import LastPresence
from workers.runtime.app import TP, Agent, Options
from workers.runtime.producer import Record
from workers.settings import Settings
from workers.stores.ledger_store import LedgerStore
from workers.stores.partition_store import base_key
from workers.stores.queue_load import LoadStore

S = TypeVar("S", bound=msgspec.Struct)
OPTIONS = Options(topics=Path("unused"))


class Publisher:
    """The agent's producer without Faust."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")

    async def __aenter__(self) -> "Publisher":
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def publish(self, records: Iterable[Record]) -> list[RecordMetadata]:
        """Send in order and await every acknowledgement."""
        sent = [
            await self._producer.send(
                one.topic, one.value, key=one.key, partition=one.partition, headers=[*one.headers]
            )
            for one in records
        ]
        return list(await asyncio.gather(*sent))


class Bench:
    """The servers, and what is on the topics."""

    def __init__(self, settings: Settings, topics: Topics, publisher: Publisher) -> None:
        self.settings = settings
        self.topics = topics
        self.publisher = publisher
        self.redis = Redis.from_url(settings.redis_url or "")
        self.load = LoadStore(self.redis, settings.redis_prefix, topics.queues)
        self.ledger = LedgerStore(self.redis, settings.redis_prefix)
        self.now = NOW

    @asynccontextmanager
    async def router(self, publisher: Any = None) -> AsyncIterator[RoutingAgent]:
        """Run a routing agent whose clock is `now`."""
        agent = RoutingAgent(self.settings, self.topics, OPTIONS, lambda: self.now)
        async with self._running(agent, publisher):
            yield agent

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[DeskAgent]:
        """Run a desk agent."""
        agent = DeskAgent(self.settings, self.topics, OPTIONS)
        async with self._running(agent, None):
            yield agent

    @asynccontextmanager
    async def _running(self, agent: Agent, publisher: Any) -> AsyncIterator[None]:
        producer: Any = publisher or self.publisher
        agent.producer = producer
        await agent.start()
        try:
            yield
        finally:
            await agent.stop()

    async def says(self, *turns: Turn, conversation: str = "c-1", partition: int = 2) -> None:
        """Put turns into a conversation's transcript."""
        home = decision_home(partition)
        key = f"{base_key(self.settings.redis_prefix, home)}t:{conversation}"
        await self.redis.rpush(key, *map(msgspec.msgpack.encode, turns))

    async def online(self, **people: int | LastPresence) -> None:
        """Say who is online, as the desk agent would."""
        pipeline = self.redis.pipeline(transaction=False)
        for queue, said in people.items():
            presence = said if isinstance(said, LastPresence) else LastPresence(self.now, said)
            self.load.report(pipeline, queue, presence)
        await pipeline.execute()

    async def waiting(self) -> dict[str, set[str]]:
        """Return who waits on each queue that somebody waits on."""
        found = await self.load.waiting_since(1 << 52)
        return {queue: set(members) for queue, members in found.items() if members}

    async def records(self, topic: str) -> list[ConsumerRecord]:
        """Return everything on a topic."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka_bootstrap,
            fetch_max_wait_ms=50,
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            cluster = await consumer._client.fetch_all_metadata()
            numbers = cluster.partitions_for_topic(topic) or ()
            tps = [TopicPartition(topic, number) for number in sorted(numbers)]
            ends = await consumer.end_offsets(tps) if tps else {}
            behind = {tp for tp in tps if ends[tp]}
            if not behind:
                return []
            consumer.assign(behind)
            await consumer.seek_to_beginning(*behind)
            found: list[ConsumerRecord] = []
            while behind:
                for records in (await consumer.getmany(*behind, timeout_ms=500)).values():
                    found.extend(records)
                behind = {tp for tp in behind if await consumer.position(tp) < ends[tp]}
            return found
        finally:
            await consumer.stop()

    async def messages(self, topic: str, cls: type[S]) -> list[S]:
        """Return every message on a topic whose only type is `cls`."""
        return [decode_message(cls, record.value) for record in await self.records(topic)]

    async def queue(self, name: str) -> list[QueueMessage]:
        """Return every message to the desks of one queue."""
        topic = self.topics.queues[name].topic
        return [decode_queue_message(record.value) for record in await self.records(topic)]

    async def told(self) -> list[Control]:
        """Return every control message."""
        return await self.messages(CONTROL, Control)

    async def tickets(self) -> list[Ticket]:
        """Return every message to the ticket system."""
        return await self.messages(TICKETS, Ticket)

    async def notifications(self) -> list[Notification]:
        """Return every notification."""
        return await self.messages(NOTIFICATIONS, Notification)

    async def ledger_topic(self) -> list[LedgerRecord]:
        """Return every record of the ledger's topic."""
        return await self.messages(LEDGER, LedgerRecord)

    async def routed(self) -> list[Routed]:
        """Return every `routed` event on the log."""
        return await self.messages(EVENTS, Routed)

    async def everything(self) -> dict[str, set[bytes]]:
        """Return the different messages on each topic that the router writes."""
        queues = [queue.topic for queue in self.topics.queues.values()]
        names = [EVENTS, TICKETS, CONTROL, NOTIFICATIONS, LEDGER, *queues]
        return {name: {record.value for record in await self.records(name)} for name in names}


@asynccontextmanager
async def bench_on(
    kafka: EmbeddedKafka, settings: Settings, world: Topics, secret: str | None = None
) -> AsyncIterator[Bench]:
    """Servers with every topic, and a publisher; with a secret our own events are signed."""
    kafka.ensure_topics(world.topics)
    if secret is not None:
        settings = settings.model_copy(update={"handoff_secret": [SecretStr(secret)]})
    async with Publisher(kafka.bootstrap) as publisher:
        bench = Bench(settings, world, publisher)
        try:
            yield bench
        finally:
            await bench.redis.aclose()


def decision_home(partition: int = 2) -> Any:
    """Return the home of the test's conversations."""
    from workers.contracts.decisions import Home

    return Home(topic=EVENTS, partition=partition)


def chunk(
    *values: msgspec.Struct | bytes,
    topic: str = DECISIONS,
    key: Callable[[Any], str] = lambda value: value.conversation_id,
    timestamp: int = NOW,
    secrets: Secrets = Secrets(),  # noqa: B008 - never changed
) -> list[ConsumerRecord]:
    """Return records as a consumer hands them over, signed where there are secrets."""
    return [
        ConsumerRecord(
            topic=topic,
            partition=0,
            offset=offset,
            timestamp=timestamp,
            timestamp_type=0,
            key=b"?" if isinstance(value, bytes) else key(value).encode(),
            value=value if isinstance(value, bytes) else encode(value),
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            headers=()
            if isinstance(value, bytes)
            else signature_headers(secrets.at(topic, 0), key(value).encode(), encode(value)),
        )
        for offset, value in enumerate(values)
    ]


async def handle(agent: Agent, *values: msgspec.Struct | bytes, **given: Any) -> None:
    """Give an agent one chunk."""
    await agent.handle(TP(agent.topic, 0), chunk(*values, topic=agent.topic, **given))


async def route(agent: RoutingAgent, *decisions: Decision | bytes) -> None:
    """Give the routing agent one chunk of decisions."""
    await handle(agent, *decisions)


def turns(count: int, size: int = 20) -> Sequence[Turn]:
    """Return some turns of a conversation."""
    return [
        Turn(f"e-{number}", NOW - 1000 * (count - number), "customer", f"{number} " + "x" * size)
        for number in range(1, count + 1)
    ]
