"""Mail over TLS with a login; its certificates need openssl, as those of the broker."""

import ssl
from typing import Literal

import pytest

from tests.support.authority import make_authority
from tests.support.mail_server import PASSWORD, a_mail, mail_server
from workers.outbound.mail import Mailer, MailServer


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_login_is_sent_by_tls_alone_and_a_wrong_one_is_tried_again(
    security: Literal["tls", "starttls"],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority = make_authority(tmp_path_factory.mktemp("authority"))
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(authority.certificate, authority.key)
    which = {security: served}
    async with mail_server(**which) as server:
        asked = MailServer(
            host="127.0.0.1",
            port=server.port,
            security=security,
            user="handoff",
            sender="us@example.com",
            timeout_seconds=5,
        )
        unknown = await Mailer(asked, PASSWORD).send(a_mail("kim@example.com"))
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
        known = await Mailer(asked, PASSWORD).send(a_mail("kim@example.com"))
        wrong = await Mailer(asked, "another").send(a_mail("kim@example.com"))
    assert (unknown.result, known[:2]) == ("later", ("done", "200"))
    assert (wrong.result, wrong.why) == ("later", "SMTP 535")
    assert len(server.mails) == 1
