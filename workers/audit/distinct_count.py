"""Counting distinct ids in bounded memory."""

from hashlib import blake2b


class Distinct:
    """Counts ids and their repeats: exactly up to `limit` ids, beyond it from a growing sample.

    The sample is by hash, so an id is either always in it or never, and a repeat is seen however
    far it lies from the first; each doubling halves the sample.
    """

    def __init__(self, limit: int = 1_000_000) -> None:
        self._limit = limit
        self._every = 1
        self._seen: set[int] = set()
        self._repeats = 0

    def add(self, key: str) -> None:
        """Count one id."""
        value = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big")
        if value % self._every:
            return
        if value in self._seen:
            self._repeats += 1
            return
        self._seen.add(value)
        if len(self._seen) > self._limit:
            self._every *= 2
            self._seen = {one for one in self._seen if one % self._every == 0}
            self._repeats //= 2

    def common(self, other: "Distinct") -> int:
        """Return how many ids are in both, estimated where either is a sample."""
        every = max(self._every, other._every)
        both = self._seen & other._seen
        return sum(one % every == 0 for one in both) * every

    @property
    def exact(self) -> bool:
        """Return True if the counts are exact, not estimates."""
        return self._every == 1

    @property
    def count(self) -> int:
        """Return how many different ids there were."""
        return len(self._seen) * self._every

    @property
    def repeats(self) -> int:
        """Return how many times an id came again."""
        return self._repeats * self._every
