"""The servers of a scenario, the log on its topic, and processes that read it."""

import asyncio
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

import redis
from aiokafka.admin import NewTopic
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from tests.kafka.server import VERSION, KafkaServer, admin_client, jars
from workers.contracts.topics import EVENTS, Topics, load_topics
from workers.data import data_path
from workers.embedded import EmbeddedKafka, EmbeddedRedis, GuardedServer, ServerError
from workers.embedded.kafka import PARTITIONS
from workers.embedded.workers import EMBEDDED_SETTINGS
from workers.settings import Settings, load_settings

BARE_TOPICS = ("bench-events", "bench-decisions", "bench-queue")
"""Topics of a bare pipeline, in place of ours."""
_POLL_S = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")


def real_kafka() -> bool:
    """Return True if a real broker can be started here."""
    if shutil.which("java") is None:
        return False
    try:
        jars()
    except ServerError:
        return False
    return True


def kafka_name() -> str:
    """Return the broker's name, for the report."""
    return f"Apache Kafka {VERSION}" if real_kafka() else "embedded (librdkafka's mock cluster)"


class Seen(NamedTuple):
    """A commit that was seen: when, up to how many records, and the CPU seconds used so far."""

    at: float
    records: int
    cpu: float


class World:
    """Fresh servers for one scenario; every queue is open and takes all that comes."""

    def __init__(self) -> None:
        self.real = real_kafka()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            temporary = tempfile.TemporaryDirectory(prefix="handoff-bench-")
            self.folder = Path(stack.enter_context(temporary))
            embedded = None if self.real else stack.enter_context(EmbeddedKafka())
            if embedded is None:
                real = stack.enter_context(KafkaServer(self.folder / "kafka"))
                self.bootstrap = real.bootstrap
            else:
                self.bootstrap = embedded.bootstrap
            # With persistence, as a worker's store needs it.
            self.redis_url = stack.enter_context(EmbeddedRedis(self.folder / "store")).url
            self.topics_file = self.folder / "topics.yaml"
            self.topics_file.write_text(_roomy(data_path("topics.yaml").read_text()))
            self.topics = load_topics(self.topics_file.read_text(), str(self.topics_file))
            if embedded is not None:
                embedded.ensure_topics([*self.topics.topics, *BARE_TOPICS])
            else:
                asyncio.run(_create(self.bootstrap, self.topics))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that point a process at the servers."""
        own = {"KAFKA_BOOTSTRAP": self.bootstrap, "REDIS_URL": self.redis_url}
        return own if self.real else own | EMBEDDED_SETTINGS

    @property
    def settings(self) -> Settings:
        """Settings for the servers."""
        given: dict[str, Any] = {name.lower(): value for name, value in self.environment.items()}
        return load_settings(**given)

    @property
    def partitions(self) -> int:
        """Return the number of partitions of the log."""
        return self.topics.topics[EVENTS].partitions if self.real else PARTITIONS

    @property
    def store(self) -> "redis.Redis":
        """A client of the store."""
        return redis.Redis.from_url(self.redis_url)

    @property
    def store_mb(self) -> float:
        """Return the memory that the store uses, in MiB."""
        memory: Any = self.store.info("memory")
        return float(memory["used_memory"]) / 2**20

    def fill(self, rows: Iterable[tuple[bytes, bytes]], topic: str = EVENTS) -> None:
        """Put keys and values on a topic; returns when all are acknowledged."""
        # The hash of Kafka's own clients, so that a conversation has one partition.
        config = {"bootstrap.servers": self.bootstrap, "linger.ms": 5, "acks": "all"}
        producer = Producer(config | {"partitioner": "murmur2_random"})
        for key, value in rows:
            while True:
                try:
                    producer.produce(topic, value, key=key)
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        if left := producer.flush(60):
            raise RuntimeError(f"{left} records were not acknowledged in a minute")

    def process(
        self, *arguments: str, python: Path = Path(sys.executable), **environment: str
    ) -> "Process":
        """Start `python -m ARGUMENTS` beside us; it ends with us at the latest."""
        return Process(self, [str(python), "-m", *arguments], {**self.environment, **environment})

    def worker(self, name: str, *arguments: str, **environment: str) -> "Process":
        """Start `handoff worker NAME`, which begins at the beginning."""
        common = ("--topics", str(self.topics_file), "--from", "earliest")
        command = ("workers.cli", "worker", name, *common, *arguments)
        return self.process(*command, python=Path(sys.executable), **environment)


def _roomy(topics: str) -> str:
    topics = re.sub(r"max_waiting: \d+", "max_waiting: 100000", topics)
    return topics.replace("calendar: office_hours\n    max", "calendar: around_the_clock\n    max")


async def _create(bootstrap: str, topics: Topics) -> None:
    wanted = [
        NewTopic(name, topic.partitions, 1, topic_configs=topic.configs)
        for name, topic in topics.topics.items()
    ]
    wanted += [NewTopic(name, topics.topics[EVENTS].partitions, 1) for name in BARE_TOPICS]
    async with admin_client(bootstrap) as admin:
        answer = await admin.create_topics(wanted)
    if refused := [error for error in answer.topic_errors if error[1]]:
        raise ServerError(f"topics cannot be created: {refused}")


class Process:
    """A Python process at work for a scenario."""

    def __init__(
        self, world: World, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        self.log = world.folder / f"process-{time.monotonic_ns()}.log"
        self.spawned = time.monotonic()
        assigned = [f"{name}={value}" for name, value in environment.items()]
        command = ["/usr/bin/env", *assigned, *arguments]
        self._server = GuardedServer(command, self.log)
        self.pid = self._server.pid

    @property
    def cpu(self) -> float:
        """CPU seconds that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    @property
    def memory_mb(self) -> float:
        """The memory that it has now."""
        return self._status_mb("VmRSS:")

    @property
    def peak_mb(self) -> float:
        """The most memory that it has had."""
        return self._status_mb("VmHWM:")

    def _status_mb(self, name: str) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition(name)[2].split()[0]) / 1024

    def said(self, word: str) -> list[str] | None:
        """The rest of the first line that begins with a word; None when there is none yet."""
        for line in self.log.read_text(errors="replace").splitlines():
            if line.startswith(f"{word} "):
                return line.split()[1:]
        return None

    def wait_until_said(self, word: str, within_s: float = 60) -> list[str]:
        """Wait for such a line."""
        until = time.monotonic() + within_s
        while (found := self.said(word)) is None:
            if time.monotonic() > until or not self._server.running:
                raise RuntimeError(f"no {word!r} from a process: {self._server.tail()}")
            time.sleep(0.02)
        return found

    def check(self) -> None:
        """Raise what it said last when it is gone."""
        if not self._server.running:
            raise RuntimeError(f"a process ended: {self._server.tail()}")

    def stop(self) -> None:
        """End it in order."""
        self._server.stop()

    def kill(self) -> None:
        """End it at once."""
        self._server.kill()


