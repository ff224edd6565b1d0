"""`handoff send`: publish events from a file, each acknowledged."""

import asyncio
import gzip
import time
import zlib
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import orjson

from workers.chatlogs.event_files import lines_of
from workers.chatlogs.files import unpacked
from workers.chatlogs.lines import MAX_LINE_BYTES
from workers.cli.common import (
    CliError,
    json_option,
    kafka_option,
    naming_servers,
    numbered_lines,
    print_json,
    progress,
    require_servers,
    settings_from,
)
from workers.cli.input_check import require_event_files
from workers.cli.output import print_capped
from workers.contracts.codec import MAX_AHEAD_MS
from workers.contracts.rejections import shown
from workers.contracts.topics import DESKS, EVENTS
from workers.errors import UnreadableInputError
from workers.handoff.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiokafka import AIOKafkaProducer

    from workers.settings import Settings

_IN_FLIGHT = 5_000
"""Records that may wait for their acknowledgement at once."""
_SHOWN = 20
_OLD_S = 3600.0


class _Left(NamedTuple):
    """A line that was not sent or not acknowledged, and why."""

    file: str
    line: int
    reason: str


class _BadLineError(ValueError):
    pass


class _Clock:
    """Looks at the times of what is sent: none may lie ahead, and old ones are counted."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self.old = 0
        self.oldest = ""

    def look(self, record: dict[str, Any]) -> None:
        """Refuse one event that is ahead of now; its reader names what else is wrong."""
        at = record.get("occurred_at")
        if self._topic not in (EVENTS, DESKS) or not isinstance(at, str):
            return
        now_s = time.time()
        try:
            moment_s = datetime.fromisoformat(at).timestamp()
        except (ValueError, OverflowError):
            return
        if moment_s > now_s + MAX_AHEAD_MS / 1000:
            raise _BadLineError(
                f"occurred_at: {shown(at)}: ahead of now: check the clock of what wrote it"
            )
        if self._topic == EVENTS and moment_s < now_s - _OLD_S:
            self.old += 1
            self.oldest = min(self.oldest or at, at)

    def warning(self) -> str:
        """Say what will become of the old ones."""
        are = "is" if self.old == 1 else "are"
        return (
            f"{counted(self.old, 'event')} {are} older than an hour (the oldest of {self.oldest}): "
            "a live system finds their deadlines passed, so that customers count as waiting in "
            "vain and escalations expire unclaimed; handoff import --now writes times that end now"
        )


@click.command()
@click.argument(
    "inputs",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
)
@click.option("--topic", default=EVENTS, show_default=True, help="Topic to publish to.")
@click.option("--all", "every", is_flag=True, help=f"Name every line left out, not only {_SHOWN}.")
@kafka_option
@json_option
def send(
    inputs: tuple[str, ...], topic: str, every: bool, kafka: str | None, as_json: bool
) -> None:
    """Publish the JSON lines in each FILE (also .gz; - is standard input), each acknowledged.

    A line is keyed by its conversation_id, a desk's presence by its queue. A line that is not a
    JSON object, has no key, lies in the future or is refused by the broker is reported with its
    number; the others are sent. Events that the contract refuses end in dead-letters, as from any
    producer. Sending a file again changes nothing: events are recognised by their event_id.
    Old events keep their times, so their deadlines are overdue at once: a warning counts them.

    Exit code: 0 everything was acknowledged, 1 something was not.
    """
    if topic in (EVENTS, DESKS):
        require_event_files([Path(name) for name in inputs if name != "-" and Path(name).is_file()])
    settings = settings_from(kafka=kafka)
    require_servers(settings, redis=False)
    started = time.monotonic()
    clock = _Clock(topic)
    with naming_servers(settings), progress("events", _count(inputs)) as advance:
        sent, left = asyncio.run(_send(_lines(inputs), topic, settings, advance, clock))
    left.sort()
    print_capped(
        [f"{one.file}:{one.line}: {one.reason}" for one in left], every=every, shown=_SHOWN
    )
    if clock.old:
        click.echo(clock.warning(), err=True)
    if as_json:
        lines = [entry._asdict() for entry in left]
        counts = {"sent": sent, "not_sent": len(left), "older_than_an_hour": clock.old}
        print_json({"topic": topic, **counts, "lines": lines})
    else:
        seconds = time.monotonic() - started
        click.echo(
            f"{counted(sent, 'event')} sent to {topic} in {seconds:.1f} s, {len(left):,} not sent"
        )
    raise SystemExit(1 if left else 0)


def _lines(inputs: tuple[str, ...]) -> Iterator[tuple[str, int, bytes]]:
    """Yield the lines of all files; standard input's as they come, so that a pipe may stay open."""
    for name in inputs:
        if name != "-":
            yield from ((str(path), number, line) for path, number, line in lines_of([Path(name)]))
            continue
        try:
            for number, line in numbered_lines(
                unpacked(click.get_binary_stream("stdin"), MAX_LINE_BYTES)
            ):
                yield "standard input", number, line
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            problem = f"standard input: not a whole gzip file: {error}"
            raise UnreadableInputError(problem) from error


