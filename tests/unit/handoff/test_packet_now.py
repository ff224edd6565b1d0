"""Packets say truly what is current, felt, refused or done: each was once told falsely."""

import pytest

from tests.unit.handoff.test_packet_facts import ASKS, calls, told
from workers.contracts.decisions import Mood
from workers.detection.handover_tools import note_in


@pytest.mark.parametrize(
    ("said", "score", "text"),
    [
        ("I'm really frustrated about this delay.", 0.0, "Frustrated"),
        ("That's pretty annoying, to be honest.", 0.0, "Frustrated"),
        ("I am absolutely furious now.", 0.3, "Very frustrated"),
        ("This is getting a bit frustrating, what else is there?", 0.9, "A bit frustrated"),
        ("Ich bin wirklich verärgert über die Lieferung.", 0.0, "Frustrated"),
        ("I am not frustrated, I only wonder.", 0.0, "Neutral"),
        ("The vacuum has an annoying hum.", 0.0, "Neutral"),
    ],
)
def test_a_feeling_that_is_stated_is_the_mood(said: str, score: float, text: str) -> None:
    moods = (Mood(event_id="e0", score=score),) if score else ()
    packet = told(("customer", said), ASKS, facts={"mood": moods})
    assert packet.mood is not None
    assert packet.mood.text.split(",")[0] == text
    if text != "Neutral":
        assert packet.mood.events == ("e0",)


def test_what_was_explained_and_then_done_is_not_asked_now() -> None:
    packet = told(
        ("customer", "My tablet has trouble to reach the network since noon."),
        ("ai_agent", "It is on the slow band. Please choose the fast one."),
        ("customer", "Could you guide me through changing the band of the tablet?"),
        ("ai_agent", "Open the settings, then the network, and choose the fast one."),
        ("customer", "I changed the band, but the pages still fail to load."),
        ASKS,
    )
    assert packet.wants.text.endswith(
        "Now: “I changed the band, but the pages still fail to load.”"
    )
    assert [one.state for one in packet.requests] == ["answered"]


def test_an_older_complaint_gives_way_to_what_is_reported_last() -> None:
    packet = told(
        ("customer", "My phone has shown no service since the morning, please help."),
        ("ai_agent", "Please look at the status bar."),
        ("customer", "There is still no service wherever I go."),
        ("ai_agent", "And the card?"),
        ("customer", "The card was in the wrong way round."),
        ("ai_agent", "Then turn it."),
        ("customer", "It asks for a code now."),
        ("ai_agent", "Please enter it."),
        ("customer", "I have no idea which code that is."),
    )
    assert packet.wants.text.endswith("Now: “I have no idea which code that is.”")


def test_who_needs_nothing_more_is_not_told_to_have_an_open_request() -> None:
    packet = told(
        ("customer", "Could you help me with the parcel for my sister in Porto?"),
        ("ai_agent", "It was delivered on Monday."),
        ("customer", "Good. I don't have anything else for now; nice that someone listens."),
    )
    assert packet.wants.text.endswith("Asks for nothing more now.")
    assert packet.next_step.text.startswith("Nothing is open")


def test_what_broke_was_not_refused() -> None:
    packet = told(
        ("customer", "I need to return the hose from order 55121."),
        (
            "ai_agent",
            "I was unable to return the hose because of a technical issue. Shall I try again?",
        ),
        ("customer", "Once more, and then please send me to a human agent."),
    )
    assert packet.stands.text.startswith("AI did not succeed: “I was unable to return")
    assert packet.next_step.text == "Do by hand, or explain: return (55121)."


