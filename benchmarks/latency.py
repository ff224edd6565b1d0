"""From an event that asks for a person to its packet on the queue's topic, beside a bare pipeline.

The bare pipeline passes the same events on in two hops, acknowledged, and does nothing else.
"""

import asyncio
import statistics
import time
import uuid
from collections.abc import AsyncIterator, Sequence, Set
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.growth import words
from benchmarks.report import Report
from benchmarks.world import BARE_TOPICS, Process, World
from workers.contracts.topics import DECISIONS, EVENTS
from workers.settings import kafka_client_kwargs

HANDOFF = "handoff: escalation and routing worker"
BARE = "bare aiokafka, two hops"
EVERY = 10
"""One message in so many asks for a person."""
BESIDE = 997
LENGTH = 8
"""Messages of an ordinary conversation."""
WARM_UP_S = 2.0
DRAIN_S = 10.0
_ASKING = "I would like to speak to a person about this please"
# With other words before each, so that nobody says the same again and again, which would escalate.
_ORDINARY = (
    "my order has not arrived yet, where is it?",
    "the tracking page has not changed since the third.",
    "and how long does the refund take?",
)


class Taken(NamedTuple):
    """What one stretch of load found."""

    rate: float
    """Messages per second that were really sent."""
    milliseconds: list[float]
    """From the event to the packet."""
    first_hop: list[float]
    """From the event to the decision."""
    missing: int
    unasked: int
    """Conversations about which something was decided though nobody asked."""
    cores: list[float]
    """How much of a core each process of the pipeline used."""


def run(report: Report, quick: bool) -> None:
    """Both pipelines in turn at each rate, each with topics of its own."""
    rates = (100, 500) if quick else (100, 500, 2000)
    with World() as world:
        for _ in range(1 if quick else 2):
            for rate in rates:
                seconds = 6 if quick else 30 if rate == 100 else 12
                for case, pipeline in ((HANDOFF, _handoff), (BARE, _bare)):
                    found = pipeline(world, rate, seconds)
                    _note(report, f"{case}, {rate}/s", found)
        for rate in rates:
            for figure in ("p50", "p99"):
                report.ratio(f"{HANDOFF}, {rate}/s", f"{BARE}, {rate}/s", figure)


def _note(report: Report, case: str, taken: Taken) -> None:
    found = sorted(taken.milliseconds)
    note = f"{len(found)} handoffs at {taken.rate:.0f}/s"
    if taken.unasked:
        note += f", {taken.unasked} unasked"
    if taken.missing:
        note += f", {taken.missing} not within {DRAIN_S:g} s"
    if len(found) < 20:
        return
    cuts = statistics.quantiles(found, n=1000, method="inclusive")
    report.add(case, "first hop, p50", "ms", statistics.median(taken.first_hop))
    report.add(case, "p50", "ms", cuts[499], note)
    report.add(case, "p99", "ms", cuts[989], note)
    if len(found) >= 1000:
        report.add(case, "p99.9", "ms", cuts[998], note)
    report.add(case, "highest", "ms", found[-1], note)
    for name, cores in zip(("first", "second"), taken.cores, strict=True):
        report.add(case, f"CPU of the {name} hop", "% of a core", 100 * cores)


def _handoff(world: World, rate: int, seconds: float) -> Taken:
    topics = [queue.topic for queue in world.topics.queues.values()]
    with ExitStack() as stack:
        hops = [world.worker(name, "--log-level", "WARNING") for name in ("escalation", "routing")]
        for hop in hops:
            stack.callback(hop.stop)
        return _take(_Load(world, hops, (EVENTS, DECISIONS, *topics), rate), seconds)


def _bare(world: World, rate: int, seconds: float) -> Taken:
    begin, between, end = BARE_TOPICS
    with ExitStack() as stack:
        hops = []
        for source, target in ((begin, between), (between, end)):
            group = f"bench-hop-{uuid.uuid4().hex[:8]}"
            role = ("benchmarks.contenders", "hop", group, source, target, "latest")
            hops.append(world.process(*role))
            stack.callback(hops[-1].stop)
        return _take(_Load(world, hops, BARE_TOPICS, rate), seconds)


def _take(load: "_Load", seconds: float) -> Taken:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(load.run(seconds))


