"""Cost of a message in conversations of 10 to 10,000 messages, ours and a naive way's."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import redis
import uvloop

from benchmarks.environment import World
from benchmarks.report import Report
from workers.contracts.codec import Raw, decode_event
from workers.contracts.decisions import Home
from workers.contracts.signing import Secrets
from workers.contracts.topics import EVENTS
from workers.conversation.fold import Incoming, fold_chunk, wanted
from workers.conversation.partition_meta import PartitionMeta, starting_meta
from workers.data import data_path
from workers.stores.connection import connect
from workers.stores.partition_store import PartitionStore, Writes

LENGTHS = (10, 100, 1_000, 10_000)
HOME = Home(topic=EVENTS, partition=0)
START_MS = 1_790_000_000_000
_CHUNK = 500


def incoming(conversation: str, number: int) -> Incoming:
    """A message of a long conversation in which nothing happens; what is said is never the same."""
    customer = number % 2 == 0
    value: dict[str, Any] = {
        "event_id": f"{conversation}-{number:06}",
        "conversation_id": conversation,
        "occurred_at": _time(number),
        "role": "customer" if customer else "ai_agent",
        "content": f"{words(number)}: item {number:06} of the list, please go on",
        "customer": {"id": "customer", "tier": "standard", "locale": "en"},
        "channel": "chat",
    }
    if not customer:
        value["agent"] = {"id": "bot", "version": "7", "confidence": 0.9}
    raw = Raw(conversation.encode(), msgspec.json.encode(value), (), START_MS + number * 1000)
    return Incoming(number, raw.timestamp_ms, decode_event(raw, Secrets()), raw)


def _time(number: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START_MS / 1000 + number))


def words(number: int) -> str:
    """Letters that differ from number to number, so that no one seems to repeat themselves."""
    found = []
    for step in (7919, 104_729, 1_299_709):
        value = (number * step) % 456_976
        letters = [chr(97 + value // 26**place % 26) for place in range(4)]
        found.append("".join(letters))
    return " ".join(found)


class Long(NamedTuple):
    """A conversation as it is after so many messages."""

    name: str
    length: int
    state: bytes


def grown(meta: PartitionMeta) -> Iterator[Long]:
    """Conversations of every length."""
    for length in LENGTHS:
        name, state = f"long-{length:05}", None
        for start in range(0, length, _CHUNK):
            some = [incoming(name, n) for n in range(start, min(length, start + _CHUNK))]
            change = fold_chunk(some, {name: state}, {}, meta, HOME).changes[name]
            state = change.blob
        assert state is not None
        yield Long(name, length, state)


def run(report: Report, quick: bool) -> None:
    """Alternate between the lengths, one message at a time; the conversation grows as it must."""
    meta = starting_meta((data_path("policies") / "default.yaml").read_text(encoding="utf-8"))
    longs = [*grown(meta)]
    for long in longs:
        report.add(f"{long.length:,} messages", "state", "bytes", len(long.state))
    for _ in range(10 if quick else 40):
        for long in longs:
            report.add(
                f"{long.length:,} messages", "core", "CPU µs/message", core_us(long, meta, 50)
            )
    with World() as world, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_stored(report, world, longs, meta, 10 if quick else 40))
        _naive(report, world, 3 if quick else 10)
    most, least = (f"{length:,} messages" for length in (LENGTHS[-1], LENGTHS[0]))
    for figure in ("core", "core and store", "to and from the store", "naive", "naive bytes"):
        report.ratio(most, least, figure)


def core_us(long: Long, meta: PartitionMeta, count: int) -> float:
    """Decode the state, fold one message, encode the state: as for a chunk of one message."""
    some = [incoming(long.name, long.length + n) for n in range(count)]
    state: bytes | None = long.state
    started = time.process_time()
    for one in some:
        folded = fold_chunk([one], {long.name: state}, {}, meta, HOME)
        state = folded.changes[long.name].blob
    return 1e6 * (time.process_time() - started) / count


async def _stored(
    report: Report, world: World, longs: list[Long], meta: PartitionMeta, rounds: int
) -> None:
    client = connect(world.settings)
    store = PartitionStore(client, "handoff", HOME, "bench")
    mark: Any = None
    for long in longs:
        for start in range(0, long.length, _CHUNK):
            some = [incoming(long.name, n) for n in range(start, min(long.length, start + _CHUNK))]
            mark = await _apply(store, some, mark, meta)
    at = {long.name: long.length for long in longs}
    count = 20
    for _ in range(rounds):
        for long in longs:
            some = [incoming(long.name, at[long.name] + n) for n in range(count)]
            at[long.name] += count
            before, started = await _traffic(client), time.perf_counter()
            for one in some:
                mark = await _apply(store, [one], mark, meta)
            seconds = time.perf_counter() - started
            traffic = await _traffic(client) - before
            case = f"{long.length:,} messages"
            report.add(case, "core and store", "µs/message", 1e6 * seconds / count)
            report.add(case, "to and from the store", "bytes/message", traffic / count)
    await client.aclose()


async def _apply(
    store: PartitionStore, some: list[Incoming], mark: Any, meta: PartitionMeta
) -> Any:
    reading = await store.read(some[0].offset, wanted(some))
    folded = fold_chunk(some, reading.states, reading.known, meta, HOME)
    after = store.next_mark(folded.last_offset)
    assert await store.apply(mark, after, Writes(folded.changes, folded.outputs))
    return after


async def _traffic(client: Any) -> int:
    stats = await client.info("stats")
    return int(stats["total_net_input_bytes"]) + int(stats["total_net_output_bytes"])


def _naive(report: Report, world: World, rounds: int) -> None:
    """The whole conversation read, added to and written again, message by message."""
    client: redis.Redis = world.store
    for length in LENGTHS:
        turns = [msgspec.json.decode(incoming("naive", n).raw.value or b"") for n in range(length)]
        client.set(f"naive-{length}", json.dumps(turns))
    turn = msgspec.json.decode(incoming("naive", 0).raw.value or b"")
    for _ in range(rounds):
        for length in LENGTHS:
            moved = 0
            started = time.perf_counter()
            for _ in range(20):
                stored: Any = client.get(f"naive-{length}")
                turns = json.loads(stored)
                turns.append(turn)
                written = json.dumps(turns)
                client.set(f"naive-{length}", written)
                moved += len(stored) + len(written)
            case = f"{length:,} messages"
            seconds = time.perf_counter() - started
            report.add(case, "naive", "µs/message", 1e6 * seconds / 20)
            report.add(case, "naive bytes", "bytes/message", moved / 20)
