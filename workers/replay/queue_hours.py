"""The clock of every queue: which hour it is there, and whether its people are at work."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from workers.contracts.time import from_ms
from workers.contracts.topics import load_topics
from workers.routing.opening_hours import is_open

IN: Final = "in"
OUT: Final = "out"


class QueueHours:
    """Reads the business calendars of a checked topics.yaml."""

    def __init__(self, topics: str) -> None:
        self._topics = load_topics(topics, "topics.yaml")

    def at(self, queue: str, at_ms: int) -> str | None:
        """Return the hour on the queue's clock and `in` or `out`: `09 in`; None: no such queue."""
        if queue not in self._topics.queues:
            return None
        calendar = self._topics.calendar(queue)
        try:
            local: datetime = from_ms(at_ms).astimezone(ZoneInfo(calendar.timezone))
            return f"{local:%H} {IN if is_open(calendar, at_ms) else OUT}"
        except OverflowError:
            # The first day there is has no day before it.
            return None
