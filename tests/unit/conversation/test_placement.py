"""Places of a waiting escalation: routings, deadlines, tickets, levels."""

from collections.abc import Callable

from tests.support.fold_history import ASKS, History
from workers.contracts.time import MINUTE


def _waiting(place: str = "queue", **route: object) -> History:
    h = History()
    h.customer(ASKS)
    h.route(place=place, **route)  # type: ignore[arg-type]
    return h


def _on_ticket() -> History:
    h = _waiting("ticket")
    h.desk("ticketed")
    return h


def test_the_first_routing_counts_and_any_other_is_withdrawn() -> None:
    h = _waiting()
    assert h.state.open is not None
    assert (h.state.open.place, h.state.open.queue) == ("queue", "tier_2_support")
    h.route("billing", decision=h.decisions[0])
    late = h.last
    assert (late.action, late.cause, late.place, late.queue) == (
        "suppress",
        "late_routing",
        "queue",
        "billing",
    )
    assert late.epoch == h.decisions[0].epoch
    assert h.state.open.queue == "tier_2_support"


def test_a_repeated_routing_changes_nothing() -> None:
    h = _waiting()
    before = h.blob
    h.route(decision=h.decisions[0])
    assert h.blob == before
    assert len(h.decisions) == 1


def test_nobody_claims_in_time() -> None:
    h = _waiting()
    assert h.wait(29) == []
    (moved,) = h.wait(2)
    assert (moved.action, moved.cause, moved.owner) == ("move", "claim_missed", "pending")
    assert moved.tried == ("tier_2_support",)
    assert (moved.place, moved.queue) == ("queue", "tier_2_support")
    assert moved.target_queue == "tier_2_support"
    assert h.state.open is not None
    assert h.state.open.place is None
    h.route("premium_support")
    (moved,) = h.wait(31)
    assert moved.tried == ("tier_2_support", "premium_support")
    h.route("tier_2_support", "ticket")
    (moved,) = h.wait(31)
    assert (moved.cause, moved.tried[-1]) == ("ticket_unanswered", "ticket")
    h.route("tier_2_support", "contact")
    assert (h.last.outcome, h.last.owner) == ("contact_given", "ai")
    assert h.state.open is None


def test_a_claim_in_time_leaves_nothing_to_the_deadline() -> None:
    h = _waiting()
    due = h.state.deadlines[0][1]
    h.desk("accepted")
    h.after(60)
    h.desk("replied")
    assert h.deadline(due) == []


def test_the_same_deadline_twice_is_applied_once() -> None:
    h = _waiting()
    due = min(due for _, due in h.state.deadlines)
    h.after(31)
    assert [d.cause for d in h.deadline(due)] == ["claim_missed"]
    assert h.deadline(due) == []
    h.route("premium_support")
    assert h.deadline(due) == []


def test_a_deadline_from_the_future_is_not_believed() -> None:
    h = _waiting()
    due = h.state.deadlines[0][1]
    blob = h.blob
    assert h.deadline(due, timestamp_ms=due - 1) == []
    assert h.blob == blob
    assert [d.cause for d in h.deadline(due, timestamp_ms=due)] == ["claim_missed"]


def test_a_deadline_for_a_conversation_that_nobody_knows_makes_none() -> None:
    h = History()
    assert h.deadline(h.now) == []
    assert h.blob is None


def test_several_deadlines_that_passed_apply_in_their_order() -> None:
    h = _waiting(expires_minutes=40)
    h.after(60)
    assert [d.cause or d.outcome for d in h.deadline(h.now)] == ["claim_missed", "expired"]
    assert h.state.open is None


