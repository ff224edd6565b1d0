"""Kills a worker right after any one of its awaits, so that a test can try them all."""

from typing import Any


class Killed(BaseException):
    """The process ends here."""


class KillPoints:
    """Counts the awaits that a worker has passed, and kills it at one of them."""

    def __init__(self) -> None:
        self.passed = 0
        self._kill_at: int | None = None

    def kill_at(self, number: int) -> None:
        """Count from 1 again, and raise Killed at this number."""
        self.passed, self._kill_at = 0, number

    def point(self) -> None:
        """Count an await that has ended."""
        self.passed += 1
        if self.passed == self._kill_at:
            raise Killed

    def tap(self, thing: Any, *names: str) -> None:
        """Make a point of the end of each call of these coroutines of `thing`."""
        for name in names:
            setattr(thing, name, self._tapped(getattr(thing, name)))

    def _tapped(self, inner: Any) -> Any:
        async def tapped(*arguments: Any, **named: Any) -> Any:
            result = await inner(*arguments, **named)
            self.point()
            return result

        return tapped
