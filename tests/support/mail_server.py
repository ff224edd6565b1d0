"""A mail server on loopback that takes, refuses, stalls, or leaves after DATA."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session


class MailServer:
    """Keeps the mails that it took; `behave` is what it does next, `take` by default."""

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[EmailMessage] = []
        self.tries = 0
        self.behave: list[str] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's own
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if self._next("refuse"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's own
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        self.tries += 1
        if self._next("busy"):
            return "451 try again later"
        if self._next("stall"):
            await asyncio.sleep(3600)
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(message_from_bytes(content, policy=policy.default))
        if self._next("leave"):
            # Taken, and nobody hears of it.
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return "250 OK"

    def _next(self, behaviour: str) -> bool:
        if self.behave and self.behave[0] == behaviour:
            self.behave.pop(0)
            return True
        return False


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    """Run one until left."""
    handler = MailServer()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, loop=loop), "127.0.0.1", 0)
    handler.port = server.sockets[0].getsockname()[1]
    try:
        yield handler
    finally:
        server.close()
