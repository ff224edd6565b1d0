"""The dead-letter limit: a bad deployment must not pour a whole topic into `dead-letters`."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from workers.agents.failstop import EXIT_DEAD_LETTERS, WorkerStop

RUN: Final = 100
WINDOW: Final = 1000
SHARE: Final = WINDOW // 5


class TooManyDeadLetters(WorkerStop):
    """More events are refused than can be an accident; the message says how many."""

    exit_code = EXIT_DEAD_LETTERS


class DeadLetterLimit:
    """Counts refusals over everything that one worker reads, in the order in which it reads."""

    def __init__(self, *, enforced: bool = True) -> None:
        self._enforced = enforced
        self._run = 0
        self._last: deque[bool] = deque(maxlen=WINDOW)
        self._refused = 0

    def add(self, refused: Iterable[bool]) -> None:
        """Count events; TooManyDeadLetters at a run of 100, or 200 of the last thousand."""
        if not self._enforced:
            return
        several = [*refused]
        if not self._refused and not any(several):
            # Nearly always so: there is nothing to count, before or after this.
            self._last.extend(several)
            return
        for one in several:
            if len(self._last) == WINDOW:
                self._refused -= self._last[0]
            self._last.append(one)
            self._refused += one
            self._run = self._run + 1 if one else 0
            if self._run >= RUN:
                raise TooManyDeadLetters(f"{RUN} events in a row could not be read")
            if self._refused >= SHARE:
                raise TooManyDeadLetters(
                    f"{self._refused} of the last {WINDOW} events could not be read"
                )
