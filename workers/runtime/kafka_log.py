"""Keeps the log readable while Kafka is away: one line, then one a minute, one when it is back."""

import logging
import time
from collections.abc import Callable
from typing import Final

EVERY_S: Final = 60.0
QUIET_S: Final = 10.0
"""Seconds without such a line after which, with an answer, Kafka is back."""
_AWAY: Final = (
    "Unable connect",
    "Unable to request metadata",
    "Unable to update metadata",
    "Failed fetch messages",
    "Failed fetch offsets",
    "Error sending",
    "Group Coordinator Request failed",
    "FindCoordinator Request failed",
    "Heartbeat send request failed",
    "Heartbeat session expired",
    "LeaveGroup request failed",
    "Cannot send",
    "Could not send",
    "Got error produce response",
)
"""Beginnings of the client's messages about brokers that do not answer."""

logger = logging.getLogger(__name__)


class KafkaOutageFilter(logging.Filter):
    """Lets the first line about brokers that do not answer pass, then one a minute.

    Belongs to a handler: filters of a logger do not see what the loggers below it say.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._since: float | None = None
        self._last = self._told = 0.0
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True if the line is to be written."""
        if not (record.name.startswith("aiokafka") and str(record.msg).startswith(_AWAY)):
            return True
        now = self._last = self._clock()
        if self._since is not None and now - self._told < EVERY_S:
            self._left_out += 1
            return False
        if self._since is None:
            self._since = now
        elif self._left_out:
            text = f"{record.getMessage()} (since {now - self._since:.0f} s, {self._left_out} lines"
            record.msg, record.args = f"{text} left out)", ()
        self._told, self._left_out = now, 0
        return True

    def answered(self) -> None:
        """Say once that Kafka is back, when it was away; called while it answers."""
        if self._since is None or self._clock() - self._last < QUIET_S:
            return
        away = self._last - self._since
        self._since, self._left_out = None, 0
        logger.warning("Kafka answers again; it was away for %.0f s", away)


OUTAGE: Final = KafkaOutageFilter()
"""The one of this process."""
