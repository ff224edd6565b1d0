"""The person who had a conversation lately is asked first when it comes back, not for long."""

from tests.support.fold_history import ASKS, START, History
from workers.contracts.time import MINUTE, from_ms


def ended_with(person: str) -> History:
    """Return a conversation that a person has resolved."""
    h = History()
    h.customer(ASKS)
    h.route()
    h.desk("accepted", agent_id=person)
    h.desk("resolved", agent_id=person)
    return h


def test_within_a_day() -> None:
    h = ended_with("bo")
    h.after(23 * 60).customer(ASKS)
    assert h.last.facts.last_person == "bo"
    late = ended_with("bo")
    late.after(25 * 60).customer(ASKS)
    assert late.last.facts.last_person is None


def test_not_once_somebody_has_claimed_it() -> None:
    h = ended_with("bo")
    h.customer(ASKS)
    h.route()
    h.desk("accepted", agent_id="anna")
    assert h.last.facts.last_person is None


def test_after_two_minutes_it_is_anybodys_and_the_queue_is_not_tried() -> None:
    h = ended_with("bo")
    h.customer(ASKS)
    until = from_ms(h.now + 2 * MINUTE)
    h.route(assignee="bo", assigned_until=until, warn_share=0.5)
    assert h.wait(1.9) == []
    [moved] = h.wait(0.2)
    assert (moved.action, moved.cause, moved.owner) == ("move", "assignee_missed", "pending")
    assert moved.tried == ("tier_2_support@bo",)
    h.route()
    [missed] = h.wait(31)
    assert (missed.cause, missed.tried) == (
        "claim_missed",
        ("tier_2_support@bo", "tier_2_support"),
    )


def test_anybody_may_claim_it_all_the_same() -> None:
    h = ended_with("bo")
    h.customer(ASKS)
    h.route(assignee="bo", assigned_until=from_ms(START + 2 * MINUTE))
    h.desk("accepted", agent_id="anna")
    assert (h.last.action, h.last.person) == ("claim", "anna")
    assert not [d for d in h.wait(5) if d.cause == "assignee_missed"]
