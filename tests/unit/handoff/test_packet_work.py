"""The lines of a packet on the tools' work: errors, choices, things made, items."""

from typing import Any

import pytest

from tests.support import packets
from tests.unit.handoff.test_packet_facts import ASKS, calls, told
from tests.unit.handoff.test_packet_records import did
from workers.handoff.chosen import chosen_in
from workers.handoff.own_steps import last_report
from workers.handoff.view import PacketView

BOOKS = (
    '{"cabin": "premium_economy", "flights": [{"date": "2026-03-14", "flight_number": "NW318"}, '
    '{"date": "2026-03-14", "flight_number": "NW552"}], "passengers": [{"dob": "1988-02-01"}], '
    '"payment_methods": [{"amount": 120, "payment_id": "voucher_4401"}, '
    '{"amount": 75, "payment_id": "credit_card_9035"}], "total_bags": 3, "user_id": "ada_1815"}'
)


def called(name: str, arguments: str, answer: str, status: str = "ok") -> tuple[Any, Any]:
    """The turns of one call."""
    return (
        ("ai_agent", "", calls(name, arguments=[arguments])),
        ("tool", answer, {"name": name, "status": status}),
    )


def test_different_errors_of_one_tool_are_told_apart() -> None:
    packet = told(
        ("customer", "Please move my booking QX7PLM to Friday."),
        *called("update_flights", '{"booking_id": "QX7PLM"}', "Error: no seat on NW318", "error"),
        *called("update_flights", '{"booking_id": "QX7PLM"}', "Error: balance too low", "error"),
        *called("update_flights", '{"booking_id": "QX7PLM"}', "Error: balance too low", "error"),
        ASKS,
    )
    assert did(packet) == [
        "Failed: update flights, booking QX7PLM: balance too low \u00d72; no seat on NW318",
    ]


def test_a_booking_that_failed_says_what_was_to_be_booked_and_paid() -> None:
    answer = "Error: Payment method voucher_4401 not found"
    packet = told(
        ("customer", "Book me a flight to Oslo."), *called("book", BOOKS, answer, "error"), ASKS
    )
    assert did(packet) == [
        (
            "Refused: book (NW318, NW552, 2026-03-14, premium economy, 3 bags, 120 voucher_4401, "
            "75 credit_card_9035): Payment method voucher_4401 not found"
        ),
    ]


def test_payments_are_not_told_where_the_error_is_another() -> None:
    packet = told(
        ("customer", "Book me a flight to Oslo."),
        *called("book", BOOKS, "Error: no seat on NW318", "error"),
        ASKS,
    )
    assert did(packet) == [
        "Failed: book (NW318, NW552, 2026-03-14, premium economy, 3 bags): no seat on NW318"
    ]


def test_arguments_that_were_cut_tell_what_is_left_of_them() -> None:
    assert chosen_in(BOOKS[:90], exact=True) == ("NW318", "2026-03-14", "premium economy")
    assert chosen_in("no JSON", exact=True) == ()


def test_what_a_call_made_has_its_name_and_its_record() -> None:
    packet = told(
        ("customer", "Book me a flight to Oslo."),
        *called("book", BOOKS, '{"reservation_id": "ZK41QD", "cabin": "premium_economy"}'),
        ("ai_agent", "It is booked. Anything else?"),
        ASKS,
    )
    assert did(packet)[0].startswith("Done: book, reservation ZK41QD (NW318, NW552")
    assert [one.text for one in packet.records] == ["reservation ZK41QD: cabin premium economy"]


def test_every_item_that_was_returned_is_named() -> None:
    order = '{"order_id": "#K7001", "items": [{"name": "Desk Lamp", "item_id": "9100000001"}, {"na'
    packet = told(
        ("customer", "I want to return the lamp and the kettle of order #K7001."),
        *called("get_order", '{"order_id": "#K7001"}', order),
        ("ai_agent", "These are the Tea Kettle with a lid (item ID: 9100000002) and the lamp."),
        ("customer", "Yes, and the scarf."),
        *called(
            "return_items",
            '{"order_id": "#K7001", "item_ids": ["9100000001", "9100000002", "9100000007"]}',
            '{"status": "return requested"}',
        ),
        ASKS,
    )
    assert did(packet)[0].startswith(
        "Done: return items, order #K7001 (Desk Lamp, Tea Kettle, 9100000007)"
    )


def test_a_first_and_last_name_in_a_sentence_are_a_name() -> None:
    packet = told(("customer", "My first name is Noor, last name is Idris. Where is my order?"))
    assert packet.who.text == "Noor Idris"


def test_five_digits_after_a_question_for_the_zip_are_one() -> None:
    packet = told(
        ("customer", "How much did I pay for my last order?"),
        ("ai_agent", "I found no account. Do you have an email address, or another ZIP code?"),
        ("customer", "Could you try 40213 with Noor?"),
        ASKS,
    )
    assert [(one.kind, one.value) for one in packet.identifiers] == [("zip", "40213")]


def test_flights_stand_beside_the_booking_that_holds_them() -> None:
    booking = (
        '{"booking_id": "QX7PLM", "cabin": "basic", "flights": [{"flight_number": "NW318"}, '
        '{"flight_number": "NW552"}, {"flight_number": "NW553"}]}'
    )
    packet = told(
        ("customer", "Please cancel QX7PLM."),
        *called("get_booking", '{"booking_id": "QX7PLM"}', booking),
        *called("search_flights", '{"date": "2026-03-14"}', '[{"flight_number": "NW553"}]'),
        *called(
            "get_flight_status", '{"flight_number": "NW552", "date": "2026-03-14"}', "cancelled"
        ),
        *called("get_flight_status", '{"flight_number": "NW318", "date": "2026-03-14"}', "landed"),
        *called(
            "get_flight_status", '{"flight_number": "NW553", "date": "2026-03-14"}', "cancelled"
        ),
        ASKS,
    )
    assert [one.text for one in packet.records] == [
        "booking QX7PLM: cabin basic, flight NW318: landed; NW552, NW553: cancelled"
    ]


