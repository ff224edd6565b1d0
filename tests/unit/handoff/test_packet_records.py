"""Records, identifiers, steps, reasons and moods that a packet tells: each case is a kind."""

import pytest

from tests.support import packets
from tests.unit.handoff.test_packet_background import found, looked_up
from tests.unit.handoff.test_packet_facts import ASKS, Line, calls, told
from workers.contracts.decisions import Evidence, Mood
from workers.contracts.handoffs import Packet
from workers.handoff.own_steps import steps_of
from workers.handoff.tool_results import part_of
from workers.handoff.view import PacketView

ORDER = (
    '{"order_id": "%s", "items": [{"name": "Desk Lamp", "item_id": "9100000001", "price": 40.5, '
    '"options": {"color": "black"}}, {"name": "Tea Kettle", "item_id": "9100000002", "price": 20}],'
    ' "status": "%s"}'
)
CATALOGUE = (
    '{"name": "Desk Lamp", "product_id": "7000000001", "variants": {"9100000003": '
    '{"item_id": "9100000003", "options": {"color": "silver", "brightness": "low"}, '
    '"available": true, "price": 37.0}, "9100000004": {"item_id": "9100000004", "opt'
)


def look(name: str, key: str, what: str, answer: str) -> tuple[Line, Line]:
    """The turns of one look-up."""
    return looked_up(name, f'{{"{key}": "{what}"}}', answer)


def did(packet: Packet) -> list[str]:
    """The lines of what tools did and could not do."""
    return [one.text for one in packet.tried if one.kind in ("action", "refused", "failed")]


def test_the_thing_that_was_changed_last_comes_first_and_what_was_scanned_goes() -> None:
    packet = told(
        ("customer", "I want to exchange the lamp, please."),
        *look("get_order", "order_id", "#K7001", ORDER % ("#K7001", "delivered")),
        *look("get_order", "order_id", "#K7002", '{"order_id": "#K7002", "status": "pending"}'),
        *look("get_product", "product_id", "7000000001", CATALOGUE),
        ("ai_agent", "Item 9100000003 costs $37.00. Shall I exchange the lamp?"),
        ("customer", "Yes, do it."),
        *looked_up(
            "exchange_items",
            '{"order_id": "#K7001", "item_ids": ["9100000001"], "new_item_ids": ["9100000003"]}',
            ORDER % ("#K7001", "exchange requested"),
        ),
        ("ai_agent", "It is done."),
        ASKS,
    )
    assert found(packet) == [
        "order #K7001: status exchange requested, Desk Lamp, Tea Kettle",
        "item 9100000003: Desk Lamp, silver, low, available yes, price 37",
    ]
    assert did(packet)[-1].startswith("Done: exchange items, order #K7001 (Desk Lamp)")


def test_values_are_told_that_a_refusal_rests_on() -> None:
    booking = (
        '{"booking_id": "QX7PLM", "origin": "LIS", "destination": "OPO", "cabin": "basic_economy", '
        '"flights": [{"flight_number": "TA1", "date": "2026-05-21", "price": 60}], '
        '"payment_history": [{"amount": 120.0}], "created_at": "2026-05-02T06:02:11", '
        '"insurance": "no"}'
    )
    packet = told(
        ("customer", "Cancel booking QX7PLM and give me the money back."),
        *look("get_booking", "booking_id", "QX7PLM", booking),
        ("ai_agent", "I cannot refund QX7PLM: it has no insurance and was created on 2 May."),
        ASKS,
    )
    assert found(packet) == [
        (
            "booking QX7PLM: insurance no, created 2026-05-02, "
            "cabin basic economy, LIS\u2013OPO 2026-05-21"
        )
    ]


def test_a_limit_stands_beside_what_is_used_and_outlasts_a_change_of_something_else() -> None:
    line = (
        '{"line_id": "L1007", "phone_number": "555-010-2002", "plan_id": "P1009", '
        '"data_used_gb": 15.1}'
    )
    packet = told(
        ("customer", "My phone 555-010-2002 cannot send pictures."),
        *look("get_details", "id", "L1007", line),
        *look(
            "get_details", "id", "P1009", '{"plan_id": "P1009", "data_limit_gb": 15.0, "fee": 65.0}'
        ),
        *looked_up("refuel_data", '{"line_id": "L1007", "gb_amount": 2}', "Data refueled"),
        ("ai_agent", "I added 2 GB to your line."),
        ASKS,
    )
    assert found(packet) == ["line L1007: data used 15.1 of 15 GB"]
    assert did(packet) == ["Done: refuel data, line L1007: 2 GB"]


