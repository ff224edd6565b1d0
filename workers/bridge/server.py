"""Running the bridge in this process: uvicorn, with a limit for those who say nothing."""

import asyncio
import logging
import signal
import socket
from typing import Final

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from workers.errors import ConfigurationError

HEAD_S: Final = 10.0
"""Seconds that a connection may take to send its request's head."""
MAX_CONNECTIONS: Final = 1000
_MAX_HEAD_BYTES: Final = 32_768
_STOP_S: Final = 10
_BACKLOG: Final = 512

logger = logging.getLogger(__name__)


class PatientProtocol(H11Protocol):
    """Closes a connection whose request has begun, or should have, and does not come in time.

    Uvicorn itself has a limit only for the silence between two requests.
    """

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the head, or close the connection if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        else:
            self._wait()

    def data_received(self, data: bytes) -> None:
        """Read on; wait again when a head is not whole yet."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._no_longer()
        elif self._waiting is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._no_longer()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(HEAD_S, self.transport.abort)

    def _no_longer(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


async def serve(app: Starlette, host: str, port: int, ending: asyncio.Event | None = None) -> None:
    """Serve until SIGTERM, SIGINT or `ending`; requests in progress are answered first.

    ConfigurationError when the address cannot be used.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=_STOP_S,
        h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
    )
    # A stranger's bad requests are no news: warnings about them could fill the log.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Uvicorn ends in order by itself, and raises the signal again when it has.
        loop.add_signal_handler(number, _nothing)
    server = uvicorn.Server(config)
    with _listening(host, port) as listening:
        logger.info("listening on %s:%d", *listening.getsockname()[:2])
        ended = asyncio.create_task(_end(server, ending or asyncio.Event()))
        try:
            await server.serve([listening])
        finally:
            ended.cancel()


async def _end(server: uvicorn.Server, ending: asyncio.Event) -> None:
    await ending.wait()
    server.should_exit = True


def _nothing() -> None:
    """Take a signal that was dealt with."""


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        why = error.strerror or error
        problem = f"{host}:{port} cannot be listened on: {why} (--host, --port)"
        raise ConfigurationError(problem) from error
