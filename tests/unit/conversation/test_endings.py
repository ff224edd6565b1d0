"""Ends of escalations and episodes: returned, withdrawn, closed, and what comes after."""

import msgspec

from tests.support.fold_history import ASKS, History
from tests.support.ownership import claimed, waiting
from workers.contracts.decisions import Turn


def test_from_the_ai_to_a_person_and_back_is_three_episodes() -> None:
    h = waiting()
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
    h = waiting()
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


def test_the_customer_takes_the_request_back() -> None:
    h = waiting()
    h.customer("Never mind, I found it myself.")
    assert (h.last.outcome, h.last.owner) == ("withdrawn", "ai")
    assert [e.signal for e in h.last.evidence] == ["withdrawn"]
    assert h.state.deadlines == ()


def test_nobody_takes_back_what_a_person_has_claimed() -> None:
    h = claimed()
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
    h = claimed()
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
        h = claimed()
        h.desk(action, 0)
        assert h.last.outcome == outcome


def test_closing_ends_what_is_open_and_a_later_message_reopens() -> None:
    h = waiting()
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
    h = claimed()
    h.desk("transferred", to_queue="billing", note="Refund is approved.")
    assert h.last.facts.entries == len(h.turns), "the router reads as far as the note"
    h.route()
    h.desk("accepted", queue="billing", agent_id="ben")
    h.desk("transferred", to_queue="legal", queue="billing", agent_id="eve", note="Not mine.")
    assert h.last.action == "refuse"
    h.desk("transferred", to_queue="legal", queue="billing", agent_id="ben", note="Ask for ID.")
    turns = [msgspec.msgpack.decode(turn, type=Turn) for turn in h.turns]
    notes = [turn for turn in turns if turn.status == "transferred"]
    assert [(turn.name, turn.queue, turn.content) for turn in notes] == [
        ("anna", "tier_2_support", "Refund is approved."),
        ("ben", "billing", "Ask for ID."),
    ]
    assert len(turns) == h.state.entries


def test_at_most_five_earlier_escalations_are_told_of() -> None:
    h = History()
    for n in range(7):
        h.customer(ASKS)
        h.desk("returned", reason=f"note {n}")
    assert [e.note for e in h.last.facts.earlier] == [f"note {n}" for n in range(1, 6)]


def test_idle_for_thirty_days_it_starts_afresh() -> None:
    h = claimed()
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
    h = waiting()
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


def test_an_end_by_somebody_else_counts_and_is_recorded() -> None:
    h = claimed()
    h.desk("resolved", 0, agent_id="ben", queue="legal")
    assert (h.last.outcome, h.last.person, h.last.cause) == ("resolved", "ben", "not_owner")
    h = claimed()
    h.desk("resolved")
    assert (h.last.outcome, h.last.cause) == ("resolved", None)


def test_a_persons_message_from_before_the_end_opens_nothing() -> None:
    h = claimed().after(10)
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
    h = claimed().after(10)
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
