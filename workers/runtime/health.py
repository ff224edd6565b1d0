"""Liveness, readiness and metrics over HTTP, on loopback only."""

import asyncio
import time
from typing import Final

from workers.errors import ConfigurationError
from workers.runtime import metrics

_READ_S: Final = 5.0
_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Health:
    """Answers `/live` (the event loop runs), `/ready` (partitions are placed) and `/metrics`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ready = False
        self._started = time.monotonic()
        self._server: asyncio.Server | None = None

    async def serve(self, port: int) -> None:
        """Listen on 127.0.0.1; ConfigurationError when the port is taken."""
        try:
            self._server = await asyncio.start_server(self._answer, "127.0.0.1", port)
        except OSError as error:
            why = error.strerror or error
            raise ConfigurationError(
                f"the health port {port} cannot be used: {why}; name a free one (--health-port)"
            ) from error

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_READ_S):
                request = (await reader.readuntil(b"\r\n")).split()
                status, body = self._page(request[1] if len(request) > 1 else b"/")
                head = f"HTTP/1.1 {status}\r\nContent-Type: {_TYPE}\r\nConnection: close\r\n"
                writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    def _page(self, path: bytes) -> tuple[str, bytes]:
        if path == b"/live":
            return (
                "200 OK",
                f"{self.name} alive {time.monotonic() - self._started:.0f} s\n".encode(),
            )
        if path == b"/ready":
            if self.ready:
                return "200 OK", b"ready\n"
            return "503 Service Unavailable", b"waiting for partitions\n"
        if path == b"/metrics":
            return "200 OK", metrics.exposition()
        return "404 Not Found", b"/live, /ready or /metrics\n"
