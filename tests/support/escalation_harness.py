"""A log to fold, the worker that folds it, and what a quiet run makes of the same log."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from redis import Redis

from tests.support.forked import ForkedHandoff
from workers.contracts.codec import Raw, decode_event
from workers.contracts.decisions import Home
from workers.contracts.rejections import Rejected
from workers.contracts.topics import EVENTS, OWN_TOPICS
from workers.conversation.fold import Folded, Incoming, OutboxEntry, fold_chunk
from workers.conversation.partition_meta import read_meta, starting_meta
from workers.conversation.rates import Rates
from workers.data import data_path
from workers.embedded import EmbeddedKafka
from workers.embedded.kafka import PARTITIONS
from workers.stores.partition_store import Mark, base_key

PREFIX = "handoff"
GROUP = "handoff-escalation"
_SAID = {
    "customer": (
        "I want to talk to a human please",
        "where is my parcel",
        "this is useless, nothing works and I am really angry now",
        "thanks, that solved it",
        "no, still the same problem",
    ),
    "ai_agent": ("Let me look into that.", "Could you send me the order number?"),
    "human_agent": ("Hi, this is Kim, I have your case here.",),
}


def policy_text() -> str:
    """Return the shipped policy."""
    return (data_path("policies") / "default.yaml").read_text(encoding="utf-8")


def conversations(events: int, names: int, seed: int = 1) -> list[dict[str, Any]]:
    """Return the events of lively conversations, one second apart, in the order of the log.

    They are so old that every deadline is due at once, and none later.
    """
    chance = random.Random(seed)
    moment = datetime.now(UTC) - timedelta(hours=4)
    rows = []
    for number in range(events):
        name = f"conv-{seed}-{chance.randrange(names)}"
        row: dict[str, Any] = {
            "event_id": f"e-{seed}-{number}",
            "conversation_id": name,
            "occurred_at": (moment + timedelta(seconds=number)).isoformat(),
        }
        role = chance.choices(("customer", "ai_agent", "human_agent", "closed"), (60, 30, 6, 4))[0]
        if role == "closed":
            row |= {"type": "closed", "by": "customer"}
        else:
            row |= {"role": role, "content": chance.choice(_SAID[role])}
            if role == "ai_agent":
                row["agent"] = {"id": "bot", "version": "1", "confidence": chance.random()}
        rows.append(row)
    return rows


async def produce(
    bootstrap: str,
    rows: Iterable[Mapping[str, Any] | tuple[bytes | None, bytes | None]],
    topic: str = EVENTS,
    partition: int | None = None,
) -> None:
    """Put events, or pairs of key and value, on a topic; returns when all are acknowledged."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        sent = []
        for row in rows:
            if isinstance(row, tuple):
                key, value = row
            else:
                key, value = row["conversation_id"].encode(), orjson.dumps(row)
            sent.append(await producer.send(topic, value, key=key, partition=partition))
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


@asynccontextmanager
async def _consumer(bootstrap: str, group: str | None = None) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=10,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


def partitions(topic: str) -> list[TopicPartition]:
    """Return the partitions of a topic on the embedded broker."""
    return [TopicPartition(topic, number) for number in range(PARTITIONS)]


async def ends(bootstrap: str, topic: str = EVENTS) -> dict[int, int]:
    """Return where each partition of a topic ends."""
    async with _consumer(bootstrap) as consumer:
        found = await consumer.end_offsets(partitions(topic))
    return {tp.partition: end for tp, end in found.items()}


async def read(bootstrap: str, topic: str) -> dict[int, list[ConsumerRecord]]:
    """Return everything on a topic, by partition."""
    found: dict[int, list[ConsumerRecord]] = {number: [] for number in range(PARTITIONS)}
    async with _consumer(bootstrap) as consumer:
        tps = partitions(topic)
        consumer.assign(tps)
        left = await consumer.end_offsets(tps)
        await consumer.seek_to_beginning(*tps)
        while any([await consumer.position(tp) < end for tp, end in left.items()]):
            for tp, records in (await consumer.getmany(timeout_ms=200)).items():
                found[tp.partition] += records
    return found


async def committed(bootstrap: str) -> dict[int, int]:
    """Return what the escalation worker has committed."""
    async with _consumer(bootstrap, GROUP) as consumer:
        offsets = [await consumer.committed(tp) for tp in partitions(EVENTS)]
    return {number: offset or 0 for number, offset in enumerate(offsets)}


def marks(redis_url: str) -> dict[int, int]:
    """Return the mark of each partition, -1 where there is none."""
    with Redis.from_url(redis_url) as redis:
        stored = {
            number: redis.get(base_key(PREFIX, Home(topic=EVENTS, partition=number)) + "mark")
            for number in range(PARTITIONS)
        }
    found = {number: Mark.read(mark or b"") for number, mark in stored.items()}
    return {number: -1 if mark is None else mark.offset for number, mark in found.items()}


async def until(condition: Callable[[], Any], within_s: float = 120.0) -> None:
    """Return when a condition, or what it awaits, is true."""
    last = time.monotonic() + within_s
    while True:
        found = condition()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        assert time.monotonic() < last, f"not within {within_s:g} s: {condition}"
        await asyncio.sleep(0.05)


async def moved(redis_url: str) -> None:
    """Return when something more was folded."""
    before = sum(marks(redis_url).values())
    await until(lambda: sum(marks(redis_url).values()) > before)


