"""The packet has the background of a request: findings, conditions, steps, whose line."""

import pytest

from tests.unit.handoff.test_packet_facts import ASKS, Line, calls, told
from workers.contracts.handoffs import Packet
from workers.handoff.packet import words_before_transcript
from workers.handoff.rendering import render_text
from workers.handoff.wording import word_count

OK = {"status": "ok"}


def looked_up(tool: str, arguments: str, answer: str) -> tuple[Line, Line]:
    """A call of a tool, and its result."""
    return (
        ("ai_agent", "", calls(tool, arguments=[arguments])),  # type: ignore[return-value]
        ("tool", answer, {"name": tool} | OK),
    )


def found(packet: Packet) -> list[str]:
    return [claim.text for claim in packet.records]


def test_two_bookings_without_digits_are_told_apart() -> None:
    packet = told(
        ("customer", "I want to cancel booking QXPLMA, please."),
        *looked_up("get_booking", '{"booking_id": "QXPLMA"}', '{"status": "open"}'),
        *looked_up("get_booking", '{"booking_id": "ZZTOPS"}', '{"status": "flown"}'),
        ("ai_agent", "QXPLMA is open. I cannot cancel it without an insurance."),
        ASKS,
    )
    assert found(packet) == ["booking QXPLMA: status open"]
    assert packet.next_step.text.startswith("Decide on cancellation (QXPLMA): the AI refused")


def test_what_was_found_before_a_change_is_not_told_as_it_is_now() -> None:
    packet = told(
        ("customer", "Please cancel order 55121."),
        *looked_up("get_order", '{"order_id": "55121"}', '{"status": "pending"}'),
        ("ai_agent", "The order 55121 is pending and its total is $40.50."),
        *looked_up("cancel_order", '{"order_id": "55121"}', '{"status": "cancelled"}'),
        ("ai_agent", "Order 55121 is cancelled, and $40.50 is refunded to your card."),
        ASKS,
    )
    assert found(packet) == ["order 55121: status cancelled"]
    assert not any("pending" in claim.text for claim in packet.tried)
    assert "$40.50 is refunded" in packet.stands.text


def test_an_empty_list_says_that_nothing_was_found() -> None:
    packet = told(
        ("customer", "Is there a nonstop flight from Porto?"),
        *looked_up("search_nonstop_flights", '{"from": "OPO"}', "[]"),
        ASKS,
    )
    assert found(packet) == ["nonstop flights: results: 0"]


def test_what_the_ai_found_and_what_it_cannot_do_are_told() -> None:
    packet = told(
        ("customer", "How many bags may I take on booking QX7PLM?"),
        ("ai_agent", "You may take 2 free bags, and each further bag costs $50."),
        ("customer", "And could you tell me whether the gate has changed?"),
        ("ai_agent", "I don't have access to the gates of today."),
        ("customer", "Then please cancel the booking."),
        ("ai_agent", "I cannot cancel the booking."),
        ASKS,
    )
    said = [claim.text for claim in packet.tried]
    assert "AI told: “You may take 2 free bags, and each further bag costs $50.”" in said
    assert "AI cannot: “I don't have access to the gates of today.”" in said


@pytest.mark.parametrize(
    "condition",
    [
        "I only want it if it costs under $100.",
        "I don't want to buy a new ticket.",
        "My cat is sick since yesterday.",
        "It must be a nonstop flight from Porto.",
    ],
)
def test_what_is_wanted_comes_with_its_condition(condition: str) -> None:
    packet = told(
        ("customer", f"I need to change my flight QX7PLM to an earlier one. {condition}"),
        ("ai_agent", "That fare cannot be changed."),
        ASKS,
    )
    assert condition in packet.wants.text


def test_what_the_person_is_asked_for_is_not_cut_off() -> None:
    asks = "Please transfer me to a human agent so that somebody finds out who took it and when."
    packet = told(
        ("customer", "I need to return the lamp of order 55121."),
        ("ai_agent", "Noted."),
        ("customer", asks),
    )
    assert packet.why.text == f"Asked for a person: “{asks}”"


def test_the_thing_at_hand_is_named_though_the_customer_did_not_give_it() -> None:
    packet = told(
        ("customer", "I need to return the lamp that came last week."),
        *looked_up("get_order", '{"order_id": "#K55121"}', '{"status": "delivered"}'),
        *looked_up("get_order", '{"order_id": "#K55122"}', '{"status": "pending"}'),
        ("ai_agent", "It is in order #K55121. I cannot take lamps back."),
        ASKS,
    )
    assert packet.identifiers == ()
    assert found(packet)[0] == "order #K55121: status delivered"
    asked = "“return the lamp that came last week” (#K55121)"
    assert packet.next_step.text.startswith(f"Decide on {asked}")


