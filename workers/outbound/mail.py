"""Sending one mail: what the server's answer means, and whether to try again."""

import asyncio
import re
from email.message import EmailMessage
from email.utils import parseaddr
from http import HTTPStatus
from typing import Annotated, Final, Literal

import aiosmtplib
import msgspec

from workers.contracts.ids import derive
from workers.outbound.sending import Answer

_PERMANENT: Final = 500
_MENDED: Final = frozenset({530, 534, 535, 538})
"""The login is wrong; the password may be mended meanwhile."""
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

    async def send(self, message: EmailMessage) -> Answer:
        """Send a mail; never raises for what the server does.

        `later` may follow although the server has taken it, when its answer was lost: the same
        Message-Id then tells the repeat.
        """
        server = self._server
        message["From"] = server.sender
        try:
            async with asyncio.timeout(server.timeout_seconds * 2):
                errors, _ = await aiosmtplib.send(
                    message,
                    hostname=server.host,
                    port=server.port,
                    username=server.user,
                    password=self._password,
                    use_tls=server.security == "tls",
                    start_tls=server.security == "starttls",
                    timeout=server.timeout_seconds,
                )
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            return Answer("later", "no answer in time")
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _judged(max(one.code for one in error.recipients))
        except aiosmtplib.SMTPResponseException as error:
            return _judged(error.code)
        except (aiosmtplib.SMTPException, OSError) as error:
            return Answer("later", type(error).__name__)
        if errors:
            return Answer("done", f"{len(errors)} addresses refused")
        return Answer("done", str(int(HTTPStatus.OK)))


def _judged(code: int) -> Answer:
    """Return what a reply code means; the text beside it may quote an address and is left out."""
    refused = code >= _PERMANENT and code not in _MENDED
    return Answer("refused" if refused else "later", f"SMTP {code}")
