"""Tickets at a help desk that makes one of each mail: one thread each, whatever the server does."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.mail_server import MailServer, mail_server
from tests.support.ticket_house import TicketHouse
from workers.contracts.time import MINUTE, from_ms
from workers.data import data_path
from workers.settings import load_settings
from workers.stores.connection import connect


class MailHouse(TicketHouse):
    """The worker beside the mail server to which it sends."""

    server: MailServer

    @property
    def subjects(self) -> list[str]:
        """Return the subject of each mail, without repeats under the same Message-ID."""
        return list(
            {mail["Message-ID"]: str(mail["Subject"]) for mail in self.server.mails}.values()
        )


def _file(folder: Path, port: int) -> Path:
    """Write the shipped file for a server on loopback."""
    text = (data_path("vendors") / "mail.yaml").read_text()
    begin, end = text.index("secrets:"), text.index("limits:")
    server = f"host: 127.0.0.1, port: {port}, security: none, timeout_seconds: 1"
    mail = f"mail: {{{server}, from: Warm Handoff <handoff@example.com>}}\n"
    file = folder / "tickets.yaml"
    file.write_text(text[:begin] + mail + text[end:])
    return file


@pytest.fixture
async def house(redis_url: str, tmp_path: Path) -> AsyncIterator[MailHouse]:
    redis = connect(load_settings(redis_url=redis_url))
    async with mail_server() as server:
        made = MailHouse(_file(tmp_path, server.port), redis, redis_url)
        made.server = server
        made.start()
        yield made
        await made.stop()
    await redis.aclose()


async def _life(house: MailHouse) -> str:
    """Make a ticket, ask again, withdraw it; return its number."""
    await house.ask(100, subject="Ada:\r\nBcc: everybody@example.com the invoice")
    await house.drive(lambda: house.told("ticketed"))
    await house.ask(200)
    await house.drive(lambda: len(house.told("ticketed")) == 2)
    await house.ask(300, "withdrawn", epoch=200)
    await house.idle()
    return str(house.told()[0]["ticket_id"])


async def test_a_ticket_is_one_thread_under_one_number(house: MailHouse) -> None:
    number = await _life(house)
    made, again, gone = house.server.mails
    assert [mail["Subject"] for mail in (made, again, gone)] == [
        f"[{number}] Ada: Bcc: everybody@example.com the invoice",
        f"[{number}] Ada: the invoice",
        f"[{number}] not needed any more",
    ]
    assert {str(mail["To"]) for mail in house.server.mails} == {"support@example.com"}
    assert "Bcc" not in made
    assert "Asked for a person" in made.get_content()
    assert (made["In-Reply-To"], again["In-Reply-To"]) == (None, made["Message-ID"])
    assert gone["References"] == made["Message-ID"]
    assert [told["epoch"] for told in house.told("ticketed")] == [100, 200]
    assert {told["ticket_id"] for told in house.told("ticketed")} == {number}
    assert "ticket_url" not in house.told()[0]


@pytest.mark.parametrize("behaviour", ["busy", "stall", "leave"])
async def test_a_server_that_fails_gets_the_same_mail_again(
    house: MailHouse, behaviour: str
) -> None:
    house.server.behave = [behaviour]
    await house.ask(100)
    await house.drive(lambda: house.told("ticketed"))
    assert house.server.tries == 2
    assert len(house.subjects) == 1


async def test_a_mail_that_is_refused_makes_routing_go_on(house: MailHouse) -> None:
    house.server.behave = ["refuse"]
    await house.ask(100)
    await house.drive(house.told)
    (told,) = house.told()
    assert (told["type"], told["reason"]) == ("ticket_refused", "mail SMTP 550")


async def test_a_silent_server_is_unavailable_a_minute_before_the_deadline(
    house: MailHouse,
) -> None:
    house.server.behave = ["stall"] * 20
    by = house.clock() + MINUTE + 1200
    await house.ask(100, answer_by=from_ms(by), requested_at=from_ms(by - 30 * MINUTE))
    await house.drive(house.told)
    assert [(t["type"], t["reason"]) for t in house.told()] == [("ticket_refused", "unavailable")]


@pytest.mark.timeout(300)
async def test_killed_at_every_await_it_loses_no_mail_and_repeats_at_most_one(
    house: MailHouse,
) -> None:
    await _life(house)
    points, subjects = house.kills.passed, house.subjects
    assert points > 6
    for at in range(1, points + 1):
        await house.stop()
        await house.redis.flushdb()
        house.server.mails.clear()
        house.published = []
        house.kills.kill_at(at)
        house.start()
        await _life(house)
        assert house.subjects == subjects, at
        repeats = Counter(mail["Message-ID"] for mail in house.server.mails)
        assert sum(repeats.values()) <= len(subjects) + 1, at
