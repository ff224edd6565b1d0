"""The environment of a round: a real Kafka and store behind a proxy, workers, people."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from redis import Redis

from tests.faults.chat import Chat
from tests.faults.desks import Desks
from tests.faults.fleet import Fleet
from tests.faults.model import Model
from tests.faults.short_deadlines import hurried_policy, hurried_topics
from tests.faults.watch import Watch
from tests.kafka.server import KafkaServer
from workers.contracts.topics import Topics, load_topics
from workers.embedded import EmbeddedRedis
from workers.embedded.child import Child, free_port
from workers.kafka.admin import apply
from workers.settings import Settings, load_settings

SESSION_S: Final = 6.0
"""After so long without a sign of life a worker's partitions go to another."""
KINDS: Final = ("escalation", "routing", "desk", "classifier", "outcomes")


class World:
    """The servers and processes of one run; faults reach into it."""

    def __init__(
        self, folder: Path, seed: str, brokers: int, properties: Mapping[str, str]
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.topics_file = hurried_topics(folder)
        self.policy_file = hurried_policy(folder)
        self.topics: Topics = load_topics(self.topics_file.read_text(), str(self.topics_file))
        self.kafka_ports = [free_port() for _ in range(brokers)]
        self.redis_port = free_port()
        self.kafka = KafkaServer(folder / "kafka", brokers, properties, self.kafka_ports)
        self.redis = EmbeddedRedis(folder / "redis")
        self.proxy: Child
        self.seed = seed
        self.model = Model(seed)
        self._started = AsyncExitStack()

    @property
    def settings(self) -> Settings:
        """Return the settings with which the harness itself reaches the servers, past the proxy."""
        return load_settings(kafka_bootstrap=self.kafka.bootstrap, redis_url=self.redis.url)

    async def start(self) -> None:
        """Start everything, one worker of each kind last; returns when they work."""
        started = self._started
        await asyncio.to_thread(self._start_servers)
        await apply(self.settings, self.topics)
        bootstrap = ",".join(f"127.0.0.1:{port}" for port in self.kafka_ports)
        started.push_async_callback(self.model.stop)
        environment = {
            "KAFKA_BOOTSTRAP": bootstrap,
            "REDIS_URL": self.redis.url_on(self.redis_port),
            "KAFKA_SESSION_TIMEOUT_S": f"{SESSION_S:g}",
            "HANDOFF_SECRET": "secret-of-this-run",
            **await self.model.start(),
        }
        arguments = ["--topics", str(self.topics_file), "--policy", str(self.policy_file)]
        arguments += ["--from", "earliest"]
        self.fleet = Fleet(self.folder, environment, arguments)
        self.chat = Chat(self.kafka.bootstrap)
        await self.chat.start()
        started.push_async_callback(self.chat.stop)
        self.desks = Desks(self.kafka.bootstrap, self.topics, self.chat, self.seed)
        await self.desks.start()
        self.fleet.start()
        started.push_async_callback(self.fleet.stop)
        started.push_async_callback(self.desks.stop)
        for kind in KINDS:
            await self.fleet.add(kind)
        self.watch = Watch(self.settings)
        await self.watch.start()
        started.push_async_callback(self.watch.stop)
        await self.watch.wait_for_groups(90)

    def _start_servers(self) -> None:
        at_end = self._started.push_async_callback
        at_end(asyncio.to_thread, self._kill_brokers)
        self.kafka.start()
        at_end(asyncio.to_thread, self._stop_redis)
        self.redis.start()
        script = Path(__file__).with_name("proxy.py")
        ports = [*self.kafka_ports, self.redis_port]
        self.proxy = Child(script, [str(port) for port in ports])
        at_end(asyncio.to_thread, self.proxy.stop)
        for port, broker in zip(self.kafka_ports, self.kafka.brokers, strict=True):
            self.link(port, target=broker.behind_proxy)
        self.point_redis()

    def link(self, port: int, **command: Any) -> None:
        """Change what the proxy does on one of its ports."""
        self.proxy.ask(json.dumps({"port": port, **command}))

    def point_redis(self) -> None:
        """Send the workers' connections to the store that is in use now."""
        self.link(self.redis_port, target=self.redis.port)

    def redis_client(self) -> "Redis":
        """A client of the store, past the proxy."""
        return Redis.from_url(self.redis.url)

    async def audit(self) -> dict[str, Any]:
        """Run `handoff audit --json` and return its document."""
        command = [sys.executable, "-m", "workers.cli", "audit", "--json", "--kafka"]
        command += [self.kafka.bootstrap, "--topics", str(self.topics_file)]

        def run() -> "subprocess.CompletedProcess[str]":
            environment = {"HANDOFF_SECRET": "secret-of-this-run", "PATH": "/usr/bin:/bin"}
            return subprocess.run(
                command, check=False, capture_output=True, text=True, env=environment
            )

        done = await asyncio.to_thread(run)
        if not done.stdout:
            raise RuntimeError(f"handoff audit: {done.stderr[-2000:]}")
        report: dict[str, Any] = json.loads(done.stdout)
        return {**report, "exit_code": done.returncode}

    async def stop(self) -> None:
        """End what was started, the last first: a failed start shows its own error."""
        await self._started.aclose()

    def _stop_redis(self) -> None:
        # A fault may have put another server in its place.
        self.redis.stop()

    def _kill_brokers(self) -> None:
        for broker in self.kafka.brokers:
            broker.kill()


@asynccontextmanager
async def a_world(
    folder: Path, seed: str, brokers: int = 1, properties: Mapping[str, str] | None = None
) -> AsyncIterator[World]:
    """A world that ends with the block; its data too, its logs stay."""
    world = World(folder, seed, brokers, properties or {})
    try:
        await world.start()
        yield world
    finally:
        await world.stop()
        for data in (folder / "kafka", folder / "redis"):
            shutil.rmtree(data, ignore_errors=True)
