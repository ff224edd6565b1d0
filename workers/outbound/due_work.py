"""Work on what is due in the store: each item alone, all side by side, until cancelled."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Generic, Protocol, TypeVar

TAKEN_MS: Final = 10_000
"""Time for which a worker keeps an item; if it dies, another takes the item after that."""
_RENEWED_MS: Final = 2_000
"""Interval at which a worker renews that time: a vendor may take much longer to answer."""
MAX_AT_ONCE: Final = 500
_LOOK_S: Final = 0.2

T = TypeVar("T")
Taken_co = TypeVar("Taken_co", covariant=True)


class TakingStore(Protocol[Taken_co]):
    """A store whose items fall due."""

    async def take(self, now_ms: int, until_ms: int, most: int) -> Sequence[Taken_co]:
        """Take items that are due, for this worker alone until then."""
        ...

    async def renew(self, names: Iterable[str], until_ms: int) -> None:
        """Keep items from others for longer."""
        ...

    async def release(self, name: str, until_ms: int, now_ms: int) -> None:
        """Make what was taken until then due at once, unless something was noted since."""
        ...


class Lanes(Generic[T]):
    """Takes items as they fall due and has each worked on by a task of its own."""

    def __init__(
        self,
        store: TakingStore[T],
        name_of: Callable[[T], str],
        work: Callable[[T], Awaitable[None]],
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._name_of = name_of
        self._work = work
        self._clock = clock
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._woken = asyncio.Event()
        self._renewed_ms = 0
        self._taken_again: dict[str, int] = {}
        """Items that fell due while their work was ending, and until when each is taken."""

    def wake(self) -> None:
        """Look at once: something was added."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled; an error of the work is raised, and nothing is lost by it."""
        try:
            while True:
                for task in [task for task in self._busy.values() if task.done()]:
                    task.result()
                self._busy = {name: task for name, task in self._busy.items() if not task.done()}
                await self._release()
                await self._renew()
                await self._start_due()
                self._woken.clear()
                try:
                    async with asyncio.timeout(_LOOK_S):
                        await self._woken.wait()
                except TimeoutError:
                    continue
        finally:
            for task in self._busy.values():
                task.cancel()
            if self._busy:
                await asyncio.wait(self._busy.values())
            self._busy = {}

    async def _release(self) -> None:
        for name in self._taken_again.keys() - self._busy.keys():
            await self._store.release(name, self._taken_again.pop(name), self._clock())

    async def _renew(self) -> None:
        now = self._clock()
        if self._busy and now - self._renewed_ms >= _RENEWED_MS:
            self._renewed_ms = now
            await self._store.renew(self._busy, now + TAKEN_MS)

    async def _start_due(self) -> None:
        now = self._clock()
        room = MAX_AT_ONCE - len(self._busy)
        if room <= 0:
            return
        until = now + TAKEN_MS
        for taken in await self._store.take(now, until, room):
            # A message held for longer than it was taken for is due again.
            name = self._name_of(taken)
            if name in self._busy:
                self._taken_again[name] = until
            else:
                task = asyncio.ensure_future(self._work(taken))
                task.add_done_callback(lambda _: self._woken.set())
                self._busy[name] = task
