"""A mail server on loopback that takes, refuses, stalls, or leaves after DATA."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

PASSWORD = "of-the-mail-server"


class MailServer:
    """Keeps the mails that it took; `behave` is what it does next, `take` by default."""

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        """Of each mail."""
        self.tries = 0
        self.behave: list[str] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's own
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if self._next("refuse"):
            return "550 no such user"
        if self._next("greylist"):
            return "450 try again later"
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
        self.recipients.append(list(envelope.rcpt_tos))
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


def a_mail(*recipients: str) -> EmailMessage:
    """Return a mail under one Message-ID, always the same."""
    mail = EmailMessage()
    mail["Message-ID"], mail["Subject"] = "<1@example.com>", "Late"
    mail["To"] = ", ".join(recipients)
    mail.set_content("A customer waits.")
    return mail


def _login(
    _server: SMTP, _session: Session, _envelope: Envelope, _how: str, given: Any
) -> AuthResult:
    return AuthResult(success=given.password == PASSWORD.encode(), handled=False)


@asynccontextmanager
async def mail_server(
    *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None
) -> AsyncIterator[MailServer]:
    """Run one until left; with TLS of either kind it takes logins with PASSWORD."""
    handler = MailServer()
    loop = asyncio.get_running_loop()
    more: dict[str, Any] = {}
    if tls is not None or starttls is not None:
        more = {"authenticator": _login, "auth_require_tls": starttls is not None}
    if starttls is not None:
        more |= {"tls_context": starttls, "require_starttls": True}
    made: list[SMTP] = []

    def make() -> SMTP:
        made.append(SMTP(handler, loop=loop, **more))
        return made[-1]

    server = await loop.create_server(make, "127.0.0.1", 0, ssl=tls)
    handler.port = server.sockets[0].getsockname()[1]
    try:
        yield handler
    finally:
        server.close()
