"""The brief for the AI agent when a person has done their part."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support import packets
from workers.contracts.control import Brief
from workers.contracts.decisions import Closing, Decision, Turn
from workers.contracts.time import to_ms
from workers.handoff.brief import PROMISE_LIMIT, SAID_LIMIT, brief

OPENED = packets.START


def ended(**changes: Any) -> Decision:
    transcript = packets.turns()
    fields = {"action": "return", "outcome": "returned", "opened_at": OPENED, "person": "lena"}
    return packets.decision(packets.facts(transcript), transcript, **{**fields, **changes})


def said(*texts: str, role: str = "human_agent", first: int = 1) -> list[Turn]:
    """Return turns, a minute apart, after the escalation was opened."""
    began = to_ms(OPENED + timedelta(minutes=first))
    return [
        Turn(f"{role}-{first}-{n}", began + 60_000 * n, role, text) for n, text in enumerate(texts)
    ]


def test_the_last_two_turns_what_was_promised_and_what_is_open() -> None:
    turns = [
        *said("I am Lena.", "Let me see.", "Corrected. You'll receive the parcel on Tuesday!"),
        *said("And the voucher?", role="customer", first=10),
    ]
    closing = Closing(reason="the rest is routine", note="voucher is open")
    assert brief(ended(closing=closing), turns) == Brief(
        person="lena",
        reason="the rest is routine",
        note="voucher is open",
        said=("Let me see.", "Corrected. You'll receive the parcel on Tuesday!"),
        promises=("You'll receive the parcel on Tuesday!",),
        open=("And the voucher?",),
    )


def test_what_was_answered_is_not_open_and_earlier_persons_do_not_speak() -> None:
    turns = [
        *said("From before.", first=-60),
        *said("And the voucher?", role="customer"),
        *said("It is in your account.", first=5),
    ]
    back = brief(ended(action="outcome", outcome="resolved"), turns)
    assert back is not None
    assert (back.said, back.open, back.promises) == (("It is in your account.",), (), ())


@pytest.mark.parametrize("outcome", ["closed", "abandoned", "expired", "withdrawn"])
def test_other_ends_have_none(outcome: Any) -> None:
    assert brief(ended(action="outcome", outcome=outcome), said("Hello.")) is None


@pytest.mark.parametrize(
    "promise",
    [
        "I'll send you the invoice tomorrow.",
        "We will call you back by Friday.",
        "Ich schicke Ihnen die Rechnung morgen.",
        "Sie erhalten das Geld bis Freitag zurück.",
        "Le enviaremos la factura mañana.",
        "Nous vous enverrons la facture demain.",
        "Vous recevrez un remboursement.",
        "La richiameremo domani.",
        "Receberá o reembolso na sexta-feira.",
        "Ik stuur u morgen de factuur.",
    ],
)
def test_promises_are_found_in_seven_languages(promise: str) -> None:
    back = brief(ended(), said(f"Thanks. {promise} Bye."))
    assert back is not None
    assert back.promises == (promise,)


def test_it_is_redacted_and_bounded() -> None:
    card = "4111 1111 1111 1111"
    back = brief(ended(), said(f"I will refund {card} " + "x" * 9_000))
    assert back is not None
    assert "4111" not in "".join((*back.said, *back.promises))
    assert len(back.said[0]) <= SAID_LIMIT
    assert len(back.promises[0]) <= PROMISE_LIMIT
