"""A console as a process: it follows the topics, comes back from anything, and ends in order."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.support.audit_builder import World
from tests.support.console_process import PATIENCE_S, ConsoleProcess
from tests.support.console_site import records_of, shipped_topics
from workers.embedded import EmbeddedKafka


class Running(ConsoleProcess):
    """A console beside a broker of its own, without a store."""

    def __init__(self, kafka: EmbeddedKafka, folder: Path) -> None:
        super().__init__({"KAFKA_BOOTSTRAP": kafka.bootstrap}, folder)
        self.kafka = kafka

    def found(self, conversation: str) -> None:
        """Wait until a search finds a conversation; its page names what was asked for, too."""
        self.shows(f'/conversation?id={conversation}"', f"/search?q={conversation}")

    def publish(self, world: World) -> None:
        """Write everything that a world's agents would."""
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap})
        for record in records_of(world):
            producer.produce(record.topic, key=record.raw.key, value=record.raw.value)
        assert producer.flush(PATIENCE_S) == 0


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """Run a console on a broker of its own."""
    with EmbeddedKafka() as kafka:
        kafka.ensure_topics(shipped_topics().topics)
        with Running(kafka, tmp_path) as console:
            yield console
        assert console.exit_code == 0, f"it did not end in order: {console.log}"


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
    running.shows("with kim", "/conversation?id=first-one")
