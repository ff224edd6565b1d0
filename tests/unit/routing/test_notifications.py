"""Notifications beside a queue: which decisions have one, and what it says."""

from typing import Any

import msgspec
import pytest

from tests.support.routing_builders import MINUTE, NOW, decision, load, queue, topics
from workers.contracts.events import Customer
from workers.contracts.tickets import Notification
from workers.contracts.time import from_ms
from workers.routing.ledger_record import next_record
from workers.routing.notifications import notification
from workers.routing.plan import plan

LADDER = topics(
    queue("billing", overflow=("tier_2",)),
    queue("tier_2"),
    queue("night", calendar="office", overflow=("tier_2",)),
)
EVERYBODY = {"billing": 1, "tier_2": 1, "night": 1}
SUNDAY = NOW - 24 * 60 * MINUTE


def said(waiting: dict[str, int], now: int = NOW, **given: Any) -> Notification | None:
    one = decision(seq=now, **given)
    planned = plan(one, LADDER, load(EVERYBODY, waiting, at=now - 1000), now)
    envelope = notification(one, planned, next_record(None, one, planned), LADDER)
    if envelope is None:
        return None
    assert isinstance(envelope.message, Notification)
    return envelope.message


def test_a_queue_that_could_not_take_it_is_told_to_the_team_that_did() -> None:
    told = said({"billing": 3}, level=1)
    assert told is not None
    assert (told.kind, told.queue, told.team) == ("rung_skipped", "tier_2", "Team tier_2")
    assert told.text == (
        "c-1 (explicit request) went to tier_2: no place before it could take it. "
        "Tried: billing full."
    )
    assert (told.reason, told.level, told.customer) == ("explicit_request", 1, "cust-1")
    assert told.due_at == from_ms(NOW + 20 * MINUTE)


@pytest.mark.parametrize(("queue_name", "now"), [("billing", NOW), ("night", SUNDAY)])
def test_the_first_choice_and_opening_hours_are_no_news(queue_name: str, now: int) -> None:
    assert said({}, now, target_queue=queue_name) is None


def test_an_id_that_could_be_somebodys_is_hidden() -> None:
    facts = decision().facts
    known = msgspec.structs.replace(facts, customer=Customer(id="ada@example.com"))
    told = said({"billing": 3}, facts=known)
    assert told is not None
    assert told.customer is not None
    assert "ada" not in told.customer
