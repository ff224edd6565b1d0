"""One mail at a server: to whom it goes again, and to whom never."""

import pytest

from tests.support.mail_server import a_mail, mail_server
from workers.outbound.mail import Mailer, MailServer

_BOTH = ["kim@example.com", "lee@example.com"]


def _mailer(port: int) -> Mailer:
    return Mailer(MailServer(host="127.0.0.1", port=port, security="none", sender="us@x.org"), None)


async def test_who_was_to_wait_gets_it_later_and_the_others_once() -> None:
    async with mail_server() as server:
        mailer = _mailer(server.port)
        server.behave = ["greylist", "busy"]
        assert (await mailer.send(a_mail(*_BOTH)))[:2] == ("later", "SMTP 451")
        server.behave = ["greylist"]
        assert (await mailer.send(a_mail(*_BOTH)))[:2] == ("later", "SMTP 450")
        server.behave = ["busy"]
        assert (await mailer.send(a_mail(*_BOTH)))[:2] == ("later", "SMTP 451")
        assert (await mailer.send(a_mail(*_BOTH))).result == "done"
        assert server.recipients == [["lee@example.com"], ["kim@example.com"]]
        # Whoever has it is forgotten: the same mail, sent by hand, goes to both.
        assert (await mailer.send(a_mail(*_BOTH))).result == "done"
        assert server.recipients[2] == _BOTH


async def test_who_is_refused_for_good_keeps_it_from_nobody_else() -> None:
    async with mail_server() as server:
        server.behave = ["refuse"]
        assert (await _mailer(server.port).send(a_mail(*_BOTH))).result == "done"
        assert server.recipients == [["lee@example.com"]]
        server.behave = ["refuse", "refuse"]
        assert (await _mailer(server.port).send(a_mail(*_BOTH)))[:2] == ("refused", "SMTP 550")
        server.behave = ["refuse", "greylist"]
        mailer = _mailer(server.port)
        assert (await mailer.send(a_mail(*_BOTH))).result == "later"
        assert (await mailer.send(a_mail(*_BOTH))).result == "done"
        assert server.recipients[1:] == [["lee@example.com"]]


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_nothing_is_sent_unencrypted_where_tls_is_wanted(security: str) -> None:
    async with mail_server() as server:
        wanted = MailServer(
            host="127.0.0.1",
            port=server.port,
            security="tls" if security == "tls" else "starttls",
            sender="us@x.org",
            timeout_seconds=2,
        )
        assert (await Mailer(wanted, None).send(a_mail(*_BOTH))).result == "later"
        assert (server.mails, server.tries) == ([], 0)
