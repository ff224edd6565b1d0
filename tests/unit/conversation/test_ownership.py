"""Ownership of a conversation: escalated, claimed, handed on, given back, closed, stale."""

import msgspec
import pytest

from tests.support.fold_history import ASKS, History
from workers.contracts.decisions import Turn
from workers.contracts.time import MINUTE, from_ms


def _waiting() -> History:
    """An escalation waits on tier 2."""
    h = History()
    h.customer(ASKS)
    h.route()
    return h


def _claimed() -> History:
    h = _waiting()
    h.desk("accepted")
    return h


def _statuses(h: History) -> list[str | None]:
    return [msgspec.msgpack.decode(turn, type=Turn).status for turn in h.turns]


def test_from_the_ai_to_a_person_and_back_is_three_episodes() -> None:
    h = _waiting()
    assert (h.last.owner, h.last.episode, h.last.epoch) == ("pending", 1, h.last.seq)
    h.desk("accepted")
    assert (h.last.action, h.last.owner, h.last.person) == ("claim", "person", "anna")
    assert h.last.episode == 2
    h.desk("returned", note="Address changed; waits for the parcel.")
    assert (h.last.action, h.last.outcome, h.last.owner) == ("return", "returned", "ai")
    assert h.state.number == 3
    epochs = [d.epoch for d in h.decisions]
    assert epochs == sorted(set(epochs))
    h.customer("Thank you, one more question about the parcel.")
    h.customer(ASKS)
    assert h.last.facts.desk_note == "Address changed; waits for the parcel."
    (earlier,) = h.last.facts.earlier
    assert (earlier.reason, earlier.outcome) == ("explicit_request", "returned")
    assert h.last.escalation_id != h.decisions[0].escalation_id
    assert h.last.facts.customer_turns == 2


def test_of_a_long_note_the_end_is_kept_where_it_says_what_is_left_to_do() -> None:
    h = _waiting()
    h.desk("accepted")
    h.desk("returned", note="Ünlü called twice. " * 40 + "Waits for the parcel: call on Friday.")
    h.customer(ASKS)
    note = h.last.facts.desk_note
    assert note is not None
    assert note.endswith("Waits for the parcel: call on Friday.")
    assert 150 < len(note.encode()) <= 160


def test_what_was_said_before_a_return_does_not_trigger_again() -> None:
    h = History()
    h.customer()
    h.ai(context_tokens=90, context_limit=100)
    h.route()
    h.desk("accepted")
    h.desk("returned", reason="not needed")
    for _ in range(3):
        h.customer("And my other question, please.")
        h.ai("Here is the answer to that.", confidence=0.9)
    assert [d.action for d in h.decisions] == ["escalate", "claim", "return"]


def test_the_second_desk_that_accepts_is_refused() -> None:
    h = _waiting()
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
    h = _waiting()
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
    h = _waiting()
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
    h = _waiting()
    h.customer(ASKS)
    h.ai(confidence=0.1, context_tokens=99, context_limit=100)
    for _ in range(4):
        h.tool()
    h.desk("accepted")
    h.customer(ASKS)
    h.ai("I'm transferring you to a human agent now.", asks="policy_exception")
    assert h.story == ["escalate explicit_request", "claim explicit_request"]


def test_the_ais_turns_are_stale_once_a_person_is_awaited() -> None:
    h = _waiting()
    h.ai("I'm transferring you to a human agent now.")
    assert _statuses(h) == [None, "stale"]
    assert h.story == ["escalate explicit_request"]


def test_an_ai_turn_from_before_a_return_is_stale() -> None:
    h = _claimed()
    epoch = h.state.epoch
    h.desk("returned", reason="solved")
    h.ai("Old words.", epoch=epoch, confidence=0.1)
    h.ai("New words.", epoch=h.state.epoch, confidence=0.8)
    assert _statuses(h)[-2:] == ["stale", None]
    assert h.state.episode.confidences == (0.8,)


def test_the_customer_takes_the_request_back() -> None:
    h = _waiting()
    h.customer("Never mind, I found it myself.")
    assert (h.last.outcome, h.last.owner) == ("withdrawn", "ai")
    assert [e.signal for e in h.last.evidence] == ["withdrawn"]
    assert h.state.deadlines == ()