def test_what_is_open_is_named_in_the_customers_words() -> None:
    packet = told(
        ("customer", "I want to update my delivery address before you send it."),
        ("ai_agent", "Noted, one moment."),
        ASKS,
    )
    assert packet.next_step.text == "Settle the open request: “update my delivery address”."


LINE = '{"line_id": "%s", "phone_number": "%s", "status": "Active"}'


def lines(*looked: tuple[str, str], acted: str = "") -> Packet:
    """The packet of a customer who gave a number, and of the lines that the AI looked at."""
    steps: list[Line] = []
    for line, number in looked:
        steps += looked_up("get_line", f'{{"line_id": "{line}"}}', LINE % (line, number))
    if acted:
        steps += looked_up("add_data", f'{{"line_id": "{acted}"}}', '{"success": true}')
    said = ("customer", "My phone 555-010-2002 has no service at all.")
    return told(said, *steps, ("ai_agent", "The line is active."), ASKS)


@pytest.mark.parametrize(
    ("looked", "acted", "wrong"),
    [
        ([("L1001", "555-010-2001")], "", True),
        ([("L1001", "+1 555 010 2002")], "", False),
        ([("L1001", "555-010-2001"), ("L1002", "555-010-2002")], "", False),
        ([("L1001", "555-010-2001"), ("L1002", "555-010-2002")], "L1001", True),
        ([("L1001", "555-010-2001"), ("L1002", "555-010-2002")], "L1002", False),
    ],
)
def test_the_wrong_line_is_seen(looked: list[tuple[str, str]], acted: str, *, wrong: bool) -> None:
    packet = lines(*looked, acted=acted)
    told_of = [claim.text for claim in packet.tried if claim.kind == "mismatch"]
    expected = "Changed L1001: 555-010-2001" if acted else "The AI looked at L1001 (555-010-2001)"
    assert told_of == [f"{expected}; the customer gave 555-010-2002"] * wrong


def test_steps_stand_in_a_block_of_their_own() -> None:
    packet = told(
        ("customer", "My phone shows no service since noon."),
        ("ai_agent", "Please restart it."),
        ("customer", "I restarted my phone. I checked what you asked for."),
        ("ai_agent", "And the card?"),
        ("customer", "I removed the card, but there is still no signal."),
        ASKS,
    )
    text = render_text(packet)
    assert "Steps taken\n  The customer did: “I restarted my phone”" in text
    assert "what you asked for" not in text.split("Transcript")[0]
    steps = next(claim.text for claim in packet.tried if claim.kind == "steps")
    shown = [packet.who, packet.wants, packet.stands, packet.why, packet.next_step]
    counted = sum(word_count(claim.text) for claim in shown)
    assert counted <= words_before_transcript(packet) < counted + word_count(steps) + 8


def test_worry_is_a_mood_and_grief_is_not_called_neutral() -> None:
    worried = told(("customer", "I am a bit worried about my photos, please help."), ASKS)
    assert worried.mood is not None
    assert (worried.mood.text, worried.mood.kind) == ("Worried", "worried")
    assert told(("customer", "My wife passed away, I need another date."), ASKS).mood is None


def test_what_hangs_on_an_act_that_was_not_done_is_no_promise() -> None:
    asked = ("customer", "I want to exchange the shirt of order 55121.")
    answered = (
        "ai_agent",
        "All of it is noted in the order now. You will receive an email with it.",
    )
    look = looked_up("get_order", '{"order_id": "55121"}', '{"status": "delivered"}')
    act = looked_up("exchange_items", '{"order_id": "55121"}', '{"status": "requested"}')
    assert told(asked, *look, answered, ASKS).promised == ()
    assert len(told(asked, *look, *act, answered, ASKS).promised) == 1
    otherwise = ("customer", "Actually, I'd like it by text message.")
    assert told(asked, *look, *act, answered, otherwise, ASKS).promised == ()


def test_an_answer_to_another_question_accepts_nothing() -> None:
    packet = told(
        ("customer", "I need to take a name off my booking."),
        ("ai_agent", "What is your user id? Or shall I transfer you to a human agent?"),
        ("customer", "Sure, it's james_k_2041."),
    )
    assert packet.why.text.startswith("Perhaps wants a person; nothing says so clearly")


def test_a_request_for_whatever_helps_stays_open_after_a_no() -> None:
    packet = told(
        ("customer", "I'd like to book a table for three, please."),
        ("ai_agent", "For which day?"),
        (
            "customer",
            "Is there anything you can do to help with the trouble it caused us?",
        ),
        ("ai_agent", "I'm not able to see anything about that."),
        ASKS,
    )
    assert "Now: “Is there anything you can do to help with the trouble" in packet.wants.text


