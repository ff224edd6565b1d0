"""The console: how quick its pages are with a full view, and what those who watch cost."""

import asyncio
import os
import sqlite3
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from aiokafka import AIOKafkaProducer

from benchmarks.report import Report
from tests.support.audit_builder import World
from tests.support.console_process import ConsoleProcess
from tests.support.console_site import apply, records_of, shipped_topics
from workers.console.view_file import ViewFile
from workers.contracts.time import DAY, HOUR
from workers.embedded import EmbeddedKafka
from workers.embedded.workers import EMBEDDED_SETTINGS

_VIEWERS = 200
_MESSAGES_A_SECOND = 500
_OUTPUTS = 7
"""Messages for each that is handed over, as in the other scenarios' load."""
_PAGES = {
    "Now": "/",
    "a queue": "/queue/tier_2_support",
    "its last page": "/queue/tier_2_support?page=1900",
    "a conversation": "/conversation?id=open-1",
    "search": "/search?q=ended-77",
}
_ROUNDS = 9

_FILL = """
WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < :last)
INSERT OR IGNORE INTO escalation (escalation_id, conversation_id, decided_seq, placed_seq, told,
    epoch, reason, rule, opened_at, place, queue, rung, placed_at, due_at, priority, claimed_by,
    claimed_at, outcome, ended_at, customer_id, customer_name, tier, channel, intent, ai_version,
    wants, packet, home_topic, home_part)
SELECT :kind || n, :kind || n, n, n, '', n, reason, rule, :now - n * :step, place, queue, 0,
    :now - n * :step, :now + n * :step, 1 + n % 5, iif(:ended, 'kim', NULL),
    iif(:ended, :now - n * :step, NULL), iif(:ended, 'resolved', NULL),
    iif(:ended, :now - n * :step, NULL), 'customer-' || n, 'Mia ' || n, tier, channel, intent,
    ai_version, wants, iif(:ended, NULL, packet), home_topic, home_part
FROM number, (SELECT * FROM escalation WHERE escalation_id = :like)
"""


def run(report: Report, quick: bool) -> None:
    """Fill a view, ask for its pages; then let many watch while much flows."""
    ended, waiting = (50_000, 5_000) if quick else (1_000_000, 100_000)
    with tempfile.TemporaryDirectory() as name, EmbeddedKafka() as kafka:
        kafka.ensure_topics(shipped_topics().topics)
        folder = Path(name)
        _fill(folder / "data", ended, waiting)
        environment = {"KAFKA_BOOTSTRAP": kafka.bootstrap, **EMBEDDED_SETTINGS}
        with ConsoleProcess(environment, folder) as console:
            case = f"{ended:,} ended, {waiting:,} open"
            for page, path in _PAGES.items():
                took, size = _asked(console.address + path)
                report.add(case, f"{page}, answered", "ms", took)
                report.add(case, f"{page}, size", "KB", size)
            seconds = 5 if quick else 30
            case = f"{_VIEWERS} watch, {_MESSAGES_A_SECOND} messages/s"
            share, sent = asyncio.run(_watched(console, kafka, seconds))
            report.add(case, "of a core", "%", 100 * share)
            report.add(case, "updates to each", "per s", sent)


def _fill(folder: Path, ended: int, waiting: int) -> None:
    """Make a view that has seen much; every row is like one that was really read."""
    view = ViewFile(folder / "console.sqlite3")
    world = World("like", seq=time.time_ns() // 1_000_000)
    world.escalate()
    apply(view, records_of(world))
    now = time.time_ns() // 1_000_000
    indexes = asyncio.run(view.write(_without_indexes))
    for kind, count, within, over in (("ended-", ended, 20 * DAY, 1), ("open-", waiting, HOUR, 0)):
        given = {"kind": kind, "last": count - 1, "now": now, "like": world.escalation}
        given |= {"step": max(1, within // count), "ended": over}
        asyncio.run(view.write(lambda connection, given=given: connection.execute(_FILL, given)))  # type: ignore[misc]
    asyncio.run(view.write(lambda connection: [connection.execute(sql) for sql in indexes]))
    view.close()


def _without_indexes(connection: sqlite3.Connection) -> list[str]:
    """Drop every index, or filling takes minutes; return how they are made again."""
    found = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    ).fetchall()
    for name, _ in found:
        connection.execute(f"DROP INDEX {name}")
    return [sql for _, sql in found]


def _asked(address: str) -> tuple[float, float]:
    """Return the milliseconds of a page, the middle of several, and its size in KB."""
    took = []
    size = 0.0
    for _ in range(_ROUNDS):
        began = time.monotonic()
        with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 - our own
            size = len(answer.read()) / 1024
        took.append(1000 * (time.monotonic() - began))
    return statistics.median(took), size


async def _watched(
    console: ConsoleProcess, kafka: EmbeddedKafka, seconds: int
) -> tuple[float, float]:
    """Return the share of a core that the console took, and the updates a second of a watcher."""
    heard = [0]
    watchers = [asyncio.create_task(_watch(console.address, heard)) for _ in range(_VIEWERS)]
    flow = asyncio.create_task(_flow(kafka))
    await asyncio.sleep(5)
    before, count, began = _processor_s(console.pid), heard[0], time.monotonic()
    await asyncio.sleep(seconds)
    lasted = time.monotonic() - began
    share = (_processor_s(console.pid) - before) / lasted
    updates = (heard[0] - count) / _VIEWERS / lasted
    for task in (flow, *watchers):
        task.cancel()
    await asyncio.wait({flow, *watchers})
    return share, updates


async def _watch(address: str, heard: list[int]) -> None:
    host, _, port = address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=2**20)
    writer.write(f"GET /stream/now HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
    try:
        while line := await reader.readline():
            heard[0] += line.startswith(b"data: <hx-partial")
    finally:
        writer.close()


async def _flow(kafka: EmbeddedKafka) -> None:
    """Publish what the workers would while so many messages come, until cancelled."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, linger_ms=5)
    await producer.start()
    try:
        began = time.monotonic()
        for number, records in enumerate(_escalations()):
            wait = began + number * _OUTPUTS / _MESSAGES_A_SECOND - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            for topic, key, value in records:
                await producer.send(topic, value, key=key)
    finally:
        await producer.stop()


def _escalations() -> Iterator[list[tuple[str, bytes | None, bytes | None]]]:
    number = 0
    while True:
        world = World(f"flows-{number}", seq=time.time_ns() // 1_000_000)
        world.escalate()
        yield [(one.topic, one.raw.key, one.raw.value) for one in records_of(world)]
        number += 1


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