async def settled(bootstrap: str, redis_url: str, within_s: float = 120.0) -> None:
    """Return when everything on the log is folded, published and committed."""

    async def done() -> bool:
        log = await ends(bootstrap)
        if any(marks(redis_url)[number] < end - 1 for number, end in log.items()):
            return False
        durable = await committed(bootstrap)
        return all(durable[number] >= end for number, end in log.items())

    await until(done, within_s)


def _due(redis_url: str) -> int:
    """Return how many timers are due."""
    now = int(time.time() * 1000)
    with Redis.from_url(redis_url) as redis:
        bases = [base_key(PREFIX, Home(topic=EVENTS, partition=n)) for n in range(PARTITIONS)]
        return sum(int(redis.zcount(base + "timers", "-inf", now)) for base in bases)


async def rested(bootstrap: str, redis_url: str) -> None:
    """Return when everything is settled and no deadline is due: nothing will change by itself."""
    while True:
        await until(lambda: _due(redis_url) == 0)
        await settled(bootstrap, redis_url)
        if _due(redis_url) == 0:
            return


def quiet(records: Sequence[ConsumerRecord], home: Home) -> list[OutboxEntry]:
    """Return what one undisturbed fold of a partition makes of its records."""
    return _folded(records, home).outputs


async def quiet_rates(bootstrap: str) -> dict[int, Rates | None]:
    """Return the shares that an undisturbed fold of each partition counts."""
    return {
        number: _folded(records, Home(topic=EVENTS, partition=number)).meta.rates
        for number, records in (await read(bootstrap, EVENTS)).items()
    }


def stored_rates(redis_url: str) -> dict[int, Rates | None]:
    """Return the shares that the worker has stored, by partition."""
    found: dict[int, Rates | None] = {}
    with Redis.from_url(redis_url) as redis:
        for number in range(PARTITIONS):
            fields: Any = redis.hgetall(
                base_key(PREFIX, Home(topic=EVENTS, partition=number)) + "meta"
            )
            meta = read_meta({name.decode(): value for name, value in fields.items()})
            found[number] = None if meta is None else meta.rates
    return found


def _folded(records: Sequence[ConsumerRecord], home: Home) -> Folded:
    incoming = []
    for record in records:
        raw = Raw(record.key, record.value, record.headers, record.timestamp)
        try:
            event = decode_event(raw)
        except Rejected as rejected:
            incoming.append(Incoming(record.offset, record.timestamp, None, raw, rejected))
        else:
            incoming.append(Incoming(record.offset, record.timestamp, event, raw))
    return fold_chunk(incoming, {}, {}, starting_meta(policy_text()), home)


def by_key(pairs: Iterable[tuple[bytes | None, bytes | None]]) -> dict[bytes | None, list[bytes]]:
    """Return the values of each key in their order, repeated ones once."""
    found: dict[bytes | None, list[bytes]] = {}
    for key, value in pairs:
        values = found.setdefault(key, [])
        assert value is not None
        if value not in values:
            values.append(value)
    return found


async def published(bootstrap: str, topic: str) -> dict[bytes | None, list[bytes]]:
    """Return what is on a topic: the values of each key in their order, repeated ones once."""
    records = await read(bootstrap, topic)
    return by_key((r.key, r.value) for part in records.values() for r in part)


async def expected(bootstrap: str, redis_url: str, topic: str) -> dict[bytes | None, list[bytes]]:
    """Return what a quiet run publishes on a topic, up to where a worker that has ended came."""
    folded, found = marks(redis_url), list[OutboxEntry]()
    for number, records in (await read(bootstrap, EVENTS)).items():
        before = [record for record in records if record.offset <= folded[number]]
        found += quiet(before, Home(topic=EVENTS, partition=number))
    return by_key((output.key, output.value) for output in found if output.topic == topic)


class Worker(ForkedHandoff):
    """`handoff worker escalation` in a process of its own, with short waits."""

    def __init__(
        self,
        bootstrap: str,
        redis_url: str,
        folder: Path,
        *arguments: str,
        code: str | None = None,
        **environment: str,
    ) -> None:
        """Prepare it; `code` is run in place of the command line, to inject faults."""
        self.folder = folder / "cwd"
        self.folder.mkdir(exist_ok=True)
        super().__init__(
            ("worker", "escalation", *arguments),
            {
                **{k: v for k, v in os.environ.items() if not k.startswith(("HANDOFF_", "KAFKA_"))},
                "KAFKA_BOOTSTRAP": bootstrap,
                "REDIS_URL": redis_url,
                "KAFKA_SESSION_TIMEOUT_S": "2",
                "KAFKA_FETCH_MAX_WAIT_MS": "10",
                **environment,
            },
            folder / f"worker-{len(list(folder.iterdir()))}.log",
            folder=self.folder,
            code=code,
        )

    async def ended(self, within_s: float = 120.0) -> int:
        """Wait for it to end by itself; return its exit code."""
        await until(lambda: self.exit_code is not None, within_s)
        assert self.exit_code is not None
        return self.exit_code

    @property
    def said(self) -> str:
        """Return its log."""
        return self.log.read_text()

    def __exit__(self, *_: object) -> None:
        if self.running:
            self.kill()


def create_topics(kafka: EmbeddedKafka) -> None:
    """Create every topic that an agent knows by name."""
    kafka.ensure_topics(OWN_TOPICS)
