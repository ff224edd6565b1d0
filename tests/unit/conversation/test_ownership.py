"""Ownership of a conversation: claims, replies, transfers, refusals, silence."""

import pytest

from tests.support.fold_history import ASKS, History
from tests.support.ownership import claimed, statuses, waiting
from workers.contracts.time import MINUTE, from_ms


def test_the_second_desk_that_accepts_is_refused() -> None:
    h = waiting()
    epoch = h.state.epoch
    h.desk("accepted", epoch, agent_id="anna")
    h.desk("accepted", epoch, agent_id="ben", queue="billing")
    refused = h.last
    assert (refused.action, refused.cause) == ("refuse", "already_claimed")
    assert (refused.person, refused.queue) == ("ben", "billing")
    assert refused.owner == "person"
    h.desk("accepted", agent_id="anna")
    assert (h.last.action, h.last.cause, h.last.person) == ("refuse", "already_claimed", "anna")
    assert h.state.open is not None
    assert h.state.open.person == "anna"


def test_a_claim_from_a_place_it_has_left_is_refused() -> None:
    h = waiting()
    epoch = h.state.epoch
    assert [d.cause for d in h.wait(31)] == ["claim_missed"]
    h.desk("accepted", epoch)
    assert (h.last.action, h.last.cause, h.last.person) == ("refuse", "wrong_epoch", "anna")
    assert h.state.owner == "pending"


def test_a_claim_may_outrun_the_routers_answer() -> None:
    h = History()
    h.customer(ASKS)
    h.desk("accepted")
    assert h.last.action == "claim"
    h.route("tier_2_support")
    assert h.story == ["escalate explicit_request", "claim explicit_request"]
    h.route("premium_support", decision=h.decisions[0])
    assert (h.last.cause, h.last.queue) == ("late_routing", "premium_support")


def test_a_message_of_a_person_is_a_claim_and_the_late_place_is_withdrawn() -> None:
    h = History()
    h.customer(ASKS)
    h.person("ben")
    assert (h.last.action, h.last.person) == ("claim", "ben")
    h.route("tier_2_support", decision=h.decisions[0])
    assert (h.last.action, h.last.cause, h.last.queue) == (
        "suppress",
        "late_routing",
        "tier_2_support",
    )
    assert h.state.owner == "person"


def test_a_reply_from_the_desk_is_a_claim_too() -> None:
    h = waiting()
    h.desk("replied")
    assert (h.last.action, h.last.person) == ("claim", "anna")
    assert h.wait(200) == []


def test_a_person_who_speaks_first_opens_an_escalation_already_claimed() -> None:
    h = History()
    h.customer()
    h.person("ben")
    assert (h.last.action, h.last.reason, h.last.person) == ("claim", "human_initiative", "ben")
    assert h.last.owner == "person"
    h.desk("resolved", resolution="done")
    assert (h.last.outcome, h.last.owner) == ("resolved", "ai")


def test_nothing_is_raised_while_a_person_is_awaited_or_owns() -> None:
    h = waiting()
    h.customer(ASKS)
    h.ai(confidence=0.1, context_tokens=99, context_limit=100)
    for _ in range(4):
        h.tool()
    h.desk("accepted")
    h.customer(ASKS)
    h.ai("I'm transferring you to a human agent now.", asks="policy_exception")
    assert h.story == ["escalate explicit_request", "claim explicit_request"]


def test_the_ais_turns_are_stale_once_a_person_is_awaited() -> None:
    h = waiting()
    h.ai("I'm transferring you to a human agent now.")
    assert statuses(h) == [None, "placed", "stale"]
    assert h.story == ["escalate explicit_request"]


def test_an_ai_turn_from_before_a_return_is_stale() -> None:
    h = claimed()
    epoch = h.state.epoch
    h.desk("returned", reason="solved")
    h.ai("Old words.", epoch=epoch, confidence=0.1)
    h.ai("New words.", epoch=h.state.epoch, confidence=0.8)
    assert statuses(h)[-2:] == ["stale", None]
    assert h.state.episode.confidences == (0.8,)


def test_a_transfer_hands_on_with_its_note() -> None:
    h = claimed()
    h.desk("transferred", to_queue="billing", note="Refund is approved.")
    moved = h.last
    assert (moved.action, moved.owner, moved.target_queue) == ("transfer", "pending", "billing")
    assert (moved.person, moved.queue) == ("anna", "tier_2_support")
    assert moved.facts.desk_note == "Refund is approved."
    h.route()
    h.desk("accepted", queue="billing", agent_id="ben")
    assert (h.last.action, h.last.queue, h.last.person) == ("claim", "billing", "ben")


