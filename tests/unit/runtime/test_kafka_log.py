"""The log while Kafka is away: little, and enough."""

import logging
from collections.abc import Iterator

import pytest

from workers.runtime.kafka_log import KafkaOutageFilter


class Lines(logging.Handler):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        self.said.append(record.getMessage())


class Outage:
    """A log behind the filter, and a clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.filter = KafkaOutageFilter(lambda: self.now)
        self.lines = Lines()
        self.lines.addFilter(self.filter)
        self.client = logging.getLogger("aiokafka.test-outage")
        self.client.propagate = False

    def fail(self, seconds: int) -> None:
        """Fail twice a second, as the client does."""
        for _ in range(2 * seconds):
            self.client.error("Unable connect to node with id %s: %s", 0, "refused")
            self.now += 0.5


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outage]:
    """Return a log that nobody else reads."""
    here = Outage()
    ours = logging.getLogger("workers.runtime.kafka_log")
    monkeypatch.setattr(ours, "propagate", False)
    here.client.addHandler(here.lines)
    ours.addHandler(here.lines)
    yield here
    here.client.removeHandler(here.lines)
    ours.removeHandler(here.lines)


def test_one_line_then_one_a_minute_then_one_when_it_is_back(outage: Outage) -> None:
    outage.filter.answered()
    outage.fail(150)
    first = "Unable connect to node with id 0: refused"
    assert outage.lines.said == [
        first,
        f"{first} (since 60 s, 119 lines left out)",
        f"{first} (since 120 s, 119 lines left out)",
    ]
    outage.filter.answered()
    assert len(outage.lines.said) == 3, "it failed a moment ago"
    outage.now += 10
    outage.filter.answered()
    outage.filter.answered()
    assert outage.lines.said[3:] == ["Kafka answers again; it was away for 150 s"]
    outage.fail(1)
    assert outage.lines.said[4:] == [first]


def test_other_lines_are_written_as_ever(outage: Outage) -> None:
    for _ in range(3):
        outage.client.error("OffsetCommit failed for group %s", "g")
    assert outage.lines.said == ["OffsetCommit failed for group g"] * 3
