"""A system of real worker processes on the embedded servers, and what it published."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec
import orjson
from aiokafka import TopicPartition
from redis import Redis

from tests.support.forked import ForkedHandoff, forked_worker
from tests.support.scripts import SCRIPTS, Talk
from workers.audit.audit_report import Report
from workers.audit.topic_scan import LiveAudit
from workers.contracts.signing import Secrets
from workers.contracts.topics import DECISIONS, EVENTS, Topics, load_topics
from workers.data import data_path
from workers.embedded import EmbeddedStack
from workers.embedded.simulators import SimulatedSystems
from workers.embedded.workers import EMBEDDED_SETTINGS
from workers.kafka.reader import is_done, partitions_of, ranges_of, read, reading
from workers.settings import Settings, load_settings

AGENTS = ("escalation", "routing", "desk")


class Published(NamedTuple):
    """The results of a run that must be the same in every run."""

    decisions: dict[str, bytes]
    """Values by id."""
    packets: set[str]


class System:
    """Servers and one worker of each kind; leave it to stop them all."""

    def __init__(self, folder: Path) -> None:
        self._stack = ExitStack()
        self._folder = folder
        self.workers: dict[str, ForkedHandoff] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.servers = stack.enter_context(EmbeddedStack())
            path = data_path("topics.yaml")
            self.topics: Topics = load_topics(path.read_text(encoding="utf-8"), str(path))
            self.servers.kafka.ensure_topics(self.topics.topics)
            self.environment = {
                "KAFKA_BOOTSTRAP": self.servers.bootstrap,
                "REDIS_URL": self.servers.redis_url,
                "HANDOFF_SECRET": "a key of the tests",
                **EMBEDDED_SETTINGS,
            }
            for name in AGENTS:
                log = self._folder / f"{name}.log"
                arguments = ["--from", "earliest"]
                worker = forked_worker(name, self.environment, log, arguments)
                self.workers[name] = stack.enter_context(worker)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def settings(self) -> Settings:
        """Return settings for these servers."""
        return load_settings(
            kafka_bootstrap=self.servers.bootstrap,
            redis_url=self.servers.redis_url,
            kafka_fetch_max_wait_ms=int(EMBEDDED_SETTINGS["KAFKA_FETCH_MAX_WAIT_MS"]),
            handoff_secret=self.environment["HANDOFF_SECRET"],
        )

    def outside(self) -> SimulatedSystems:
        """Return the systems around this one, not started."""
        return SimulatedSystems(
            self.servers.bootstrap, [q.topic for q in self.topics.queues.values()]
        )

    def kill(self, name: str) -> None:
        """Kill a worker with -9 and start it again."""
        self.workers[name].kill()
        self.workers[name].start()

    def wipe_redis(self) -> None:
        """Stop all workers, empty the store and start them again."""
        for worker in self.workers.values():
            worker.kill()
        with Redis.from_url(self.servers.redis_url) as redis:
            redis.flushall()
        for worker in self.workers.values():
            worker.start()

    def logs(self) -> str:
        """Return the ends of the workers' logs, for a failure's message."""
        return "\n".join(worker.tail() for worker in self.workers.values())

    async def settled(self, within_s: float = 120.0) -> None:
        """Wait until every agent has committed everything on its topic."""
        groups = {"escalation": EVENTS, "routing": DECISIONS, "desk": "desk-events"}
        async with asyncio.timeout(within_s):
            for name, topic in groups.items():
                while not await is_done(self.settings, f"handoff-{name}", topic):  # noqa: ASYNC110 - Kafka tells nobody
                    await asyncio.sleep(0.2)

    async def audit(self) -> Report:
        """Audit the topics as they are."""
        found = LiveAudit(self.settings, self.topics, Secrets(self.settings.signing_keys))
        await found.begin()
        return await found.run(lambda _: None)

    async def decisions(self) -> dict[int, list[bytes]]:
        """Return the values on the decisions topic, per partition, repeats left out."""
        async with reading(self.settings) as consumer:
            ranges = await ranges_of(consumer, await partitions_of(consumer, [DECISIONS]))
        values: dict[int, list[bytes]] = {tp.partition: [] for tp in ranges}
        async for tp, records in read(self.settings, ranges):
            for record in records:
                if record.value not in values[tp.partition]:
                    values[tp.partition].append(record.value)
        return values

    def replay(self) -> dict[int, list[bytes]]:
        """Return what `handoff replay` of the log decides, per partition."""
        out = self._folder / "replayed.jsonl"
        command = [sys.executable, "-m", "workers.cli", "replay", "--topic", EVENTS]
        done = subprocess.run(
            [*command, "--decisions", str(out), "--json"],
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        values: dict[int, list[bytes]] = {}
        for line in out.read_bytes().splitlines():
            partition = orjson.loads(line)["home"]["partition"]
            values.setdefault(partition, []).append(line)
        return values


Disturb = Callable[[System, SimulatedSystems], Any]


async def play(
    system: System, start: datetime, *, times: int = 1, disturb: Disturb | None = None
) -> Published:
    """Play every script, each event sent so many times, while `disturb` does its worst."""
    async with system.outside() as outside:
        talks = [
            script(Talk(outside, f"talk-{number}", start, times))
            for number, script in enumerate(SCRIPTS)
        ]
        worst = [] if disturb is None else [disturb(system, outside)]
        await asyncio.gather(*talks, *worst)
        await system.settled()
        decisions = {
            orjson.loads(value)["decision_id"]: value
            for values in (await system.decisions()).values()
            for value in values
        }
        return Published(decisions, set(outside.packets))


def tally(values: Iterable[bytes]) -> dict[str, int]:
    """Count decisions by action, for a readable comparison."""
    counts: dict[str, int] = {}
    for value in values:
        action = msgspec.json.decode(value)["action"]
        counts[action] = counts.get(action, 0) + 1
    return counts


__all__ = ["AGENTS", "Published", "System", "TopicPartition", "play", "tally"]