def test_each_thing_that_was_changed_is_told_with_its_number_and_its_amount() -> None:
    bill = '{"bill_id": "B7001", "total_due": 57.0, "status": "Overdue"}'
    packet = told(
        ("customer", "I have no service. My name is Ana Roca."),
        *look("get_details", "id", "B7001", bill),
        *looked_up(
            "send_payment_request", '{"customer_id": "C7", "bill_id": "B7001"}', "Request sent"
        ),
        *looked_up("send_certificate", '{"user_id": "ana_77", "amount": 200}', "Added 200"),
        ("ai_agent", "I sent you a request for the bill."),
        ASKS,
    )
    assert did(packet) == [
        "Done: send payment request, bill B7001: total due 57",
        "Done: send certificate: amount 200, Added 200",
    ]


def test_a_status_is_told_in_the_ais_words_where_the_record_was_cut_before_it() -> None:
    cut = '{"order_id": "#K7001", "items": [{"name": "Desk Lamp", "item_id": "9100000001", "pri'
    for said, expected in (
        ("Order #K7001 has already been delivered.", "status delivered, Desk Lamp…"),
        ("Order #K7001 (pending): a lamp.", "status pending, Desk Lamp…"),
        ("Order #K7001 cannot be cancelled.", "Desk Lamp…"),
        ("Once order #K7001 is delivered, write again.", "Desk Lamp…"),
        ("Order #K7001 is not shipped.", "Desk Lamp…"),
    ):
        packet = told(
            ("customer", "Where is my desk lamp?"),
            *look("get_order", "order_id", "#K7001", cut),
            ("ai_agent", said),
            ASKS,
        )
        assert found(packet) == [f"order #K7001: {expected}"]


@pytest.mark.parametrize(
    ("code", "told_of"),
    [
        ("9100000003", ("item", ("Desk Lamp", "silver", "low", "available yes", "price 37"))),
        ("9100000004", ("", ())),
        ("7000000001", ("", ())),
    ],
)
def test_a_part_of_a_result_is_told_whole_or_not_at_all(
    code: str, told_of: tuple[str, tuple[str, ...]]
) -> None:
    assert part_of(CATALOGUE, code) == told_of


def test_what_nobody_asked_for_and_no_tool_found_is_not_told() -> None:
    missing = {"name": "get_plan", "status": "error"}
    packet = told(
        ("customer", "My data is slow, and my order is K900001."),
        ("ai_agent", "", calls("get_plan", arguments=['{"plan_id": "P77"}'])),
        ("tool", "Error: plan P77 not found", missing),
        ("ai_agent", "", calls("get_order", arguments=['{"order_id": "K900001"}'])),
        ("tool", "Error: order not found", {"name": "get_order", "status": "error"}),
        ("ai_agent", "I cannot find your order K900001."),
        ASKS,
    )
    assert did(packet) == ["Not found: get order K900001: order not found"]
    assert packet.identifiers == ()


@pytest.mark.parametrize(
    ("said", "steps"),
    [
        # A test is told with its result, and the last result of it.
        (
            ["I ran the speed test, but it failed.", "I ran the speed test, and it shows 27 Mbps."],
            ["I ran the speed test, and it shows 27 Mbps"],
        ),
        # A step that only points at the message before it is none; what follows may be.
        (
            ["I followed your instructions and reset the APN settings, then rebooted my phone."],
            ["reset the APN settings, then rebooted my phone"],
        ),
        (
            ["I followed your steps and took out the SIM card, then put it back in again."],
            ["took out the SIM card, then put it back in again"],
        ),
        (["I checked both settings. I turned Wi-Fi Calling off."], ["I turned Wi-Fi Calling off"]),
        (["I changed my mind. I restarted my phone."], ["I restarted my phone"]),
        (["I paid for these flights. I restarted my phone."], ["I restarted my phone"]),
        # Withdrawn, it was not done.
        (
            ["I removed the SIM card. I restarted my phone.", "I did not remove the SIM, sorry."],
            ["I restarted my phone"],
        ),
    ],
)
def test_each_step_is_told_once_with_what_came_of_it(said: list[str], steps: list[str]) -> None:
    turns = packets.turns([("customer", one) for one in said])
    known = packets.facts(turns, tools=(), mood=())
    view = PacketView(known, turns, packets.decision(known, turns), "standard")
    assert [step.text for step in steps_of(view)] == steps


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Pay it back to my gift card 8541487, please.", [("payment", "8541487")]),
        ("Mail it to a****7301@example.com, please.", []),
        ("Send it to 476 Maple Drive, New York, NY 10093, please.", []),
        ("I want the 100ml bottle, please.", []),
    ],
)
def test_digits_that_name_nothing_are_no_identifier(
    said: str, expected: list[tuple[str, str]]
) -> None:
    packet = told(("customer", said), ("ai_agent", "Which order is it?"), ASKS)
    assert [(one.kind, one.value) for one in packet.identifiers] == expected


