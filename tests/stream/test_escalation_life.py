"""The life of the escalation worker: servers away, an empty store, policies, timers, its end."""

import asyncio
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import orjson
import pytest
from redis import Redis

from tests.support.escalation_harness import (
    PREFIX,
    Worker,
    committed,
    conversations,
    create_topics,
    expected,
    marks,
    policy_text,
    produce,
    published,
    read,
    rested,
    settled,
    until,
)
from workers.contracts.decisions import Home
from workers.contracts.topics import DEAD_LETTERS, DECISIONS, EVENTS, NOTIFICATIONS
from workers.embedded import EmbeddedKafka, EmbeddedStack
from workers.embedded.child import free_port
from workers.stores.partition_store import base_key


def _state(redis_url: str) -> dict[bytes, bytes | None]:
    """Return what is stored of conversations, as it is."""
    with Redis.from_url(redis_url) as redis:
        return {key: redis.dump(key) for key in redis.scan_iter("*:[sti]:*")}


def _page(port: int, name: str) -> str:
    with urlopen(f"http://127.0.0.1:{port}/{name}") as answer:
        return str(answer.read().decode())


async def test_an_emptied_store_is_rebuilt_from_the_log(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    create_topics(kafka)
    rows = conversations(700, 60, seed=5)
    partitions = f"{PREFIX}:partitions:{EVENTS}"
    with Worker(kafka.bootstrap, redis_url, tmp_path, "--from", "earliest") as worker:
        await produce(kafka.bootstrap, rows[:600])
        # A deadline that is still to come due would change what the rebuilt store is compared with.
        await rested(kafka.bootstrap, redis_url)
        assert worker.terminate() == 0
        before, durable = _state(redis_url), await committed(kafka.bootstrap)
        with Redis.from_url(redis_url) as redis:
            redis.set(partitions, 12)
        command = [sys.executable, "-m", "workers.cli", "rebuild", "--yes", "--json"]
        servers = ["--kafka", kafka.bootstrap, "--redis", redis_url]
        done = await asyncio.to_thread(
            subprocess.run, [*command, *servers], check=False, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        rebuilt = orjson.loads(done.stdout)
        assert {row["partition"]: row["records"] for row in rebuilt} == durable
        assert _state(redis_url) == before
        with Redis.from_url(redis_url) as redis:
            assert redis.get(partitions) == b"4"
            redis.flushdb()
        worker.start()
        await until(lambda: _state(redis_url) == before)
        await produce(kafka.bootstrap, rows[600:])
        await settled(kafka.bootstrap, redis_url)
        assert worker.terminate() == 0
        wanted = await expected(kafka.bootstrap, redis_url, DECISIONS)
        assert await published(kafka.bootstrap, DECISIONS) == wanted


async def test_a_newer_policy_file_takes_effect_by_an_event_and_a_bad_one_does_not(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    create_topics(kafka)
    text, file = policy_text(), tmp_path / "policy.yaml"
    version = re.search(r"^version: *(\S+)", text, re.MULTILINE)
    assert version is not None

    def written(number: str) -> str:
        return text.replace(version[0], f"version: {number}", 1)

    async def announced(number: str, times: int) -> bool:
        records = [r for part in (await read(kafka.bootstrap, EVENTS)).values() for r in part]
        policies = [orjson.loads(r.value) for r in records if r.key == b"policy"]
        return [row["policy_version"] for row in policies].count(number) == times

    file.write_text(written("7"))
    arguments = ("--from", "earliest", "--policy", str(file))
    with Worker(kafka.bootstrap, redis_url, tmp_path, *arguments) as worker:
        await until(lambda: announced("7", 4))
        file.write_text("version: 99\nrules: [")
        await until(lambda: "policy not taken over" in worker.said)
        assert f"{file}:" in worker.said
        file.write_text(written("10"))
        await until(lambda: announced("10", 4))
        # An older one never turns it back, and nothing is said twice.
        file.write_text(written("9"))
        await until(lambda: "has version 9" in worker.said)
        assert await announced("9", 0)
        assert await announced("10", 4)
        rows = conversations(40, 10, seed=11)
        await produce(kafka.bootstrap, rows)
        await settled(kafka.bootstrap, redis_url)
        decisions = await published(kafka.bootstrap, DECISIONS)
        versions = {
            orjson.loads(v)["policy_version"] for values in decisions.values() for v in values
        }
        assert versions == {"10"}
        assert worker.said.count("policy not taken over") == 1


async def test_deadlines_that_have_passed_become_signed_events_in_their_partition(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    create_topics(kafka)
    asked = datetime.now(UTC) - timedelta(hours=2)
    row = {
        "event_id": "e1",
        "conversation_id": "waits",
        "occurred_at": asked.isoformat(),
        "role": "customer",
        "content": "my parcel has not arrived, where is it?",
    }
    arguments = ("--from", "earliest")
    with Worker(
        kafka.bootstrap, redis_url, tmp_path, *arguments, HANDOFF_SECRET="second"
    ) as worker:
        # In a partition that is not its key's: the answer must come there.
        await produce(kafka.bootstrap, [row], partition=2)
        home = base_key(PREFIX, Home(topic=EVENTS, partition=2))

        async def fired() -> bool:
            log = await read(kafka.bootstrap, EVENTS)
            return any(b'"type":"deadline"' in r.value for r in log[2])

        await until(fired)
        log = await read(kafka.bootstrap, EVENTS)
        deadlines = [r for r in log[2] if b'"type":"deadline"' in r.value]
        assert all(dict(r.headers)["handoff-signature"] for r in deadlines)
        assert {orjson.loads(r.value)["conversation_id"] for r in deadlines} == {"waits"}
        await until(lambda: marks(redis_url)[2] >= deadlines[-1].offset)
        assert await published(kafka.bootstrap, DEAD_LETTERS) == {}
        with Redis.from_url(redis_url) as redis:
            due = redis.zscore(home + "timers", "waits")
            assert due is None or due > datetime.now(UTC).timestamp() * 1000
        assert worker.terminate() == 0


async def test_it_waits_for_servers_says_which_and_resumes(tmp_path: Path) -> None:
    port = free_port()
    with EmbeddedStack() as servers:
        servers.kafka.ensure_topics([EVENTS])
        servers.kafka.down()
        nowhere = f"redis://:secret@127.0.0.1:{port}/0"
        worker = Worker(servers.bootstrap, nowhere, tmp_path, "--from", "earliest")
        with worker:
            await until(lambda: f"Kafka at {servers.bootstrap} is not reachable" in worker.said)
            servers.kafka.up()
            await until(lambda: f"has no topic {DECISIONS}, " in worker.said, within_s=90)
            create_topics(servers.kafka)
            await until(lambda: f"Redis at 127.0.0.1:{port}" in worker.said)
            assert "secret" not in worker.said
            assert worker.terminate() == 0
        health = free_port()
        worker = Worker(
            servers.bootstrap,
            servers.redis_url,
            tmp_path,
            *("--from", "earliest", "--health-port", str(health)),
        )
        with worker:
            await produce(servers.bootstrap, conversations(50, 5))
            await settled(servers.bootstrap, servers.redis_url)
            for page, words in (("live", "alive"), ("ready", "ready"), ("metrics", "chunk_")):
                assert words in await asyncio.to_thread(_page, health, page)
            # Both go away for a while with a chunk on its way.
            servers.redis.stop()
            servers.kafka.down()
            await asyncio.sleep(0.5)
            servers.kafka.up()
            await produce(servers.bootstrap, conversations(50, 5, seed=2))
            await asyncio.sleep(0.5)
            servers.redis.start()
            # It came back empty, which ends the worker; the next start folds the log again.
            assert await worker.ended() == 70
            worker.start()
            await settled(servers.bootstrap, servers.redis_url)
            assert worker.terminate() == 0
            wanted = await expected(servers.bootstrap, servers.redis_url, DECISIONS)
            assert await published(servers.bootstrap, DECISIONS) == wanted


async def test_what_an_operator_must_mend_ends_it_with_a_message(
    kafka: EmbeddedKafka, redis_url: str, stack: EmbeddedStack, tmp_path: Path
) -> None:
    create_topics(kafka)
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 1\nrulez: []\n")
    with Worker(kafka.bootstrap, redis_url, tmp_path, "--policy", str(bad)) as worker:
        assert await worker.ended() == 78
        assert f"{bad}:2: rulez" in worker.said
    with Redis.from_url(stack.redis_url) as redis:
        redis.config_set("maxmemory-policy", "allkeys-lru")
    with Worker(kafka.bootstrap, stack.redis_url, tmp_path) as worker:
        assert await worker.ended() == 78
        assert "maxmemory-policy allkeys-lru" in worker.said
    await produce(kafka.bootstrap, [(b"k", b"rubbish")] * 150, partition=0)
    with Worker(kafka.bootstrap, redis_url, tmp_path, "--from", "earliest") as worker:
        assert await worker.ended() == 65
        assert "100 events in a row could not be read" in worker.said
        letters = await read(kafka.bootstrap, DEAD_LETTERS)
        assert sum(map(len, letters.values())) >= 100, "what stopped it can be listed"
        (told,) = [
            r for part in (await read(kafka.bootstrap, NOTIFICATIONS)).values() for r in part
        ]
        assert orjson.loads(told.value)["kind"] == "dead_letter_limit"
    with Worker(kafka.bootstrap, redis_url, tmp_path, "--no-dead-letter-limit") as worker:
        await settled(kafka.bootstrap, redis_url)
    with Redis.from_url(redis_url) as redis:
        redis.set(f"{PREFIX}:partitions:{EVENTS}", 12)
    with Worker(kafka.bootstrap, redis_url, tmp_path) as worker:
        assert await worker.ended() == 78
        assert "has 4 partitions, and 12 when its conversations were stored" in worker.said
    with Redis.from_url(redis_url) as redis:
        redis.delete(f"{PREFIX}:partitions:{EVENTS}")
        redis.set(base_key(PREFIX, Home(topic=EVENTS, partition=0)) + "mark", "4000 elsewhere.1")
    with Worker(kafka.bootstrap, redis_url, tmp_path) as worker:
        assert await worker.ended() == 78
        assert "conversation-events[0]: the mark 4000 lies outside of the log" in worker.said


_HANGING = """
import asyncio, sys
from workers.agents.escalation import partition
from workers.runtime import app
from workers.cli.main import handoff

app.CHUNK_LIMIT_S = 1.0
partition.publish_outputs = lambda publish, outputs: asyncio.sleep(60 if outputs else 0)
handoff(sys.argv[1:])
"""


async def test_a_chunk_that_is_not_finished_in_time_ends_the_process_without_a_commit(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    create_topics(kafka)
    await produce(kafka.bootstrap, conversations(200, 20))
    worker = Worker(kafka.bootstrap, redis_url, tmp_path, "--from", "earliest", code=_HANGING)
    with worker:
        assert await worker.ended() == 70
        assert "not finished in 1 s" in worker.said
    assert set((await committed(kafka.bootstrap)).values()) == {0}
    assert await published(kafka.bootstrap, DECISIONS) == {}
    with Worker(kafka.bootstrap, redis_url, tmp_path) as worker:
        await settled(kafka.bootstrap, redis_url)
        assert worker.terminate() == 0
    wanted = await expected(kafka.bootstrap, redis_url, DECISIONS)
    assert await published(kafka.bootstrap, DECISIONS) == wanted


_SLOW_TO_PLACE = """
import asyncio, sys
from workers.agents.escalation.agent import TICK_S
from workers.agents.escalation.partition import Partition
from workers.cli.main import handoff

place = Partition.place

async def slow(self, *arguments):
    await asyncio.sleep(2 * TICK_S)
    return await place(self, *arguments)

Partition.place = slow
handoff(sys.argv[1:])
"""


async def test_a_store_that_answers_slowly_delays_the_start_and_no_more(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    create_topics(kafka)
    await produce(kafka.bootstrap, conversations(20, 5))
    arguments = ("--from", "earliest")
    with Worker(kafka.bootstrap, redis_url, tmp_path, *arguments, code=_SLOW_TO_PLACE) as worker:
        await settled(kafka.bootstrap, redis_url)
        assert worker.terminate() == 0, worker.said


_STALLING = """
import sys
from workers.runtime import consumer, watchdog
from workers.cli.main import handoff

async def nothing(self, timeout):
    await self.sleep(0.1)
    for run in ():
        yield run

watchdog.STALLED_S, watchdog.WATCH_S = 1.0, 0.2
consumer.Consumer.getmany = nothing
handoff(sys.argv[1:])
"""
_UNCOMMITTED = """
import asyncio, sys
from workers.runtime import consumer, watchdog
from workers.cli.main import handoff

async def never(self, offsets):
    await asyncio.sleep(3600)

watchdog.STALLED_S, watchdog.WATCH_S = 1.0, 0.2
consumer.ConsumerThread._commit = never
handoff(sys.argv[1:])
"""
_OUTSIDE = """
import sys
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance
from aiokafka.errors import InvalidRequestError
from workers.cli.main import handoff

async def refused(self, assignment):
    raise InvalidRequestError

CoordinatorGroupRebalance._send_sync_group_request = refused
handoff(sys.argv[1:])
"""
_BLOCKING = """
import sys, time
from workers.agents.escalation import partition
from workers.runtime import process
from workers.cli.main import handoff

process.BLOCKED_S = 1.5
partition.Partition._fold = lambda *_: time.sleep(60)
handoff(sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (_STALLING, "records wait, none moves"),
        (_UNCOMMITTED, "handled up to [1-9][0-9]*, committed up to (0|None)"),
        (_OUTSIDE, "no longer a member of its group"),
        (_BLOCKING, "the event loop is blocked"),
    ],
    ids=["stalling", "uncommitted", "outside of the group", "blocking"],
)
async def test_a_worker_that_stands_still_or_blocks_ends_itself(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path, code: str, why: str
) -> None:
    create_topics(kafka)
    await produce(kafka.bootstrap, conversations(50, 5))
    arguments = ("--from", "earliest")
    with Worker(kafka.bootstrap, redis_url, tmp_path, *arguments, code=code) as worker:
        assert await worker.ended() == 70
        assert re.search(why, worker.said)
    with Worker(kafka.bootstrap, redis_url, tmp_path, *arguments):
        await settled(kafka.bootstrap, redis_url)


_DUE_AT_THE_END = """
import asyncio, sys
from workers.agents.escalation import agent
from workers.cli.main import handoff
from workers.contracts.topics import NOTIFICATIONS
from workers.runtime.producer import Producer, Record

async def fire(timers, marked):
    await asyncio.sleep(0.2)
    await timers._publish([Record(NOTIFICATIONS, b"one", b"{}")])

async def stop_slowly(producer):
    await stop(producer)
    await asyncio.sleep(1.0)

agent.TICK_S, agent.Timers.fire = 0.0, fire
stop, Producer.on_stop = Producer.on_stop, stop_slowly
handoff(sys.argv[1:])
"""


async def test_what_is_due_between_chunks_does_not_outlive_the_producer(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    create_topics(kafka)
    await produce(kafka.bootstrap, conversations(100, 20))
    arguments = ("--from", "earliest")
    with Worker(kafka.bootstrap, redis_url, tmp_path, *arguments, code=_DUE_AT_THE_END) as worker:
        await settled(kafka.bootstrap, redis_url)
        assert worker.terminate() == 0, worker.said