def test_of_bookings_the_one_on_the_way_that_the_customer_names_is_meant() -> None:
    def booking(name: str, start: str, end: str) -> tuple[Any, Any]:
        answer = f'{{"booking_id": "{name}", "origin": "{start}", "destination": "{end}"}}'
        return called("get_booking", f'{{"booking_id": "{name}"}}', answer)

    packet = told(
        ("customer", "Please cancel my flight from OSL."),
        *booking("QX7PLM", "OSL", "BGO"),
        *booking("BB4TRW", "CPH", "AMS"),
        ("ai_agent", "You have QX7PLM and BB4TRW. Is it the first?"),
        ("customer", "Yes."),
        ASKS,
    )
    assert [one.text for one in packet.records] == ["booking QX7PLM: route OSL\\u2013BGO"] or [
        one.text[:14] for one in packet.records
    ] == ["booking QX7PLM"]


def test_the_item_at_issue_has_its_details() -> None:
    order = (
        '{"order_id": "#K7001", "status": "delivered", "items": [{"name": "Tea Kettle", "price": '
        '20}, {"name": "Desk Lamp", "price": 40.5, "options": {"color": "black", "bulb": "LED"}}]}'
    )
    packet = told(
        ("customer", "I want to exchange the desk lamp of #K7001."),
        *called("get_order", '{"order_id": "#K7001"}', order),
        ASKS,
    )
    assert [one.text for one in packet.records] == [
        "order #K7001: status delivered, Desk Lamp (black, LED, 40.5), Tea Kettle"
    ]


@pytest.mark.parametrize(
    ("told_of", "items"),
    [
        ("#K7001: Desk Lamp, black.", "Desk Lamp, Tea Kettle…"),
        ("#K7001 holds the desk lamp.", "Desk Lamp, Tea Kettle…"),
        ("#K7001 has no Desk Lamp.", ""),
    ],
)
def test_an_order_whose_record_was_cut_has_the_item_that_the_ai_named(
    told_of: str, items: str
) -> None:
    cut = '{"order_id": "#K7001", "items": [{"name": "Tea Kettle", "item_id": "9100000002"}, {"na'
    catalogue = '{"name": "Desk Lamp", "product_id": "7000000001"}'
    packet = told(
        ("customer", "I want to exchange one of order #K7001."),
        *called("get_order", '{"order_id": "#K7001"}', cut),
        *called("get_product", '{"product_id": "7000000001"}', catalogue),
        ("ai_agent", f"I found it. Order {told_of}"),
        ("customer", "Right."),
        ("ai_agent", "One moment, please."),
        ("customer", "I am waiting for it."),
        ("ai_agent", "Yes, I see."),
        ASKS,
    )
    told_of_order = [one.text for one in packet.records if "K7001" in one.text]
    # Where nobody says what is at issue, the other things in it would be taken for it.
    assert told_of_order == ([f"order #K7001: {items}"] if items else [])


@pytest.mark.parametrize(
    ("said", "last"),
    [
        (
            ["The test shows 275 Mbps. I'm glad it is resolved. Thank you!"],
            "The test shows 275 Mbps.",
        ),
        (["It still fails.", "It's frustrating that nothing works.", "Thanks."], "It still fails."),
        (["Does it work now?", "I want to pay my bill."], None),
    ],
)
def test_the_last_report_is_the_customers_last_word_on_how_it_is(
    said: list[str], last: str | None
) -> None:
    turns = packets.turns([("customer", one) for one in said])
    known = packets.facts(turns, tools=(), mood=())
    view = PacketView(known, turns, packets.decision(known, turns), "standard")
    report = last_report(view)
    assert (report.text if report else None) == last


def test_a_report_from_before_the_last_step_is_none_on_it() -> None:
    packet = told(
        ("customer", "It shows no signal."),
        ("ai_agent", "Please reset the network settings."),
        ("customer", "I checked the SIM card and reset the network settings."),
        ASKS,
    )
    assert not [one for one in packet.tried if "\u2192" in one.text]


def test_steps_end_with_the_last_report() -> None:
    packet = told(
        ("customer", "My phone shows no service. What should I do?"),
        ("ai_agent", "Please restart it, then tell me what it says."),
        ("customer", "I restarted the phone and checked the SIM card."),
        ("ai_agent", "And a speed test?"),
        ("customer", "The speed test failed with an error for the third time in a row today."),
        ("ai_agent", "I will look into it."),
        ("customer", "I want a refund for this month, please."),
    )
    [steps] = [one.text for one in packet.tried if one.kind == "steps"]
    assert "\u2192 “The speed test failed" in steps


def test_a_look_at_the_customers_record_without_anything_in_it_is_no_line() -> None:
    answer = '{"user_id": "noor_idris_7"}'
    packet = told(
        ("customer", "I want to return the lamp."),
        *called("get_user_details", '{"user_id": "noor_idris_7"}', answer),
        ("ai_agent", "Which order is it?"),
        ASKS,
    )
    assert packet.tried == ()


def test_the_head_of_a_list_is_not_what_the_ai_said_last() -> None:
    packet = told(
        ("customer", "Is my booking QX7PLM in order?"),
        ("ai_agent", "Here's the summary: Flight NW318. The booking QX7PLM is paid in full."),
        ("customer", "Please let me talk to a person."),
    )
    assert packet.stands.text.startswith("AI said last: “The booking QX7PLM is paid in full.”")
