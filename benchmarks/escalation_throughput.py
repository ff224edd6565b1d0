"""Messages per second of one escalation worker beside a bare aiokafka loop with the same work.

    python -m benchmarks.escalation_throughput [--messages N] [--chunk N] [--rounds N] [--json]

Topic to committed, in one run: the same log, the same core with the default policy, the same
Redis scripts, the same outputs published and acknowledged. The worker adds Faust, the protocol of
the mark, takeover, metrics and the dead-letter limit. KAFKA_BOOTSTRAP and REDIS_URL name servers;
without them embedded ones are started.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from workers.agents.escalation.agent import EscalationAgent
from workers.agents.escalation.decoding import decode
from workers.contracts.decisions import Home
from workers.contracts.signing import Secrets
from workers.contracts.topics import EVENTS, OWN_TOPICS
from workers.conversation.fold import fold_chunk, wanted
from workers.conversation.partition_meta import starting_meta
from workers.data import data_path
from workers.embedded import EmbeddedStack
from workers.runtime.app import TP, Options
from workers.runtime.process import run
from workers.runtime.producer import IDEMPOTENT, Record, publish_all
from workers.settings import Settings, kafka_client_kwargs, load_settings
from workers.stores.connection import connect
from workers.stores.partition_store import PartitionStore, Writes, outbox_field

COMMIT_EVERY_S = 0.5
TURNS = 10
_CUSTOMER = (
    "Hi, my order {n} has not arrived yet, can you tell me where it is?",
    "I ordered it on the 3rd and the tracking page has not changed since.",
    "Thanks, but the address on the order is the old one. Can it still be changed?",
    "ok",
    "The discount code {n} says it is not valid, although the mail says until Sunday.",
    "How long does a refund take to show up on my card?",
    "I would like to speak to a person about this please",
    "That is the third time this month and I am really fed up with it!!",
    "Great, that solved it, thank you",
    "no",
)
_AI = (
    "I'm sorry to hear that. Let me look up order {n} for you.",
    "The parcel left our warehouse yesterday and should be with you by Thursday.",
    "Could you confirm the postal code, so that I can change the address?",
    "Refunds usually take three to five working days, depending on your bank.",
    "Is there anything else I can do for you?",
)


def messages(count: int, seed: int = 1) -> list[tuple[bytes, bytes]]:
    """Keys and values of a log: conversations side by side, customer and AI taking turns."""
    chance = random.Random(seed)  # noqa: S311 - the same log each time
    start = datetime.now(UTC) - timedelta(hours=1)
    rows = []
    names = [f"conversation-{n}" for n in range(max(1, count // TURNS))]
    for number in range(count):
        name = names[chance.randrange(len(names))]
        customer = number % 2 == 0
        texts = _CUSTOMER if customer else _AI
        weights = (20, 14, 10, 14, 10, 10, 1, 1, 10, 10) if customer else None
        row: dict[str, Any] = {
            "event_id": f"event-{seed}-{number}",
            "conversation_id": name,
            "occurred_at": (start + timedelta(milliseconds=number)).isoformat(),
            "role": "customer" if customer else "ai_agent",
            "content": chance.choices(texts, weights)[0].format(n=number),
            "customer": {"id": f"customer-{name}", "tier": "standard", "locale": "en"},
            "channel": "chat",
        }
        if not customer:
            row["agent"] = {"id": "bot", "version": "7", "confidence": chance.uniform(0.5, 1)}
        rows.append((name.encode(), orjson.dumps(row)))
    return rows


async def produce(settings: Settings, rows: Sequence[tuple[bytes, bytes]]) -> None:
    """Put the log on its topic."""
    # The embedded broker answers a fetch with one batch: large ones make full chunks.
    batches = {"linger_ms": 20, "max_batch_size": 250_000}
    producer = AIOKafkaProducer(**kafka_client_kwargs(settings), **batches)
    await producer.start()
    for some in _portions(rows):
        await asyncio.gather(*[await producer.send(EVENTS, value, key=key) for key, value in some])
    await producer.stop()


def _portions(rows: Sequence[Any], size: int = 5000) -> list[Sequence[Any]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


class Clock:
    """Runs from the first record handed over to the last one committed."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.count = 0
        self.started = self.cpu = 0.0

    def add(self, records: int) -> None:
        """Count records that are handed over."""
        if not self.count:
            self.started, self.cpu = time.perf_counter(), time.process_time()
        self.count += records

    def result(self) -> dict[str, float]:
        """The figures, as of now."""
        seconds = time.perf_counter() - self.started
        cpu = time.process_time() - self.cpu
        return {"messages_per_s": self.count / seconds, "cpu_us": 1e6 * cpu / self.count}


