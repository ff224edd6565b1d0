"""Reading bodies of strangers: bounded in size, in time, and all together in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.requests import ClientDisconnect, Request

BODY_S: Final = 10.0
"""Seconds that a body may take to arrive."""
MAX_HELD_BYTES: Final = 64_000_000
"""Bytes of the bodies that are being read or published, all together."""


class BodyTooLargeError(Exception):
    """The body is longer than a post may be."""


class BodyTooSlowError(Exception):
    """The body did not arrive in time."""


class TooBusyError(Exception):
    """Too much is held already."""


class GoneError(Exception):
    """The client has closed the connection."""


class Bodies:
    """Reads bodies, and knows how much of them is held."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """Yield the whole body, which counts as held until the block ends.

        A body that declares too great a length is refused before a byte of it is read.
        """
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and (len(declared) > 15 or int(declared) > self._limit):
            raise BodyTooLargeError
        held = 0
        parts: list[bytes] = []
        try:
            try:
                async with asyncio.timeout(BODY_S):
                    async for part in request.stream():
                        held += len(part)
                        self._held += len(part)
                        if held > self._limit:
                            raise BodyTooLargeError
                        if self._held > MAX_HELD_BYTES:
                            raise TooBusyError
                        parts.append(part)
            except TimeoutError:
                raise BodyTooSlowError from None
            except ClientDisconnect:
                raise GoneError from None
            yield b"".join(parts)
        finally:
            self._held -= held
