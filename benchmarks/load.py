"""Messages at a rate from one process, which also watches for what comes out, by one clock."""

import threading
import time
import uuid
from collections.abc import Sequence, Set
from typing import Any, NamedTuple, Self

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from benchmarks.environment import Process, World
from benchmarks.events import said
from benchmarks.growth import words

EVERY = 10
"""One message in so many asks for a person."""
BESIDE = 997
LENGTH = 8
"""Messages of an ordinary conversation, and how many of those there are side by side."""
DRAIN_S = 10.0
_ASKING = "I would like to speak to a person about this please"
# With other words before each: the same words again and again would escalate.
_ORDINARY = (
    "my order has not arrived yet, where is it?",
    "the tracking page has not changed since the third.",
    "and how long does the refund take?",
)


class Taken(NamedTuple):
    """The results of one stretch of load."""

    rate: float
    """Messages per second that were really sent."""
    milliseconds: list[float]
    """Times from the event to the packet."""
    first_hop: list[float]
    """Times from the event to the decision."""
    missing: int
    unasked: int
    """Conversations with a decision although no one asked for a person."""
    cores: list[float]
    """Share of a core that each process of the pipeline used."""


class Load:
    """Use as a context; `topics` are where it sends to, what is between the hops, and the ends.

    It speaks through librdkafka, which leaves more of the machine to what is measured.
    """

    def __init__(self, world: World, hops: Sequence[Process], topics: Sequence[str]) -> None:
        self._hops = hops
        self._source, self._between, *self._ends = topics
        self._name = uuid.uuid4().hex[:8]
        self._number = 0
        self._sent: dict[bytes, float] = {}
        self._taken: dict[bytes, float] = {}
        self._decided: dict[bytes, float] = {}
        self._asked: set[bytes] = set()
        servers = {"bootstrap.servers": world.bootstrap, "log_level": 0}
        # The hash of Kafka's own clients, so that a conversation has one partition.
        config = {"acks": "all", "linger.ms": 0, "partitioner": "murmur2_random"}
        self._producer = Producer(servers | config)
        group = {"group.id": f"bench-{self._name}", "enable.auto.commit": False}
        self._consumer = Consumer(servers | group)
        self._ended = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """Watch from where the topics end now."""
        known = self._consumer.list_topics(timeout=20).topics
        found = []
        for topic in (self._between, *self._ends):
            for partition in known[topic].partitions:
                tp = TopicPartition(topic, partition)
                tp.offset = self._end(tp)
                found.append(tp)
        self._consumer.assign(found)
        self._watching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watching.join()
        self._consumer.close()

    def _end(self, tp: TopicPartition) -> int:
        until = time.monotonic() + 20
        while True:
            try:
                end: int = self._consumer.get_watermark_offsets(tp, timeout=20)[1]
            except KafkaException:
                # A young cluster is still electing leaders.
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
            else:
                return end

    def _watch(self) -> None:
        while not self._ended.is_set():
            record: Any = self._consumer.poll(0.1)
            if record is None or record.error():
                continue
            # The first record of a conversation on a queue is its packet.
            seen = self._decided if record.topic() == self._between else self._taken
            seen.setdefault(record.key(), time.monotonic())

    def until_open(self) -> None:
        """Send requests until one of them comes out: the pipeline is at work then."""
        until = time.monotonic() + 60
        while not self._taken:
            if time.monotonic() > until:
                raise RuntimeError(f"nothing on {self._ends} within a minute")
            self._send(asks=True)
            time.sleep(0.25)

    def take(self, rate: float, seconds: float) -> Taken:
        """Send at this rate for so long, wait for what is still under way, tell what was seen."""
        # Only what follows is measured.
        self._sent.clear()
        started, cpu = time.monotonic(), [hop.cpu for hop in self._hops]
        sent = self.send(rate, seconds)
        took = time.monotonic() - started
        cores = [(hop.cpu - used) / took for hop, used in zip(self._hops, cpu, strict=True)]
        missing = self.drain(DRAIN_S)
        keys = self._sent.keys() - missing
        spans = [1000 * (self._taken[key] - self._sent[key]) for key in keys]
        first = [1000 * (self._decided[key] - self._sent[key]) for key in keys]
        unasked = len(self._decided.keys() - self._asked)
        return Taken(sent / took, spans, first, len(missing), unasked, cores)

    def send(self, rate: float, seconds: float) -> int:
        """Send at this rate; what is late is sent at once, and its time runs from then."""
        count, started = int(rate * seconds), time.monotonic()
        for number in range(count):
            pause = started + number / rate - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            self._send(self._number % EVERY == 0)
        self._flush()
        return count

    def _flush(self) -> None:
        if left := self._producer.flush(30):
            raise RuntimeError(f"{left} messages were not acknowledged")

    def most(self, count: int) -> float:
        """Messages per second when all are sent as fast as it goes, up to the last packet."""
        self._sent.clear()
        started = time.monotonic()
        for _ in range(count):
            self._send(self._number % EVERY == 0)
        self._flush()
        if missing := self.drain(60):
            raise RuntimeError(f"{len(missing)} packets are missing after a minute")
        return count / (max(self._taken[key] for key in self._sent) - started)

    def drain(self, limit_s: float) -> Set[bytes]:
        """Wait until everything that was sent has come out; return what has not in time."""
        until = time.monotonic() + limit_s
        while self._missing() and time.monotonic() < until:
            time.sleep(0.05)
        return self._missing()

    def _missing(self) -> Set[bytes]:
        return self._sent.keys() - (self._taken.keys() & self._decided.keys())

    def _send(self, asks: bool) -> None:
        unique, number = uuid.uuid4().hex, self._number
        self._number += 1
        # Ordinary messages belong to conversations that go on; each handoff is of its own.
        name = f"asks-{unique}" if asks else f"{self._name}-{_conversation(number)}"
        content = _ASKING if asks else f"{words(number)}: {_ORDINARY[number % 3]}"
        key, value = said(name, unique, content)
        if asks:
            self._asked.add(key)
            self._sent[key] = time.monotonic()
        self._producer.produce(self._source, value, key=key)
        self._producer.poll(0)


def _conversation(number: int) -> int:
    """Return the conversation of a message: many side by side, none of them endless."""
    return number % BESIDE + BESIDE * (number // (BESIDE * LENGTH))