class Measured(EscalationAgent):
    """The worker as it is, which ends when everything is committed."""

    def __init__(self, settings: Settings, options: Options, clock: Clock) -> None:
        super().__init__(settings, options)
        self._clock = clock

    async def handle(self, tp: TP, records: Sequence[ConsumerRecord]) -> None:
        """Apply a chunk and count it."""
        self._clock.add(sum(record.key != b"policy" for record in records))
        await super().handle(tp, records)

    async def end(self) -> dict[str, float]:
        """Wait until everything is committed; the worker's own policy events do not count."""
        while not self._is_committed():  # noqa: ASYNC110 - Faust tells nobody when it commits
            await asyncio.sleep(0.005)
        return self._clock.result()

    def _is_committed(self) -> bool:
        if self._consumer is None or self._clock.count < self._clock.total:
            return False
        offsets = self._consumer._committed_offset.values()
        return sum(offset or 0 for offset in offsets) >= self._clock.total


async def worker(settings: Settings, group: str, total: int) -> dict[str, float]:
    """Measure `handoff worker escalation`; it keeps running."""
    Measured.group = group
    options = Options(data_path("topics.yaml"), data_path("policies") / "default.yaml", "earliest")
    agent = Measured(settings, options, Clock(total))
    running = asyncio.create_task(run(agent))
    ended = asyncio.create_task(agent.end())
    await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
    return await ended


async def bare(settings: Settings, group: str, total: int, side_by_side: bool) -> dict[str, float]:
    """Measure a loop over `getmany` that calls the same functions."""
    clock = Clock(total)
    kafka = kafka_client_kwargs(settings)
    redis = connect(settings)
    producer = AIOKafkaProducer(**kafka, **IDEMPOTENT)
    consumer = AIOKafkaConsumer(
        EVENTS,
        **kafka,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=settings.kafka_fetch_max_wait_ms,
        max_poll_records=settings.chunk_size,
    )
    await producer.start()
    await consumer.start()
    text = (data_path("policies") / "default.yaml").read_text()
    loops = {
        number: _Bare(PartitionStore(redis, settings.redis_prefix, home, "bare"), home, text)
        for number in consumer.partitions_for_topic(EVENTS)
        for home in [Home(topic=EVENTS, partition=number)]
    }
    committed = time.perf_counter()
    while clock.count < total:
        found: dict[TopicPartition, list[ConsumerRecord]] = await consumer.getmany(timeout_ms=1000)
        clock.add(sum(map(len, found.values())))
        work = [loops[tp.partition].apply(records, producer) for tp, records in found.items()]
        if side_by_side:
            await asyncio.gather(*work)
        else:
            for one in work:
                await one
        if time.perf_counter() - committed > COMMIT_EVERY_S:
            await consumer.commit()
            committed = time.perf_counter()
    await consumer.commit()
    return clock.result()


