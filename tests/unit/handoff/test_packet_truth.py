"""Statements that a packet must not make: each case is a kind that was read in one."""

import pytest

from tests.unit.handoff.test_packet_facts import ASKS, calls, told
from workers.handoff.playbook import advise, load_playbook
from workers.handoff.sentences import refuses
from workers.handoff.splitting import sentences


def test_a_date_at_the_end_of_a_sentence_is_no_point_of_a_list() -> None:
    assert sentences("I fly from Porto on May 17. My cat is ill.") == [
        "I fly from Porto on May 17.",
        "My cat is ill.",
    ]
    listed = "Please tell me: 1. Your user id 2. The date, as in May 3. 3. The reason"
    assert len(sentences(listed)) == 4


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("I cannot cancel the order.", True),
        ("If you cannot reach that address, tell me.", False),
        ("If you insist on Monday, I am unable to book it.", True),
        ("These are the seats in economy (the cabin cannot be changed).", False),
        ("Can't you find it?", False),
    ],
)
def test_a_condition_or_an_aside_refuses_nothing(said: str, refused: bool) -> None:
    assert refuses(said) == refused


@pytest.mark.parametrize(
    "said",
    [
        "You may cancel it (no refund will be issued).",
        "Tickets can be cancelled within 24 hours of booking.",
        "You will receive a label by mail. Shall I proceed?",
        "Once you confirm, I will refund the amount.",
    ],
)
def test_what_is_not_promised_is_no_promise(said: str) -> None:
    packet = told(("customer", "I want to return the lamp."), ("ai_agent", said), ASKS)
    assert [claim for claim in packet.promised if claim.kind == "promise"] == []


def test_an_offer_is_not_called_a_promise() -> None:
    packet = told(
        ("customer", "I want the refund on my other card."),
        ("ai_agent", "Would you like the refund to go to a gift card instead?"),
        ASKS,
    )
    assert [claim.kind for claim in packet.promised] == ["offer"]


def test_a_question_that_was_answered_is_not_the_issue_at_hand() -> None:
    packet = told(
        ("customer", "I want to cancel booking QX7PLM because I am ill."),
        ("ai_agent", "I cannot cancel it without an insurance."),
        ("customer", "Could you tell me when it was booked?"),
        ("ai_agent", "It was booked on the second of May."),
        ASKS,
    )
    assert packet.wants.text == "“I want to cancel booking QX7PLM because I am ill.”"
    assert "AI refused: “I cannot cancel it" in packet.stands.text


def test_what_a_tool_did_is_settled_whatever_else_the_words_name() -> None:
    packet = told(
        ("customer", "I need to return the lamp from the delivered order 55121."),
        ("ai_agent", "", calls("return_order_items", arguments=['{"order":"55121"}'])),
        ("tool", '{"status": "return requested"}', {"name": "return_order_items", "status": "ok"}),
        ("ai_agent", "The return is requested."),
        ("customer", "I need the label by text message, please, as I have no printer at home."),
        ("ai_agent", "It comes by e-mail."),
        ASKS,
    )
    assert "label by text message" in packet.wants.text
    assert [(one.text, one.state) for one in packet.requests] == [
        ("I need to return the lamp from the delivered order 55121.", "settled")
    ]


def test_the_steps_that_the_customer_took_are_told_and_those_to_come_are_not() -> None:
    packet = told(
        ("customer", "My phone shows no service since noon."),
        ("ai_agent", "Please restart it."),
        ("customer", "I restarted my phone twice. What should I do next?"),
        ("ai_agent", "Please take the SIM card out."),
        ("customer", "Once I've checked the SIM card I will write. I reset the phone to factory."),
        ("ai_agent", "And now?"),
        ("customer", "I removed the card, but there is still no signal."),
        ASKS,
    )
    [steps] = [claim.text for claim in packet.tried if claim.kind == "steps"]
    assert steps.startswith("The customer did: “I restarted my phone twice”; “I reset the phone")
    assert "checked the SIM" not in steps
    assert "Now: “…there is still no signal.”" in packet.wants.text or (
        "Now: “I removed the card, but there is still no signal.”" in packet.wants.text
    )


def test_an_identifier_has_the_name_under_which_a_tool_took_it() -> None:
    packet = told(
        ("customer", "Please book a seat for HAT235, I do not mind the booking fee."),
        ("ai_agent", "", calls("get_flight", arguments=['{"flight_number":"HAT235"}'])),
        ("tool", '"available"', {"name": "get_flight", "status": "ok"}),
        ASKS,
    )
    assert [(one.kind, one.value) for one in packet.identifiers] == [("flight", "HAT235")]


def test_a_refusal_of_before_still_stands_where_nothing_was_done_since() -> None:
    packet = told(
        ("customer", "I need a refund for booking QX7PLM."),
        ("ai_agent", "I am unable to refund it, as it is not insured."),
        ("customer", "I did buy an insurance."),
        ("ai_agent", "There is none in the records. Shall I transfer you to a human agent?"),
        ("customer", "Yes, please, as I'm sure I bought it in March."),
    )
    assert "AI refused: “I am unable to refund it" in packet.stands.text
    assert packet.next_step.text == "Check the records: “I'm sure I bought it in March.”"


def test_of_several_refusals_that_of_an_act_is_told() -> None:
    packet = told(
        ("customer", "I need to cancel booking QX7PLM, please."),
        (
            "ai_agent",
            (
                "It is a basic fare, and unfortunately no insurance was purchased with it as such. "
                "I am unable to cancel the booking."
            ),
        ),
        ASKS,
    )
    assert packet.stands.text == (
        "AI refused: “It is a basic fare, and unfortunately no insurance was purchased with it as "
        "such. I am unable to cancel the booking.”"
    )


def test_what_would_still_fail_later_is_not_how_it_stands() -> None:
    packet = told(
        ("customer", "I need to return the hose from order 55121."),
        ("ai_agent", "Let me try that again for you."),
        ("customer", "If it still does not work then, please send me to a human agent."),
    )
    assert "Now:" not in packet.wants.text


def test_what_the_customer_needed_to_know_and_was_told_is_settled() -> None:
    packet = told(
        ("customer", "It went to the wrong town, so I need to know the tracking number of it."),
        ("ai_agent", "The tracking number is 907614527588."),
        ("customer", "I want to return everything in that order except the lamp, please."),
        ("ai_agent", "I cannot take that back."),
        ASKS,
    )
    assert packet.wants.text.startswith("“I want to return everything")
    assert {one.state for one in packet.requests} == {"answered"}


def test_advice_for_everything_gives_way_to_what_the_conversation_asks() -> None:
    book = load_playbook('{version: 1, entries: [{next: "Investigate it."}]}', "playbook.yaml")
    packet = told(
        ("customer", "I need to cancel order 55121."), ("ai_agent", "I cannot cancel it."), ASKS
    )
    assert "Investigate" not in packet.next_step.text
    from tests.support import packets

    transcript = packets.turns([("customer", "The lamp hums."), ASKS])
    made = packets.decision(packets.facts(transcript), transcript)
    assert advise(book, made, "billing", "en").general
