"""Input of hostile customers, tools and producers, which nobody else may notice."""

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final, NamedTuple
from unittest import mock

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer import message_accumulator
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from tests.faults.load import FOREIGN, Step
from tests.support.hostile_texts import SHAPES, repeated
from workers.contracts.codec import Header
from workers.contracts.signing import SIGNATURE_HEADER
from workers.contracts.topics import CLASSIFICATIONS, DECISIONS, DESKS, EVENTS, LEDGER

CUSTOMERS: Final = 12
MESSAGES: Final = 30
MESSAGE_CHARACTERS: Final = 32_768
TOOL_BYTES: Final = 900_000
"""Of a tool's error in JSON; with its envelope it is as long as the topic takes."""
READ: Final = (EVENTS, DECISIONS, DESKS, CLASSIFICATIONS, LEDGER)
"""The topics that workers consume."""
RECORDS: Final = 30


class Hostile(NamedTuple):
    """One record that nobody of us would write."""

    key: bytes
    value: bytes | None
    headers: Sequence[Any] = ()


class _Name(str):
    """A header's name that is no UTF-8."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        return b"\xff\xfe\xfd"


def content(random: Random, name: str, seconds: float) -> list[Step]:
    """Return the steps of customers who flood, whose tools flood, and who then want a person."""
    steps = []
    for number in range(CUSTOMERS):
        conversation, shape = f"{FOREIGN}{name}-{number}", random.choice([*SHAPES.values()])
        text = repeated(shape, MESSAGE_CHARACTERS)
        grown = len(orjson.dumps(shape)) / len(shape)
        said_by_tool = repeated(shape, int(TOOL_BYTES / grown))
        error = {"name": "look", "status": "error", "error": said_by_tool}
        said: list[dict[str, Any]] = [{"role": "customer", "content": text}] * MESSAGES
        said += [{"role": "tool", "tool": error}, {"role": "ai_agent", "content": text}]
        said += [{"role": "customer", "content": f"I want to talk to a human. {text}"}]
        start = random.uniform(0.0, seconds / 2)
        for index, turn in enumerate(said):
            at = start + index * seconds / 2 / len(said)
            event = {"event_id": f"e-{conversation}-{index}", **turn}
            steps.append(Step(at, conversation, event))
    return sorted(steps, key=lambda step: step.at_s)


def _request(random: Random) -> Hostile:
    """Return a question for the classifier from a partition that cannot be."""
    name = f"{FOREIGN}{random.randrange(10**9)}"
    home = {"topic": "nowhere\x1b", "partition": 2**31}
    ids = {"request_id": f"r-{name}", "conversation_id": name, "event_id": "e-1"}
    scores = {"requested_human": 0.5, "frustrated": 0.5, "episode": 1, "turns": 1}
    said = {"requested_at": "2026-11-01T09:00:00Z", "text": "hm", "home": home, **ids, **scores}
    return Hostile(name.encode(), orjson.dumps(said))


def _own(random: Random) -> Hostile:
    """Return an event of our own agents with a signature that is null."""
    name = f"{FOREIGN}{random.randrange(10**9)}"
    event = {"event_id": "e-1", "conversation_id": name, "occurred_at": "2026-11-01T09:00:00Z"}
    due = {"type": "deadline", "due_at": "2026-11-01T09:00:00Z"}
    return Hostile(name.encode(), orjson.dumps(event | due), [(SIGNATURE_HEADER, None)])


def _bad(*headers: Header | tuple[Any, bytes], key: bytes = b"", value: bytes = b"{") -> Any:
    def make(random: Random) -> Hostile:
        name = f"{FOREIGN}{random.randrange(10**9)}".encode()
        return Hostile(name + key, value, headers)

    return make


_RECORDS: Final[dict[str, Callable[[Random], Hostile]]] = {
    "a key of 5 MB": _bad(key=b"k" * 5_000_000),
    "a value of 40 MB": _bad(value=b" " * 40_000_000),
    "a header without a value": _bad(("h", None)),
    "a header's name that is no text": _bad((_Name("h"), b"v")),
    "25,000 signatures": _bad(*[(SIGNATURE_HEADER, b"")] * 25_000),
    "a signature that is null": _own,
    "a home that cannot be": _request,
    "no value": _bad(value=b"null"),
}


async def send_records(
    bootstrap: str,
    random: Random,
    partitions: dict[str, int],
    foreign: set[tuple[str, int, int]],
) -> None:
    """Send each kind of hostile record, compressed, and then by chance; note where they stand."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, compression_type="gzip", max_request_size=64 * 1024 * 1024
    )
    await producer.start()
    try:
        for number in range(RECORDS):
            kinds = [*_RECORDS.values()]
            make = kinds[number] if number < len(kinds) else random.choice(kinds)
            topic = CLASSIFICATIONS if make is _request else random.choice(READ)
            partition = random.randrange(partitions[topic])
            offset = await _insist(producer, topic, partition, make(random))
            foreign.add((topic, partition, offset))
            await asyncio.sleep(random.uniform(0.0, 0.6))
    finally:
        await producer.stop()


async def _insist(producer: AIOKafkaProducer, topic: str, partition: int, hostile: Hostile) -> int:
    while True:
        # The builder in C looks closely at what it is given.
        with mock.patch.object(
            message_accumulator, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy
        ):
            batch = producer.create_batch()
        batch.append(
            timestamp=None, key=hostile.key, value=hostile.value, headers=[*hostile.headers]
        )
        try:
            sent = await (await producer.send_batch(batch, topic, partition=partition))
        except KafkaError:
            await asyncio.sleep(0.2)
        else:
            return int(sent.offset)
