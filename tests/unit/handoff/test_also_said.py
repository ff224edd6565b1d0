"""The packet keeps what a long last message asks besides, and the ground on which it stands."""

import pytest

from tests.unit.handoff.test_packet_facts import ASKS, told
from workers.contracts.handoffs import Packet
from workers.handoff.also_said import ALSO_WORDS
from workers.handoff.rendering import render_text
from workers.handoff.wording import word_count

REFUSED = ("ai_agent", "I'm sorry, this fare cannot be cancelled for a refund.")
LONG = (
    "I need you to cancel booking QXPLMA and to refund both tickets to my card. I know that the "
    "fare is a cheap one, but I am asking for an exception this time because the ferry before it "
    "did not run. I do not want a voucher, only the money. Before you do anything, please check "
    "whether flight 4417 was moved by more than an hour since I booked it. I am not authorizing a "
    "cancellation that loses the fare."
)


def also(packet: Packet) -> str:
    return " ".join(claim.text for claim in packet.also_said)


def test_a_long_last_message_keeps_its_conditions_and_second_request() -> None:
    packet = told(("customer", "Please cancel booking QXPLMA."), REFUSED, ("customer", LONG), ASKS)
    everything = render_text(packet).partition("Transcript")[0].replace("\n", " ")
    everything = " ".join(everything.split())
    for said in (
        "not authorizing a cancellation that loses the fare",
        "please check whether flight 4417 was moved by more than an hour",
        "I am asking for an exception this time",
    ):
        assert said in everything
    assert word_count(also(packet)) <= ALSO_WORDS
    assert all(claim.events for claim in packet.also_said)


def test_what_the_statements_quote_is_not_said_again() -> None:
    packet = told(("customer", "Please cancel booking QXPLMA."), ASKS)
    assert packet.also_said == ()
    assert "Also said" not in render_text(packet)


@pytest.mark.parametrize(
    "ground",
    [
        "Your colleague told me that the fee would be waived for members.",
        "I was promised in June that the fee would be waived.",
        "Mir wurde im Juni am Telefon gesagt, dass die Gebühr entfällt.",
        "On m'a dit en juin que les frais seraient annulés.",
        "En junio me dijeron que no habría ninguna comisión.",
        "Mi hanno detto a giugno che non ci sarebbe alcun costo.",
        "Em junho me disseram que não haveria nenhuma taxa.",
        "Mij is in juni gezegd dat er geen kosten zouden zijn.",
    ],
)
def test_what_the_customer_was_told_before_is_their_ground(ground: str) -> None:
    packet = told(
        ("customer", "I need to cancel booking QXPLMA and have a refund."),
        REFUSED,
        ("customer", f"That cannot be. {ground}"),
        REFUSED,
        ("customer", "So is there no way at all to have my money back?"),
        ASKS,
    )
    assert ground in f"{packet.wants.text} {also(packet)}"


def test_after_thanks_nothing_more_is_said() -> None:
    packet = told(
        ("customer", LONG),
        ("ai_agent", "Your booking QXPLMA is cancelled and $80 is refunded."),
        ("customer", "No, that's all I needed. Thanks for your help!"),
    )
    assert packet.also_said == ()
    assert packet.wants.text.endswith("Asks for nothing more now.")


def test_a_question_and_an_open_request_are_both_to_be_settled() -> None:
    packet = told(
        ("customer", "I need to change the date of my flight, booking QXPLMA."),
        ("ai_agent", "Which airports do you fly from and to?"),
        (
            "customer",
            (
                "I do not have that here. Is there any way to look it up by the code alone? "
                "I just want to move the flight two days later, that's all."
            ),
        ),
    )
    assert "Answer what the customer asked last." in packet.next_step.text
    assert "“move the flight two days later” (QXPLMA)" in packet.next_step.text


def test_the_way_to_pay_is_not_taken_for_what_is_asked() -> None:
    packet = told(
        ("customer", "I'd like to exchange the kettle of order 55121 for a bigger one."),
        ("ai_agent", "Which size, and how do you want to pay the difference?"),
        ("customer", "The biggest one. Please use the original payment method."),
    )
    assert "exchange (55121)" in packet.next_step.text


def test_a_closing_names_the_matter_and_not_this_issue() -> None:
    packet = told(
        ("customer", "My kettle of order 55121 trips the fuse. Can you help me fix this issue?"),
        ("ai_agent", "Please plug it in on another circuit."),
        ("customer", "It works now. Thank you for your help!"),
    )
    assert packet.wants.text.startswith("“My kettle of order 55121 trips the fuse.”")


def test_a_second_request_of_the_first_message_is_kept() -> None:
    packet = told(
        (
            "customer",
            (
                "First, I'd like to exchange the kettle I ordered for the cheapest green one. "
                "Also, I want to change the address from my flat to my office."
            ),
        ),
        ("ai_agent", "Which e-mail address is the order under?"),
        ("customer", "I am not sure which one it was, sorry."),
        ASKS,
    )
    assert "change the address from my flat to my office" in also(packet)