def test_a_claimed_customer_whom_nobody_answers_goes_up_a_level() -> None:
    h = _waiting()
    h.desk("accepted")
    (raised,) = h.wait(11)
    assert (raised.action, raised.cause, raised.level) == ("move", "reply_missed", 1)
    assert (raised.target_queue, raised.owner, raised.person) == (
        "manager_approval",
        "pending",
        "anna",
    )
    assert h.state.open is not None
    assert h.state.open.person is None
    for target, level in (("legal", 2), ("legal", 2)):
        h.route()
        h.desk("accepted", queue=h.placing.target_queue)
        (raised,) = h.wait(11)
        assert (raised.target_queue, raised.level) == (target, level)
    assert raised.tried == ("legal",)


def test_a_first_reply_in_either_way_stops_the_clock() -> None:
    replies: list[Callable[[History], object]] = [
        lambda h: h.person("anna"),
        lambda h: h.desk("replied"),
    ]
    for reply in replies:
        h = _waiting()
        h.desk("accepted")
        reply(h)
        assert "reply" not in dict(h.state.deadlines)
        assert h.wait(200) == []


def test_nobody_takes_it_until_the_last_deadline() -> None:
    h = _waiting(claim_minutes=1000)
    (expired,) = h.wait(601)
    assert (expired.outcome, expired.owner) == ("expired", "ai")


def test_a_place_that_was_due_before_it_was_known_is_left_at_the_next_deadline() -> None:
    h = History()
    h.customer(ASKS)
    h.route(claim_minutes=-5)
    assert [d.cause for d in h.wait(1)] == ["claim_missed"]


def test_a_ticket_lets_the_ai_go_on_and_keeps_the_epoch() -> None:
    h = _on_ticket()
    ticketed = h.last
    assert (ticketed.action, ticketed.cause, ticketed.ticket_id) == ("move", "ticketed", "T-1")
    assert (ticketed.place, ticketed.owner) == ("ticket", "pending")
    assert ticketed.epoch == h.decisions[0].epoch
    assert h.wait(500) == []
    h.ai("Meanwhile, could you tell me the order number?", epoch=ticketed.epoch, confidence=0.7)
    assert not h.state.stale
    assert h.state.episode.confidences == (0.7,)


def test_where_people_open_the_ticket_is_said_with_its_number() -> None:
    h = _waiting("ticket")
    h.desk("ticketed", ticket_url="https://help.example.com/tickets/1")
    assert (h.last.ticket_id, h.last.ticket_url) == ("T-1", "https://help.example.com/tickets/1")


def test_the_ticket_may_come_before_the_routing() -> None:
    h = History()
    h.customer(ASKS)
    h.desk("ticketed")
    h.route(place="ticket")
    assert h.state.open is not None
    assert (h.state.open.place, h.state.open.ticket_id) == ("ticket", "T-1")
    assert h.wait(500) == []


def test_a_refused_ticket_goes_on_to_the_next_rung() -> None:
    h = _waiting("ticket")
    h.desk("ticket_refused", reason="full")
    assert (h.last.action, h.last.cause, h.last.tried) == ("move", "ticket_refused", ("ticket",))


def test_a_ticket_systems_late_answer_is_recorded_and_not_applied() -> None:
    h = _waiting("ticket")
    epoch = h.state.epoch
    h.wait(31)
    h.route("tier_2_support")
    for action in ("ticketed", "ticket_refused"):
        h.desk(action, epoch)
        assert (h.last.action, h.last.cause, h.last.place) == ("suppress", "wrong_epoch", "ticket")
    assert h.state.open is not None
    assert (h.state.open.place, h.state.open.ticket_id) == ("queue", None)


def test_a_person_may_claim_from_the_ticket() -> None:
    h = _on_ticket()
    h.desk("accepted")
    assert (h.last.action, h.last.owner, h.last.place) == ("claim", "person", "ticket")