def test_a_condition_that_the_customer_answered_refuses_nothing() -> None:
    packet = told(
        ("customer", "I want to book a flight to Porto for under $650."),
        ("ai_agent", "If you strictly require a nonstop, there are no options. There is one stop."),
        ("customer", "One stop is fine."),
        ("ai_agent", "I found one for $573 with one stop."),
        ASKS,
    )
    assert "refused" not in packet.stands.text
    assert "refused" not in packet.next_step.text


def test_a_report_is_quoted_from_its_first_point() -> None:
    report = "Here is what it says:\n- Card: locked_pin\n- Network: no service\n- Data: enabled"
    packet = told(
        ("customer", "My phone shows no service at all since noon, please help."),
        ("ai_agent", "Please run the check."),
        ("customer", report),
    )
    assert "Now: “" in packet.wants.text
    assert "Card: locked_pin; Network: no service" in packet.wants.text


def test_a_list_in_a_list_is_led_to_by_its_colon() -> None:
    from workers.handoff.splitting import asked_in

    said = "Please book:\n- the seat\n- the bag, and before that please:\n- tell me the fare"
    assert asked_in(said) == [
        "Please book: the seat; the bag, and before that please: tell me the fare"
    ]


def test_what_was_refused_but_is_not_asked_for_is_not_next() -> None:
    packet = told(
        ("customer", "Please book the room in Porto for two nights."),
        ("ai_agent", "Done for two nights. We cannot deliver parcels to the room."),
        ("customer", "Fine. Please book the parking space as well, and let me talk to a person."),
    )
    assert "refused" not in packet.next_step.text


def test_two_orders_are_told_apart_by_where_they_go() -> None:
    look = "get_order", '{"order_id": "%s"}', '{"address": {"city": "%s"}, "items": []}'
    packet = told(
        ("customer", "Please send the one order to the address of the other."),
        *looked_up(look[0], look[1] % "55121", look[2] % "Porto"),
        *looked_up(look[0], look[1] % "55122", look[2] % "Lisbon"),
        ("ai_agent", "You have the orders 55121 and 55122."),
        ASKS,
    )
    assert sorted(found(packet)) == ["order 55121: city Porto", "order 55122: city Lisbon"]


def test_a_question_that_asks_for_no_act_is_to_be_answered() -> None:
    packet = told(
        ("customer", "If you don't mind me asking, do you work with lonely folks like me?"),
        ("ai_agent", "One moment."),
        ASKS,
    )
    assert packet.next_step.text == "Answer what the customer asked last."


def test_half_an_aside_is_not_quoted() -> None:
    from workers.handoff.wording import trim

    text = "Tell me the exact window for returns of lamps (for example in days from delivery)."
    assert trim(text, 11) == "Tell me the exact window for returns of lamps…"
    assert trim("Tell me (and them) the window for lamps of any kind", 8).startswith("Tell me (and")


@pytest.mark.parametrize(
    ("answer", "told_of"),
    [
        ('{"status": "delivered", "items": [{"name": "Lamp"}]}', "status delivered, Lamp"),
        ('{"items": [{"name": "Lamp"}, {"name": "Tea Kettle", "pri', "Lamp, Tea Kettle…"),
        ('{"items": [], "status": "open"}', "status open"),
    ],
)
def test_an_order_is_known_by_its_items(answer: str, told_of: str) -> None:
    packet = told(
        ("customer", "Where is order 55121?"),
        *looked_up("get_order", '{"order_id": "55121"}', answer),
        ASKS,
    )
    assert found(packet) == [f"order 55121: {told_of}"]


def test_the_order_is_told_first_whose_item_is_spoken_of() -> None:
    items = '{"status": "%s", "items": [{"name": "%s"}]}'
    packet = told(
        ("customer", "My tea kettle never came."),
        *looked_up("get_order", '{"order_id": "55121"}', items % ("delivered", "Tea Kettle")),
        *looked_up("get_order", '{"order_id": "55122"}', items % ("pending", "Desk Lamp")),
        ("ai_agent", "It says that it was delivered."),
        ASKS,
    )
    assert found(packet) == ["order 55121: status delivered, Tea Kettle"]


def test_what_was_done_is_no_condition_of_what_is_open() -> None:
    packet = told(
        ("customer", "I want to return the lamp of order 55121 because it is damaged."),
        *looked_up("return_items", '{"order_id": "55121"}', '{"status": "return requested"}'),
        ("ai_agent", "The return is requested."),
        ("customer", "I'd like to update my email address as well, please."),
        ASKS,
    )
    assert "damaged" not in packet.wants.text
    assert [one.state for one in packet.requests] == ["settled"]
