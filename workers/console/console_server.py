"""Starts the console's parts, serves its pages, and ends all of it in order."""

import asyncio
import logging
import signal
import socket
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import uvicorn
from redis.asyncio import Redis
from sse_starlette.sse import AppStatus

from workers.console import view_reads
from workers.console.access import Admission, new_secret
from workers.console.ai_agents import ai_agent
from workers.console.chat_system import ChatSystem
from workers.console.desk_room import DeskRoom
from workers.console.event_sender import EventSender
from workers.console.live_parts import Hub
from workers.console.request_guard import Sessions
from workers.console.site import Site
from workers.console.system_samples import Samplers
from workers.console.topic_follower import TopicFollower
from workers.console.view_file import ViewFile
from workers.console.web_app import web_app
from workers.contracts.topics import EVENTS, Topics
from workers.errors import ConfigurationError
from workers.settings import Settings, kafka_client_kwargs
from workers.stores.connection import connect

_END_S = 3
_SIGNALS = (signal.SIGTERM, signal.SIGINT)

logger = logging.getLogger(__name__)


class ConsoleOptions(NamedTuple):
    """The options with which a console is started."""

    host: str
    port: int
    admission: Admission
    data: Path | None = None
    """The folder for the view; None: a temporary one, filled from the topics at each start."""
    workers: Sequence[str] = ()
    """Health addresses of workers."""


async def serve(
    settings: Settings,
    topics: Topics,
    options: ConsoleOptions,
    ready: Callable[[str], None],
) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is told the address once it answers."""
    # Faults of certificates and passwords are reported now, not in a page.
    kafka_client_kwargs(settings)
    with tempfile.TemporaryDirectory(prefix="handoff-console-") as temporary:
        folder = options.data or Path(temporary)
        async with running_site(settings, topics, options, folder) as site:
            config = uvicorn.Config(
                web_app(site),
                host=options.host,
                port=options.port,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                lifespan="off",
                timeout_graceful_shutdown=_END_S,
                h11_max_incomplete_event_size=32 * 1024,
            )
            # Pages that are open are told of the end by `Hub.end`, not cut off.
            AppStatus.enable_automatic_graceful_drain = False
            try:
                await _Server(config, ready, site.hub.end).serve()
            except SystemExit:
                # uvicorn has logged why; the port is the one thing that an operator chooses.
                raise ConfigurationError(
                    f"the console cannot listen on {options.host}:{options.port}: name a free "
                    "port (--listen)"
                ) from None


class _Server(uvicorn.Server):
    """Says where it answers once it does, and lets what stays open run out at the end."""

    def __init__(
        self,
        config: uvicorn.Config,
        ready: Callable[[str], None],
        end_streams: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._end_streams = end_streams

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End on SIGTERM and SIGINT, and let the parts behind the pages end after that.

        uvicorn's own way raises the signal again, which would end the process before them.
        """
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._end_streams()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.config.host, self.servers[0].sockets[0].getsockname()[1]
            self._ready(f"http://{f'[{host}]' if ':' in host else host}:{port}/")


@asynccontextmanager
async def running_site(
    settings: Settings, topics: Topics, options: ConsoleOptions, folder: Path
) -> AsyncIterator[Site]:
    """Start everything behind the pages and end it with the block."""
    view = ViewFile(folder / "console.sqlite3")
    redis: Redis | None = None if settings.redis_url is None else connect(settings)
    hub = Hub()
    follower = TopicFollower(settings, topics, view, hub.wake)
    samplers = Samplers(
        settings, redis, topics.topics[EVENTS].partitions, options.workers, view, hub.wake
    )
    sender = EventSender(settings)
    site = Site(
        settings=settings,
        topics=topics,
        view=view,
        follower=follower,
        samplers=samplers,
        redis=redis,
        hub=hub,
        sessions=Sessions(await view.write(_secret)),
        admission=options.admission,
        sender=sender,
        room=DeskRoom(topics, sender, lambda: view.read(view_reads.held_by)),
        chat=ChatSystem(sender, view, ai_agent(settings)),
    )
    tasks = [
        asyncio.create_task(part)
        for part in (follower.run(), samplers.run(), site.room.keep_reporting())
    ]
    try:
        yield site
    finally:
        with suppress(Exception):
            await site.chat.close()
            await site.room.leave()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled() and task.exception() is not None:
                logger.error("a part of the console ended", exc_info=task.exception())
        await sender.close()
        if redis is not None:
            await redis.aclose()
        view.close()


def _secret(connection: sqlite3.Connection) -> str:
    """Return the key of the sessions, kept with the view so that sessions outlive a restart."""
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('secret', ?)", (new_secret(),))
    secret: str = connection.execute("SELECT value FROM meta WHERE name = 'secret'").fetchone()[0]
    return secret