def _conversation(number: int) -> int:
    """Which conversation a message belongs to: many side by side, none of them endless."""
    return number % BESIDE + BESIDE * (number // (BESIDE * LENGTH))


class _Load:
    """Produces at a rate and watches for what comes out, in one process, by one clock."""

    def __init__(self, world: World, hops: list[Process], topics: Sequence[str], rate: int) -> None:
        """Prepare it; `topics` are where it sends to, what is between the hops, and the ends."""
        self._kafka = kafka_client_kwargs(world.settings)
        self._wait_ms = world.settings.kafka_fetch_max_wait_ms
        self._hops = hops
        self._source, self._between, *self._ends = topics
        self._rate = rate
        self._name = uuid.uuid4().hex[:8]
        self._number = 0
        self._sent: dict[bytes, float] = {}
        self._taken: dict[bytes, float] = {}
        self._decided: dict[bytes, float] = {}
        self._asked: set[bytes] = set()

    async def run(self, seconds: float) -> Taken:
        async with self._clients() as (producer, consumer):
            watching = asyncio.create_task(self._watch(consumer))
            await self._until_open(producer)
            await self._produce(producer, WARM_UP_S)
            # Only what follows is measured.
            self._sent.clear()
            started, cpu = time.monotonic(), [hop.cpu for hop in self._hops]
            sent = await self._produce(producer, seconds)
            took = time.monotonic() - started
            cores = [(hop.cpu - used) / took for hop, used in zip(self._hops, cpu, strict=True)]
            until = time.monotonic() + DRAIN_S
            while self._missing() and time.monotonic() < until:  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(0.05)
            watching.cancel()
        missing = self._missing()
        keys = self._sent.keys() - missing
        spans = [1000 * (self._taken[key] - self._sent[key]) for key in keys]
        first = [1000 * (self._decided[key] - self._sent[key]) for key in keys]
        unasked = sum(key not in self._asked for key in self._decided)
        return Taken(sent / took, spans, first, len(missing), unasked, cores)

    def _missing(self) -> Set[bytes]:
        return self._sent.keys() - (self._taken.keys() & self._decided.keys())

    @asynccontextmanager
    async def _clients(self) -> AsyncIterator[tuple[AIOKafkaProducer, AIOKafkaConsumer]]:
        producer = AIOKafkaProducer(**self._kafka, acks="all")
        consumer = AIOKafkaConsumer(
            self._between,
            *self._ends,
            **self._kafka,
            auto_offset_reset="latest",
            fetch_max_wait_ms=self._wait_ms,
        )
        await producer.start()
        await consumer.start()
        try:
            await consumer.seek_to_end()
            yield producer, consumer
        finally:
            await consumer.stop()
            await producer.stop()

    async def _watch(self, consumer: AIOKafkaConsumer) -> None:
        async for record in consumer:
            # The first record of a conversation on a queue is its packet.
            seen = self._decided if record.topic == self._between else self._taken
            seen.setdefault(record.key, time.monotonic())

    async def _until_open(self, producer: AIOKafkaProducer) -> None:
        """Send requests until one of them comes out: the pipeline is at work then."""
        until = time.monotonic() + 60
        while not self._taken:
            if time.monotonic() > until:
                raise RuntimeError(f"nothing on {self._ends} within a minute")
            await self._send(producer, -1 - len(self._sent), asks=True)
            await asyncio.sleep(0.25)

    async def _produce(self, producer: AIOKafkaProducer, seconds: float) -> int:
        """Send at the rate; what is late is sent at once, and its time runs from then."""
        count = int(self._rate * seconds)
        started = time.monotonic()
        futures = []
        for number in range(count):
            pause = started + number / self._rate - time.monotonic()
            if pause > 0:
                await asyncio.sleep(pause)
            futures.append(await self._send(producer, self._number, number % EVERY == 0))
            self._number += 1
        await asyncio.gather(*futures)
        return count

    async def _send(self, producer: AIOKafkaProducer, number: int, asks: bool) -> Any:
        unique = uuid.uuid4().hex
        # Ordinary messages belong to conversations that go on; each handoff is of its own.
        name = f"asks-{unique}" if asks else f"{self._name}-{_conversation(number)}"
        event = {
            "event_id": unique,
            "conversation_id": name,
            "occurred_at": datetime.now(UTC).isoformat(),
            "role": "customer",
            "content": _ASKING if asks else f"{words(number)}: {_ORDINARY[number % 3]}",
            "customer": {"id": f"customer-{name}", "tier": "standard", "locale": "en"},
            "channel": "chat",
        }
        value, key = orjson.dumps(event), name.encode()
        if asks:
            self._asked.add(key)
            self._sent[key] = time.monotonic()
        return await producer.send(self._source, value, key=key)
