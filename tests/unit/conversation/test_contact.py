"""A ticket that cannot reach the customer asks, and what is answered reaches the ticket."""

import msgspec
import pytest

from tests.support.fold_history import ASKS, History
from workers.contracts.codec import encode
from workers.contracts.decisions import Turn
from workers.handoff.packet import build_packet
from workers.redaction.contact_details import ways_in

ANSWER = "mia.li@example.com or +44 20 7946 0018"


def _on_ticket() -> History:
    h = History()
    h.customer(ASKS)
    h.route(place="ticket")
    return h


def test_an_answer_is_a_passing_decision_and_reaches_the_packet_alone() -> None:
    h = _on_ticket()
    before = h.state
    (known,) = h.customer(ANSWER)
    assert (known.action, known.cause, known.owner) == ("update", "contact_known", "pending")
    after = h.state
    assert (known.epoch, after.epoch, after.open) == (before.epoch, before.epoch, before.open)
    assert known.seq > before.seq
    assert b"mia.li" not in encode(known)
    assert b"7946" not in encode(known)
    turns = [msgspec.msgpack.decode(turn, type=Turn) for turn in h.turns]
    packet = build_packet(known.facts, turns, known, "standard")
    assert packet.customer is not None
    assert packet.customer.email == "mia.li@example.com"
    assert packet.customer.phone == "+44 20 7946 0018"


def test_it_is_said_once_and_a_later_one_changes_nothing() -> None:
    h = _on_ticket()
    h.customer(ANSWER)
    assert h.customer("Or ada@example.com, please.") == []
    assert h.state.email == "mia.li@example.com"


def test_what_the_chat_system_learns_counts_as_well() -> None:
    h = _on_ticket()
    (known,) = h.customer("Done.", customer={"phone": "+44 20 7946 0018"})
    assert known.cause == "contact_known"


@pytest.mark.parametrize("place", ["queue", "ticket"])
def test_nothing_is_taken_where_nobody_asked(place: str) -> None:
    h = History()
    known = {"email": "ada@example.com"} if place == "ticket" else {}
    h.customer(ASKS, customer=known)
    h.route(place=place)
    assert h.customer(ANSWER) == []
    assert h.state.email == known.get("email")


def test_before_the_ticket_nothing_is_taken() -> None:
    h = History()
    h.customer(f"My mail is {ANSWER}.")
    assert (h.state.email, h.state.phone) == (None, None)


@pytest.mark.parametrize(
    ("text", "email", "phone"),
    [
        (ANSWER, "mia.li@example.com", "+44 20 7946 0018"),
        ("Call me at 2079460018", None, "2079460018"),
        ("Order 45218870 of 2026-03-02", None, None),
        ("My card is 4111 1111 1111 1111", None, None),
        ("Just answer here, please.", None, None),
    ],
)
def test_only_addresses_and_numbers_are_found(
    text: str, email: str | None, phone: str | None
) -> None:
    assert ways_in(text) == (email, phone)


def test_a_ticket_that_is_reported_again_is_not_told_again() -> None:
    h = _on_ticket()
    assert [d.cause for d in h.desk("ticketed", ticket_id="T-9")] == ["ticketed"]
    assert h.desk("ticketed", ticket_id="T-9") == []
