"""Cost of the model since the start, in dollars and per thousand conversations."""

import logging
from collections import OrderedDict
from typing import Final

from workers.runtime import metrics

REPORT_S: Final = 300.0
"""Seconds between two reports."""
_KNOWN: Final = 50_000

logger = logging.getLogger(__name__)


class Cost:
    """Adds up tokens at a price; prices are dollars per million of them."""

    def __init__(self, input_price: float, output_price: float) -> None:
        self._prices = (input_price, output_price)
        self._known: OrderedDict[str, None] = OrderedDict()
        self.calls = 0
        self.conversations = 0
        """Conversations asked about; one that returns after very many others counts again."""
        self.dollars = 0.0
        self._reported_calls = 0
        self._reported_at = float("-inf")

    def add(self, conversation_id: str, input_tokens: int, output_tokens: int) -> None:
        """Count one call; refused and malformed answers are paid for, too."""
        self.calls += 1
        if conversation_id not in self._known:
            self.conversations += 1
        self._known[conversation_id] = None
        self._known.move_to_end(conversation_id)
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        dollars = (input_tokens * self._prices[0] + output_tokens * self._prices[1]) / 1e6
        self.dollars += dollars
        metrics.MODEL_TOKENS.labels("input").inc(input_tokens)
        metrics.MODEL_TOKENS.labels("output").inc(output_tokens)
        metrics.MODEL_DOLLARS.inc(dollars)
        metrics.MODEL_DOLLARS_PER_THOUSAND.set(self.per_thousand)

    @property
    def per_thousand(self) -> float:
        """Dollars per thousand conversations that the model was asked about."""
        return 1000 * self.dollars / max(1, self.conversations)

    def report(self, now: float = float("inf")) -> None:
        """Say what it has cost, at most every REPORT_S of `now` and only what is new."""
        if self.calls == self._reported_calls or now < self._reported_at + REPORT_S:
            return
        self._reported_calls, self._reported_at = self.calls, now
        logger.info(
            "%d calls about %d conversations: %.4f dollars, %.4f per thousand of them",
            self.calls,
            self.conversations,
            self.dollars,
            self.per_thousand,
        )
