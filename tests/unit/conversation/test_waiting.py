"""The fold has a customer's wait on a queue looked at again now and then."""

import pytest

from tests.support.fold_history import ASKS, History
from workers.conversation.state import UPDATES


@pytest.fixture
def waiting() -> History:
    """A customer who waits on tier 2, whose wait is looked at every ten minutes."""
    h = History()
    h.customer(ASKS)
    h.route(update_minutes=10, claim_minutes=300)
    return h


def updates(h: History) -> list[str]:
    """Return the actions of the decisions that follow within half an hour."""
    return [decision.action for decision in h.wait(30)]


def test_an_update_is_due_at_each_interval(waiting: History) -> None:
    epoch = waiting.state.epoch
    [one] = waiting.wait(10)
    assert (one.action, one.owner, one.place, one.queue) == (
        *("update", "pending", "queue"),
        "tier_2_support",
    )
    assert one.escalation_id == waiting.escalation_id
    assert one.epoch == epoch, "it changes neither owner nor place"
    assert updates(waiting) == ["update"] * 3


def test_there_are_so_many_and_no_more(waiting: History) -> None:
    told = waiting.wait(290)
    assert [one.action for one in told] == ["update"] * UPDATES


def test_the_next_queue_has_its_own(waiting: History) -> None:
    waiting.wait(290)
    [moved] = waiting.wait(20)
    assert moved.cause == "claim_missed"
    waiting.route("premium_support", update_minutes=10)
    assert updates(waiting)[:2] == ["update", "update"]


def test_a_log_from_before_has_none() -> None:
    h = History()
    h.customer(ASKS)
    h.route(claim_minutes=300)
    assert h.wait(290) == []


@pytest.mark.parametrize("ends", ["claimed", "closed", "withdrawn", "abandoned", "ticketed"])
def test_who_no_longer_waits_there_hears_nothing(waiting: History, ends: str) -> None:
    waiting.after(1)
    match ends:
        case "claimed":
            waiting.desk("accepted")
            waiting.desk("replied")
        case "closed":
            waiting.close()
        case "withdrawn":
            waiting.customer("Never mind, I found it myself.")
        case "abandoned":
            waiting.desk("abandoned")
        case "ticketed":
            waiting.wait(300)
            waiting.route("tier_2_support", "ticket", update_minutes=None)
            waiting.desk("ticketed")
    assert "update" not in updates(waiting)


def test_what_takes_it_elsewhere_comes_first() -> None:
    h = History()
    h.customer(ASKS)
    h.route(update_minutes=10, claim_minutes=10)
    assert [one.cause or one.action for one in h.wait(10)] == ["claim_missed"]
