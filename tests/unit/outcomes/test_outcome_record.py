"""Outcome records: the decisions that have one, and its content."""

from tests.support.fold_history import ANGRY, ASKS, History
from workers.contracts.codec import encode
from workers.contracts.decisions import PredictedWait
from workers.contracts.events import Wait
from workers.contracts.outcomes import OutcomeRecord
from workers.contracts.time import from_ms
from workers.outcomes import outcome_of


def _records(h: History) -> list[OutcomeRecord]:
    return [record for decision in h.decisions if (record := outcome_of(decision))]


def _kinds(h: History) -> list[str]:
    return [f"{record.kind} {record.outcome or ''}".strip() for record in _records(h)]


def test_an_escalation_has_a_record_when_it_opens_and_when_it_ends() -> None:
    h = History()
    opened = h.now
    h.customer(ASKS, customer={"tier": "premium", "name": "Mia"})
    h.route(queue="premium_support")
    h.after(2).desk("accepted", queue="premium_support")
    claimed = h.now
    h.after(3).person()
    replied = h.now
    h.after(5).desk("resolved", queue="premium_support", justified=True)
    assert _kinds(h) == ["escalated", "ended resolved"]
    opening, end = _records(h)
    assert (opening.tier, opening.queue, opening.reason) == (
        "premium",
        "premium_support",
        "explicit_request",
    )
    assert (end.queue, end.place, end.level, end.justified) == ("premium_support", "queue", 0, True)
    assert (end.opened_at, end.claimed_at, end.replied_at) == (
        from_ms(opened),
        from_ms(claimed),
        from_ms(replied),
    )
    assert (end.transfers, end.ai_agent.version) == (0, None)


def test_a_transfer_keeps_the_first_claim_and_is_counted() -> None:
    h = History()
    h.customer(ASKS)
    h.route()
    h.after(1).desk("accepted")
    first = h.now
    h.after(1).desk("replied")
    h.after(1).desk("transferred", to_queue="retention")
    h.route(queue="retention")
    h.after(9).desk("accepted", agent_id="ben", queue="retention")
    h.desk("returned", agent_id="ben", queue="retention")
    end = _records(h)[-1]
    assert (end.outcome, end.transfers, end.claimed_at) == ("returned", 1, from_ms(first))


def test_an_end_tells_the_wait_that_was_predicted_where_it_was_first_claimed() -> None:
    h = History()
    h.customer(ASKS)
    h.route(predicted_wait=Wait(low_s=10, high_s=20))
    # Nobody takes it there: it moves, and is estimated anew.
    h.wait(31)
    h.route(queue="billing", predicted_wait=Wait(low_s=60, high_s=240))
    placed = h.now
    h.after(2).desk("accepted", queue="billing")
    h.desk("transferred", to_queue="retention", queue="billing")
    h.route(queue="retention", predicted_wait=Wait(low_s=600, high_s=1200))
    h.desk("accepted", queue="retention")
    h.desk("resolved", queue="retention")
    end = _records(h)[-1]
    assert end.predicted_wait == PredictedWait(
        queue="billing", placed_at=from_ms(placed), low_s=60, high_s=240
    )
    assert end.queue == "retention"


def test_who_was_never_claimed_has_no_prediction() -> None:
    h = History()
    h.customer(ASKS)
    h.route(predicted_wait=Wait(low_s=10, high_s=20))
    h.customer("Never mind, I found it myself.")
    assert _records(h)[-1].predicted_wait is None


def test_a_person_who_speaks_first_opens_one_and_claims_it_once() -> None:
    h = History()
    h.customer()
    h.person()
    h.desk("resolved")
    assert _kinds(h) == ["escalated", "ended resolved"]
    end = _records(h)[-1]
    assert end.replied_at == end.claimed_at == end.opened_at


def test_an_offer_and_its_refusal_have_one_record_each() -> None:
    h = History()
    h.customer(ANGRY)
    h.button(accepted=False)
    # The rule stays silent from here on: that is no second refusal.
    h.customer(ANGRY)
    assert _kinds(h) == ["offered", "declined"]


def test_a_rating_has_one_record_whoever_reports_it() -> None:
    h = History()
    h.customer(ASKS)
    h.route()
    h.desk("resolved")
    h.desk("rated", csat=2)
    h.rating(5)
    assert _kinds(h) == ["escalated", "ended resolved", "rated", "rated"]
    assert [record.csat for record in _records(h)[2:]] == [2, 5]
    assert {record.escalation_id for record in _records(h)} == {h.escalation_id}


def test_no_record_quotes_anybody() -> None:
    h = History()
    h.customer(ASKS + " My name is Canary.", customer={"id": "Canary", "name": "Canary"})
    h.route()
    h.desk("accepted", agent_id="canary-person")
    h.desk("resolved", agent_id="canary-person", note="canary", resolution="canary")
    written = b"".join(map(encode, _records(h)))
    assert len(_records(h)) == 2
    assert b"canary" not in written.lower()
