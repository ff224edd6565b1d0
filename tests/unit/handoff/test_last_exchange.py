"""The packet follows the last exchange: what was agreed, what was said last, what is over."""

import pytest

from tests.unit.handoff.test_packet_background import looked_up
from tests.unit.handoff.test_packet_facts import ASKS, told
from workers.handoff.acts import acts_wanted

WANTED = ("customer", "I want to exchange the lamp of order 55121 for a smaller one.")
PROPOSED = (
    "ai_agent",
    (
        "Here is what I will do: exchange the lamp of order 55121 for the small one; refund $4.50 "
        "to your card. Would you like me to proceed with this exchange?"
    ),
)


def test_a_yes_to_what_the_ai_was_about_to_do_is_the_next_thing_to_do() -> None:
    packet = told(WANTED, PROPOSED, ("customer", "Yes, please go ahead."), ASKS)
    assert packet.stands.text.startswith("Agreed, not done yet: “Here is what I will do: exchange")
    assert "refund $4.50 to your card" in packet.stands.text
    assert packet.next_step.text == "Do what the customer agreed to: exchange (55121)."


def test_a_yes_holds_when_the_ai_did_not_understand_it() -> None:
    lost = ("ai_agent", "I'm sorry, could you rephrase that?")
    again = ("customer", "Yes, that's correct. Please proceed.")
    packet = told(WANTED, PROPOSED, again, lost, again, lost, ASKS)
    assert packet.next_step.text.startswith("Do what the customer agreed to: exchange")


@pytest.mark.parametrize(
    "reply",
    [
        "No, I would rather keep it.",
        "Yes, but wait, is the small one white?",
        "Sure, my name is Ada Brook and my zip code is 90210.",
        "Okay, I already returned it myself.",
    ],
)
def test_a_yes_that_is_taken_back_or_answers_something_else_agrees_to_nothing(reply: str) -> None:
    packet = told(WANTED, PROPOSED, ("customer", reply), ASKS)
    assert "Agreed" not in packet.stands.text
    assert "agreed" not in packet.next_step.text


def test_what_was_done_after_the_yes_is_not_to_be_done_again() -> None:
    packet = told(
        WANTED,
        PROPOSED,
        ("customer", "Yes, please go ahead."),
        *looked_up("exchange_items", '{"order_id": "55121"}', '{"status": "exchanged"}'),
        ("ai_agent", "Done, the exchange is under way."),
        ASKS,
    )
    assert "Agreed" not in packet.stands.text
    assert "agreed" not in packet.next_step.text


def test_the_option_that_the_customer_picks_is_told() -> None:
    packet = told(
        WANTED,
        (
            "ai_agent",
            (
                "I found these:\n1. Reading lamp, white, $12.00\n2. Desk lamp, black, $14.50\n"
                "Which one should I exchange it for?"
            ),
        ),
        ("customer", "I'll take the second one."),
        ASKS,
    )
    assert packet.stands.text == "Agreed, not done yet: “Desk lamp, black, $14.50”"


def test_what_was_refused_before_another_way_was_agreed_on_is_not_refused_now() -> None:
    packet = told(
        ("customer", "I want to return the lamp of order 55121."),
        ("ai_agent", "I cannot return it, since it has not been sent yet."),
        ("customer", "What else can be done?"),
        ("ai_agent", "I can cancel order 55121 instead. Shall I cancel it?"),
        ("customer", "Yes, please do."),
        ASKS,
    )
    assert "refused" not in packet.stands.text
    assert packet.next_step.text == "Do what the customer agreed to: cancellation (55121)."


def test_a_refusal_comes_with_the_reasons_that_it_speaks_of() -> None:
    packet = told(
        ("customer", "I want to cancel booking QX7PLM."),
        (
            "ai_agent",
            (
                "A saver fare can be cancelled within a day of booking or with an insurance. Since "
                "neither of these conditions is met, I am unable to cancel it."
            ),
        ),
        ASKS,
    )
    assert packet.stands.text.startswith(
        "AI refused: “A saver fare can be cancelled within a day of booking or with an insurance. "
        "Since neither"
    )


