"""A refusal is told with all the grounds that the AI gave for it."""

from tests.unit.handoff.test_packet_facts import ASKS, told

WANTS = ("customer", "I need to cancel booking QX7PLM and get a refund, please.")


def test_the_grounds_are_told_in_place_of_the_words_that_lead_to_them() -> None:
    packet = told(
        WANTS,
        (
            "ai_agent",
            (
                "I have to inform you that it is not eligible. Here's why:\n- It was made on "
                "March 3 "
                "(more than 24 hours ago)\n- This is a basic economy fare\n- You do not have "
                "travel "
                "insurance\n\nBookings can be cancelled only if:\n- The airline cancels the "
                "flight, OR"
                "\n- It is a business class fare\n\nIt meets none of these criteria, so I cannot "
                "process a refund."
            ),
        ),
        ASKS,
    )
    assert packet.stands.text == (
        "AI refused because: “It was made on March 3 (more than 24 hours ago); This is a basic "
        "economy fare; You do not have travel insurance”"
    )


def test_a_rule_is_no_ground() -> None:
    packet = told(
        WANTS,
        (
            "ai_agent",
            (
                "I am unable to cancel this booking. For this booking a refund is possible only "
                "if at least one of these applies:\n- it was made within 24 hours\n- the "
                "airline cancels the flight\n"
                "- you have an insurance"
            ),
        ),
        ASKS,
    )
    assert packet.stands.text == "AI refused: “I am unable to cancel this booking.”"


def test_what_is_known_of_a_booking_stands_for_a_bare_refusal() -> None:
    packet = told(
        WANTS,
        (
            "ai_agent",
            (
                "Your reservation shows:\n- passengers: 2\n- booked on: 2026-03-03\n- cabin: basic "
                "economy\n- insurance: no\n\nUnfortunately, I cannot cancel it."
            ),
        ),
        ASKS,
    )
    assert packet.stands.text == (
        "AI refused because: “booked on: 2026-03-03; cabin: basic economy; insurance: no”"
    )


def test_grounds_of_another_booking_are_left_out() -> None:
    packet = told(
        ("customer", "I need to cancel bookings QX7PLM and BB4TRW, please."),
        (
            "ai_agent",
            (
                "I cannot cancel BB4TRW, because: BB4TRW is a basic economy fare; BB4TRW has no "
                "insurance; BB4TRW was made 3 days ago."
            ),
        ),
        ("customer", "And QX7PLM?"),
        ("ai_agent", "I am unable to cancel QX7PLM, as it was flown."),
        ASKS,
    )
    assert "BB4TRW" not in packet.stands.text


def test_the_grounds_of_an_earlier_message_are_told_in_short() -> None:
    packet = told(
        WANTS,
        (
            "ai_agent",
            (
                "As a regular member with a basic economy ticket and no travel insurance, and with "
                "the booking made more than 24 hours ago, I cannot cancel it for you."
            ),
        ),
        ("customer", "Please make an exception for my booking."),
        ("ai_agent", "I am sorry, I cannot make exceptions to a cancellation."),
        ASKS,
    )
    assert "a basic economy ticket and no travel insurance, and with the" in packet.stands.text