class Commits:
    """The commits of a group on the log, read from outside."""

    def __init__(self, world: World, group: str, topic: str = EVENTS) -> None:
        self._consumer = Consumer({"bootstrap.servers": world.bootstrap, "group.id": group})
        self._tps = [TopicPartition(topic, number) for number in range(world.partitions)]

    def records(self) -> int:
        """Return the number of committed records."""
        try:
            found = self._consumer.committed(self._tps, timeout=20)
        except KafkaException as error:
            # A young cluster is still making the topic of the offsets.
            if error.args[0].retriable() or error.args[0].code() == KafkaError.NOT_COORDINATOR:
                return 0
            raise
        return sum(max(0, tp.offset) for tp in found)

    def follow(
        self,
        processes: Sequence[Process],
        total: int,
        limit_s: float | None = None,
        give_up_s: float = 180,
    ) -> list[Seen]:
        """Watch until `total` is committed, or for so long since the first commit."""
        seen: list[Seen] = []
        give_up = time.monotonic() + give_up_s
        while not seen or seen[-1].records < total:
            records, at = self.records(), time.monotonic()
            if records and (not seen or records > seen[-1].records):
                seen.append(Seen(at, records, sum(process.cpu for process in processes)))
            if seen and limit_s is not None and at - seen[0].at > limit_s:
                break
            for process in processes:
                process.check()
            if at > give_up:
                raise RuntimeError(f"{records} of {total} records committed in {give_up_s:g} s")
            time.sleep(_POLL_S)
        return seen

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()