def test_the_last_words_are_what_is_wanted_now_with_every_request_in_them() -> None:
    packet = told(
        ("customer", "I need to exchange a jacket I ordered."),
        ("ai_agent", "Which order is it?"),
        ("customer", "I lost the number. I also wanted to update my address to the one in Porto."),
    )
    assert packet.wants.text == (
        "“I need to exchange a jacket I ordered.” Now: “I lost the number. I also wanted to update "
        "my address to the one in Porto.”"
    )
    assert "update my address" in packet.next_step.text


def test_what_the_ai_said_before_the_last_words_is_not_what_it_said_last() -> None:
    packet = told(
        ("customer", "I want to know where parcel 55121 is."),
        ("ai_agent", "The parcel is in the depot of Porto since Monday."),
        ("customer", "It has been in that depot for nine days now, not since Monday."),
    )
    assert "AI said last" not in packet.stands.text


@pytest.mark.parametrize(
    ("said", "acts"),
    [
        ("I don't want to cancel, I just want to change my flight.", {"change"}),
        ("I'm not looking to cancel or change anything, only a refund.", {"refund"}),
        ("I'd like an exchange instead of a refund.", {"exchange"}),
        ("I want to cancel it and get a refund.", {"cancel", "refund"}),
        ("Ich möchte nicht stornieren, sondern den Umtausch.", {"exchange"}),
    ],
)
def test_an_act_that_is_not_wanted_is_not_asked_for(said: str, acts: set[str]) -> None:
    assert acts_wanted(said) == acts


@pytest.mark.parametrize(
    "closing",
    [
        "Thanks for your help! Have a nice day.",
        "Perfect, thank you. I'm all set!",
        "Finally, done. That's it.",
        "Thanks, that covers everything I needed. Appreciate your help.",
    ],
)
def test_thanks_at_the_end_ask_for_nothing_more(closing: str) -> None:
    packet = told(
        WANTED,
        *looked_up("exchange_items", '{"order_id": "55121"}', '{"status": "exchanged"}'),
        ("ai_agent", "The exchange of the lamp is under way."),
        ("customer", closing),
    )
    assert packet.wants.text.endswith("Asks for nothing more now.")
    assert packet.next_step.text.startswith("Nothing is open")


@pytest.mark.parametrize(
    ("before", "reply"),
    [
        (PROPOSED[1], "Yes, that's all. Please proceed."),
        ("I need the date of your flight.", "I just want to move it by two days, that's all."),
    ],
)
def test_that_is_all_closes_nothing_while_something_is_asked(before: str, reply: str) -> None:
    packet = told(WANTED, ("ai_agent", before), ("customer", reply))
    assert "nothing more" not in packet.wants.text
    assert not packet.next_step.text.startswith("Nothing is open")


@pytest.mark.parametrize(
    "reply",
    ["Thanks for your help, but it is still broken.", "Thank you. Please get me a person."],
)
def test_thanks_with_something_left_close_nothing(reply: str) -> None:
    packet = told(
        WANTED,
        ("ai_agent", "The lamp of order 55121 was sent on Monday."),
        ("customer", reply),
    )
    assert "nothing more" not in packet.wants.text
    assert not packet.next_step.text.startswith("Nothing is open")


def test_a_later_condition_of_the_same_kind_replaces_an_earlier_one() -> None:
    packet = told(
        ("customer", "I want to return order 55121. The refund should go to my gift card."),
        ("ai_agent", "That takes five days. What is your post code?"),
        ("customer", "Actually, I prefer the refund on my credit card."),
        ("ai_agent", "I see. And your post code?"),
        ("customer", "My post code is 90210."),
        ASKS,
    )
    assert "credit card" in packet.wants.text
    assert "gift card" not in packet.wants.text


def test_a_note_that_refuses_leaves_the_decision_to_a_person() -> None:
    note = "User wants to cancel booking QX7PLM. By policy I cannot cancel this fare."
    packet = told(
        ("customer", "I need to cancel booking QX7PLM, my plans have changed."),
        ("ai_agent", "One moment.", {"handover": note, "calls": ("transfer_to_human",)}),
        reason="agent_request",
    )
    assert packet.next_step.text == "Decide on cancellation (QX7PLM): by its note the AI may not."


def test_a_complaint_that_asks_for_nothing_is_no_request_for_its_act() -> None:
    packet = told(
        ("customer", "My order 55121 was cancelled without any reason."),
        ("ai_agent", "I do not see a reason either."),
        ASKS,
    )
    assert packet.next_step.text == "Find out what went wrong (55121), and put it right."


