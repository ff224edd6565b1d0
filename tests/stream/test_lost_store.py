"""A store that has lost everything: what Kafka remembers, and how a log made anew is begun."""

import asyncio
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from aiokafka import TopicPartition
from redis import Redis

from tests.support.escalation_harness import (
    GROUP,
    Worker,
    create_topics,
    expected,
    produce,
    published,
    settled,
    until,
)
from tests.support.routing_builders import decision, later, placed
from workers.agents.escalation.log_reader import HandedOver, Surroundings
from workers.contracts.codec import encode
from workers.contracts.decisions import Facts
from workers.contracts.time import DAY, from_ms
from workers.contracts.topics import DECISIONS, EVENTS, LEDGER
from workers.embedded import EmbeddedKafka
from workers.embedded.kafka import PARTITIONS
from workers.kafka.commits import Commit, commits_of, reset
from workers.kafka.reader import partitions_of, reading
from workers.routing.ledger_record import next_record
from workers.settings import Settings

WINDOW_MS: Final = 3 * DAY


def _asks(name: str) -> dict[str, Any]:
    return {
        "event_id": f"asks-{name}",
        "conversation_id": name,
        "occurred_at": datetime.now(UTC).isoformat(),
        "role": "customer",
        "content": "I want to talk to a human please",
    }


async def _conversations_with_decisions(bootstrap: str) -> set[str]:
    return {(key or b"").decode() for key in await published(bootstrap, DECISIONS)}


async def test_the_ledger_tells_what_was_open_at_some_time_within_the_window(
    kafka: EmbeddedKafka, settings: Settings
) -> None:
    create_topics(kafka)
    now = int(time.time() * 1000)
    since = now - WINDOW_MS

    def record(name: str, began: int, *, ended: bool) -> tuple[bytes, bytes]:
        moment = from_ms(began)
        facts = Facts(turns=1, started_at=moment, episode_started_at=moment)
        opened = decision(name, facts=facts)
        ledger = placed("queue", "billing", first=opened)
        if ended:
            end = later(opened, "outcome", outcome="resolved", facts=facts)
            ledger = next_record(ledger, end, ledger.plan)
        return name.encode(), encode(ledger)

    rows: list[tuple[bytes | None, bytes | None]] = [
        record("open", now - 20 * DAY, ended=False),
        record("ended", now - 20 * DAY, ended=True),
        record("all within", now, ended=True),
        record("forgotten", now - 20 * DAY, ended=False),
        (b"forgotten", None),
    ]
    await produce(kafka.bootstrap, rows, LEDGER)
    home = decision().home
    around = Surroundings(settings)
    found = {one.conversation_id for one in await around.handed_over(home, since)}
    assert found == {"open", "ended"}
    # Asked a day later than it ended: the log of that time needs nothing from before.
    later_on = Surroundings(settings)
    found = {one.conversation_id for one in await later_on.handed_over(home, now + DAY)}
    assert found == {"open"}
    began = HandedOver("open", now - 20 * DAY)
    assert began in await later_on.handed_over(home, now + DAY)


async def test_a_store_lost_soon_after_the_first_start_publishes_nothing_of_before(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    create_topics(kafka)
    await produce(kafka.bootstrap, [_asks(f"before-{n}") for n in range(8)])
    with Worker(kafka.bootstrap, redis_url, tmp_path) as worker:
        await settled(kafka.bootstrap, redis_url)
        await produce(kafka.bootstrap, [_asks("after")])
        await until(lambda: _told(kafka.bootstrap, "after"))
        await settled(kafka.bootstrap, redis_url)
        assert worker.terminate() == 0
        with Redis.from_url(redis_url) as redis:
            redis.flushdb()
        worker.start()
        await until(lambda: "folded up to" in worker.said.partition("the store is empty")[2])
        await produce(kafka.bootstrap, [_asks("later")])
        await until(lambda: _told(kafka.bootstrap, "later"))
        assert worker.terminate() == 0
        # And an orderly end has committed it once more.
        worker.start()
        await settled(kafka.bootstrap, redis_url)
    assert await _conversations_with_decisions(kafka.bootstrap) == {"after", "later"}


async def _told(bootstrap: str, name: str) -> bool:
    return name in await _conversations_with_decisions(bootstrap)


async def test_rebuild_begins_a_log_that_was_made_anew_at_its_beginning(
    kafka: EmbeddedKafka, settings: Settings, redis_url: str, tmp_path: Path
) -> None:
    create_topics(kafka)
    await produce(kafka.bootstrap, [_asks(f"anew-{n}") for n in range(8)])
    # What a group of the former topic has left behind, and a place of the first start on it.
    tps = [TopicPartition(EVENTS, number) for number in range(PARTITIONS)]
    await reset(settings, GROUP, {tp: Commit(10_000, 9_000) for tp in tps})
    command = [sys.executable, "-m", "workers.cli", "rebuild", "--yes"]
    servers = ["--kafka", kafka.bootstrap, "--redis", redis_url]
    done = await asyncio.to_thread(
        subprocess.run, [*command, *servers], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("cut or made anew: the workers begin it at offset 0") == PARTITIONS
    async with reading(settings, GROUP) as consumer:
        commits = await commits_of(consumer, await partitions_of(consumer, [EVENTS]))
    assert commits == dict.fromkeys(tps, Commit(0, 0))
    with Worker(kafka.bootstrap, redis_url, tmp_path) as worker:
        await settled(kafka.bootstrap, redis_url)
        assert worker.terminate() == 0
    wanted = await expected(kafka.bootstrap, redis_url, DECISIONS)
    assert len(wanted) == 8
    assert await published(kafka.bootstrap, DECISIONS) == wanted
