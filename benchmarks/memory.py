"""Bytes in Redis of one open conversation, by part."""

import asyncio
from typing import Any

import redis
import uvloop

from benchmarks.environment import World
from benchmarks.growth import HOME, incoming
from benchmarks.report import Report
from workers.contracts.codec import Raw, decode_event
from workers.contracts.signing import Secrets
from workers.conversation.fold import Incoming, fold_chunk, wanted
from workers.conversation.partition_meta import starting_meta
from workers.data import data_path
from workers.stores.connection import connect
from workers.stores.partition_store import PartitionStore, Writes, base_key

PARTS = {"s": "state", "t": "transcript", "i": "ids"}


def run(report: Report, quick: bool) -> None:
    """Conversations of several lengths, each with an escalation that waits for somebody."""
    with World() as world, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for length, count in ((10, 500), (100, 50), (1_000, 5)):
            names = [f"open-{length}-{n}" for n in range(count // 5 if quick else count)]
            runner.run(_write(world, names, length))
            for name in names:
                _measure(report, world.store, name, length)


async def _write(world: World, names: list[str], length: int) -> None:
    meta = starting_meta((data_path("policies") / "default.yaml").read_text(encoding="utf-8"))
    client = connect(world.settings)
    store = PartitionStore(client, "handoff", HOME, "bench")
    mark = await store.mark()
    for name in names:
        some = [*(incoming(name, n) for n in range(length - 1)), asking(name, length - 1)]
        reading = await store.read(0, wanted(some))
        folded = fold_chunk(some, reading.states, reading.known, meta, HOME)
        assert folded.changes[name].is_open
        after = store.next_mark(folded.last_offset)
        assert await store.apply(mark, after, Writes(folded.changes))
        mark = after
    await client.aclose()


def asking(name: str, number: int) -> Incoming:
    """A message that asks for a person, so that an escalation opens."""
    one = incoming(name, number - number % 2)
    value = (one.raw.value or b"").replace(b"please go on", b"I want to speak to a human agent")
    value = value.replace(
        f"{name}-{number - number % 2:06}".encode(), f"{name}-{number:06}".encode()
    )
    raw = Raw(one.raw.key, value, (), one.raw.timestamp_ms + 1000)
    return Incoming(number, raw.timestamp_ms, decode_event(raw, Secrets()), raw)


def _measure(report: Report, client: "redis.Redis", name: str, length: int) -> None:
    base, total = base_key("handoff", HOME), 0
    for letter, part in PARTS.items():
        used: Any = client.memory_usage(f"{base}{letter}:{name}", samples=0)
        total += used
        report.add(f"{length:,} messages", part, "bytes", used)
    state: Any = client.strlen(f"{base}s:{name}")
    report.add(f"{length:,} messages", "all", "bytes", total)
    report.add(f"{length:,} messages", "state alone, without key", "bytes", state)