def test_a_name_is_not_told_with_the_label_behind_it_and_as_the_record_has_it() -> None:
    said = ("customer", "Name: Ada Roca Shipping ZIP: 10192. Where is my order, please?")
    assert told(said, ASKS).who.text == "Ada Roca"
    record = '{"user_id": "ada_7", "name": {"first_name": "Ada", "last_name": "Roca Vidal"}}'
    packet = told(said, *looked_up("get_user_details", '{"user_id": "ada_7"}', record), ASKS)
    assert packet.who.text == "Ada Roca Vidal (ada_7)"


def test_what_the_ai_alone_worked_on_stands_among_the_records() -> None:
    packet = told(
        ("customer", "Please change the address of my order."),
        *look("get_order", "order_id", "#K7001", ORDER % ("#K7001", "pending")),
        ("ai_agent", "I cannot change the address of it."),
        ASKS,
    )
    assert packet.identifiers == ()
    assert [one.text.split(":")[0] for one in packet.records] == ["order #K7001"]


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        ("error", "Error: plan P77 not found", "The AI keeps looking up what does not exist"),
        ("error", "the payment must be the original one", "A tool refuses what the AI asks of it"),
        ("error", "internal server fault", "A tool the AI needs keeps failing"),
    ],
)
def test_a_tool_fails_only_where_it_did(status: str, error: str, expected: str) -> None:
    missed = "not found" in error
    tool = "get_plan" if missed else "book_trip"
    packet = told(
        ("customer", "Please book plan P77 for me."),
        ("ai_agent", "", calls(tool, arguments=['{"plan_id": "P77"}'])),
        ("tool", error, {"name": tool, "status": status}),
        reason="tool_unavailable",
    )
    assert packet.why.text.startswith(f"{expected}: ")


def test_who_reports_a_further_step_goes_in_no_circle() -> None:
    for last, why in (
        ("I restarted my phone. What should I do next?", "No solution after 2 messages"),
        ("What should I do next about my phone?", "Going in circles"),
    ):
        packet = told(
            ("customer", "My phone has no signal. What should I do next?"),
            ("ai_agent", "Please restart it."),
            ("customer", last),
            reason="unproductive_loop",
            evidence=(Evidence(event_id="e2", signal="repetition", score=0.9, quote="-"),),
        )
        assert packet.why.text.startswith(why)


@pytest.mark.parametrize(
    "before", ["", "It is really important that I get the correct number here, and "]
)
def test_a_request_for_a_person_keeps_its_condition(before: str) -> None:
    condition = "if you still say I am Silver, I would like to speak to a supervisor."
    asked = f"{before}{condition}" if before else condition.capitalize()
    packet = told(
        ("customer", "How many bags may I take?"),
        ("ai_agent", "As a silver member you may take two."),
        ("customer", asked),
    )
    assert "if you still say i am silver, i would like" in packet.why.text.lower()


def test_a_long_note_of_the_ai_keeps_its_end() -> None:
    middle = "The customer was told of the rule, of its reasons and of every exception to it. " * 3
    note = f"Ada wants to move booking QX7PLM. {middle}Asks to waive the fee of 40 euros."
    call = ("ai_agent", "", calls("transfer_to_human_agents", handover=note))
    packet = told(("customer", "Please move it."), call, reason="agent_request")
    assert "Ada wants to move booking QX7PLM." in packet.why.text
    assert packet.why.text.endswith("Asks to waive the fee of 40 euros.”")


@pytest.mark.parametrize(
    ("last", "feeling"),
    [
        ("This is getting pretty frustrating.", "Frustrated"),
        ("Great, thanks! I appreciate the help.", "Satisfied"),
        ("Great, thanks! Could you also cancel the other one?", "Neutral"),
    ],
)
def test_own_words_count_before_a_score(last: str, feeling: str) -> None:
    score = 0.9 if "frustrating" in last else 0.0
    packet = told(
        ("customer", "Please exchange the lamp of order 55121."),
        ("ai_agent", "It is done."),
        ("customer", last),
        facts={"mood": (Mood(event_id="e2", score=score),)},
    )
    assert packet.mood is not None
    assert packet.mood.text.split(",")[0] == feeling
