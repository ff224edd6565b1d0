"""Each request, the things done for it, and the rest of it as the next step."""

from tests.unit.handoff.test_packet_background import looked_up
from tests.unit.handoff.test_packet_facts import ASKS, told

EXCHANGED = looked_up("exchange_items", '{"order_id": "55121"}', '{"status": "requested"}')


def test_the_same_act_for_another_thing_is_a_request_of_its_own() -> None:
    packet = told(
        ("customer", "I'd like to exchange the kettle of order 55121 for a green one."),
        *EXCHANGED,
        ("ai_agent", "The kettle of order 55121 is exchanged."),
        ("customer", "I also want to exchange the lamp from another order."),
        (
            "ai_agent",
            (
                "I can't exchange anything more of order 55121. If the lamp is from a different "
                "order, could you tell me which one?"
            ),
        ),
        ("customer", "It is a different order, but I do not have the number. Can you find it?"),
        ASKS,
    )
    assert packet.wants.text.startswith("“I also want to exchange the lamp from another order.”")
    assert "Decide on" not in packet.next_step.text
    assert "55121" not in packet.next_step.text


def test_what_was_done_stays_done_when_more_is_refused() -> None:
    packet = told(
        ("customer", "Please exchange the kettle of order 55121, and refund me the difference."),
        *EXCHANGED,
        ("ai_agent", "The kettle is exchanged. I can't exchange anything more of this order."),
        ("customer", "Where do I send the old one?"),
        ASKS,
    )
    assert "Decide on exchange" not in packet.next_step.text


def test_how_to_pay_is_settled_by_the_change_that_follows() -> None:
    packet = told(
        ("customer", "I want to change booking QXPLMA to the earlier boat."),
        ("ai_agent", "That costs $12 more. Which payment method shall I take?"),
        ("customer", "Let's use the gift card to cover the difference, please."),
        *looked_up("change_booking", '{"booking_id": "QXPLMA"}', '{"status": "changed"}'),
        ("ai_agent", "Your booking QXPLMA is changed."),
        ("customer", "Thanks! I would also like to take my bicycle off and have that refunded."),
        ("ai_agent", "I'm sorry, I can't remove a bicycle."),
        ASKS,
    )
    assert "gift card" not in packet.wants.text
    assert packet.wants.text.startswith("“I would also like to take my bicycle off")


def test_after_a_refusal_without_a_number_the_customer_names_the_thing() -> None:
    packet = told(
        ("customer", "Please cancel all my bookings: QXPLMA and ZZTOPS."),
        *looked_up("cancel_booking", '{"booking_id": "QXPLMA"}', '{"status": "cancelled"}'),
        *looked_up("get_booking", '{"booking_id": "ZZTOPS"}', '{"status": "sailed"}'),
        ("ai_agent", "One is cancelled. The other I can't cancel, as it has sailed in part."),
        ("customer", "Then please let me talk to a person about ZZTOPS."),
    )
    assert "Decide on cancellation (ZZTOPS)" in packet.next_step.text


def test_a_choice_among_variants_is_named_with_the_act_it_is_for() -> None:
    packet = told(
        ("customer", "I need help exchanging two things of order 55121."),
        ("ai_agent", "There is white, high, mains; silver, low, battery. Which one?"),
        ("customer", "I'd like to go with the Silver, Low Brightness, Battery lamp, please."),
    )
    assert (
        "exchange (55121): “go with the Silver, Low Brightness, Battery lamp”"
        in packet.next_step.text
    )


def test_a_call_out_of_annoyance_is_no_act() -> None:
    packet = told(("customer", "I'm calling because I am cross about a late boat."), ASKS)
    assert "because" not in packet.next_step.text


def test_a_first_and_a_last_name_in_a_sentence() -> None:
    packet = told(("customer", "My first name is Ada, and my last name is Quist."), ASKS)
    assert packet.who.text == "Ada Quist"
