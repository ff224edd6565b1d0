"""Waits that were predicted, beside those that customers had."""

import msgspec

from workers.contracts.outcomes import OutcomeRecord
from workers.contracts.time import to_ms


class WaitCounts(msgspec.Struct):
    """The first claims of escalations on one queue, and what was estimated of their wait."""

    claimed: int = 0
    within: int = 0
    """Claimed within the range that was estimated."""
    waits_s: list[int] = msgspec.field(default_factory=list)
    """Whole seconds from the placing to the claim, for each claim with an estimate."""
    widths_s: list[int] = msgspec.field(default_factory=list)
    """Width of the range for each of them, in whole seconds."""

    def count(self, record: OutcomeRecord) -> None:
        """Count an end, if its escalation was claimed."""
        if record.claimed_at is None:
            return
        self.claimed += 1
        predicted = record.predicted_wait
        if predicted is None:
            return
        took_ms = to_ms(record.claimed_at) - to_ms(predicted.placed_at)
        self.within += predicted.low_s * 1000 <= took_ms <= predicted.high_s * 1000
        self.waits_s.append(took_ms // 1000)
        self.widths_s.append(predicted.high_s - predicted.low_s)


def queue_of(record: OutcomeRecord) -> str:
    """Return the queue whose wait an end tells: where it was estimated, else where it ended."""
    predicted = record.predicted_wait
    return (record.queue or "none") if predicted is None else predicted.queue
