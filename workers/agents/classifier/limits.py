"""Limits on the model's cost and on the time it holds up: budget, breaker, cache.

All of them are told the time, in seconds of a clock that never goes back.
"""

from collections import Counter, OrderedDict, deque
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MINUTE_S: Final = 60.0
HOUR_S: Final = 3600.0


class Budget:
    """So many calls in any minute, and so many about one conversation in any hour."""

    def __init__(self, per_minute: int, per_conversation: int) -> None:
        self._per_minute = per_minute
        self._per_conversation = per_conversation
        self._minute: deque[float] = deque()
        self._hour: deque[tuple[float, str]] = deque()
        self._spent: Counter[str] = Counter()

    def spend(self, conversation_id: str, now: float) -> bool:
        """Count a call about this conversation that is made now; False: it must not be made."""
        while self._minute and self._minute[0] <= now - MINUTE_S:
            self._minute.popleft()
        while self._hour and self._hour[0][0] <= now - HOUR_S:
            _, forgotten = self._hour.popleft()
            self._spent[forgotten] -= 1
            if not self._spent[forgotten]:
                del self._spent[forgotten]
        if len(self._minute) >= self._per_minute:
            return False
        if self._spent.get(conversation_id, 0) >= self._per_conversation:
            return False
        self._minute.append(now)
        self._hour.append((now, conversation_id))
        self._spent[conversation_id] += 1
        return True


class Breaker:
    """Stops calls to a model that keeps failing, and lets one through now and then to see.

    A caller that was allowed a call reports its end afterwards: `succeeded`, `failed`, `rest` or
    `abandoned`.
    """

    def __init__(self, failures: int, pause_s: float, longest_pause_s: float) -> None:
        self._limit = failures
        self._first_pause_s = pause_s
        self._longest_pause_s = longest_pause_s
        self._failures = 0
        self._pause_s = pause_s
        self._open_until: float | None = None
        self._probing = False
        self._rests_until = float("-inf")

    @property
    def is_open(self) -> bool:
        """Return True while calls are stopped, except for single trials."""
        return self._open_until is not None

    def allows(self, now: float) -> bool:
        """Return True if a call may be made now; while open, one at a time after each pause."""
        if self._open_until is None:
            return True
        if self._probing or now < self._open_until:
            return False
        self._probing = True
        return True

    def rests(self, now: float) -> bool:
        """Return True while the provider wants no calls, as it said; that is no failure."""
        return now < self._rests_until

    def rest(self, now: float, seconds: float | None) -> None:
        """Make no calls for as long as the provider asks; without a number for the first pause."""
        asked = self._first_pause_s if seconds is None else seconds
        self._rests_until = max(self._rests_until, now + min(asked, self._longest_pause_s))
        self.abandoned()

    def succeeded(self) -> None:
        """Let every call through again."""
        self._failures, self._pause_s = 0, self._first_pause_s
        self._open_until, self._probing = None, False

    def failed(self, now: float) -> None:
        """Stop calls after so many failures in a row, for longer after each failed attempt."""
        if self._probing:
            self._pause_s = min(2 * self._pause_s, self._longest_pause_s)
            self._open_until, self._probing = now + self._pause_s, False
        elif self._open_until is None:
            self._failures += 1
            if self._failures >= self._limit:
                self._open_until = now + self._pause_s

    def abandoned(self) -> None:
        """Take a call back whose end says nothing about the model."""
        self._probing = False


class Cache(Generic[T]):
    """The answers used last, at most `size` of them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._answers: OrderedDict[bytes, T] = OrderedDict()

    def get(self, key: bytes) -> T | None:
        """Return the answer kept for a question."""
        if key in self._answers:
            self._answers.move_to_end(key)
        return self._answers.get(key)

    def put(self, key: bytes, answer: T) -> None:
        """Keep an answer in place of the one that was not used for longest."""
        self._answers[key] = answer
        self._answers.move_to_end(key)
        if len(self._answers) > self._size:
            self._answers.popitem(last=False)
