"""Sources of a replay's records: files of events, or the log's topic itself."""

import re
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence, Set
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from aiokafka import ConsumerRecord, TopicPartition

from workers.chatlogs.event_files import lines_of, opened
from workers.chatlogs.lines import MAX_LINE_BYTES, bounded
from workers.contracts.codec import MAX_AHEAD_MS, MAX_VALUE_BYTES, UNSIGNED, Raw, decode_event
from workers.contracts.deadletters import NONE_GIVEN_UP, GivenUp, is_given_up
from workers.contracts.events import (
    OWN_TYPES,
    PARTITION_TYPES,
    POLICY_CONVERSATION,
    PolicyInForce,
)
from workers.contracts.rejections import Rejected
from workers.contracts.signing import Secrets
from workers.contracts.time import DAY, HOUR, from_ms
from workers.conversation.fold import Incoming
from workers.kafka.dead_letter_topic import read_given_up
from workers.kafka.publishing import partition_of
from workers.kafka.reader import Range, Ranges, later, partitions_of, ranges_of, read, reading
from workers.settings import Settings

_OWN: Final = re.compile(rb'"type"\s*:\s*"(?:%s)"' % b"|".join(s.encode() for s in OWN_TYPES))
_POLICY_EVERY_MS: Final = DAY + HOUR
_BLOCK: Final = 1 << 20
_OCCURRED: Final = re.compile(rb'"occurred_at"\s*:\s*"([0-9TtZz:.+ -]{10,40})"')
_NO_TIMESTAMP: Final = 2**53
"""A line of a file has no Kafka timestamp: nothing in it counts as ahead of its time."""


class _RawHead(msgspec.Struct):
    conversation_id: str = ""
    type: str = "message"


_POLICY_KEY: Final = POLICY_CONVERSATION.encode()
_HEAD: Final = msgspec.json.Decoder(_RawHead)


class FileFacts(NamedTuple):
    """The findings of a first pass over the files."""

    lines: int
    """Blank ones included."""
    own: bool
    """True if our own agents wrote in it: then all of its deadlines and policies are there."""
    policy: PolicyInForce | None
    """The first policy event."""


def look_at(paths: Sequence[Path]) -> FileFacts:
    """Read the files once, quickly, before anything is decided."""
    lines, own, policy = 0, False, None
    for block in _blocks(paths):
        lines += len(block)
        if policy is None and _OWN.search(b"".join(block)):
            for line in filter(_OWN.search, block):
                kind = _head(line).type
                own = own or kind in OWN_TYPES
                if kind == "policy" and policy is None:
                    policy = _policy_of(line)
    return FileFacts(lines, own, policy)


def _blocks(paths: Sequence[Path]) -> Iterator[list[bytes]]:
    for path in paths:
        with opened(path) as file:
            block, size = [], 0
            for line in bounded(file, MAX_LINE_BYTES):
                block.append(line)
                size += len(line)
                if size >= _BLOCK:
                    yield block
                    block, size = [], 0
            if block:
                yield block


def count_ahead(paths: Sequence[Path], now_ms: int) -> int:
    """Return how many lines are of a time so far ahead of now that a worker would refuse them."""
    today = from_ms(now_ms).date().isoformat().encode()
    latest = from_ms(now_ms + MAX_AHEAD_MS)
    count = 0
    for _, _, line in lines_of(paths):
        found = _OCCURRED.search(line)
        # Zones move a time by less than a day, so that most lines need no more than this.
        if found is None or found[1][:10] < today:
            continue
        try:
            at = datetime.fromisoformat(found[1].decode())
        except ValueError:
            continue
        count += (at if at.tzinfo else at.replace(tzinfo=UTC)) > latest
    return count


def _head(line: bytes) -> _RawHead:
    try:
        return _HEAD.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return _RawHead()


def _policy_of(line: bytes) -> PolicyInForce | None:
    try:
        return msgspec.json.decode(line, type=PolicyInForce)
    except (msgspec.DecodeError, RecursionError):
        return None


class SourceLine(NamedTuple):
    """One line of a file as a record of a partition."""

    partition: int
    incoming: Incoming
    path: Path
    number: int