def test_a_late_transfer_is_refused() -> None:
    h = claimed()
    h.desk("transferred", 1, to_queue="billing")
    assert (h.last.action, h.last.cause) == ("refuse", "wrong_epoch")
    assert h.state.owner == "person"


def test_too_many_hops_go_up_a_level() -> None:
    h = claimed()
    for hop, (queue, cause, level, target) in enumerate(
        [
            ("billing", None, 0, "billing"),
            ("tier_2_support", None, 0, "tier_2_support"),
            ("billing", "hop_limit", 1, "manager_approval"),
            ("billing", "hop_limit", 2, "legal"),
            ("billing", "hop_limit", 2, "legal"),
        ]
    ):
        h.desk("transferred", to_queue=queue)
        assert (hop, h.last.action, h.last.cause) == (hop, "transfer", cause)
        assert (h.last.level, h.last.target_queue) == (level, target)
        h.route()
        h.desk("accepted", queue=target)


def test_an_invented_epoch_wins_no_claim() -> None:
    h = waiting()
    h.desk("accepted", 2**53 - 1)
    assert (h.last.action, h.last.cause) == ("refuse", "wrong_epoch")
    assert h.state.owner == "pending"
    h.desk("transferred", 2**53 - 1, to_queue="billing")
    assert (h.last.action, h.last.cause) == ("refuse", "wrong_epoch")


def test_a_queue_where_it_does_not_wait_wins_no_claim() -> None:
    h = waiting()
    for action in ("accepted", "replied", "transferred"):
        h.desk(action, queue="legal", to_queue="billing")
        assert (h.last.action, h.last.cause, h.last.queue) == ("refuse", "wrong_queue", "legal")
    h.desk("accepted")
    assert h.last.action == "claim"


def test_only_the_owner_replies_and_transfers() -> None:
    h = waiting()
    h.desk("accepted", agent_id="anna")
    due = h.state.deadlines
    for action in ("replied", "transferred"):
        h.desk(action, agent_id="ben", to_queue="billing")
        assert (h.last.action, h.last.cause, h.last.person) == ("refuse", "not_owner", "ben")
    assert h.state.deadlines == due
    assert h.state.open is not None
    assert h.state.open.person == "anna"


def test_the_owner_may_act_under_the_epoch_of_the_packet_it_claimed() -> None:
    h = waiting()
    packet = h.state.epoch
    h.desk("accepted", packet)
    h.desk("replied", packet)
    assert "reply" not in dict(h.state.deadlines)
    h.desk("replied", packet - 1)
    assert (h.last.action, h.last.cause) == ("refuse", "wrong_epoch")
    h.desk("transferred", packet, to_queue="billing")
    assert h.last.action == "transfer"


@pytest.mark.parametrize("told", [["desk", "message"], ["message", "desk"]])
def test_the_earlier_of_a_reply_and_its_report_is_kept(told: list[str]) -> None:
    """A desk and a chat system tell of one reply, and nothing orders them on the log."""
    h = claimed()
    reported = h.now + MINUTE
    for teller in told:
        h.now = reported if teller == "desk" else reported + MINUTE
        if teller == "desk":
            h.desk("replied")
        else:
            h.person()
    h.now = reported + 2 * MINUTE
    (end,) = h.desk("resolved")
    assert end.replied_at == from_ms(reported)


def test_a_person_who_falls_silent_gives_the_conversation_back_to_the_queue() -> None:
    h = claimed()
    h.desk("replied")
    h.after(30).customer("Are you there?")
    assert h.wait(239) == []
    (moved,) = h.wait(1)
    assert (moved.action, moved.cause, moved.person) == ("move", "idle", "anna")
    assert (moved.target_queue, moved.tried) == ("tier_2_support", ())
    assert h.state.owner == "pending"


def test_the_queue_says_how_long_a_person_may_be_silent_and_what_follows() -> None:
    for on_idle, action, outcome in (("ai", "return", "returned"), ("level", "move", None)):
        h = History()
        h.customer(ASKS)
        h.route(idle_minutes=20, on_idle=on_idle)
        h.desk("accepted")
        h.desk("replied")
        h.after(10).person()
        assert h.wait(19) == []
        (decision,) = h.wait(1)
        assert (decision.action, decision.outcome, decision.cause) == (action, outcome, "idle")


def test_a_person_who_spoke_first_and_falls_silent_has_the_default_queue_take_over() -> None:
    h = History()
    h.customer()
    h.person("ben")
    (moved,) = h.wait(240)
    assert (moved.action, moved.cause, moved.target_queue) == ("move", "idle", "tier_2_support")


def test_any_queue_may_end_what_a_person_opened_by_writing() -> None:
    h = History()
    h.customer()
    h.person("ben")
    h.desk("resolved", 0, agent_id="ben", queue="legal")
    assert (h.last.outcome, h.last.cause) == ("resolved", None)