def test_nobody_takes_back_what_a_person_has_claimed() -> None:
    h = _claimed()
    h.customer("Never mind, I found it myself.")
    assert h.story[-1] == "claim explicit_request"


def test_a_routing_that_arrives_after_the_end_is_withdrawn() -> None:
    h = History()
    h.customer(ASKS)
    h.customer("Never mind, I found it myself.")
    ended = h.last
    h.route(decision=h.decisions[0])
    assert (h.last.action, h.last.cause, h.last.queue) == (
        "suppress",
        "late_routing",
        "tier_2_support",
    )
    assert h.last.escalation_id == ended.escalation_id
    assert h.last.epoch == ended.epoch


def test_desk_events_after_the_end_change_nothing_but_a_request_is_answered() -> None:
    h = _claimed()
    h.desk("resolved", resolution="refunded")
    before = h.state
    for action in ("replied", "returned", "resolved", "abandoned", "ticketed", "ticket_refused"):
        assert h.desk(action) == []
    assert h.state.epoch == before.epoch
    assert h.state.owner == "ai"
    for action in ("accepted", "transferred"):
        (refused,) = h.desk(action, to_queue="billing")
        assert (refused.action, refused.cause) == ("refuse", "ended")


def test_an_end_counts_whatever_its_epoch() -> None:
    for action, outcome in (
        ("resolved", "resolved"),
        ("returned", "returned"),
        ("abandoned", "abandoned"),
    ):
        h = _claimed()
        h.desk(action, 0)
        assert h.last.outcome == outcome


def test_closing_ends_what_is_open_and_a_later_message_reopens() -> None:
    h = _waiting()
    h.close()
    assert (h.last.outcome, h.last.owner) == ("closed", "closed")
    assert h.wait(2000) == []
    h.customer("Me again, with another question.")
    assert (h.state.owner, h.state.number) == ("ai", 2)
    h.customer(ASKS)
    assert h.last.action == "escalate"


def test_closing_with_nothing_open_says_nothing() -> None:
    h = History()
    h.customer()
    assert h.close() == []
    assert h.close() == []
    assert h.state.owner == "closed"
    h.person()
    assert h.story == ["claim human_initiative"]


def test_notes_of_several_persons_stand_in_the_transcript() -> None:
    h = _claimed()
    h.desk("transferred", to_queue="billing", note="Refund is approved.")
    assert h.last.facts.turns == len(h.turns), "the router reads as far as the note"
    h.route()
    h.desk("accepted", queue="billing", agent_id="ben")
    h.desk("transferred", to_queue="legal", queue="billing", agent_id="eve", note="Not mine.")
    assert h.last.action == "refuse"
    h.desk("transferred", to_queue="legal", queue="billing", agent_id="ben", note="Ask for ID.")
    turns = [msgspec.msgpack.decode(turn, type=Turn) for turn in h.turns]
    notes = [turn for turn in turns if turn.status == "note"]
    assert [(turn.name, turn.queue, turn.content) for turn in notes] == [
        ("anna", "tier_2_support", "Refund is approved."),
        ("ben", "billing", "Ask for ID."),
    ]
    assert len(turns) == h.state.turns


def test_a_transfer_hands_on_with_its_note() -> None:
    h = _claimed()
    h.desk("transferred", to_queue="billing", note="Refund is approved.")
    moved = h.last
    assert (moved.action, moved.owner, moved.target_queue) == ("transfer", "pending", "billing")
    assert (moved.person, moved.queue) == ("anna", "tier_2_support")
    assert moved.facts.desk_note == "Refund is approved."
    h.route()
    h.desk("accepted", queue="billing", agent_id="ben")
    assert (h.last.action, h.last.queue, h.last.person) == ("claim", "billing", "ben")


def test_a_late_transfer_is_refused() -> None:
    h = _claimed()
    h.desk("transferred", 1, to_queue="billing")
    assert (h.last.action, h.last.cause) == ("refuse", "wrong_epoch")
    assert h.state.owner == "person"


def test_too_many_hops_go_up_a_level() -> None:
    h = _claimed()
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