class _Bare:
    """One partition: decode, read, fold, write, publish."""

    def __init__(self, store: PartitionStore, home: Home, policy: str) -> None:
        self._store = store
        self._home = home
        self._meta = starting_meta(policy)
        self._mark: Any = None
        self._acked: list[str] = []

    async def apply(self, records: Sequence[ConsumerRecord], producer: AIOKafkaProducer) -> None:
        incoming = [decode(record, Secrets()) for record in records]
        reading = await self._store.read(records[0].offset, wanted(incoming))
        folded = fold_chunk(incoming, reading.states, reading.known, self._meta, self._home)
        mark = self._store.next_mark(folded.last_offset)
        writes = Writes(folded.changes, folded.outputs, self._acked)
        assert await self._store.apply(self._mark, mark, writes)
        self._mark, self._meta = mark, folded.meta
        outputs = [Record(o.topic, o.key, o.value, None, o.headers) for o in folded.outputs]
        if outputs:
            await publish_all(producer, outputs)
        self._acked = [*map(outbox_field, folded.outputs)]


ROLES = ("worker", "bare, side by side", "bare, one by one")


async def measure(role: str, total: int) -> None:
    """Run one role, with a group and keys of its own, print its figures and end the process."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    settings = load_settings(redis_prefix=name)
    if role == "worker":
        result = await worker(settings, name, total)
    else:
        result = await bare(settings, name, total, role == ROLES[1])
    print(json.dumps(result), flush=True)
    # Nothing is to be finished in order any more.
    os._exit(0)


def main() -> None:
    """Start the servers, fill the log, measure each role in turn in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=40_000)
    parser.add_argument("--chunk", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--role", choices=ROLES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.role:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(measure(arguments.role, arguments.messages))
    with ExitStack() as stack:
        environment = _servers(stack, arguments.chunk)
        asyncio.run(produce(load_settings(), messages(arguments.messages)))
        results: dict[str, list[dict[str, float]]] = {role: [] for role in ROLES}
        for _ in range(arguments.rounds):
            for role in ROLES:
                results[role].append(_child(role, arguments.messages, environment))
    report(results, arguments)


def _servers(stack: ExitStack, chunk: int) -> dict[str, str]:
    os.environ["HANDOFF_CHUNK_SIZE"] = str(chunk)
    if "KAFKA_BOOTSTRAP" not in os.environ:
        servers = stack.enter_context(EmbeddedStack())
        servers.kafka.ensure_topics(OWN_TOPICS)
        os.environ |= {
            "KAFKA_BOOTSTRAP": servers.bootstrap,
            "REDIS_URL": servers.redis_url,
            "KAFKA_SESSION_TIMEOUT_S": "6",
            "KAFKA_FETCH_MAX_WAIT_MS": "10",
        }
    return dict(os.environ)


def _child(role: str, total: int, environment: dict[str, str]) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.escalation_throughput", "--role", role]
    done = subprocess.run(
        [*command, "--messages", str(total)],
        check=True,
        env=environment,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def report(results: dict[str, list[dict[str, float]]], arguments: argparse.Namespace) -> None:
    """Print the table, or everything as JSON; the ratio is taken round by round."""
    best = [
        max(rounds[i]["messages_per_s"] for role, rounds in results.items() if role != "worker")
        for i in range(arguments.rounds)
    ]
    ratios = [one["messages_per_s"] / b for one, b in zip(results["worker"], best, strict=True)]
    document = {
        "messages": arguments.messages,
        "chunk": arguments.chunk,
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "results": results,
        "worker_to_best_bare": statistics.median(ratios),
    }
    if arguments.json:
        print(json.dumps(document, indent=2))
        return
    print(f"{arguments.messages:,} messages, chunks of {arguments.chunk}, {document['machine']}")
    print(f"{'':22}{'messages/s':>12}{'lowest':>10}{'highest':>10}{'CPU µs each':>14}")
    for role, rounds in results.items():
        rates = [one["messages_per_s"] for one in rounds]
        cpu = statistics.median(one["cpu_us"] for one in rounds)
        middle = statistics.median(rates)
        print(f"{role:22}{middle:12,.0f}{min(rates):10,.0f}{max(rates):10,.0f}{cpu:14.1f}")
    print(f"worker to the better bare loop, same round: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
