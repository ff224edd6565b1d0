"""Sending one mail: what the server's answer means, and whether to try again."""

import asyncio
import re
from collections.abc import Collection, Iterator
from email.message import EmailMessage
from email.utils import parseaddr
from http import HTTPStatus
from typing import Annotated, Final, Literal

import aiosmtplib
import msgspec

from workers.contracts.ids import derive
from workers.contracts.yaml import Document, YamlFileError
from workers.outbound.http_sending import Answer
from workers.outbound.vendor_file import unnamed_secret

_PERMANENT: Final = 500
_MENDED: Final = frozenset({530, 534, 535, 538})
"""The login is wrong; the password may be mended meanwhile."""
_MOST_LEFT: Final = 1_000
"""Mails whose remaining recipients are remembered; others are sent to all again."""
_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,100}")


class MailServer(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The server that takes our mail, and whom it is from."""

    host: Annotated[str, msgspec.Meta(min_length=1)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: str | None = None
    """Name of the secret."""
    sender: Annotated[str, msgspec.Meta(min_length=3)] = msgspec.field(name="from")
    """Sender, such as `Warm Handoff <handoff@example.com>`."""
    timeout_seconds: Annotated[float, msgspec.Meta(gt=0, le=120)] = 20


def mail_problems(
    document: Document, server: MailServer | None, secrets: Collection[str]
) -> Iterator[YamlFileError]:
    """Yield what is wrong in the `mail` of a file."""
    if server is None:
        return
    yield from unnamed_secret(document, ("mail", "password"), server.password, secrets)
    if server.password is not None and server.security == "none":
        advice = "the password would go unencrypted: use starttls or tls"
        yield document.error(("mail", "security"), advice)


def message_id(server: MailServer, *parts: str) -> str:
    """Return a Message-Id that is the same for the same parts, in the sender's domain."""
    domain = parseaddr(server.sender)[1].rpartition("@")[2] or "localhost"
    known = ".".join(parts)
    local = known if _PLAIN_ID.fullmatch(known) else derive("mail", *parts)
    return f"<{local}@{domain}>"


class Mailer:
    """Sends mail through one server, a connection for each mail."""

    def __init__(self, server: MailServer, password: str | None) -> None:
        self._server = server
        self._password = password
        self._left: dict[str, list[str]] = {}
        """Recipients that are to be tried again, by Message-Id."""

    async def send(self, message: EmailMessage) -> Answer:
        """Send a mail; never raises for what the server does.

        `later` may follow although the server has taken it, when its answer was lost: the same
        Message-Id then tells the repeat. It follows, too, while one of several recipients is to be
        tried again; the next call with that Message-Id sends to no others.
        """
        message["From"] = self._server.sender
        known = str(message["Message-ID"])
        left = self._left.pop(known, None)
        try:
            refused, taken = await self._exchange(message, left)
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            return self._again(known, left, Answer("later", "no answer in time"))
        except aiosmtplib.SMTPResponseException as error:
            return self._again(known, left, _judged(error.code))
        except (aiosmtplib.SMTPException, OSError) as error:
            return self._again(known, left, Answer("later", type(error).__name__))
        again = [who for who, code in refused.items() if _judged(code).result == "later"]
        if again:
            return self._again(known, again, _judged(refused[again[0]]))
        if taken or left:
            said = f"{len(refused)} addresses refused" if refused else str(int(HTTPStatus.OK))
            return Answer("done", said)
        return _judged(max(refused.values()))

    def _again(self, known: str, recipients: list[str] | None, answer: Answer) -> Answer:
        """Remember whom a mail has not reached, if others had it, and return the answer."""
        if recipients and answer.result == "later":
            self._left[known] = recipients
            while len(self._left) > _MOST_LEFT:
                del self._left[next(iter(self._left))]
        return answer

    async def _exchange(
        self, message: EmailMessage, recipients: list[str] | None
    ) -> tuple[dict[str, int], bool]:
        """Return the refused recipients with their codes, and whether anybody was sent the mail."""
        server = self._server
        try:
            async with asyncio.timeout(server.timeout_seconds * 2):
                refused, _ = await aiosmtplib.send(
                    message,
                    recipients=recipients,
                    hostname=server.host,
                    port=server.port,
                    username=server.user,
                    password=self._password,
                    use_tls=server.security == "tls",
                    start_tls=server.security == "starttls",
                    timeout=server.timeout_seconds,
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            return {one.recipient: one.code for one in error.recipients}, False
        return {who: said.code for who, said in refused.items()}, True


def _judged(code: int) -> Answer:
    """Return what a reply code means; the text beside it may quote an address and is left out."""
    refused = code >= _PERMANENT and code not in _MENDED
    return Answer("refused" if refused else "later", f"SMTP {code}")