def test_a_mandatory_rule_raises_what_waits_on_a_ticket() -> None:
    h = _on_ticket()
    h.customer(ASKS)
    raised = h.last
    assert (raised.action, raised.cause, raised.level) == ("move", "mandatory_rule", 1)
    assert (raised.target_queue, raised.place, raised.owner) == (
        "manager_approval",
        "ticket",
        "pending",
    )
    assert raised.escalation_id == h.decisions[0].escalation_id
    assert [e.signal for e in raised.evidence] == ["requested_human"]
    assert raised.tried == ()
    for target in ("legal", None):
        h.route(place="ticket")
        h.customer(ASKS)
        if target:
            assert (h.last.target_queue, h.last.level) == (target, 2)
        else:
            assert (h.last.action, h.last.cause) == ("suppress", "mandatory_rule")
    assert h.customer(ASKS) == []


def test_a_rule_that_owns_a_higher_queue_raises_straight_to_it() -> None:
    policy = """
version: 1
levels: [tier_2_support, manager_approval, legal]
rules:
  - {rule: person, reason: explicit_request, class: mandatory, when: {requested_human: 0.7}}
  - {rule: threat, reason: priority_escalation, class: mandatory, when: {intents: [lawyer]},
     target_queue: legal}
"""
    h = History(policy)
    h.customer(ASKS)
    h.route(place="ticket")
    h.ai("I have noted that.", intents=("lawyer",))
    assert (h.last.action, h.last.target_queue, h.last.level) == ("move", "legal", 2)
    assert (h.last.rule, h.last.reason) == ("threat", "explicit_request")


def test_a_declinable_rule_raises_nothing_and_a_standing_one_only_once() -> None:
    h = History()
    h.customer()
    h.ai(context_tokens=90, context_limit=100)
    h.route(place="ticket")
    h.ai("I will wait with you.", intents=("leaving",), context_tokens=95, context_limit=100)
    h.customer("Alright then.")
    assert h.story == ["escalate context_window_exceeded"]
    for _ in range(4):
        h.tool()
    assert h.story[1:] == ["move mandatory_rule"]
    h.route(place="ticket")
    h.tool()
    assert len(h.story) == 2


def test_the_ai_may_say_that_a_person_is_coming_while_the_ticket_waits() -> None:
    h = _on_ticket()
    h.ai("I'm transferring you to a human agent now.")
    assert h.story[-1] == "move ticketed"


def test_taken_back_while_only_a_ticket_waits() -> None:
    h = _on_ticket()
    h.customer("Never mind, I found it myself.")
    assert h.last.outcome == "withdrawn"


def test_a_transfer_after_a_long_talk_does_not_expire_at_once() -> None:
    h = _waiting(expires_minutes=60)
    h.desk("accepted")
    h.desk("replied")
    h.after(120)
    h.desk("transferred", to_queue="billing")
    h.route(expires_minutes=60)
    assert [kind for kind, _ in h.state.deadlines] == ["claim", "last"]
    assert dict(h.state.deadlines)["last"] - h.state.clock == 60 * MINUTE, "its full time again"
    assert h.wait(0.01) == []


def test_a_ticket_ends_as_expired_after_thirty_days() -> None:
    h = History()
    h.customer(ASKS)
    h.route(place="ticket")
    h.desk("ticketed")
    assert (h.last.cause, h.last.ticket_id) == ("ticketed", "T-1")
    assert h.wait(30 * 24 * 60 - 1) == []
    (ended,) = h.wait(1)
    assert ended.outcome == "expired"


def test_transfers_count_the_level_they_reach() -> None:
    h = _waiting()
    reached = []
    for queue in ("billing", "manager_approval", "legal", "billing"):
        h.desk("accepted", queue=h.state.open.queue if h.state.open else "")
        h.desk("transferred", to_queue=queue)
        h.route()
        reached.append(h.state.open.level if h.state.open else None)
    assert reached == [0, 1, 2, 2]


def test_every_deadline_lies_after_the_clock() -> None:
    h = _waiting(claim_minutes=-100)
    assert all(due > h.state.clock for _, due in h.state.deadlines)
    assert h.state.deadlines[0][1] - h.state.clock < MINUTE
