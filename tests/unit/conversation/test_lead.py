"""A lead's events, in every state, and that they are recorded as such."""

from typing import Any

import pytest

from tests.support.fold_history import ASKS, History
from workers.contracts.decisions import ByLead, Decision
from workers.contracts.events import Lead

MARA = ByLead(id="mara", reason="she is on the phone with me")


def by_hand(h: History, action: Any, **fields: Any) -> Decision:
    """Return the one decision that follows a lead's word."""
    event = Lead(
        **h.envelope(),
        type="lead",
        action=action,
        desk_event_id=f"l-{len(h.events)}",
        lead=MARA.id,
        reason=MARA.reason,
        **fields,
    )
    [decision] = h.apply(event)
    assert decision.lead == MARA, "who and why are recorded"
    assert decision.trigger_event_id == event.event_id
    return decision


def waiting() -> History:
    h = History()
    h.customer(ASKS)
    h.route()
    return h


def owned() -> History:
    h = waiting()
    h.desk("accepted")
    return h


def test_a_lead_escalates_what_no_rule_has() -> None:
    h = History()
    h.customer()
    made = by_hand(h, "escalated", to_queue="legal")
    assert (made.action, made.reason, made.rule, made.cause) == (
        *("escalate", "lead_request", None),
        "lead",
    )
    assert (made.target_queue, made.owner, made.epoch) == ("legal", "pending", made.seq)
    h.route("legal")
    h.desk("accepted", queue="legal")
    assert h.state.owner == "person"


def test_without_a_queue_it_is_the_policys_default() -> None:
    h = History()
    h.customer()
    assert by_hand(h, "escalated").target_queue == "tier_2_support"


def test_after_the_end_a_lead_opens_it_again() -> None:
    h = waiting()
    h.close()
    assert by_hand(h, "escalated").action == "escalate"
    assert h.state.owner == "pending"


@pytest.mark.parametrize("state", [waiting, owned])
def test_what_is_open_is_moved_with_a_new_epoch(state: Any) -> None:
    h = state()
    before = h.state.epoch
    made = by_hand(h, "moved", to_queue="legal")
    assert (made.action, made.cause, made.target_queue, made.owner) == (
        *("transfer", "lead", "legal"),
        "pending",
    )
    assert made.level == 2, "legal is the highest level"
    h.route("legal")
    [refused] = h.desk("replied", before)
    assert refused.action == "refuse"


def test_a_person_is_relieved_and_the_case_waits_on_its_queue() -> None:
    h = owned()
    made = by_hand(h, "released")
    assert (made.action, made.cause, made.target_queue, made.person) == (
        *("move", "lead", "tier_2_support"),
        "anna",
    )
    assert h.state.owner == "pending"


def test_priority_stays_with_the_escalation() -> None:
    h = waiting()
    epoch = h.state.epoch
    made = by_hand(h, "prioritised", priority=1)
    assert (made.action, made.priority, made.epoch, made.owner) == ("update", 1, epoch, "pending")
    [moved] = h.desk("transferred", to_queue="billing")
    assert moved.priority == 1
    assert moved.lead is None, "that was not the lead"


@pytest.mark.parametrize("state", [waiting, owned])
def test_a_lead_closes(state: Any) -> None:
    h = state()
    made = by_hand(h, "closed")
    assert (made.action, made.outcome, made.owner) == ("outcome", "closed", "closed")
    assert h.wait(10_000) == []


def test_a_lead_offers_and_the_customer_accepts_or_declines() -> None:
    for yes in (True, False):
        h = History()
        h.customer()
        made = by_hand(h, "offered")
        assert (made.action, made.reason, made.cause) == ("offer", "lead_request", "lead")
        [then] = h.button(accepted=yes)
        assert (then.action, then.reason) == ("escalate" if yes else "suppress", "lead_request")


def test_a_lead_gives_it_to_somebody_else() -> None:
    h = owned()
    [made] = h.desk("accepted", agent_id="ben", force=True, lead="mara", reason=MARA.reason)
    assert (made.action, made.person, made.cause, made.lead) == ("claim", "ben", "lead", MARA)
    assert made.epoch == made.seq
    [refused] = h.desk("replied", made.epoch)
    assert refused.cause == "not_owner"
    [again] = h.desk("accepted", agent_id="ben", force=True, lead="mara", reason=MARA.reason)
    assert (again.action, again.cause) == ("refuse", "already_claimed")


def test_an_old_word_of_a_lead_gives_nothing_away() -> None:
    h = waiting()
    old = h.state.epoch
    by_hand(h, "moved", to_queue="legal")
    [made] = h.desk("accepted", old, agent_id="ben", force=True, lead="mara", reason="x")
    assert (made.action, made.cause) == ("refuse", "wrong_epoch")


@pytest.mark.parametrize(
    ("action", "fields", "state", "cause"),
    [
        ("escalated", {}, waiting, "already_open"),
        ("escalated", {}, owned, "already_open"),
        ("offered", {}, waiting, "already_open"),
        ("moved", {"to_queue": "legal"}, History, "ended"),
        ("released", {}, waiting, "not_owner"),
        ("prioritised", {"priority": 2}, History, "ended"),
        ("closed", {}, History, "ended"),
        ("closed", {"escalation_id": "another"}, waiting, "ended"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    action: str, fields: dict[str, Any], state: Any, cause: str
) -> None:
    h = state()
    before = h.state.owner
    made = by_hand(h, action, **fields)
    assert (made.action, made.cause, made.queue) == ("refuse", cause, None)
    assert h.state.owner == before


def test_the_reason_is_strictly_redacted_and_bounded() -> None:
    h = waiting()
    event = Lead(
        **h.envelope(), type="lead", action="closed", desk_event_id="l", lead="mara",
        reason="card 4111 1111 1111 1111, mail ada@example.com " + "x" * 900,
    )  # fmt: skip
    [made] = h.apply(event)
    assert made.lead is not None
    assert "4111" not in made.lead.reason
    assert "ada@" not in made.lead.reason
    assert len(made.lead.reason.encode()) <= 500
