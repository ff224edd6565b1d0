"""The audit of a real cluster: one without our topics, and one that lost records."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka import TopicPartition
from aiokafka.admin.records_to_delete import RecordsToDelete

from tests.kafka.server import KafkaServer, admin_client
from workers.embedded import EmbeddedRedis
from workers.kafka.reader import committed, partitions_of, ranges_of, reading
from workers.settings import Settings, load_settings

LOG: Final = "conversation-events"
COMMAND: Final = (sys.executable, "-m", "workers.cli")


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A cluster without topics and an empty store, of this test's own."""
    with KafkaServer(tmp_path / "kafka") as kafka, EmbeddedRedis(tmp_path / "redis") as redis:
        yield load_settings(kafka_bootstrap=kafka.bootstrap, redis_url=redis.url)


def handoff(
    settings: Settings, *arguments: str, redis: bool = False, text: str | None = None
) -> "subprocess.CompletedProcess[str]":
    servers = ["--kafka", settings.kafka_bootstrap or ""]
    servers += ["--redis", settings.redis_url or ""] if redis else []
    return subprocess.run(
        [*COMMAND, *arguments, *servers],
        check=False, capture_output=True, text=True, input=text, timeout=60,
    )  # fmt: skip


def run_worker_once(settings: Settings, log: Path) -> None:
    """Run the escalation worker until all its partitions have a policy, and end it in order."""
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP": settings.kafka_bootstrap or "",
        "REDIS_URL": settings.redis_url or "",
    }
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [*COMMAND, "worker", "escalation"], stdout=output, stderr=output, env=environment
        )
    try:
        until = time.monotonic() + 60
        while log.read_text().count("is on the log") < 12:
            assert time.monotonic() < until, log.read_text()
            assert worker.poll() is None, log.read_text()
            time.sleep(0.1)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0, log.read_text()
    finally:
        worker.kill()
        worker.wait()


async def trim(settings: Settings) -> None:
    """Delete everything that is on the log now."""
    async with reading(settings) as consumer:
        ranges = await ranges_of(consumer, await partitions_of(consumer, [LOG]))
    ends = {tp: RecordsToDelete(before_offset=found.end) for tp, found in ranges.items()}
    async with admin_client(settings.kafka_bootstrap or "") as admin:
        await admin.delete_records({TopicPartition(*tp): end for tp, end in ends.items()})


def event(number: int) -> dict[str, Any]:
    return {
        "event_id": f"e-{number}",
        "conversation_id": f"c-{number}",
        "occurred_at": datetime.now(UTC).isoformat(),
        "role": "customer",
        "content": "Where is my parcel?",
    }


@pytest.mark.timeout(180)
async def test_a_cluster_without_topics_or_with_trimmed_records_is_not_clean(
    settings: Settings, tmp_path: Path
) -> None:
    nothing = handoff(settings, "audit")
    assert nothing.returncode == 78, nothing.stderr
    assert "conversation-events" in nothing.stderr
    assert "handoff topics apply" in nothing.stderr
    assert handoff(settings, "topics", "apply").returncode == 0
    assert handoff(settings, "audit").returncode == 0
    run_worker_once(settings, tmp_path / "worker.log")
    assert await committed(settings, "handoff-escalation", LOG)
    for redis in (False, True):
        assert handoff(settings, "audit", redis=redis).returncode == 0
    # Read and trimmed: nothing is lost.
    await trim(settings)
    clean = handoff(settings, "audit", redis=True)
    assert clean.returncode == 0, clean.stdout
    lines = "".join(json.dumps(event(number)) + "\n" for number in range(20))
    assert handoff(settings, "send", "-", text=lines).returncode == 0
    await trim(settings)
    for redis in (False, True):
        found = handoff(settings, "audit", "--json", redis=redis)
        assert found.returncode == 1, found.stdout + found.stderr
        report = json.loads(found.stdout)
        assert set(report["findings_by_kind"]) == {"lost"}
        assert "trimmed before the escalation worker" in report["findings"][0]["detail"]