def _count(inputs: tuple[str, ...]) -> int | None:
    """Return how many lines there are, for the progress bar; files are read once more for it."""
    if not all(name != "-" and Path(name).is_file() for name in inputs):
        return None
    return sum(1 for _ in lines_of([*map(Path, inputs)]))


async def _send(
    lines: Iterator[tuple[str, int, bytes]],
    topic: str,
    settings: "Settings",
    advance: "Callable[[int], None]",
    clock: _Clock,
) -> tuple[int, list[_Left]]:
    from aiokafka import AIOKafkaProducer

    from workers.settings import kafka_client_kwargs

    producer = AIOKafkaProducer(
        **kafka_client_kwargs(settings),
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        max_batch_size=512 * 1024,
        max_request_size=MAX_LINE_BYTES,
    )
    await producer.start()
    try:
        await _require_topic(producer, topic, settings)
        return await _publish(lines, topic, producer, advance, clock)
    finally:
        await producer.stop()


async def _require_topic(producer: "AIOKafkaProducer", topic: str, settings: "Settings") -> None:
    # Asking for one topic by name would create it on brokers that do so.
    cluster = await producer.client.fetch_all_metadata()
    if topic not in cluster.topics():
        raise CliError(
            f"no topic {topic} on {settings.kafka_bootstrap}: handoff topics apply creates those "
            "of topics.yaml"
        )


async def _publish(
    lines: Iterator[tuple[str, int, bytes]],
    topic: str,
    producer: "AIOKafkaProducer",
    advance: "Callable[[int], None]",
    clock: _Clock,
) -> tuple[int, list[_Left]]:
    from aiokafka.errors import KafkaError

    left: list[_Left] = []
    waiting: deque[tuple[str, int, asyncio.Future[Any]]] = deque()
    sent = 0

    async def settle(most: int) -> int:
        settled = 0
        while len(waiting) > most:
            file, number, acknowledged = waiting.popleft()
            try:
                await acknowledged
            except KafkaError as error:
                left.append(_Left(file, number, f"not acknowledged ({error})"))
            else:
                settled += 1
            advance(1)
        return settled

    for file, number, line in lines:
        try:
            record = _record(line)
            clock.look(record)
            waiting.append((file, number, await producer.send(topic, line, key=_key(record))))
        except (_BadLineError, KafkaError) as error:
            left.append(_Left(file, number, f"{error}: not sent"))
            advance(1)
        if len(waiting) > _IN_FLIGHT:
            sent += await settle(_IN_FLIGHT // 2)
    sent += await settle(0)
    return sent, left


def _record(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE_BYTES:
        raise _BadLineError(f"more than {MAX_LINE_BYTES:,} bytes: shorten it")
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _BadLineError(f"not JSON ({error})") from None
    if not isinstance(record, dict):
        raise _BadLineError("not a JSON object")
    return record


def _key(record: dict[str, Any]) -> bytes:
    field = "queue" if record.get("type") == "presence" else "conversation_id"
    key = record.get(field)
    if not isinstance(key, str) or not key:
        problem = "not text" if key not in (None, "") else "missing"
        raise _BadLineError(f"{field}: {problem}: it is the record's key")
    return key.encode("utf-8", "surrogatepass")
