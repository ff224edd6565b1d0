"""Dead letters on their topic: read by origin, and sent again to where they were."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from workers.contracts.codec import Raw
from workers.contracts.deadletters import (
    POISON,
    DeadLetter,
    Origin,
    read_dead_letter,
    read_retry_mark,
    retry_mark,
)
from workers.contracts.decisions import Home
from workers.contracts.topics import DEAD_LETTERS
from workers.kafka.reader import partitions_of, ranges_of, read, reading
from workers.settings import Settings, kafka_client_kwargs

_AT_ONCE: Final = 200
_LARGEST: Final = 4 * 1024 * 1024
# Longer than the broker's own waits, shorter than a person's.
_SEND_LIMIT_S: Final = 30.0


class FoundLetter(NamedTuple):
    """A dead letter, where it is on its topic, and whether it was sent again."""

    partition: int
    offset: int
    at_ms: int
    letter: DeadLetter
    retried: bool

    @property
    def place(self) -> str:
        """The record's origin, as partition and offset are usually written."""
        topic, partition, offset = self.letter.origin
        return f"{topic}[{partition}]@{offset}"


class LetterFilter(NamedTuple):
    """The dead letters that a person asks for."""

    reasons: tuple[str, ...]
    topic: str | None
    since: int | None

    def takes(self, letter: DeadLetter, at_ms: int) -> bool:
        """Return whether this one is asked for."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (self.topic is None or letter.origin.topic == self.topic)
            and (self.since is None or at_ms >= self.since)
        )


async def read_letters(
    settings: Settings, wanted: LetterFilter, advance: Callable[[int], None]
) -> list[FoundLetter]:
    """Return every dead letter that is wanted once, oldest first.

    ReadError when the topic cannot be read.
    """
    letters = LetterList(wanted)
    async for tp, records in _whole(settings):
        advance(len(records))
        for record in records:
            letters.take(tp.partition, record.offset, _raw(record))
    return letters.found()


async def read_given_up(settings: Settings) -> dict[Home, dict[int, tuple[str, ...]]]:
    """Return the records at which workers died, by partition, each as `GivenUp` has it.

    ReadError when the topic cannot be read.
    """
    found: dict[Home, dict[int, tuple[str, ...]]] = {}
    async for _, records in _whole(settings):
        for record in records:
            letter = read_dead_letter(_raw(record))
            if letter is not None and letter.reason == POISON:
                topic, partition, offset = letter.origin
                here = found.setdefault(Home(topic=topic, partition=partition), {})
                here[offset] = tuple(sorted({*here.get(offset, ()), letter.digest}))
    return found


async def _whole(settings: Settings) -> AsyncIterator[tuple[TopicPartition, list[ConsumerRecord]]]:
    async with reading(settings) as consumer:
        ranges = await ranges_of(consumer, await partitions_of(consumer, [DEAD_LETTERS]))
    async with aclosing(read(settings, ranges)) as runs:
        async for tp, records in runs:
            yield tp, records


def _raw(record: ConsumerRecord) -> Raw:
    return Raw(record.key, record.value, record.headers, record.timestamp)


class LetterList:
    """Dead letters as they are read, each once, however often it was written."""

    def __init__(self, wanted: LetterFilter) -> None:
        self._wanted = wanted
        self._found: dict[tuple[Origin, str], FoundLetter] = {}
        self._marks: set[tuple[Origin, str]] = set()

    def take(self, partition: int, offset: int, raw: Raw) -> None:
        """Take a record of `dead-letters`; those of one partition in their order."""
        mark = read_retry_mark(raw)
        if mark is not None:
            origin, digest = mark
            # A mark without a digest is of what stood there before it.
            known = [digest] if digest else [d for place, d in self._found if place == origin]
            self._marks.update((origin, one) for one in known)
            return
        letter = read_dead_letter(raw)
        if letter is not None and self._wanted.takes(letter, raw.timestamp_ms):
            found = FoundLetter(partition, offset, raw.timestamp_ms, letter, retried=False)
            self._found.setdefault((letter.origin, letter.digest), found)

    def found(self) -> list[FoundLetter]:
        """Return them oldest first."""
        letters = [one._replace(retried=key in self._marks) for key, one in self._found.items()]
        return sorted(letters, key=lambda one: (one.at_ms, one.partition, one.offset))


async def send_again(
    settings: Settings, chosen: list[FoundLetter], advance: Callable[[int], None]
) -> tuple[list[FoundLetter], dict[str, str]]:
    """Send and mark records; return the acknowledged ones, and by place why others were not."""
    producer = AIOKafkaProducer(
        **kafka_client_kwargs(settings),
        acks="all",
        enable_idempotence=True,
        max_request_size=_LARGEST,
    )
    await producer.start()
    try:
        cluster = await producer.client.fetch_all_metadata()
        sent: list[FoundLetter] = []
        left: dict[str, str] = {}
        for start in range(0, len(chosen), _AT_ONCE):
            some = chosen[start : start + _AT_ONCE]
            able = []
            for one in some:
                there = cluster.partitions_for_topic(one.letter.origin.topic) or set()
                if obstacle := _obstacle(one, there):
                    left[one.place] = obstacle
                else:
                    able.append(one)
            done = await _again(producer, able, left)
            # The mark comes after, so that a crash in between sends twice and never not at all.
            sent += await _marked(producer, done, left)
            advance(len(some))
        return sent, left
    finally:
        await producer.stop()


def _obstacle(one: FoundLetter, partitions: set[int]) -> str | None:
    if one.letter.cut:
        return "its value was too large to be kept whole: send it anew from its source"
    if one.letter.origin.partition not in partitions:
        return "its topic or partition is not there: handoff topics check"
    return None


async def _again(
    producer: AIOKafkaProducer, some: list[FoundLetter], left: dict[str, str]
) -> list[FoundLetter]:
    """Send to where they were, in order; those that were acknowledged."""

    async def send(one: FoundLetter) -> Any:
        topic, partition, _ = one.letter.origin
        key, value, headers, _ = one.letter.raw
        return await producer.send(topic, value, key=key, partition=partition, headers=[*headers])

    return await _acknowledged(some, send, left)


async def _marked(
    producer: AIOKafkaProducer, some: list[FoundLetter], left: dict[str, str]
) -> list[FoundLetter]:
    """Mark as sent; those whose mark was acknowledged."""

    async def send(one: FoundLetter) -> Any:
        key, value, headers = retry_mark(one.letter)
        return await producer.send(
            DEAD_LETTERS, value, key=key, partition=one.partition, headers=headers
        )

    return await _acknowledged(some, send, left)


async def _acknowledged(
    some: list[FoundLetter], send: Callable[[FoundLetter], Awaitable[Any]], left: dict[str, str]
) -> list[FoundLetter]:
    waiting: list[tuple[FoundLetter, asyncio.Future[Any]]] = []
    for one in some:
        try:
            waiting.append((one, await send(one)))
        except KafkaError as error:
            left[one.place] = f"{type(error).__name__}: {error}"
    if waiting:
        await asyncio.wait([future for _, future in waiting], timeout=_SEND_LIMIT_S)
    done = []
    for one, future in waiting:
        if not future.done():
            left[one.place] = f"not acknowledged in {_SEND_LIMIT_S:.0f} s: try again"
        elif refusal := future.exception():
            left[one.place] = f"{type(refusal).__name__}: {refusal}"
        else:
            done.append(one)
    return done
