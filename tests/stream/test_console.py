"""A console as a process: it follows the topics, comes back from anything, and ends in order."""

import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.support.audit_builder import World
from tests.support.console_site import records_of, shipped_topics
from workers.embedded import EmbeddedKafka

_PATIENCE_S = 90.0


class Running:
    """A broker, a console beside it, and what a browser would read."""

    def __init__(self, kafka: EmbeddedKafka, folder: Path) -> None:
        self.kafka = kafka
        self.data = folder / "data"
        self._log = folder / "console.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "workers.cli", "console", "--kafka", kafka.bootstrap),
                    *("--listen", "127.0.0.1:0", "--data", str(self.data)),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.address = ""

    def started(self) -> None:
        """Wait until it says where it answers."""
        until = time.monotonic() + _PATIENCE_S
        while (found := re.search(r"console is at (\S+)", self._log.read_text())) is None:
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.1)
        self.address = found[1]

    def shows(self, words: str, path: str = "") -> str:
        """Return a page once it has some words."""
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                with urllib.request.urlopen(self.address + path, timeout=20) as answer:  # noqa: S310 - our own
                    page: str = answer.read().decode()
            except OSError:
                page = ""
            if words in page:
                return page
            assert time.monotonic() < until, f"{words!r} is missing in {page}"
            time.sleep(0.2)

    def found(self, conversation: str) -> None:
        """Wait until a search finds a conversation; its page names what was asked for, too."""
        self.shows(f'/conversation?id={conversation}"', f"search?q={conversation}")

    def publish(self, world: World) -> None:
        """Write everything that a world's agents would."""
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap})
        for record in records_of(world):
            producer.produce(record.topic, key=record.raw.key, value=record.raw.value)
        assert producer.flush(_PATIENCE_S) == 0


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """Run a console on a broker of its own, without a store."""
    with EmbeddedKafka() as kafka:
        kafka.ensure_topics(shipped_topics().topics)
        console = Running(kafka, tmp_path)
        try:
            console.started()
            yield console
        finally:
            console.process.terminate()
            assert console.process.wait(60) == 0, "it did not end in order"


def escalated(name: str) -> World:
    """Return a conversation that waits since a moment ago."""
    world = World(name, seq=time.time_ns() // 1_000_000)
    world.escalate()
    return world


def test_it_follows_comes_back_and_ends_in_order(running: Running) -> None:
    first = escalated("first-one")
    running.publish(first)
    running.found("first-one")
    # The broker is away for a while.
    running.kafka.down()
    running.shows("Kafka does not answer")
    running.kafka.up()
    second = escalated("second-one")
    running.publish(second)
    running.found("second-one")
    assert "Kafka does not answer" not in running.shows("Live")
    # Its file is taken away: everything is read again.
    for file in running.data.iterdir():
        file.unlink(missing_ok=True)
    third = escalated("third-one")
    running.publish(third)
    running.found("third-one")
    for name in ("first-one", "second-one"):
        running.found(name)
    first.claim("kim")
    running.publish(first)
    running.shows("with kim", "conversation?id=first-one")
