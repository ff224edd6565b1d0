"""`handoff send`: publish events from a file, each acknowledged."""

import asyncio
import os
import stat
import time
from collections import deque
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import click
import orjson

from workers.cli.common import (
    CliError,
    input_argument,
    json_option,
    kafka_option,
    naming_servers,
    numbered_lines,
    print_json,
    progress,
    require_servers,
    settings_from,
)
from workers.contracts.topics import EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiokafka import AIOKafkaProducer

    from workers.settings import Settings

_IN_FLIGHT = 5_000
"""Records that may wait for their acknowledgement at once."""
_SHOWN = 20
_LARGEST = 4 * 1024 * 1024
_OLD_S = 3600.0


class _Left(NamedTuple):
    """A line that was not sent or not acknowledged, and why."""

    line: int
    reason: str


class _BadLineError(ValueError):
    pass


class _Ages:
    """Counts the events that are so old that a live system finds their deadlines passed."""

    def __init__(self, now_s: float | None) -> None:
        self._before = None if now_s is None else datetime.fromtimestamp(now_s - _OLD_S, UTC)
        self.old = 0
        self.oldest = ""

    def look(self, record: dict[str, Any]) -> None:
        """Look at one event; what is wrong with it is for its reader to say."""
        at = record.get("occurred_at")
        if self._before is None or not isinstance(at, str):
            return
        try:
            is_old = datetime.fromisoformat(at) < self._before
        except (ValueError, TypeError):
            return
        if is_old:
            self.old += 1
            self.oldest = min(self.oldest or at, at)

    def warning(self) -> str:
        """Say what will become of them."""
        return (
            f"{self.old:,} events are older than an hour (the oldest of {self.oldest}): a live "
            "system finds their deadlines passed, so that customers count as waiting in vain and "
            "escalations expire unclaimed; handoff import --now writes times that end now"
        )


@click.command()
@input_argument
@click.option("--topic", default=EVENTS, show_default=True, help="Where to publish.")
@kafka_option
@json_option
def send(source: IO[bytes], topic: str, kafka: str | None, as_json: bool) -> None:
    """Publish the JSON lines in FILE (- is standard input), each acknowledged by the broker.

    The key of a line is its conversation_id, that of a desk's presence its queue. A line that is
    no JSON object or has no key, and one that the broker refuses, is reported with its number;
    the others are sent. What the contract refuses ends in dead-letters, as from any producer.
    Sending a file again changes nothing: events are known by their event_id. Events of long ago
    are taken at their word, deadlines and all: a warning says how many there are.

    Exit code: 0 everything was acknowledged, 1 something was not.
    """
    settings = settings_from(kafka=kafka)
    require_servers(settings, redis=False)
    started = time.monotonic()
    with naming_servers(settings), progress("events", _lines_in(source)) as advance:
        ages = _Ages(time.time() if topic == EVENTS else None)
        sent, left = asyncio.run(_send(source, topic, settings, advance, ages))
    left.sort()
    for line, reason in left[:_SHOWN]:
        click.echo(f"line {line}: {reason}", err=True)
    if len(left) > _SHOWN:
        click.echo(f"and {len(left) - _SHOWN:,} more: --json lists them all", err=True)
    if ages.old:
        click.echo(ages.warning(), err=True)
    if as_json:
        lines = [entry._asdict() for entry in left]
        counts = {"sent": sent, "not_sent": len(left), "older_than_an_hour": ages.old}
        print_json({"topic": topic, **counts, "lines": lines})
    else:
        seconds = time.monotonic() - started
        click.echo(f"{sent:,} events sent to {topic} in {seconds:.1f} s, {len(left):,} not sent")
    raise SystemExit(1 if left else 0)


def _lines_in(source: IO[bytes]) -> int | None:
    """Return how many lines a regular file has, for the progress bar; it is read once more."""
    try:
        if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            return None
    except OSError:
        return None
    count = sum(1 for _ in numbered_lines(source))
    source.seek(0)
    return count


async def _send(
    source: IO[bytes],
    topic: str,
    settings: "Settings",
    advance: "Callable[[int], None]",
    ages: _Ages,
) -> tuple[int, list[_Left]]:
    from aiokafka import AIOKafkaProducer

    from workers.settings import kafka_client_kwargs

    producer = AIOKafkaProducer(
        **kafka_client_kwargs(settings),
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        max_batch_size=512 * 1024,
        max_request_size=_LARGEST,
    )
    await producer.start()
    try:
        await _require_topic(producer, topic, settings)
        return await _publish(source, topic, producer, advance, ages)
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
    source: IO[bytes],
    topic: str,
    producer: "AIOKafkaProducer",
    advance: "Callable[[int], None]",
    ages: _Ages,
) -> tuple[int, list[_Left]]:
    from aiokafka.errors import KafkaError

    left: list[_Left] = []
    waiting: deque[tuple[int, asyncio.Future[Any]]] = deque()
    sent = 0

    async def settle(most: int) -> int:
        settled = 0
        while len(waiting) > most:
            number, acknowledged = waiting.popleft()
            try:
                await acknowledged
            except KafkaError as error:
                left.append(_Left(number, f"not acknowledged ({error})"))
            else:
                settled += 1
            advance(1)
        return settled

    for number, line in numbered_lines(source):
        try:
            record = _record(line)
            waiting.append((number, await producer.send(topic, line, key=_key(record))))
            ages.look(record)
        except (_BadLineError, KafkaError) as error:
            left.append(_Left(number, f"{error}: not sent"))
            advance(1)
        if len(waiting) > _IN_FLIGHT:
            sent += await settle(_IN_FLIGHT // 2)
    sent += await settle(0)
    return sent, left


def _record(line: bytes) -> dict[str, Any]:
    if len(line) > _LARGEST:
        raise _BadLineError(f"{len(line):,} bytes, of {_LARGEST:,} at most: shorten it")
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
