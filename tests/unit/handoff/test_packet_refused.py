"""Packets call nothing refused that has another way, and keep no identifier that nobody knows."""

from tests.unit.handoff.test_packet_facts import ASKS, calls, told


def test_what_the_ai_offers_another_way_for_is_not_refused() -> None:
    packet = told(
        ("customer", "I want to exchange the red lamp of order 55121 for a blue one."),
        (
            "ai_agent",
            "Order 55121 was not sent yet: you cannot exchange it, but you can change its colour.",
        ),
        ASKS,
    )
    assert "refused" not in packet.stands.text
    assert packet.next_step is not None
    assert "refused" not in packet.next_step.text


def test_what_was_done_but_for_its_speed_is_decided_by_what_was_refused() -> None:
    packet = told(
        ("customer", "Please return order 55121, and I need it to go within three days."),
        ("ai_agent", "", calls("return_order", arguments=['{"order":"55121"}'])),
        ("tool", '{"status": "return requested"}', {"name": "return_order", "status": "ok"}),
        ("ai_agent", "It is submitted. I am not able to make a return go any faster."),
        ("customer", "Please let me talk to a person, it has to be quick."),
    )
    assert packet.next_step is not None
    assert "Decide on return" not in packet.next_step.text


def test_an_identifier_that_was_not_found_is_left_out_until_it_is() -> None:
    lost = (
        ("ai_agent", "", calls("find_user_by_email", arguments=['{"email":"ada@example.com"}'])),
        ("tool", "Error: user not found", {"name": "find_user_by_email", "status": "error"}),
    )
    asks = ("customer", "My address is ada@example.com, the order is 55121, it is late.")
    later = ("customer", "Then try ada@example.org.")
    packet = told(asks, *lost, ("ai_agent", "Nobody is known by that."), later, ASKS)
    assert [one.value for one in packet.identifiers] == ["55121", "ada@example.org"]
    found = (
        ("ai_agent", "", calls("find_user_by_email", arguments=['{"email":"ada@example.com"}'])),
        ("tool", '{"name": "Ada"}', {"name": "find_user_by_email", "status": "ok"}),
    )
    packet = told(asks, *lost, *found, ASKS)
    assert [one.value for one in packet.identifiers] == ["ada@example.com", "55121"]


def test_what_the_customer_used_is_no_step() -> None:
    packet = told(
        ("customer", "My phone has no signal. I used a card for the bill in May."),
        ("ai_agent", "Please restart it."),
        ("customer", "I restarted the phone, and there is still no signal."),
        ASKS,
    )
    told_steps = " ".join(one.text for one in packet.tried if one.kind == "steps")
    assert "card" not in told_steps
