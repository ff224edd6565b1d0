"""Deadlines that have passed become events on the log, so that a replay sees them too."""

import logging
import time
from collections.abc import Sequence
from typing import Final

from workers.agents.escalation.fenced_store import FencedStore
from workers.contracts.decisions import Home
from workers.contracts.events import Deadline
from workers.contracts.ids import deadline_event_id
from workers.contracts.signing import Secrets
from workers.contracts.time import DAY, from_ms
from workers.runtime import metrics
from workers.runtime.producer import Publish, Record, signed_record

_AT_ONCE: Final = 500

logger = logging.getLogger(__name__)


class Timers:
    """Fires the deadlines of a worker's own partitions."""

    def __init__(self, publish: Publish, secrets: Secrets) -> None:
        self._publish = publish
        self._secrets = secrets
        self._ahead_ms = 0

    async def fire(self, marked: FencedStore) -> int:
        """Put one batch of due deadlines on a partition's log; return how many timers it ended.

        An event is acknowledged before its timer is removed, under an id made of the two, so that
        a crash between them repeats what the fold ignores.
        """
        now = int(time.time() * 1000) - self._ahead_ms
        due = await marked.due(now, _AT_ONCE)
        if not due:
            return 0
        records = [deadline_record(marked.home, name, at, self._secrets) for name, at in due]
        acknowledged = await self._publish(records)
        stamped = [_believable(one.timestamp) for one in acknowledged]
        self._learn(stamped)
        # The fold ignores a deadline that is later than its record: it has to be sent again.
        heard = [pair for pair, at in zip(due, stamped, strict=True) if pair[1] <= at]
        for conversation_id, due_ms in heard:
            await marked.settle(conversation_id, due_ms)
        metrics.DEADLINES.inc(len(heard))
        return len(heard)

    def _learn(self, stamped: Sequence[int]) -> None:
        """Notice by how much this machine's clock is ahead of the broker's."""
        ahead = max(0, int(time.time() * 1000) - max(stamped))
        if ahead > 1000 and abs(ahead - self._ahead_ms) > 1000:
            logger.warning("this clock is %d ms ahead of the broker's", ahead)
        self._ahead_ms = ahead if ahead > 1000 else 0


def _believable(timestamp_ms: int) -> int:
    """Return the broker's append time, or our clock if the two are a day apart."""
    now = int(time.time() * 1000)
    return timestamp_ms if abs(now - timestamp_ms) < DAY else now


def deadline_record(home: Home, conversation_id: str, due_ms: int, secrets: Secrets) -> Record:
    """Return the record that tells a conversation that a time has passed."""
    due = from_ms(due_ms)
    event = Deadline(
        event_id=deadline_event_id(conversation_id, due_ms),
        conversation_id=conversation_id,
        occurred_at=due,
        type="deadline",
        due_at=due,
    )
    return signed_record(home.topic, home.partition, conversation_id, event, secrets)
