"""Answers that stay open and tell what changes."""

import time
from collections.abc import AsyncIterator

from sse_starlette.sse import EventSourceResponse
from starlette.responses import PlainTextResponse, Response

from workers.console.desk_room import Worker
from workers.console.live_parts import MOST_STREAMS, Render
from workers.console.site import Site

_PING_S = 20
_SEND_S = 20


def streamed(
    site: Site, key: object, render: Render, least_s: float = 1.0, worker: Worker | None = None
) -> Response:
    """Return the stream of what `key` names; a browser that stops reading is let go.

    `worker` is at the desk as long as it is open.
    """
    if site.hub.streams >= MOST_STREAMS:
        return PlainTextResponse("Too many pages are open.\n", 503, headers={"retry-after": "30"})
    return EventSourceResponse(
        _attended(site.hub.stream(key, render, least_s), worker),
        ping=_PING_S,
        send_timeout=_SEND_S,
    )


async def _attended(events: AsyncIterator[bytes], worker: Worker | None) -> AsyncIterator[bytes]:
    if worker is not None:
        worker.pages += 1
    try:
        async for event in events:
            yield event
    finally:
        if worker is not None:
            worker.pages -= 1
            worker.seen = time.monotonic()
