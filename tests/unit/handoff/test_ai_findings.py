"""The packet tells as found facts of the case, no rules, questions or torn lists."""

import pytest

from tests.unit.handoff.test_packet_facts import ASKS, told

WANTS = ("customer", "Please cancel booking QX7PLM and refund the price of it.")


def told_lines(*said: str) -> list[str]:
    """Return the lines of what the AI told in its messages after the request."""
    lines = [("ai_agent", one) for one in said]
    packet = told(WANTS, *lines, ("customer", "I see."), ("ai_agent", "One moment, please."), ASKS)
    return [one.text for one in packet.tried if one.text.startswith("AI told")]


@pytest.mark.parametrize(
    "said",
    [
        "- The flight is cancelled by the airline, OR\n- The booking is insured, OR",
        "Refunds, if eligible, go back to your original payment method of $80.",
        "Additionally, I'll need to know your reason for the cancellation of $80.",
        "You have two bookings with a price of $80: QX7PLM: Oslo to Bergen, 2 bags.",
        "Have you booked QX7PLM for a price of $80?",
    ],
)
def test_no_rule_plan_question_or_torn_list_is_told_as_found(said: str) -> None:
    assert told_lines(said) == []


def test_a_fact_of_the_case_is_told() -> None:
    assert told_lines("Your booking QX7PLM was created on 2026-03-03 and has no insurance.") == [
        "AI told: “Your booking QX7PLM was created on 2026-03-03 and has no insurance.”"
    ]


def test_of_headings_on_one_line_that_with_the_sum_is_told() -> None:
    said = "Price: $102 for one way Refund: $258 was refunded to your gift card for the booking"
    assert told_lines(said)[0] == (
        "AI told: “Refund: $258 was refunded to your gift card for the booking”"
    )


def test_a_heading_of_two_words_is_not_torn() -> None:
    said = "Price Difference: $12.07, to be charged to your card for booking QX7PLM"
    assert told_lines(said) == [f"AI told: “{said}”"]
