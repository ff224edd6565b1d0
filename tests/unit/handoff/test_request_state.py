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


DONE = (
    ("customer", "Please change the address of order 55121 to 3 Quay Street."),
    *looked_up("change_order_address", '{"order_id": "55121"}', '{"status": "changed"}'),
    ("ai_agent", "All set. The address of order 55121 has been updated to 3 Quay Street."),
)


def test_what_was_changed_is_asked_to_be_changed_back() -> None:
    packet = told(*DONE, ("customer", "Actually, can you roll the address back to the old one?"))
    assert "roll the address back to the old one" in packet.next_step.text


def test_a_word_of_praise_after_what_was_done_closes() -> None:
    doubt = ("customer", "I'm sure there was no lamp on it. Please double-check that.")
    packet = told(doubt, *DONE, ("customer", "Looks good. I will watch for the parcel."))
    assert packet.wants.text.endswith("Asks for nothing more now.")
    assert packet.next_step.text.startswith("Nothing is open")


def test_a_confirmation_that_was_sent_asks_for_no_yes() -> None:
    sent = ("ai_agent", "Your booking is confirmed! Your confirmation has been sent to you.")
    packet = told(*DONE[:-1], sent, ("customer", "Thank you for your help! That's all I needed."))
    assert packet.next_step.text.startswith("Nothing is open")


def test_data_without_an_answer_refuse_nothing() -> None:
    packet = told(
        ("customer", "Does the red jersey shrink? I want to exchange mine of order 55121 for it."),
        ("ai_agent", "Our product data does not include notes about shrinking."),
        ("customer", "Fine, then exchange it, please."),
        ASKS,
    )
    assert "refused" not in f"{packet.stands.text} {packet.next_step.text}"


def test_a_yes_stands_beside_many_questions() -> None:
    packet = told(
        ("customer", "I want to swap the small jersey of order 55121 for a large one."),
        (
            "ai_agent",
            (
                "I can exchange the small jersey of order 55121 for the large one; $8 back to "
                "gift_card_41. Please reply yes to proceed."
            ),
        ),
        (
            "customer",
            (
                "Yes, please proceed with the exchange. A few questions while you set that up: "
                "When the money goes back to gift_card_41, does the balance go up on that same "
                "card, or do I get a new one, and do I send the small one in first?"
            ),
        ),
    )
    assert packet.stands.text.startswith("Agreed, not done yet: “I can exchange the small jersey")


def test_of_what_was_agreed_the_matter_goes_before_the_payment() -> None:
    packet = told(
        ("customer", "I want to exchange a bottle and a lamp of order 55121."),
        ("ai_agent", "Which bottle, and which lamp?"),
        ("customer", "Actually, I've decided to exchange only the lamp. The black one."),
        (
            "ai_agent",
            (
                "We'll proceed with exchanging only the lamp for the black one with high "
                "brightness and a mains adapter, priced at $154.17. The old one was $137.94, so "
                "there is a difference of $16.23. The payment method on file is PayPal. Would "
                "you like to use this for the additional charge, or do you have another one?"
            ),
        ),
        ("customer", "PayPal works perfectly. Please go ahead with that."),
    )
    assert "exchanging only the lamp for the black one" in packet.stands.text
    assert "exchange only the lamp" in packet.wants.text


def test_after_a_refusal_the_customer_asks_for_something_instead() -> None:
    packet = told(
        ("customer", "I need to take Ada off booking QXPLMA and change it to the later boat."),
        ("ai_agent", "I'm sorry, I can't change the number of passengers."),
        ("customer", "Can you change all of us to deck seats instead?"),
        ASKS,
    )
    assert "refused" not in packet.next_step.text


def test_a_list_of_ways_to_pay_is_not_what_was_agreed() -> None:
    packet = told(
        ("customer", "I want to upgrade booking QXPLMA to a cabin."),
        (
            "ai_agent",
            (
                "The cabin upgrade of booking QXPLMA costs: first leg: $40; second leg: $30. "
                "Would you like to proceed? You have: gift card_41: $18; gift card_42: $90"
            ),
        ),
        ("customer", "Sounds great, please go ahead. Use the gift card 41 first."),
    )
    assert "first leg: $40; second leg: $30" in packet.stands.text
    assert "$18" not in packet.stands.text


def test_a_thing_given_up_before_the_question_is_not_agreed_on() -> None:
    packet = told(
        ("customer", "I want to return one of my two tablets for a refund."),
        (
            "ai_agent",
            (
                "The tablet you want to return is on order #A55121, for $938. Please confirm "
                "that I should go on."
            ),
        ),
        ("customer", "I've changed my mind: the gold one instead."),
        (
            "ai_agent",
            (
                "Let me confirm: order: #A77003; item: gold tablet; refund: gift card. "
                "Do you confirm?"
            ),
        ),
        ("customer", "Yes, go ahead."),
    )
    assert "A55121" not in f"{packet.stands.text} {packet.next_step.text}"


def test_a_goodbye_with_small_talk_closes() -> None:
    packet = told(
        ("customer", "Please change my address, and can you order the red jersey for me?"),
        ("ai_agent", "Your address is changed. I'm not able to place orders in this chat."),
        (
            "customer",
            (
                "No worries. Thanks for all your help! Why did the jersey go to therapy? "
                "Because it had too many issues! Have a great day!"
            ),
        ),
    )
    assert packet.next_step.text.startswith("Nothing is open")


def test_a_rule_by_status_refuses_nothing() -> None:
    packet = told(
        ("customer", "Can I change my order 55121?"),
        (
            "ai_agent",
            (
                "It depends. Pending orders: you can change the address. Processed or cancelled "
                "orders: Unfortunately, no changes can be made. Yours is pending."
            ),
        ),
        ("customer", "Then please look up the small jerseys in it."),
    )
    assert "refused" not in f"{packet.stands.text} {packet.next_step.text}"


def test_a_yes_to_the_way_to_pay_is_a_yes_to_the_matter() -> None:
    packet = told(
        ("customer", "I want to exchange the lamp of order 55121."),
        (
            "ai_agent",
            (
                "You've selected the black lamp, priced at $154.17. Would you like to use your "
                "PayPal account to cover the difference of $16.23?"
            ),
        ),
        ("customer", "Yes, please use my PayPal account to cover the difference."),
    )
    assert packet.next_step.text == "Do what the customer agreed to: exchange (55121)."
