"""Tickets at servers that play the documented APIs: once each, told, followed, taken back."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from starlette.requests import Request as Received
from starlette.responses import Response

from tests.support.bridge import serving
from tests.support.counting import Growth
from tests.support.ticket_house import TicketHouse
from tests.support.ticket_systems import Freshdesk, GitHub, HelpDesk, Zendesk, hang
from workers.contracts.time import MINUTE, from_ms
from workers.outbound.ticket_file import load_tickets
from workers.settings import load_settings
from workers.stores.connection import connect


class DeskHouse(TicketHouse):
    """The worker beside the help desk in which it makes tickets."""

    desk: HelpDesk


@pytest.fixture(params=[Zendesk])
async def house(
    request: pytest.FixtureRequest, redis_url: str, tmp_path: Path
) -> AsyncIterator[DeskHouse]:
    desk: HelpDesk = request.param()
    redis = connect(load_settings(redis_url=redis_url))
    async with serving(desk.app) as url:
        made = DeskHouse(desk.file(tmp_path, url), redis, redis_url)
        made.desk = desk
        made.start()
        yield made
        await made.stop()
    await redis.aclose()


ALL: Final = pytest.mark.parametrize("house", [Zendesk, Freshdesk, GitHub], indirect=True)


def _calls(name: str, result: str = "done") -> Growth:
    return Growth("ticket_calls_total", call=name, result=result)


@ALL
async def test_a_ticket_from_its_making_to_its_end(house: DeskHouse) -> None:
    desk = house.desk
    results = {name: Growth("tickets_total", result=name) for name in ("made", "updated", "solved")}
    calls = {name: _calls(name) for name in ("create", "update", "comment", "poll")}
    times = Growth("ticket_seconds_count")
    await house.ask(100)
    await house.drive(lambda: house.told("ticketed"))
    (told,) = house.told()
    assert (told["escalation_id"], told["queue"], told["epoch"]) == ("e-1", "billing", 100)
    assert told["ticket_id"] == ("#1" if isinstance(desk, GitHub) else "1")
    assert told["ticket_url"].startswith("http")
    assert told["ticket_url"].endswith("/1")

    await house.say("Please hurry, my card is 4111 1111 1111 1111.")
    await house.say("I will see.", role="ai_agent")
    await house.drive(lambda: len(desk.notes[1]) == 2)
    assert "Please hurry" in desk.notes[1][1]
    assert "4111 1111" not in desk.notes[1][1], "the queue's redaction holds"
    assert "I will see" not in desk.notes[1][1]

    await house.ask(200)
    await house.drive(lambda: len(house.told("ticketed")) == 2)
    assert house.told()[-1]["epoch"] == 200, "an update is answered with the newest epoch"
    assert "Asked for a person" in desk.notes[1][-1]
    desk.solve(1)
    await house.drive(lambda: house.told("resolved"))
    assert house.told()[-1]["agent_id"].startswith(desk.name)
    await house.ask(300, "withdrawn")
    await house.idle()
    assert len(desk.tickets) == 1
    assert (desk.refused, house.letters()) == ([], [])
    assert {name: one.by for name, one in results.items()} == {"made": 1, "updated": 1, "solved": 1}
    assert times.by == calls["create"].by == calls["comment"].by == 1
    assert calls["update"].by == len(load_tickets(house.file).file.update)
    assert calls["poll"].by > 0


@ALL
async def test_what_is_withdrawn_is_closed_and_may_be_asked_for_again(house: DeskHouse) -> None:
    await house.ask(100)
    await house.drive(lambda: house.told("ticketed"))
    withdrawn = Growth("tickets_total", result="withdrawn")
    await house.ask(200, "withdrawn", epoch=100)
    await house.drive(lambda: withdrawn.by)
    await house.idle()
    assert not house.desk.is_open(1)
    assert "no longer needed" in house.desk.notes[1][-1]
    await house.ask(300)
    await house.drive(lambda: len(house.told("ticketed")) == 2)
    assert house.desk.is_open(1)
    assert len(house.desk.tickets) == 1


async def test_what_is_withdrawn_before_it_is_made_is_never_made(house: DeskHouse) -> None:
    await house.ask(100)
    await house.ask(200, "withdrawn", epoch=100)
    await house.idle()
    assert (house.desk.asked, house.told()) == ([], [])


@pytest.mark.parametrize("house", [Freshdesk], indirect=True)
async def test_what_freshdesk_refuses_goes_on_with_its_word_for_it(house: DeskHouse) -> None:
    await house.ask(100, subject="")
    await house.drive(house.told)
    (told,) = house.told()
    assert told["reason"] == "freshdesk 400 Validation failed"


async def test_what_zendesk_refuses_goes_on_with_its_word_for_it(house: DeskHouse) -> None:
    house.desk.groups.clear()
    refused = Growth("tickets_total", result="refused")
    await house.ask(100)
    await house.drive(lambda: refused.by)
    assert [(t["type"], t["reason"]) for t in house.told()] == [
        ("ticket_refused", "zendesk 422 RecordInvalid")
    ]
    assert house.desk.tickets == {}


async def test_a_silent_ticket_system_is_unavailable_a_minute_before_the_deadline(
    house: DeskHouse,
) -> None:
    house.desk.fault = hang
    unavailable = Growth("tickets_total", result="unavailable")
    by = house.clock() + MINUTE + 400
    await house.ask(100, answer_by=from_ms(by), requested_at=from_ms(by - 30 * MINUTE))
    await house.drive(house.told)
    assert [(t["type"], t["reason"]) for t in house.told()] == [("ticket_refused", "unavailable")]
    assert house.clock() < by
    await house.drive(lambda: unavailable.by)


async def test_a_ticket_that_was_made_unheard_is_closed_when_routing_goes_on(
    house: DeskHouse,
) -> None:
    async def unheard(what: str) -> None:
        if what.startswith("POST"):
            await asyncio.sleep(3)

    house.desk.after = unheard
    by = house.clock() + MINUTE + 700
    await house.ask(100, answer_by=from_ms(by), requested_at=from_ms(by - 30 * MINUTE))
    await house.drive(house.told)
    assert house.told()[0]["reason"] == "unavailable"
    house.desk.after = None
    await house.ask(200, "withdrawn", epoch=100)
    await house.idle()
    assert not house.desk.is_open(1)


async def test_what_asks_to_wait_is_waited_for(house: DeskHouse) -> None:
    since: list[float] = []

    async def busy(_request: Received) -> Response | None:
        since.append(time.monotonic())
        return Response(status_code=429, headers={"retry-after": "1"}) if len(since) < 2 else None

    house.desk.fault = busy
    again = [_calls(name, "later") for name in ("find", "create")]
    await house.ask(100)
    await house.drive(house.told)
    assert since[1] - since[0] >= 1
    assert house.told()[0]["type"] == "ticketed"
    assert sum(one.by for one in again) == 1


async def test_an_update_that_is_refused_can_be_retried(house: DeskHouse) -> None:
    await house.ask(100)
    await house.drive(lambda: house.told("ticketed"))
    house.desk.only["status"] = "closed"
    given_up = Growth("tickets_total", result="given_up")
    await house.ask(200)
    await house.drive(lambda: given_up.by)
    assert house.letters()
    await house.drive(lambda: len(house.told("ticketed")) == 2)
    house.desk.only["status"] = "open"
    await house.ask(200)
    await house.drive(lambda: len(house.desk.notes[1]) == 2)
    assert len(house.letters()) == 1


async def test_a_store_that_forgot_finds_the_ticket_again(house: DeskHouse) -> None:
    await house.ask(100)
    await house.drive(lambda: house.told("ticketed"))
    await house.redis.flushdb()
    await house.ask(200)
    await house.drive(lambda: len(house.told("ticketed")) == 2)
    assert len(house.desk.tickets) == 1


async def _life(house: DeskHouse) -> None:
    """A ticket from its making to its end, whenever the worker is killed."""
    await house.ask(100)
    await house.drive(lambda: house.told("ticketed"))
    if isinstance(house.desk, Freshdesk):
        # Its making is all in which it differs.
        return
    await house.ask(200)
    await house.drive(lambda: len(house.told("ticketed")) == 2)
    house.desk.solve(1)
    await house.drive(lambda: house.told("resolved"))
    await house.ask(300, "withdrawn")
    await house.idle()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("house", [Zendesk, Freshdesk], indirect=True)
async def test_killed_at_every_await_it_makes_no_ticket_twice(house: DeskHouse) -> None:
    if isinstance(house.desk, Freshdesk):
        house.desk.indexed_s = 0.0
    await _life(house)
    points, kinds = house.kills.passed, [event["type"] for event in house.told()]
    assert points > 4
    for at in range(1, points + 1):
        await house.stop()
        await house.redis.flushdb()
        house.desk.__init__()  # type: ignore[misc]
        house.start()
        house.published = []
        house.kills.kill_at(at)
        await _life(house)
        assert len(house.desk.tickets) == 1, at
        assert [event["type"] for event in house.told()] == kinds, at