def read_files(
    paths: Sequence[Path], partitions: int, mine: frozenset[int]
) -> Iterator[SourceLine]:
    """Yield the lines whose conversations live in `mine`, numbered through all the files.

    Events that belong to no conversation are yielded once for each of `mine`.
    """
    for offset, (path, number, line) in enumerate(lines_of(paths)):
        head = _head(line)
        if head.type in PARTITION_TYPES:
            for partition in sorted(mine):
                yield SourceLine(partition, _incoming(offset, line, head), path, number)
            continue
        partition = partition_of(head.conversation_id, partitions)
        if partition in mine:
            yield SourceLine(partition, _incoming(offset, line, head), path, number)


def _incoming(offset: int, line: bytes, head: _RawHead) -> Incoming:
    raw = Raw(head.conversation_id.encode(), line, (), _NO_TIMESTAMP)
    if len(line) > MAX_LINE_BYTES:
        problem = f"event: more than {MAX_LINE_BYTES} bytes: send at most {MAX_VALUE_BYTES}"
        return Incoming(offset, _NO_TIMESTAMP, None, raw, Rejected("too_large", problem))
    return _decoded(offset, raw, UNSIGNED)


def _decoded(offset: int, raw: Raw, secrets: Secrets) -> Incoming:
    try:
        return Incoming(offset, raw.timestamp_ms, decode_event(raw, secrets), raw)
    except Rejected as rejected:
        return Incoming(offset, raw.timestamp_ms, None, raw, rejected)


def of_record(record: ConsumerRecord, secrets: Secrets, given_up: GivenUp) -> Incoming:
    """Return a record of the log as the live worker saw it, which had given some up."""
    raw = Raw(record.key, record.value, record.headers, record.timestamp)
    if is_given_up(raw, record.offset, given_up):
        gave_up = Rejected("poison", "the worker gave it up: see dead-letters")
        return Incoming(record.offset, record.timestamp, None, raw, gave_up)
    return _decoded(record.offset, raw, secrets.at(record.topic, record.partition))


class LogFacts(NamedTuple):
    """The extent of a topic at the start of the replay."""

    ranges: dict[int, Range]
    given_up: dict[int, GivenUp]
    """Per partition."""
    policies: dict[int, PolicyInForce]
    """The first policy event of each partition that has one."""


async def look_at_topic(settings: Settings, topic: str, since_ms: int | None) -> LogFacts:
    """Note where each partition begins and ends, what was given up, and the first policies.

    With `since_ms` it begins a day before that, as the policy in force is repeated daily.
    """
    async with reading(settings) as consumer:
        log = await ranges_of(consumer, await partitions_of(consumer, [topic]))
        if since_ms is not None:
            log = await later(consumer, log, since_ms - _POLICY_EVERY_MS)
    given_up = await read_given_up(settings)
    return LogFacts(
        ranges={tp.partition: found for tp, found in log.items()},
        given_up={home.partition: at for home, at in given_up.items() if home.topic == topic},
        policies=await _first_policies(settings, log),
    )


async def _first_policies(settings: Settings, ranges: Ranges) -> dict[int, PolicyInForce]:
    found: dict[int, PolicyInForce] = {}
    secrets = Secrets(settings.signing_keys)
    async with aclosing(read(settings, ranges)) as runs:
        async for tp, records in runs:
            if tp.partition not in found:
                policy = _first_policy(records, secrets)
                if policy is not None:
                    found[tp.partition] = policy
            if len(found) == len(ranges):
                break
    return found


def _first_policy(records: Sequence[ConsumerRecord], secrets: Secrets) -> PolicyInForce | None:
    for record in records:
        if record.key == _POLICY_KEY:
            event = of_record(record, secrets, NONE_GIVEN_UP).event
            if isinstance(event, PolicyInForce):
                return event
    return None


async def read_topic(
    settings: Settings, topic: str, ranges: dict[int, Range]
) -> AsyncGenerator[tuple[int, list[ConsumerRecord]], None]:
    """Yield runs of records of the partitions in `ranges`."""
    wanted = {TopicPartition(topic, partition): found for partition, found in ranges.items()}
    async for tp, records in read(settings, wanted):
        yield tp.partition, records