def test_at_most_five_earlier_escalations_are_told_of() -> None:
    h = History()
    for n in range(7):
        h.customer(ASKS)
        h.desk("returned", reason=f"note {n}")
    assert [e.note for e in h.last.facts.earlier] == [f"note {n}" for n in range(1, 6)]


def test_idle_for_thirty_days_it_starts_afresh() -> None:
    h = _claimed()
    h.desk("resolved", resolution="done")
    epoch, seq = h.state.epoch, h.state.seq
    h.after(29 * 24 * 60).customer("Hello again.")
    assert h.state.number == 3
    h.after(30 * 24 * 60 + 1).customer("Hello, it has been a while.")
    fresh = h.state
    assert (fresh.turns, fresh.number, fresh.earlier) == (1, 4, ())
    assert (fresh.epoch, fresh.seq) == (epoch, seq)
    assert len(h.turns) == 1
    assert h.ids == {h.events[-1].event_id}


def test_an_open_escalation_is_never_forgotten_however_long_it_waits() -> None:
    h = _waiting()
    h.after(40 * 24 * 60).customer("Is anybody there?")
    assert h.state.open is not None
    assert h.state.turns == 2


def test_an_event_from_the_past_does_not_move_the_clock_back() -> None:
    h = History()
    h.customer()
    clock = h.state.clock
    h.after(-60).customer(ASKS)
    assert h.state.clock == clock
    assert h.last.decided_at.timestamp() * 1000 == clock
    assert h.last.seq >= clock


def test_an_invented_epoch_wins_no_claim() -> None:
    h = _waiting()
    h.desk("accepted", 2**53 - 1)
    assert (h.last.action, h.last.cause) == ("refuse", "wrong_epoch")
    assert h.state.owner == "pending"
    h.desk("transferred", 2**53 - 1, to_queue="billing")
    assert (h.last.action, h.last.cause) == ("refuse", "wrong_epoch")


def test_a_queue_where_it_does_not_wait_wins_no_claim() -> None:
    h = _waiting()
    for action in ("accepted", "replied", "transferred"):
        h.desk(action, queue="legal", to_queue="billing")
        assert (h.last.action, h.last.cause, h.last.queue) == ("refuse", "wrong_queue", "legal")
    h.desk("accepted")
    assert h.last.action == "claim"


def test_only_the_owner_replies_and_transfers() -> None:
    h = _waiting()
    h.desk("accepted", agent_id="anna")
    due = h.state.deadlines
    for action in ("replied", "transferred"):
        h.desk(action, agent_id="ben", to_queue="billing")
        assert (h.last.action, h.last.cause, h.last.person) == ("refuse", "not_owner", "ben")
    assert h.state.deadlines == due
    assert h.state.open is not None
    assert h.state.open.person == "anna"


def test_the_owner_may_act_under_the_epoch_of_the_packet_it_claimed() -> None:
    h = _waiting()
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
    h = _claimed()
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


def test_an_end_by_somebody_else_counts_and_is_recorded() -> None:
    h = _claimed()
    h.desk("resolved", 0, agent_id="ben", queue="legal")
    assert (h.last.outcome, h.last.person, h.last.cause) == ("resolved", "ben", "not_owner")
    h = _claimed()
    h.desk("resolved")
    assert (h.last.outcome, h.last.cause) == ("resolved", None)


def test_a_persons_message_from_before_the_end_opens_nothing() -> None:
    h = _claimed().after(10)
    late = h.now - 1
    h.desk("resolved")
    decided = len(h.decisions)
    now, h.now = h.now, late
    h.person()
    h.now = now
    assert h.decisions[decided:] == []
    assert h.state.owner == "ai"
    h.after(1).person()
    assert (h.last.action, h.last.reason) == ("claim", "human_initiative")


def test_a_persons_message_from_before_it_was_opened_claims_nothing() -> None:
    h = _claimed().after(10)
    late = h.now - 1
    h.desk("resolved")
    h.after(1).customer(ASKS)
    h.route()
    now, h.now = h.now, late
    h.person()
    h.now = now
    assert h.state.owner == "pending"
    h.person()
    assert h.last.action == "claim"


def test_a_person_who_falls_silent_gives_the_conversation_back_to_the_queue() -> None:
    h = _claimed()
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
