"""A real Apache Kafka for tests: its jars from Maven Central, its data in a folder of the test."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self

from aiokafka.admin import AIOKafkaAdminClient

from workers.embedded import GuardedServer, ServerError
from workers.embedded.child import free_port

_HERE: Final = Path(__file__).parent
_POM: Final = _HERE / "pom.xml"
_CACHE: Final = _HERE.parents[1] / ".cache" / "kafka"
_READY_S: Final = 180.0
_DECLARED: Final = re.findall("<kafka.version>(.*)</", _POM.read_text())[0]
VERSION: Final[str] = os.environ.get("KAFKA_VERSION") or _DECLARED
_HEAP: Final = "-Xmx1g"


def jars(version: str = VERSION) -> Path:
    """Return the folder with a broker's jars, fetched the first time; ServerError if they can't."""
    folder = _CACHE / version
    if folder.is_dir():
        return folder
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise ServerError(
                f"{tool} is not installed: tests/kafka needs Java 17 and Maven, or the address of "
                "a running Kafka in KAFKA_BOOTSTRAP"
            )
    _CACHE.mkdir(parents=True, exist_ok=True)
    # Renamed when complete, so that an interrupted download is not taken for a broker.
    with tempfile.TemporaryDirectory(dir=_CACHE) as parent:
        partial = Path(parent) / "jars"
        fetched = subprocess.run(
            [
                *("mvn", "--batch-mode", "--quiet", "--file", str(_POM)),
                *("dependency:copy-dependencies", f"-Dkafka.version={version}"),
                f"-DoutputDirectory={partial}",
            ],
            check=False,
            capture_output=True,
            text=True,
        )
        if fetched.returncode:
            raise ServerError(f"mvn could not fetch Kafka {version}: {fetched.stdout[-2000:]}")
        partial.rename(folder)
    return folder


class KafkaBroker:
    """One broker and controller in one process, with its data in a folder of its own."""

    def __init__(
        self,
        node: int,
        folder: Path,
        properties: Mapping[str, str],
        proxy: int | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.node = node
        self.folder = folder
        self.port = free_port()
        self.behind_proxy = free_port()
        """Port at which a proxy reaches the broker; clients on this port are sent back to the
        proxy."""
        self._proxy = self.behind_proxy if proxy == 0 else proxy
        self.controller_port = free_port()
        self._properties = properties
        self._options = options
        self._server: GuardedServer | None = None

    @property
    def address(self) -> str:
        """Return host:port, the same after a restart."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Return the process id of the Java virtual machine."""
        return self._running().pid

    def prepare(self, cluster_id: str, voters: str, replicas: int) -> None:
        """Write its configuration and format its folder; once, before the first start."""
        self.folder.mkdir(parents=True)
        listeners = advertised = f"PLAINTEXT://127.0.0.1:{self.port}"
        protocols = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
        if self._proxy is not None:
            listeners += f",PROXIED://127.0.0.1:{self.behind_proxy}"
            advertised += f",PROXIED://127.0.0.1:{self._proxy}"
            protocols += ",PROXIED:PLAINTEXT"
        settings = {
            "process.roles": "broker,controller",
            "node.id": str(self.node),
            "controller.quorum.voters": voters,
            "controller.listener.names": "CONTROLLER",
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": advertised,
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": protocols,
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": "4",
            "offsets.topic.replication.factor": str(replicas),
            "transaction.state.log.replication.factor": str(replicas),
            "transaction.state.log.min.isr": str(min(2, replicas)),
            "default.replication.factor": str(replicas),
            "min.insync.replicas": str(min(2, replicas)),
            "group.initial.rebalance.delay.ms": "0",
            # A killed broker may come back only when its session has ended: 9 s by default.
            "broker.session.timeout.ms": "2000",
            "broker.heartbeat.interval.ms": "500",
            **self._properties,
        }
        lines = [f"{name}={value}\n" for name, value in settings.items()]
        (self.folder / "server.properties").write_text("".join(lines))
        self._java("kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "--config")

    def start(self) -> None:
        """Start the process; `KafkaServer.wait` waits until it serves."""
        # fmt: off
        command = [
            "java", _HEAP, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", *self._options,
            "-cp", f"{jars()}/*", "kafka.Kafka", str(self.folder / "server.properties"),
        ]
        # fmt: on
        self._server = GuardedServer(command, self.folder / "server.log")

    def stop(self) -> None:
        """End it in order; nothing happens when it is not running."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def kill(self) -> None:
        """End it as kill -9 does; nothing happens when it is not running."""
        if self._server is not None:
            self._server.kill()
            self._server = None

    def wait(self) -> None:
        """Return when it accepts connections; ServerError with the end of its log if it won't."""
        server = self._running()
        until = time.monotonic() + _READY_S
        while server.running and time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise ServerError(f"Kafka at {self.address} did not start: {server.tail()}")

    def _java(self, main: str, *arguments: str) -> None:
        done = subprocess.run(
            [
                # It lives for a second: compiling and collecting well costs more than it saves.
                *("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{jars()}/*"),
                *(main, *arguments, str(self.folder / "server.properties")),
            ],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ServerError(f"{main}: {done.stdout[-2000:]}{done.stderr[-2000:]}")

    def _running(self) -> GuardedServer:
        if self._server is None:
            raise ServerError(f"Kafka at {self.address} is not running")
        return self._server


class KafkaServer:
    """A cluster of one broker or more, each a process that cannot outlive ours.

    `brokers[0].kill()` and `.start()` hurt one of them; all keep ports and data until the end.
    """

    def __init__(
        self,
        folder: Path,
        brokers: int = 1,
        properties: Mapping[str, str] | None = None,
        proxies: Sequence[int] = (),
        options: Sequence[str] = (),
    ) -> None:
        """Prepare it; further properties of the brokers outrank the ones set here.

        `options` are further ones of the Java virtual machines.

        `proxies` are ports, one for each broker, whose clients stay behind that proxy; 0 gives the
        broker a second listener, PROXIED, without one.
        """
        ports: list[int | None] = [*proxies] or [None] * brokers
        self.brokers = [
            KafkaBroker(node, folder / f"broker-{node}", properties or {}, proxy, options)
            for node, proxy in zip(range(1, brokers + 1), ports, strict=True)
        ]
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        voters = ",".join(
            f"{broker.node}@127.0.0.1:{broker.controller_port}" for broker in self.brokers
        )
        for broker in self.brokers:
            broker.prepare(cluster_id, voters, min(3, brokers))

    @property
    def bootstrap(self) -> str:
        """Return the addresses of all brokers."""
        return ",".join(broker.address for broker in self.brokers)

    def start(self) -> Self:
        """Start every broker; returns when all accept connections."""
        try:
            for broker in self.brokers:
                broker.start()
            for broker in self.brokers:
                broker.wait()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End every broker in order."""
        for broker in self.brokers:
            broker.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        # Nobody reads the data any more, and a quorum takes long to end in order.
        for broker in self.brokers:
            broker.kill()


@asynccontextmanager
async def admin_client(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """Connect an admin client and close it."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        yield client
    finally:
        await client.close()
