"""The escalation worker as a process: nothing lost, nothing twice, whatever happens to it."""

import asyncio
import random
from pathlib import Path
from typing import Any

import orjson
from redis import Redis

from tests.support.escalation_harness import (
    Worker,
    committed,
    conversations,
    create_topics,
    expected,
    marks,
    moved,
    produce,
    published,
    quiet_rates,
    read,
    settled,
    stored_rates,
    until,
)
from workers.contracts.topics import DEAD_LETTERS, DECISIONS, NOTIFICATIONS
from workers.embedded import EmbeddedKafka


async def test_decisions_are_those_of_a_quiet_run_and_sigterm_commits(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    create_topics(kafka)
    rows = conversations(1500, 120)
    # A heartbeat that is late on a busy machine would have it publish twice, and be right.
    session = {"KAFKA_SESSION_TIMEOUT_S": "10"}
    with Worker(kafka.bootstrap, redis_url, tmp_path, "--from", "earliest", **session) as worker:
        await produce(kafka.bootstrap, rows[:1000])
        await settled(kafka.bootstrap, redis_url)
        # Sent again by their producer, at other offsets, and once more beside new ones.
        await produce(kafka.bootstrap, [*rows[:500], *rows[900:]])
        await until(lambda: min(marks(redis_url).values()) > 0)
        assert worker.terminate() == 0
        found = marks(redis_url)
        assert await committed(kafka.bootstrap) == {n: mark + 1 for n, mark in found.items()}
        assert "Missing sensor state" not in worker.said
        # It leaves nothing in the folder where it was started.
        assert not any(worker.folder.iterdir())
        worker.start()
        # Something new to wait for: a process that is not up yet cannot end in order.
        await produce(kafka.bootstrap, rows[:50])
        await settled(kafka.bootstrap, redis_url)
        assert worker.terminate() == 0
        wanted = await expected(kafka.bootstrap, redis_url, DECISIONS)
        assert len(wanted) > 50
        assert await published(kafka.bootstrap, DECISIONS) == wanted
        # Nothing was published twice: there was no crash.
        records = await read(kafka.bootstrap, DECISIONS)
        assert sum(map(len, records.values())) == sum(map(len, wanted.values()))
        assert await published(kafka.bootstrap, DEAD_LETTERS) == {}


async def test_killed_at_any_moment_it_decides_as_if_nothing_had_happened(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    create_topics(kafka)
    chance = random.Random(7)
    rows = conversations(3000, 150, seed=7)
    with Worker(
        kafka.bootstrap, redis_url, tmp_path, "--from", "earliest", HANDOFF_CHUNK_SIZE="40"
    ) as worker:
        for part in range(3):
            await produce(kafka.bootstrap, rows[part * 1000 : (part + 1) * 1000])
            await moved(redis_url)
            await asyncio.sleep(chance.random() * 0.3)
            worker.kill()
            worker.start()
        # Something new to wait for: a process that is not up yet cannot end in order.
        await produce(kafka.bootstrap, rows[:50])
        await settled(kafka.bootstrap, redis_url)
        # Shares of escalated conversations too: what is counted, and what is told of them, once.
        await until(lambda: published(kafka.bootstrap, NOTIFICATIONS))
        assert worker.terminate() == 0
        wanted = await expected(kafka.bootstrap, redis_url, DECISIONS)
        assert await published(kafka.bootstrap, DECISIONS) == wanted
        for subject, said in (await published(kafka.bootstrap, NOTIFICATIONS)).items():
            facts = [(one["kind"], one["text"]) for one in map(orjson.loads, said)]
            assert len({kind for kind, _ in facts}) == len(facts), subject
        assert stored_rates(redis_url) == await quiet_rates(kafka.bootstrap)


async def test_one_busy_partition_is_not_held_up_by_idle_ones(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    create_topics(kafka)
    await produce(kafka.bootstrap, conversations(400, 40), partition=1)
    arguments = ("--from", "earliest")
    with Worker(kafka.bootstrap, redis_url, tmp_path, *arguments, HANDOFF_CHUNK_SIZE="1"):
        await until(lambda: marks(redis_url)[1] > 0)
        # A buffer that was full and is empty again must not wait for the others' next record.
        await until(lambda: marks(redis_url)[1] >= 399)


_DUMP = """
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  found[#found + 1] = {key, redis.call('DUMP', key)}
end
return found
"""


def _snapshot(redis: Redis) -> list[tuple[bytes, bytes]]:
    """Return everything as it is at one moment: the worker's timers go on meanwhile."""
    found: Any = redis.eval(_DUMP, 0)
    return [(key, value) for key, value in found]


def _go_back(redis: Redis, snapshot: list[tuple[bytes, bytes]]) -> None:
    """Put a snapshot in the place of everything, at once."""
    with redis.pipeline(transaction=True) as pipe:
        pipe.flushdb()
        for key, value in snapshot:
            pipe.restore(key, 0, value)
        pipe.execute()


async def test_a_store_that_goes_back_in_time_ends_the_worker_which_then_mends_it(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    create_topics(kafka)
    rows = conversations(900, 60, seed=3)
    with Worker(kafka.bootstrap, redis_url, tmp_path, "--from", "earliest") as worker:
        await produce(kafka.bootstrap, rows[:400])
        await settled(kafka.bootstrap, redis_url)
        with Redis.from_url(redis_url) as redis:
            snapshot = _snapshot(redis)
            await produce(kafka.bootstrap, rows[400:600])
            await settled(kafka.bootstrap, redis_url)
            _go_back(redis, snapshot)
        # Idle: only the look at the mark every few seconds can notice.
        assert await worker.ended() == 70
        assert "the mark is" in worker.said
        worker.start()
        await produce(kafka.bootstrap, rows[600:])
        await settled(kafka.bootstrap, redis_url)
        assert worker.terminate() == 0
        wanted = await expected(kafka.bootstrap, redis_url, DECISIONS)
        assert await published(kafka.bootstrap, DECISIONS) == wanted
        # What lies below the committed offset was folded again and not published again.
        records = await read(kafka.bootstrap, DECISIONS)
        assert sum(map(len, records.values())) == sum(map(len, wanted.values()))
