"""Other producers: they compress, write in transactions, abort them or leave them open."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaProducer

from tests.kafka.server import KafkaServer
from tests.kafka.system import System, event, handoff
from workers.embedded import EmbeddedRedis
from workers.kafka.reader import is_done, partitions_of, ranges_of, read, reading
from workers.runtime.watchdog import STALLED_S, WATCH_S

LOG: Final = "conversation-events"
CODECS: Final = ("gzip", "snappy", "lz4", "zstd")
ASKS: Final = "I want to talk to a human agent, please."


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The whole system on servers of this module's own; it must end in order with exit code 0."""
    folder = tmp_path_factory.mktemp("producers")
    with KafkaServer(folder / "kafka") as kafka, EmbeddedRedis(folder / "redis") as redis:
        assert handoff("topics", "apply", "--kafka", kafka.bootstrap).returncode == 0
        running = System(kafka.bootstrap, redis.url, folder / "up.log")
        try:
            running.wait_for("is on the log")
            yield running
            assert running.end() == 0, running.log.read_text()[-3000:]
        finally:
            if running.process.poll() is None:
                running.process.kill()
                running.process.wait()


def producer(system: System, **options: Any) -> AIOKafkaProducer:
    return AIOKafkaProducer(bootstrap_servers=system.settings.kafka_bootstrap, **options)


def said(conversation: str, content: str) -> tuple[bytes, bytes]:
    return conversation.encode(), json.dumps(event(conversation, content=content)).encode()


async def send(producer: AIOKafkaProducer, conversation: str, content: str = ASKS) -> int:
    """Send it and return its partition."""
    key, value = said(conversation, content)
    partition: int = (await producer.send_and_wait(LOG, value, key=key)).partition
    return partition


async def decided(system: System) -> set[bytes | None]:
    """The conversations about which anything was decided."""
    async with reading(system.settings) as consumer:
        ranges = await ranges_of(consumer, await partitions_of(consumer, ["escalation-decisions"]))
    return {record.key async for _, records in read(system.settings, ranges) for record in records}


async def until_done(system: System) -> None:
    """Wait until all that can be read of the log is committed."""
    until = time.monotonic() + 30
    while not await is_done(system.settings, "handoff-escalation", LOG):
        assert time.monotonic() < until, system.log.read_text()[-3000:]
        await asyncio.sleep(0.2)


def require_quiet(system: System) -> None:
    """Check that the process still runs and that nothing is lost."""
    assert system.process.poll() is None, system.log.read_text()[-3000:]
    output = system.log.read_text()
    assert "stopping (exit" not in output, output[-3000:]
    assert "records wait" not in output, output[-3000:]


@pytest.mark.timeout(240)
async def test_every_codec_reaches_workers_audit_and_replay(system: System) -> None:
    for codec in CODECS:
        async with producer(system, compression_type=codec) as sender:
            await send(sender, f"packed-{codec}")
    for codec in CODECS:
        wanted = f"packed-{codec}".encode()

        def is_wanted(record: Any, wanted: bytes = wanted) -> bool:
            return bool(record.key == wanted)

        record = await system.found("escalation-decisions", is_wanted)
        assert json.loads(record.value)["action"] == "escalate"
    kafka = system.settings.kafka_bootstrap or ""
    audit = handoff("audit", "--kafka", kafka)
    assert audit.returncode == 0, audit.stdout + audit.stderr
    replay = handoff("replay", "--topic", LOG, "--kafka", kafka, "--json")
    assert replay.returncode == 0, replay.stderr
    assert replay.stderr.count("Traceback") == 0
    require_quiet(system)


@pytest.mark.timeout(400)
async def test_markers_and_aborted_and_open_transactions_are_nothing_that_waits(
    system: System,
) -> None:
    # One that stays open holds up its partition only, as Kafka means it to.
    async with (
        producer(system, transactional_id="quiet") as quiet,
        producer(system, transactional_id="never") as never,
        producer(system, transactional_id="open", transaction_timeout_ms=400_000) as opened,
    ):
        async with quiet.transaction():
            await send(quiet, "quiet-1", "thanks, bye")
        await never.begin_transaction()
        await send(never, "never-1")
        await never.flush()
        await never.abort_transaction()
        await until_done(system)
        await opened.begin_transaction()
        await send(opened, "open-1")
        await opened.flush()
        # Longer than a partition may stand still.
        await asyncio.sleep(STALLED_S + 2 * WATCH_S)
        require_quiet(system)
        await until_done(system)
        kafka = system.settings.kafka_bootstrap or ""
        for command in (("audit",), ("replay", "--topic", LOG)):
            done = handoff(*command, "--kafka", kafka)
            assert done.returncode == 0, done.stdout + done.stderr
        assert not {b"never-1", b"open-1"} & await decided(system)
        await opened.commit_transaction()
    await system.found("escalation-decisions", lambda r: r.key == b"open-1")
    await until_done(system)
    assert b"never-1" not in await decided(system)
    require_quiet(system)
