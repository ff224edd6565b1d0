"""`handoff deadletters`: records that nobody could use, listed, shown or sent again."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from workers.cli.common import (
    CliError,
    json_option,
    kafka_option,
    naming_servers,
    print_json,
    progress,
    require_servers,
    settings_from,
)
from workers.cli.output import print_columns
from workers.cli.time_option import Moment
from workers.contracts.characters import escaped
from workers.contracts.deadletters import (
    DeadLetter,
    Origin,
    read_dead_letter,
    read_retry_mark,
    retry_mark,
)
from workers.contracts.rejections import REJECTION_REASONS, named
from workers.contracts.time import from_ms
from workers.contracts.topics import DEAD_LETTERS

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

    from workers.settings import Settings

_PLACE: Final = re.compile(r"([a-zA-Z0-9._-]{1,249})\[([0-9]{1,9})\]@([0-9]{1,18})")
_AT_ONCE = 200
_LARGEST = 4 * 1024 * 1024
# Longer than the broker's own waits, shorter than a person's.
_SEND_LIMIT_S = 30.0


class _Found(NamedTuple):
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


class _Filter(NamedTuple):
    """Which dead letters a person asks for."""

    reasons: tuple[str, ...]
    topic: str | None
    since: int | None

    def takes(self, letter: DeadLetter, at_ms: int) -> bool:
        """Whether this one is asked for."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (self.topic is None or letter.origin.topic == self.topic)
            and (self.since is None or at_ms >= self.since)
        )


