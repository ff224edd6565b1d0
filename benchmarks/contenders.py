"""The processes that are measured beside each other: `python -m benchmarks.contenders ROLE GROUP`.

Each says `first <monotonic> <CPU seconds>` when it has its first records in hand; what it has
committed is seen from outside.
"""

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from benchmarks import escalation_throughput
from benchmarks.escalation_throughput import COMMIT_EVERY_S, Clock
from benchmarks.first import first
from workers.agents.escalation.agent import EscalationAgent
from workers.agents.routing.agent import RoutingAgent
from workers.cli.main import handoff
from workers.contracts.decisions import Home
from workers.contracts.topics import EVENTS
from workers.conversation.fold import ConversationWrite
from workers.conversation.state import new_state
from workers.data import data_path
from workers.runtime.app import TP, Agent
from workers.runtime.process import run, spare_collector
from workers.runtime.producer import IDEMPOTENT, Record, publish_all
from workers.settings import Settings, kafka_client_kwargs, load_settings
from workers.stores.connection import connect
from workers.stores.partition_store import PartitionStore, Writes

ASKS = b"speak to a person"
"""The words on which a bare pipeline passes a message on."""
STATE_BYTES = 600


class _Worker(EscalationAgent):
    """The worker as it is, but for the line that says when it began."""

    async def handle(self, tp: TP, records: Sequence[ConsumerRecord]) -> None:
        first()
        await super().handle(tp, records)


def worker(group: str) -> None:
    """`handoff worker escalation --from earliest`, under a consumer group of this run's own."""
    from workers.agents.escalation import agent as escalation

    _Worker.group = group
    escalation.make_agent = _Worker
    handoff(["worker", "escalation", "--from", "earliest", "--log-level", "WARNING"])


class _Router(RoutingAgent):
    async def handle(self, tp: TP, records: Sequence[ConsumerRecord]) -> None:
        first()
        await super().handle(tp, records)


def router(topics: str) -> None:
    """`handoff worker routing`, with the line that says when it began."""
    from workers.agents.routing import agent as routing

    routing.RoutingAgent = _Router  # type: ignore[misc]
    handoff(["worker", "routing", "--topics", topics, "--from", "earliest"])


class _Nothing(Agent):
    """A Faust agent with our chunks that does nothing with them."""

    topic = EVENTS

    async def positions(self, bounds: Any) -> Any:
        return {tp: found.begin for tp, found in bounds.items()}

    async def handle(self, *_: object) -> None:
        first()


async def faust_nothing(settings: Settings, group: str) -> None:
    """A Faust chunk agent that does nothing."""
    _Nothing.group = group
    await run(_Nothing(settings))


async def core(settings: Settings, group: str) -> None:
    """A bare loop that calls the same core and does the same work in Redis."""

    class Said(Clock):
        def add(self, records: int) -> None:
            if records:
                first()
            super().add(records)

    # What helps the worker helps anybody.
    spare_collector()
    # Its own clock is not what is measured; it would end after `total` records.
    escalation_throughput.Clock = Said  # type: ignore[misc]
    await escalation_throughput.bare(settings, group, sys.maxsize, side_by_side=True)


Body = Callable[[int, Sequence[ConsumerRecord]], Awaitable[None]]


async def _loop(
    settings: Settings, group: str, topic: str, body: Body, start: str = "earliest"
) -> None:
    """Fetch, have each partition's records done, commit twice a second: for ever."""
    consumer = AIOKafkaConsumer(
        topic,
        **kafka_client_kwargs(settings),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset=start,
        fetch_max_wait_ms=settings.kafka_fetch_max_wait_ms,
        max_poll_records=settings.chunk_size,
    )
    await consumer.start()
    committed = time.perf_counter()
    while True:
        found = await consumer.getmany(timeout_ms=200)
        if found:
            first()
        await asyncio.gather(*(body(tp.partition, records) for tp, records in found.items()))
        if time.perf_counter() - committed > COMMIT_EVERY_S:
            await consumer.commit()
            committed = time.perf_counter()


