"""The calls that are mail, for help desks that make a ticket of each mail to their address."""

import re
from email.message import EmailMessage
from email.utils import formatdate
from typing import Final

from workers.contracts.ids import derive
from workers.outbound.calls import Request
from workers.outbound.http_sending import Answer, Requester
from workers.outbound.mail import Mailer, MailServer, message_id
from workers.outbound.ticket_file import TicketMail, TicketVendor
from workers.outbound.trees import Data, TreeError, render

_ADDRESS: Final = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]{1,255}")
_SUBJECT_LIMIT: Final = 200


def mail_of(server: MailServer, name: str, mail: TicketMail, data: Data) -> EmailMessage:
    """Return the mail of one call; TreeError when a template does not fit, or there is no address.

    The same call makes the same Message-Id each time, and all mail about a ticket is one thread.
    """
    to, reply_to = _line(mail.to, data), _line(mail.reply_to or "", data)
    if not _ADDRESS.fullmatch(to):
        raise TreeError(f"{mail.to[:80]}: no mail address")
    message = EmailMessage()
    message["To"] = to
    message["Subject"] = _line(mail.subject, data)[:_SUBJECT_LIMIT]
    message["Date"] = formatdate()
    if _ADDRESS.fullmatch(reply_to):
        message["Reply-To"] = reply_to
    text = render(mail.text, data)
    message.set_content(text)
    key = str(data["key"])
    first = message_id(server, key)
    if name == "create":
        message["Message-ID"] = first
    else:
        seq = str(data["request"]["seq"])
        message["Message-ID"] = message_id(server, derive("ticket-mail", key, name, seq, text))
        message["In-Reply-To"] = message["References"] = first
    return message


def _line(template: str, data: Data) -> str:
    return " ".join(render(template, data).split())


class TicketSender:
    """Sends the calls of one ticket system, over HTTP or as mail."""

    def __init__(self, vendor: TicketVendor) -> None:
        server = vendor.file.mail
        self._requester = Requester(vendor.file.limits)
        self._mailer = None if server is None else Mailer(server, vendor.mail_password)

    async def send(self, call: Request | EmailMessage) -> Answer:
        """Send one call; never raises for what a server does."""
        if isinstance(call, Request):
            return await self._requester.send(call)
        if self._mailer is None:
            raise AssertionError("mail without a server")
        return await self._mailer.send(call)

    async def close(self) -> None:
        """Close the connections."""
        await self._requester.close()