def _filters(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--since", type=Moment(), help="Only those dead-lettered from this time on."),
        click.option("--topic", metavar="TOPIC", help="Only those that were on this topic."),
        click.option(
            "--reason",
            "reasons",
            multiple=True,
            type=click.Choice(REJECTION_REASONS),
            help="Only those of this reason; may be repeated.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def deadletters() -> None:
    """List events that could not be read, show one, or send them again."""


@deadletters.command("list")
@_filters
@kafka_option
@json_option
def list_letters(
    reasons: tuple[str, ...], topic: str | None, since: int | None, kafka: str | None, as_json: bool
) -> None:
    """Print why and where from, oldest first, and never what somebody wrote.

    Exit code: 0 printed, 1 the topic cannot be read, 2 wrongly called.
    """
    settings = settings_from(kafka=kafka)
    require_servers(settings, redis=False)
    with naming_servers(settings):
        found = asyncio.run(_read(settings, _Filter(reasons, topic, since)))
    rows = [_row(one) for one in found]
    if as_json:
        print_json(rows)
        return
    columns = ("at", "reason", "topic", "partition", "offset", "key", "again", "detail")
    print_columns(columns, [[str(row[name]) for name in columns] for row in rows])
    click.echo(f"{len(rows):,} dead letters", err=True)


@deadletters.command()
@click.argument("record")
@kafka_option
@json_option
def show(record: str, kafka: str | None, as_json: bool) -> None:
    """Print all of one dead letter: why, the RECORD as it was, and how to go on.

    RECORD is where it was, as `retry --dry-run` prints it: topic[partition]@offset. What is not
    printable is escaped. It is not redacted: it may hold what a customer wrote.

    Exit code: 0 printed, 1 there is no such dead letter, 2 wrongly called.
    """
    place = _PLACE.fullmatch(record)
    if place is None:
        raise CliError(f"{named(record)}: write it as conversation-events[2]@20", 2)
    origin = Origin(place[1], int(place[2]), int(place[3]))
    settings = settings_from(kafka=kafka)
    require_servers(settings, redis=False)
    with naming_servers(settings):
        found = asyncio.run(_read(settings, _Filter((), origin.topic, None)))
    one = next((one for one in found if one.letter.origin == origin), None)
    if one is None:
        raise CliError(f"no dead letter of {record}: `handoff deadletters list` has them all")
    letter = one.letter
    told = {
        **_row(one),
        "key": _escaped(letter.raw.key),
        "headers": [[name, _escaped(value)] for name, value in letter.raw.headers],
        "value": _escaped(letter.raw.value),
        "next": _next_step(one),
    }
    if as_json:
        print_json(told)
        return
    headers = (f"{_escaped(name.encode())}: {value}" for name, value in told.pop("headers"))
    value, step = told.pop("value"), told.pop("next")
    for name, text in (*told.items(), *(("header", header) for header in headers)):
        click.echo(f"{name:<10} {text}")
    click.echo(f"\n{value}\n\n{step}")


def _escaped(content: bytes | None) -> str:
    if content is None:
        return "none"
    return escaped(content.decode("utf-8", "backslashreplace"))


def _next_step(one: _Found) -> str:
    letter = one.letter
    if letter.cut:
        return (
            "It was too large to be kept whole: mend the sender and send it anew from its source."
        )
    if one.retried:
        return (
            "It was sent again already; if it was refused again, that is a dead letter of its own."
        )
    return (
        "If the record is wrong, mend the sender and send it anew, mended, with `handoff send`. If "
        "what reads it was wrong and is mended, send it as it is: `handoff deadletters retry "
        f"--topic {letter.origin.topic} --reason {letter.reason}`."
    )


@deadletters.command()
@_filters
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@kafka_option
@json_option
def retry(
    reasons: tuple[str, ...],
    topic: str | None,
    since: int | None,
    dry_run: bool,
    kafka: str | None,
    as_json: bool,
) -> None:
    """Send dead letters to where they were, as they were, each once.

    Key, value and headers are the original ones, and so is the partition. What was sent again is
    marked on dead-letters and left out from then on; an event that was applied meanwhile is known
    by its event_id and changes nothing.

    Exit code: 0 all were sent, 1 some could not be and are named, 2 wrongly called.
    """
    settings = settings_from(kafka=kafka)
    require_servers(settings, redis=False)
    with naming_servers(settings):
        found = asyncio.run(_read(settings, _Filter(reasons, topic, since)))
        sent = [one for one in found if not one.retried]
        left: dict[str, str] = {}
        if not dry_run:
            with progress("dead letters", len(sent)) as advance:
                sent, left = asyncio.run(_send(settings, sent, advance))
    for place, problem in left.items():
        click.echo(f"{place}: not sent: {problem}", err=True)
    if as_json:
        problems = [{"record": place, "problem": problem} for place, problem in left.items()]
        places = [one.place for one in sent]
        print_json({"dry_run": dry_run, "sent": places, "not_sent": problems})
    else:
        for one in sent if dry_run else ():
            click.echo(f"{one.place}: {one.letter.reason}")
        done = "would be sent" if dry_run else "sent again"
        click.echo(f"{len(sent):,} {done}, {len(left):,} not")
    raise SystemExit(1 if left else 0)


def _row(one: _Found) -> dict[str, Any]:
    letter = one.letter
    return {
        "at": from_ms(one.at_ms).isoformat(timespec="milliseconds"),
        "reason": letter.reason,
        "topic": letter.origin.topic,
        "partition": letter.origin.partition,
        "offset": letter.origin.offset,
        "record_at": from_ms(max(letter.raw.timestamp_ms, 0)).isoformat(timespec="milliseconds"),
        "key": _key(letter.raw.key),
        "bytes": len(letter.raw.value or b""),
        "agent": letter.agent,
        "again": "sent" if one.retried else "no",
        "detail": letter.detail,
    }


def _key(key: bytes | None) -> str:
    if key is None:
        return "none"
    return named(key.decode(errors="replace"))


async def _read(settings: "Settings", wanted: _Filter) -> list[_Found]:
    """Every dead letter that is wanted once, by its origin, oldest first."""
    from workers.contracts.codec import Raw
    from workers.kafka.reader import ReadError, partitions_of, ranges_of, read, reading

    found: dict[Origin, _Found] = {}
    marks: set[Origin] = set()
    async with reading(settings) as consumer:
        ranges = await ranges_of(consumer, await partitions_of(consumer, [DEAD_LETTERS]))
    total = sum(range_.end - range_.start for range_ in ranges.values())
    try:
        with progress(f"reading {DEAD_LETTERS}", total) as advance:
            async for tp, records in read(settings, ranges):
                advance(len(records))
                for record in records:
                    raw = Raw(record.key, record.value, record.headers, record.timestamp)
                    letter, mark = read_dead_letter(raw), read_retry_mark(raw)
                    if mark is not None:
                        marks.add(mark)
                    elif letter is not None and wanted.takes(letter, record.timestamp):
                        place = tp.partition, record.offset, record.timestamp
                        found.setdefault(letter.origin, _Found(*place, letter, retried=False))
    except ReadError as error:
        raise CliError(str(error)) from error
    letters = (one._replace(retried=origin in marks) for origin, one in found.items())
    return sorted(letters, key=lambda one: (one.at_ms, one.partition, one.offset))


async def _send(
    settings: "Settings", chosen: list[_Found], advance: Callable[[int], None]
) -> tuple[list[_Found], dict[str, str]]:
    """Send and mark; what was acknowledged, and the problem of each other by its place."""
    from aiokafka import AIOKafkaProducer

    from workers.settings import kafka_client_kwargs

    producer = AIOKafkaProducer(
        **kafka_client_kwargs(settings),
        acks="all",
        enable_idempotence=True,
        max_request_size=_LARGEST,
    )
    await producer.start()
    try:
        cluster = await producer.client.fetch_all_metadata()
        sent: list[_Found] = []
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


def _obstacle(one: _Found, partitions: set[int]) -> str | None:
    if one.letter.cut:
        return "its value was too large to be kept whole: send it anew from its source"
    if one.letter.origin.partition not in partitions:
        return "its topic or partition is not there: handoff topics check"
    return None


async def _again(
    producer: "AIOKafkaProducer", some: list[_Found], left: dict[str, str]
) -> list[_Found]:
    """Send to where they were, in order; those that were acknowledged."""

    async def send(one: _Found) -> Any:
        topic, partition, _ = one.letter.origin
        key, value, headers, _ = one.letter.raw
        return await producer.send(topic, value, key=key, partition=partition, headers=[*headers])

    return await _acknowledged(some, send, left)


async def _marked(
    producer: "AIOKafkaProducer", some: list[_Found], left: dict[str, str]
) -> list[_Found]:
    """Mark as sent; those whose mark was acknowledged."""

    async def send(one: _Found) -> Any:
        key, value, headers = retry_mark(one.letter)
        return await producer.send(
            DEAD_LETTERS, value, key=key, partition=one.partition, headers=headers
        )

    return await _acknowledged(some, send, left)


async def _acknowledged(
    some: list[_Found], send: Callable[[_Found], Awaitable[Any]], left: dict[str, str]
) -> list[_Found]:
    from aiokafka.errors import KafkaError

    waiting: list[tuple[_Found, asyncio.Future[Any]]] = []
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