def test_last_words_that_only_answer_come_with_the_request_before() -> None:
    packet = told(
        ("customer", "What happened with my ticket 55310?"),
        ("ai_agent", "Ticket 55310 is still with the workshop."),
        ("customer", "That's what you said last week. I'd like to speak to someone there."),
    )
    assert packet.wants.text == (
        "“What happened with my ticket 55310?” Now: “That's what you said last week.”"
    )


def test_a_refusal_is_over_when_the_customer_goes_on_to_another_act() -> None:
    packet = told(
        ("customer", "I need to change my flight QX7PLM."),
        ("ai_agent", "Saver fares cannot be changed."),
        ("customer", "Then please book me a new flight on Friday."),
        ("ai_agent", "Which of your cards should I use?"),
        ("customer", "The blue one, and I do not need an insurance."),
    )
    assert "refused" not in packet.stands.text
    assert packet.next_step.text == "Settle the open request: “book me a new flight on Friday”."


def test_what_will_not_be_possible_afterwards_is_not_refused() -> None:
    packet = told(
        WANTED,
        ("ai_agent", f"{PROPOSED[1]} Reminder: after this, the order cannot be changed any more."),
        ("customer", "Yes—please exchange it. No other items need to be changed."),
        ASKS,
    )
    assert packet.stands.text.startswith("Agreed, not done yet: “Here is what I will do")


def test_the_words_of_an_ai_that_writes_json_are_read_where_it_was_cut() -> None:
    written = (
        '{"steps": [{"text": "I will cancel order 55121 and refund $4.50. Shall I proceed?"}, {'
    )
    packet = told(
        ("customer", "Please cancel order 55121."),
        ("ai_agent", written),
        ("customer", "Yes."),
        ASKS,
    )
    assert packet.stands.text == (
        "Agreed, not done yet: “I will cancel order 55121 and refund $4.50.”"
    )


def test_a_refusal_with_another_question_after_it_is_no_proposal() -> None:
    packet = told(
        ("customer", "Please cancel booking QX7PLM."),
        ("ai_agent", "I cannot proceed with the cancellation of QX7PLM. Anything else?"),
        ("customer", "Alright. What about booking ZZTOP1, can you cancel that?"),
        ("ai_agent", "One moment, I need to look at it."),
    )
    assert "Agreed" not in packet.stands.text
    assert "agreed" not in packet.next_step.text


def test_a_yes_beside_a_request_for_a_person_is_to_be_carried_out() -> None:
    packet = told(
        WANTED,
        PROPOSED,
        (
            "customer",
            (
                "Yes, I authorize it for order 55121. And get me a person for order 77003, please. "
                "I know that order 88004 cannot be cancelled."
            ),
        ),
    )
    assert packet.stands.text.startswith("Agreed, not done yet")
    assert packet.next_step.text == "Do what the customer agreed to: exchange (55121)."


def test_a_change_of_plans_is_no_change_asked_for() -> None:
    assert acts_wanted("I need to cancel it because of a change of plans.") == {"cancel"}


@pytest.mark.parametrize("card", ["my card ending in 7447", "my 7447 card"])
def test_the_end_of_a_card_number_is_no_identifier(card: str) -> None:
    packet = told(("customer", f"Please charge booking QX7PLM to {card}."), ASKS)
    assert [one.value for one in packet.identifiers] == ["QX7PLM"]


def test_the_yes_to_an_offer_made_for_a_mood_is_why_a_person_comes() -> None:
    packet = told(
        WANTED,
        ("ai_agent", "Would you like to talk to a person?"),
        ("customer", "Yes, please."),
        reason="customer_frustration",
        cause="offer_accepted",
    )
    assert packet.why.text == "Took the AI's offer of a person: “Yes, please.”"
    assert "trouble" not in packet.next_step.text


def test_anger_about_a_question_comes_with_the_question() -> None:
    packet = told(
        ("customer", "Where is my parcel?"),
        ("ai_agent", "Your parcel left us yesterday."),
        ("customer", "This is the third time that I ask. It is really annoying!"),
        ("ai_agent", "Would you like to talk to a person?"),
        ("customer", "Yes, please."),
    )
    assert packet.wants.text == (
        "“Where is my parcel?” Now: “This is the third time that I ask. It is really annoying!”"
    )
