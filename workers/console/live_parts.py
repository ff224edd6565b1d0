"""Parts of pages that change by themselves: rendered once for all who watch the same."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

Parts = Mapping[str, str]
"""The inner HTML of elements, by their id."""
Render = Callable[[], Awaitable[Parts]]

MOST_STREAMS: Final = 1_000
_IDLE_S: Final = 1.0
"""Seconds between two looks at most: ages grow without any change."""

logger = logging.getLogger(__name__)


class TooManyStreams(Exception):
    """So many pages are open that one more would slow the others down."""


class Hub:
    """Holds one channel for each part that is watched, as long as someone watches it."""

    def __init__(self) -> None:
        self._channels: dict[object, _Channel] = {}
        self.streams = 0
        """Pages that are open now."""
        self.renderings = 0
        self._ended = False

    async def end(self) -> None:
        """Let every stream run out, and begin none."""
        self._ended = True
        for channel in list(self._channels.values()):
            await channel.end()

    def wake(self) -> None:
        """Say that something may look different now."""
        for channel in self._channels.values():
            channel.changed.set()

    async def stream(
        self, key: object, render: Render, least_s: float = 1.0
    ) -> AsyncIterator[bytes]:
        """Yield server-sent events: all parts at first, then those that changed.

        `key` names what is shown, and to whom it may be shown; for one key `render` is called at
        most once in `least_s` seconds, however many watch.
        """
        if self.streams >= MOST_STREAMS:
            raise TooManyStreams
        if self._ended:
            return
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = _Channel(self, render, least_s)
        self.streams += 1
        channel.watchers += 1
        try:
            async for event in channel.events():
                yield event
        finally:
            self.streams -= 1
            channel.watchers -= 1
            if channel.watchers == 0:
                channel.close()
                if self._channels.get(key) is channel:
                    del self._channels[key]


class _Channel:
    def __init__(self, hub: Hub, render: Render, least_s: float) -> None:
        self._hub = hub
        self._render = render
        self._least_s = least_s
        self.watchers = 0
        self.changed = asyncio.Event()
        self._version = 0
        self._parts: dict[str, tuple[int, str]] = {}
        self._latest: tuple[int, bytes] = (0, b"")
        """The bytes that take a watcher from the version before the last to the last."""
        self._news = asyncio.Condition()
        self._ended = False
        self._task = asyncio.create_task(self._renew())

    def close(self) -> None:
        self._task.cancel()

    async def end(self) -> None:
        async with self._news:
            self._ended = True
            self._news.notify_all()

    async def events(self) -> AsyncIterator[bytes]:
        seen = 0
        while True:
            async with self._news:
                while self._version == seen and not self._ended:
                    await self._news.wait()
                if self._ended:
                    return
                version, (made, latest) = self._version, self._latest
                event = latest if made == version == seen + 1 else self._since(seen)
            seen = version
            yield event

    def _since(self, seen: int) -> bytes:
        return _event({id_: html for id_, (at, html) in self._parts.items() if at > seen})

    async def _renew(self) -> None:
        while True:
            began = time.monotonic()
            self.changed.clear()
            try:
                parts = await self._render()
            except Exception:
                # A page that cannot be made now may be made later.
                logger.exception("a page could not be made")
            else:
                self._hub.renderings += 1
                await self._take(parts)
            await asyncio.sleep(max(0.0, began + self._least_s - time.monotonic()))
            try:
                async with asyncio.timeout(_IDLE_S):
                    await self.changed.wait()
            except TimeoutError:
                pass

    async def _take(self, parts: Parts) -> None:
        news = {
            id_: html for id_, html in parts.items() if self._parts.get(id_, (0, None))[1] != html
        }
        if not news:
            return
        async with self._news:
            self._version += 1
            self._parts |= {id_: (self._version, html) for id_, html in news.items()}
            self._latest = (self._version, _event(news))
            self._news.notify_all()


def _event(parts: Parts) -> bytes:
    """Return one event whose HTML tells htmx which elements to change."""
    html = "".join(
        f'<hx-partial hx-target="#{id_}" hx-swap="innerMorph">{inner}</hx-partial>'
        for id_, inner in parts.items()
    )
    # Any line break would end the line of the event.
    lines = "\n".join(f"data: {line}" for line in html.splitlines())
    return f"{lines}\n\n".encode()
