"""The team is warned before a claim or a first reply is missed, once for each deadline."""

import pytest

from tests.support.fold_history import ASKS, START, History
from workers.contracts.codec import decode_message
from workers.contracts.tickets import Notification
from workers.contracts.time import MINUTE, from_ms
from workers.contracts.topics import NOTIFICATIONS


@pytest.fixture
def waiting() -> History:
    """A customer who waits, half an hour at most, on a queue that wants to be warned."""
    h = History()
    h.customer(ASKS)
    h.route(claim_minutes=30, reply_minutes=10, warn_share=0.8)
    return h


def warnings(h: History) -> list[Notification]:
    made = [out.value for out in h.outputs if out.topic == NOTIFICATIONS]
    return [decode_message(Notification, value) for value in made]


def test_at_the_share_of_the_time_to_claim(waiting: History) -> None:
    assert waiting.wait(23.9) == []
    assert warnings(waiting) == []
    assert waiting.wait(0.2) == [], "a warning decides nothing"
    [warning] = warnings(waiting)
    assert (warning.kind, warning.queue) == ("deadline_at_risk", "tier_2_support")
    assert warning.escalation_id == waiting.escalation_id
    assert warning.occurred_at == from_ms(START + 24 * MINUTE)
    assert warning.text == (
        "c-1 (explicit request): nobody has claimed it; it is due at 2026-03-02 09:30:00 UTC."
    )
    assert [one.cause for one in waiting.wait(6)] == ["claim_missed"]


def test_and_of_the_time_to_reply(waiting: History) -> None:
    waiting.desk("accepted")
    waiting.wait(8)
    [warning] = warnings(waiting)
    assert "the first reply is outstanding" in warning.text
    waiting.wait(1)
    assert len(warnings(waiting)) == 1


@pytest.mark.parametrize("ends", ["replied", "person", "closed", "moved", "late"])
def test_nobody_is_warned_of_what_is_done_or_missed_already(waiting: History, ends: str) -> None:
    match ends:
        case "replied":
            waiting.desk("accepted")
            waiting.desk("replied")
        case "person":
            waiting.desk("accepted")
            waiting.person()
        case "closed":
            waiting.close()
        case "moved":
            waiting.desk("transferred", to_queue="legal")
        case "late":
            waiting.after(31).deadline(waiting.now)
    waiting.wait(60)
    assert warnings(waiting) == []


def test_each_deadline_has_its_own_id_which_a_repeat_shares(waiting: History) -> None:
    waiting.wait(24)
    waiting.wait(6)
    waiting.route("billing", claim_minutes=30, warn_share=0.5)
    waiting.wait(20)
    first, second = warnings(waiting)
    assert first.notification_id != second.notification_id
    again = History()
    again.customer(ASKS)
    again.route(claim_minutes=30, reply_minutes=10, warn_share=0.8)
    again.wait(24)
    assert warnings(again) == [first]


def test_a_queue_that_does_not_want_it_has_none() -> None:
    h = History()
    h.customer(ASKS)
    h.route(claim_minutes=30)
    h.wait(29)
    assert warnings(h) == []


def test_a_warning_says_why_how_high_by_when_and_whose(waiting: History) -> None:
    waiting.wait(24)
    [warning] = warnings(waiting)
    assert (warning.reason, warning.level) == ("explicit_request", 0)
    assert warning.due_at == from_ms(START + 30 * MINUTE)