class FoundConversation(NamedTuple):
    """One conversation's records, with the policy events of its partition."""

    incoming: list[Incoming]
    partition: int
    policy: str | None
    """The policy in force before the first policy event; None: the log does not tell."""
    observe: bool
    own: bool
    """True if our own agents wrote on this log."""


def find_in_files(paths: Sequence[Path], conversation_id: str) -> FoundConversation:
    """Collect a conversation from files of events."""
    facts = look_at(paths)
    incoming = []
    for offset, (_, _, line) in enumerate(lines_of(paths)):
        head = _head(line)
        if head.type in PARTITION_TYPES or head.conversation_id == conversation_id:
            incoming.append(_incoming(offset, line, head))
    return _found(incoming, 0, facts.policy, own=facts.own)


async def find_in_topic(
    settings: Settings, topic: str, conversation_id: str, advance: Callable[[int], None]
) -> FoundConversation:
    """Collect a conversation from the log, whichever partition it is in."""
    async with reading(settings) as consumer:
        ranges = await ranges_of(consumer, await partitions_of(consumer, [topic]))
    key, secrets = conversation_id.encode(), Secrets(settings.signing_keys)
    found: dict[int, list[Incoming]] = {}
    here: set[int] = set()
    async for tp, records in read(settings, ranges):
        for record in records:
            if record.key in (key, _POLICY_KEY):
                incoming = of_record(record, secrets, NONE_GIVEN_UP)
                found.setdefault(tp.partition, []).append(incoming)
                if record.key == key:
                    here.add(tp.partition)
        advance(len(records))
    partition = min(here, default=0)
    records_here = found.get(partition, [])
    events = [one.event for one in records_here]
    policy = next((one for one in events if isinstance(one, PolicyInForce)), None)
    return _found(records_here, partition, policy, own=True)


def _found(
    incoming: list[Incoming], partition: int, policy: PolicyInForce | None, *, own: bool
) -> FoundConversation:
    text, observe = (None, False) if policy is None else (policy.policy, policy.observe)
    return FoundConversation(incoming, partition, text, observe, own)


class CollectedConversation(NamedTuple):
    """The records of one of several conversations, with the policy events of its partition."""

    partition: int
    incoming: list[Incoming]


def collect_from_files(
    paths: Sequence[Path], wanted: Set[str], partitions: int
) -> dict[str, CollectedConversation]:
    """Collect some conversations from files of events, as a replay spreads them."""
    found = {
        id_: CollectedConversation(partition_of(id_, partitions), []) for id_ in sorted(wanted)
    }
    for offset, (_, _, line) in enumerate(lines_of(paths)):
        head = _head(line)
        if head.conversation_id in wanted:
            found[head.conversation_id].incoming.append(_incoming(offset, line, head))
        elif head.type in PARTITION_TYPES:
            policy = _incoming(offset, line, head)
            for conversation in found.values():
                conversation.incoming.append(policy)
    return found


async def collect_from_topic(
    settings: Settings, topic: str, wanted: Set[str], ranges: dict[int, Range]
) -> dict[str, CollectedConversation]:
    """Collect some conversations from the log, each from the partition it is in."""
    secrets = Secrets(settings.signing_keys)
    keys = {id_.encode(): id_ for id_ in wanted}
    found: dict[str, CollectedConversation] = {}
    policies: dict[int, list[Incoming]] = {}
    async for partition, records in read_topic(settings, topic, ranges):
        for record in records:
            id_ = keys.get(record.key)
            if id_ is None and record.key != _POLICY_KEY:
                continue
            incoming = of_record(record, secrets, NONE_GIVEN_UP)
            if id_ is None:
                policies.setdefault(partition, []).append(incoming)
                continue
            one = found.setdefault(id_, CollectedConversation(partition, []))
            one.incoming.append(incoming)
    for one in found.values():
        one.incoming.extend(policies.get(one.partition, ()))
        one.incoming.sort(key=lambda incoming: incoming.offset)
    return found
