"""Matters settled: things agreed on, other ways offered, statements that the customer disputes."""

import pytest

from tests.unit.handoff.test_packet_facts import ASKS, told
from tests.unit.handoff.test_packet_records import did
from tests.unit.handoff.test_packet_work import called
from workers.contracts.handoffs import Packet
from workers.handoff.rendering import render_text


def offers(packet: Packet) -> list[str]:
    return [one.text for one in packet.promised if one.kind == "offer"]


@pytest.mark.parametrize(
    ("refusal", "offer"),
    [
        (
            "I cannot refund the annual plan.",
            "I can still cancel the renewal for next year if you want.",
        ),
        (
            "Unfortunately the transfer cannot be recalled.",
            "We can still block the payee for all later payments.",
        ),
    ],
)
def test_the_other_way_that_the_ai_offers_stands_beside_its_refusal(
    refusal: str, offer: str
) -> None:
    packet = told(
        ("customer", "I want my money back for plan A-2231, please refund it."),
        ("ai_agent", f"{refusal} {offer} If you like, I can transfer you to a human agent."),
        ASKS,
    )
    assert offers(packet) == [f"“{offer}”"]


def test_a_yes_to_the_offer_of_a_person_agrees_to_nothing_else() -> None:
    packet = told(
        ("customer", "I want to cancel booking QX77PL and have the refund."),
        (
            "ai_agent",
            (
                "Your booking was made three weeks ago, so I cannot cancel it. "
                "I can transfer you to a human agent. Would you like me to do that?"
            ),
        ),
        ("customer", "Yes, please transfer me to someone who can help with the refund."),
    )
    assert "Agreed" not in packet.stands.text
    assert packet.next_step.text.startswith("Decide on")


def test_what_is_disputed_is_named_and_not_the_request_to_check_it() -> None:
    packet = told(
        ("customer", "How many free transfers do I have?"),
        ("ai_agent", "With your Basic account you have two free transfers."),
        ("customer", "I believe I'm a Plus member, not Basic. Could you double-check that for me?"),
        ("ai_agent", "Your account is Basic."),
        ("customer", "I think there is a mistake. Please connect me to a supervisor."),
    )
    assert packet.next_step.text == "Check the records: “I believe I'm a Plus member, not Basic.”"


def test_a_price_stays_with_the_thing_that_it_is_of() -> None:
    packet = told(
        ("customer", "Please move both of my tickets to Friday."),
        (
            "ai_agent",
            (
                "Here is the difference: Ticket T44101: now 40 €. The price difference is $6.20. "
                "Ticket T44102: now 55 €. The price difference is $9.80. "
                "Would you like to proceed with changing both tickets?"
            ),
        ),
        ("customer", "Yes, go ahead."),
    )
    assert "T44101: now 40 €. The price difference is $6.20" in packet.stands.text
    assert "T44102: now 55 €. The price difference is $9.80" in packet.stands.text


def test_a_refusal_that_the_customer_took_does_not_stand_any_more() -> None:
    packet = told(
        ("customer", "Can you sell me a second SIM card here?"),
        ("ai_agent", "I cannot sell SIM cards in this chat, the shop has them."),
        ("customer", "No worries, thanks for your help! That's all."),
    )
    assert "refused" not in packet.stands.text
    assert any("I cannot sell SIM cards" in line for line in did(packet))


def test_all_that_was_done_is_named() -> None:
    done = [
        turn
        for number in (1, 2, 3, 4)
        for turn in called("cancel_booking", f'{{"booking_id": "QX77P{number}"}}', "{}")
    ]
    packet = told(("customer", "Cancel my bookings, all four."), *done, ASKS)
    assert did(packet) == ["Done: cancel booking QX77P1, QX77P2, QX77P3, QX77P4"]


def test_the_option_that_was_not_chosen_is_no_record() -> None:
    offered = '[{"flight_number": "NW318", "price": 155}, {"flight_number": "NW266", "price": 99}]'
    packet = told(
        ("customer", "Please change booking QX77PL to a nonstop flight."),
        *called("get_booking", '{"booking_id": "QX77PL"}', '{"cabin": "economy"}'),
        *called("search_flights", '{"date": "2026-03-14"}', offered),
        (
            "ai_agent",
            "There are NW318 for $155 and NW266 for $99. Shall I change to NW266 for $99?",
        ),
        ("customer", "Yes, change it to NW266."),
    )
    assert not any("NW318" in one.text for one in packet.records)


def test_a_request_takes_the_place_of_the_one_before() -> None:
    packet = told(
        ("customer", "I want to return the office chair, it is broken."),
        ("ai_agent", "Which order is it in?"),
        ("customer", "I changed my mind. Can I exchange the chair for the same model instead?"),
        ASKS,
    )
    assert "return" not in packet.wants.text


def test_further_words_of_the_customer_do_not_push_out_what_to_check() -> None:
    words = " ".join(f"word{number}" for number in range(30))
    packet = told(("customer", "My tea kettle never came."), ASKS)
    long = packet.who.__class__(text=f"“{words} {words}”", events=("e1",))
    full = packet.__class__(
        **{
            **{name: getattr(packet, name) for name in packet.__struct_fields__},
            "also_said": (long, long),
            "check": ("Whether access must be locked at once",),
        }
    )
    assert "Whether access must be locked at once" in render_text(full)