async def store_only(settings: Settings, group: str) -> None:
    """The same reads and writes in Redis without the core: JSON in, a state of usual size out."""
    redis = connect(settings)
    state, blob = new_state(), b"s" * STATE_BYTES
    marks: dict[int, Any] = {}
    stores: dict[int, PartitionStore] = {}

    async def body(number: int, records: Sequence[ConsumerRecord]) -> None:
        home = Home(topic=EVENTS, partition=number)
        if number not in stores:
            stores[number] = PartitionStore(redis, settings.redis_prefix, home, "bare")
        wanted: dict[str, list[str]] = {}
        changes: dict[str, ConversationWrite] = {}
        for record in records:
            event = orjson.loads(record.value)
            name = event["conversation_id"]
            wanted.setdefault(name, []).append(event["event_id"])
            change = changes.setdefault(name, ConversationWrite(state, blob))
            change.ids.append(event["event_id"])
            change.turns.append(record.value)
        await stores[number].read(records[0].offset, wanted)
        mark = stores[number].next_mark(records[-1].offset)
        assert await stores[number].apply(marks.get(number), mark, Writes(changes))
        marks[number] = mark

    await _loop(settings, group, EVENTS, body)


async def naive(settings: Settings, group: str) -> None:
    """Each message by itself: the whole conversation read, added to and written again."""
    from workers.detection import read_customer

    redis = connect(settings)

    async def body(_: int, records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            event = json.loads(record.value)
            if event.get("role") == "customer":
                read_customer(event["content"])
            key = f"{settings.redis_prefix}:{event['conversation_id']}"
            stored = await redis.get(key)
            turns = json.loads(stored) if stored else []
            turns.append(event)
            await redis.set(key, json.dumps(turns), ex=32 * 86_400)

    await _loop(settings, group, EVENTS, body)


async def hop(settings: Settings, group: str, source: str, target: str, start: str) -> None:
    """Pass on what asks for a person, acknowledged: one hop of a bare pipeline."""
    producer = AIOKafkaProducer(**kafka_client_kwargs(settings), **IDEMPOTENT)
    await producer.start()

    async def body(_: int, records: Sequence[ConsumerRecord]) -> None:
        passed = [Record(target, r.key, r.value) for r in records if ASKS in r.value]
        if passed:
            await publish_all(producer, passed)

    await _loop(settings, group, source, body, start)


def replay(file: str, processes: str, memory: str) -> None:
    """A backtest of a file by so many processes, which keep `memory` bytes of conversations.

    It prints its seconds, CPU seconds and the peak of its largest process in MB.
    """
    from workers.replay.backtest import CandidatePolicy
    from workers.replay.planning import Asked, plan_files
    from workers.replay.processes import replay as run_replay

    text = data_path("policies/default.yaml").read_text(encoding="utf-8")
    started, cpu = time.perf_counter(), _cpu()
    asked = Asked(memory=int(memory))
    prepared = plan_files([Path(file)], [CandidatePolicy("default", text)], text, asked)
    run_replay(prepared.plan, prepared.records, lambda _: None, processes=int(processes))
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    figures = (time.perf_counter() - started, _cpu() - cpu, max(own_peak_mb(), children))
    print(json.dumps(figures), flush=True)


def _cpu() -> float:
    """CPU seconds of this process and of those that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def own_peak_mb() -> float:
    """The most memory that this process has had; `getrusage` counts its parent's, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


LOOPS: dict[str, Callable[..., Coroutine[None, None, None]]] = {
    "faust-nothing": faust_nothing,
    "core": core,
    "store-only": store_only,
    "naive": naive,
    "hop": hop,
}


def main() -> None:
    """Run one role; REDIS_URL, KAFKA_BOOTSTRAP and HANDOFF_REDIS_PREFIX say where."""
    role, *arguments = sys.argv[1:]
    if role == "worker":
        worker(*arguments)
    elif role == "router":
        router(*arguments)
    elif role == "replay":
        replay(*arguments)
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(LOOPS[role](load_settings(), *arguments))


if __name__ == "__main__":
    main()
