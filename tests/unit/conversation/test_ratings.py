"""A rating is a decision of its own, whenever it comes, and changes nothing else."""

import pytest

from tests.support.fold_history import ASKS, History
from workers.contracts.ledger import Plan
from workers.contracts.time import from_ms
from workers.routing.ledger_record import is_passing, leaves_record, next_record


def _ended() -> History:
    h = History()
    h.customer(ASKS)
    h.route()
    h.desk("accepted")
    h.desk("resolved")
    return h


@pytest.mark.parametrize("by", ["desk", "chat system"])
def test_a_rating_after_the_end_says_what_the_event_says(by: str) -> None:
    h = _ended()
    rated = h.escalation_id
    h.after(3 * 24 * 60)
    # Another one is open by then.
    h.customer(ASKS)
    opened = h.last
    if by == "desk":
        (rate,) = h.desk("rated", 0, csat=4, escalation_id=rated)
    else:
        (rate,) = h.rating(4, rated)
    assert (rate.action, rate.csat, rate.escalation_id) == ("rate", 4, rated)
    assert (rate.reason, rate.outcome, rate.target_queue) == (None, None, None)
    assert (rate.owner, rate.epoch) == ("pending", opened.epoch)
    assert h.state.open is not None
    assert h.state.open.id == opened.escalation_id != rated


def test_a_rating_of_what_nobody_remembers_is_one_too_and_once() -> None:
    h = History()
    (rate,) = h.rating(1, "of-last-year")
    assert (rate.owner, rate.csat) == ("ai", 1)
    assert h.apply(h.events[-1]) == []


def test_of_the_ledger_a_rating_changes_only_the_seq_and_makes_no_record() -> None:
    h = _ended()
    end = h.last
    (rate,) = h.rating(5)
    assert is_passing(rate)
    plan = Plan(planned_at=from_ms(h.now))
    record = next_record(None, end, plan)
    after = next_record(record, rate, plan)
    assert after.seq == rate.seq > record.seq
    assert (after.epoch, after.outcome, after.decision) == (end.epoch, "resolved", end)
    assert leaves_record(rate, record)
    assert not leaves_record(rate, None)