def test_a_request_of_which_a_part_was_refused_is_settled_in_part() -> None:
    packet = told(
        ("customer", "I want to cancel all my bookings, QX7PLM and ZX81QQ."),
        ("ai_agent", "", calls("cancel_booking", arguments=['{"booking":"QX7PLM"}'])),
        ("tool", '{"status": "cancelled"}', {"name": "cancel_booking", "status": "ok"}),
        ("ai_agent", "QX7PLM is cancelled. I cannot cancel ZX81QQ, as it has begun."),
        ("customer", "Then I would like a voucher for it, at least 20 euros."),
        ASKS,
    )
    assert [one.state for one in packet.requests] in ([], ["partly"])
    assert packet.wants.text.startswith("“I want to cancel all my bookings")


def test_a_question_to_which_the_answer_was_no_is_not_refused() -> None:
    packet = told(
        ("customer", "I need to exchange the bookshelf of order 55121."),
        ("ai_agent", "Which one would you like?"),
        ("customer", "A quick question first: are there any fees for the exchange of order 55121?"),
        ("ai_agent", "No exchange fees are listed; I cannot see more for the exchange of order."),
        ("customer", "Fine, the oak one then, and please change the address to Elm Street 4."),
        ASKS,
    )
    assert [one.state for one in packet.requests if "fees" in one.text] in ([], ["answered"])


def test_what_is_done_is_not_next_and_a_question_is_answered() -> None:
    packet = told(
        ("customer", "Please exchange the earbuds of order 55121 for the smaller ones."),
        ("ai_agent", "", calls("exchange_items", arguments=['{"order":"55121"}'])),
        ("tool", '{"status": "exchange requested"}', {"name": "exchange_items", "status": "ok"}),
        ("ai_agent", "The exchange is requested."),
        ("customer", "Can you confirm whether the exchange is free, and when the new ones ship?"),
        ASKS,
    )
    assert packet.next_step.text == "Answer what the customer asked last."


def test_a_note_that_asks_nothing_is_no_next_step() -> None:
    lines = [
        ("customer", "My phone has trouble with its data, I need it to work."),
        ("ai_agent", "Please restart it."),
        ("customer", "I restarted my phone twice, but it still fails."),
    ]
    note = "The data fails although the phone was restarted twice. All steps are done."
    call = ("ai_agent", "", calls("transfer_to_human_agents", handover=note))
    packet = told(*lines, call, reason="agent_request")
    assert packet.next_step.text == "Find the cause by what was not tried yet."
    call = ("ai_agent", "", calls("transfer_to_human_agents", handover="Please check the mast."))
    packet = told(*lines, call, reason="agent_request")
    assert packet.next_step.text.startswith("Do what the AI's note asks")


def test_hope_that_something_can_be_done_is_no_dispute() -> None:
    packet = told(
        ("customer", "I need to cancel booking QX7PLM."),
        ("ai_agent", "I am unable to cancel it."),
        ("customer", "There must be something you can do. Please let me talk to a person."),
    )
    assert packet.next_step.text.startswith("Decide on cancellation")


def test_an_offer_that_was_declined_is_told_as_declined() -> None:
    packet = told(
        ("customer", "I want to change my flight to a nonstop one."),
        ("ai_agent", "Would you like me to book a new flight for 54 dollars instead?"),
        ("customer", "I really can't buy another ticket."),
        ASKS,
    )
    assert [one.text for one in packet.promised] == [
        (
            "“Would you like me to book a new flight for 54 dollars instead?” "
            "(declined by the customer)"
        )
    ]


def test_a_list_that_is_asked_for_is_one_request() -> None:
    packet = told(
        ("customer", "Please return the kettle of order 55121."),
        ("ai_agent", "Done."),
        ("customer", "I need:\n- the return number\n- the carrier\n- the deadline\nThank you."),
        ASKS,
    )
    assert "I need: the return number; the carrier; the deadline" in packet.wants.text


def test_a_note_in_arguments_that_were_cut_is_read() -> None:
    assert note_in('{"summary": "Wants \\"a nonstop\\" for less than 100 and') == (
        'Wants "a nonstop" for less than 100 and…'
    )
    assert note_in('{"summary": ') is None
    assert note_in('{"other": "x') is None
