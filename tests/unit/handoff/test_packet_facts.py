"""Facts of a conversation for its packet: one conversation for each kind of mistake."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from tests.support import packets
from workers.contracts.decisions import Evidence, Mood, Turn
from workers.contracts.events import Attachment, Customer
from workers.contracts.handoffs import Packet
from workers.handoff.frames import languages
from workers.handoff.packet import build_packet
from workers.handoff.rendering import render_text

Line = tuple[str, str]


def calls(*names: str, arguments: Sequence[str] = (), handover: str | None = None) -> Any:
    """Return the fields of an AI turn that calls tools."""
    ids = tuple(f"k{number}" for number in range(len(names)))
    return {"calls": names, "arguments": tuple(arguments), "call_ids": ids, "handover": handover}


def told(
    *lines: Line | tuple[str, str, dict[str, Any]], language: str = "en", **more: Any
) -> Packet:
    """The packet of a conversation whose last line caused the handoff."""
    changes = [line[2] if len(line) == 3 else {} for line in lines]
    turns = packets.turns([(line[0], line[1]) for line in lines])
    transcript = [
        msgspec.structs.replace(turn, **({"name": None, "status": None} | change))
        if turn.role != "tool"
        else msgspec.structs.replace(turn, **change)
        for turn, change in zip(turns, changes, strict=True)
    ]
    facts = {"tools": (), "mood": (), "customer": None, "intents": ()} | more.pop("facts", {})
    known = packets.facts(transcript, **facts)
    last = transcript[-1].event_id
    evidence = (Evidence(event_id=last, signal="requested_human", score=0.9, quote="-"),)
    made = packets.decision(known, transcript, **({"evidence": evidence} | more))
    return build_packet(known, transcript, made, "standard", language=language)


ASKS = ("customer", "Please let me talk to a person.")


def test_what_is_asked_follows_a_change_of_subject() -> None:
    packet = told(
        ("customer", "I need to cancel order 55121, please."),
        ("ai_agent", "", calls("cancel_order", arguments=['{"order":"55121"}'])),
        ("tool", '{"status": "cancelled"}', {"name": "cancel_order", "status": "ok"}),
        ("ai_agent", "Order 55121 is cancelled."),
        ("customer", "Now I would like a voucher for the wasted afternoon, at least 20 euros."),
        ("ai_agent", "I am unable to give a voucher for that."),
        ASKS,
    )
    assert "voucher for the wasted afternoon" in packet.wants.text
    assert "cancel" not in packet.wants.text
    assert [(one.text, one.state) for one in packet.requests] == [
        ("I need to cancel order 55121, please.", "settled")
    ]
    assert packet.tried[0].text == "Done: cancel order 55121: status cancelled"
    assert packet.tried[0].kind == "action"
    assert packet.stands.text.startswith("AI refused: “I am unable to give a voucher")
    assert packet.next_step.text.startswith("Decide on compensation (55121): the AI refused")


def test_what_is_still_open_stands_beside_what_came_later() -> None:
    packet = told(
        ("customer", "I want to return the blue lamp."),
        ("ai_agent", "I cannot return it: the window has closed."),
        ("customer", "Could you refund at least half of the price instead?"),
        ASKS,
    )
    assert packet.wants.text == (
        "“I want to return the blue lamp.” "
        "Now: “Could you refund at least half of the price instead?”"
    )


@pytest.mark.parametrize(
    ("status", "answer", "expected", "kind"),
    [
        (
            "ok",
            '{"status": "denied", "reason": "window closed"}',
            "Refused: return item",
            "refused",
        ),
        ("ok", '{"success": false, "error": "no stock"}', "Refused: return item", "refused"),
        ("error", "Error: item cannot be returned", "Refused: return item", "refused"),
        ("denied", "over the limit", "Denied: return item", "refused"),
        ("timeout", "gateway", "Timed out: return item", "failed"),
        ("error", "Error: upstream broke", "Failed: return item", "failed"),
        ("ok", '{"status": "return requested"}', "Done: return item", "action"),
    ],
)
def test_denied_and_refused_are_not_ok(status: str, answer: str, expected: str, kind: str) -> None:
    packet = told(
        ("customer", "Please return item 88120."),
        ("ai_agent", "", calls("return_item", arguments=['{"item_id":"88120"}'])),
        ("tool", answer, {"name": "return_item", "status": status}),
        ASKS,
    )
    assert packet.tried[0].text.startswith(expected)
    assert packet.tried[0].kind == kind


def test_a_lookup_says_what_was_found_and_of_which_call() -> None:
    arguments = ['{"order_id":"55121"}', '{"order_id":"55122"}']
    packet = told(
        ("customer", "Where is my order 55122?"),
        ("ai_agent", "", calls("get_order", "get_order", arguments=arguments)),
        ("tool", '{"status": "lost"}', {"name": "get_order", "status": "ok", "call_ids": ("k1",)}),
        (
            "tool",
            '{"status": "delivered", "total": 40.5}',
            {"name": "get_order", "status": "ok", "call_ids": ("k0",)},
        ),
        ASKS,
    )
    # Two orders with different answers: that of the one that was spoken of is said, of it alone.
    assert [claim.text for claim in packet.records] == ["order 55122: status lost"]
    alone = told(
        ("customer", "Where is my order 55122?"),
        ("ai_agent", "", calls("get_order", arguments=arguments[1:])),
        ("tool", '{"status": "lost", "total": 40.5}', {"name": "get_order", "status": "ok"}),
        ASKS,
    )
    assert alone.records[0].text == "order 55122: status lost, total 40.5"
    assert alone.tried == ()


def test_what_failed_and_then_worked_did_not_fail() -> None:
    packet = told(
        ("customer", "Book table 77120 please."),
        ("ai_agent", "", calls("book_table", arguments=['{"table":"77120"}'])),
        ("tool", "gateway", {"name": "book_table", "status": "timeout"}),
        ("ai_agent", "", calls("book_table", arguments=['{"table":"77120"}'])),
        ("tool", '{"status": "booked"}', {"name": "book_table", "status": "ok"}),
        ASKS,
    )
    assert [claim.kind for claim in packet.tried] == ["action"]


def test_a_handover_tool_is_never_done_and_its_note_comes_first() -> None:
    note = "Wants 649 euros back for washing machine 40019944, above my limit."
    packet = told(
        ("customer", "The washing machine 40019944 leaks. I want my money back."),
        ("ai_agent", "", calls("transfer_to_human_agents", handover=note)),
        reason="agent_request",
    )
    assert packet.why.text == f"The AI asked for a person: “{note}”"
    assert not any("transfer" in claim.text for claim in packet.tried)


@pytest.mark.parametrize(
    ("asked", "said", "kind", "value"),
    [
        ("What is your user ID?", "Sure, it's james_k_2041.", "user", "james_k_2041"),
        ("Hello!", "My order number is #W5565470.", "order", "#W5565470"),
        ("Your booking, please?", "QX7PLM", "booking", "QX7PLM"),
        ("Hello!", "The tracking number 907614527588 shows nothing.", "tracking", "907614527588"),
        ("Hallo!", "Meine Bestellnummer lautet 4400127.", "order", "4400127"),
        ("Bonjour !", "Ma réservation est ZX81QQ.", "booking", "ZX81QQ"),
        ("Hello!", "item_id 6065192424 is the wrong one", "item", "6065192424"),
        ("Hello!", "Call me on +49 30 901820, please.", "phone", "+49 30 901820"),
        ("Order ID and user ID, please?", "That is K40012 then.", None, "K40012"),
    ],
)
def test_an_identifier_is_kept_whole_and_named(
    asked: str, said: str, kind: str | None, value: str
) -> None:
    packet = told(
        ("customer", "Hi there, I need help."), ("ai_agent", asked), ("customer", said), ASKS
    )
    (found,) = packet.identifiers
    assert (found.kind, found.value, found.event_id) == (kind, value, "e2")


@pytest.mark.parametrize(
    "said",
    [
        *("I booked it 10 hours ago.", "It was 2024-05-02 at 16:40.", "I paid $1,095.55 for it."),
        *("I want 50% back.", "It is a 10-inch tablet, 128GB.", "In 2025 it still worked."),
    ],
)
def test_dates_amounts_and_sizes_are_no_identifiers(said: str) -> None:
    assert told(("customer", said), ASKS).identifiers == ()


def test_who_it_is_comes_from_what_was_said_or_looked_up() -> None:
    said = told(("customer", "My name is Olivia Lopez and I need a refund."), ASKS)
    assert said.who.text == "Olivia Lopez"
    found = told(
        ("customer", "I need a refund, my phone is 555-123-2002."),
        ("ai_agent", "", calls("get_customer_by_phone", arguments=['{"phone":"555-123-2002"}'])),
        (
            "tool",
            '{"customer_id": "C1001", "full_name": "John Smith"}',
            {"name": "get_customer_by_phone", "status": "ok"},
        ),
        ASKS,
    )
    assert found.who.text == "John Smith (C1001)"
    assert "e2" in found.who.events
    assert told(("customer", "I need a refund."), ASKS).who.text == "Unknown customer"


def test_a_yes_is_no_request_and_what_is_none_is_not_called_one() -> None:
    offered = told(
        ("customer", "I need a refund for the lamp."),
        ("ai_agent", "I cannot do that. Would you like me to transfer you to a human agent?"),
        ("customer", "Yes, please, that would be helpful."),
    )
    assert offered.why.text.startswith("Took the AI's offer of a person: “Yes, please")
    label = told(
        ("customer", "I need to return the sneakers."),
        ("ai_agent", "You will receive an email with the label."),
        ("customer", "Send the return label by SMS to the phone number on file."),
    )
    assert label.why.text.startswith("Perhaps wants a person")


def test_a_greeting_or_courtesy_is_no_key_message() -> None:
    packet = told(
        ("ai_agent", "Hi! How can I help you today?"),
        ("customer", "Hello! I need to change the address of order 55121 because I moved."),
        ("ai_agent", "Thanks for that. Which address is it?"),
        (
            "customer",
            "Thanks. It is Elm Street 4. I tried the form on 4 May. It said error 55.",
        ),
        ASKS,
    )
    said = [message.text for message in packet.key_messages]
    assert not any(text.startswith(("Hi", "Hello", "Thanks")) for text in said)


def test_promises_and_offers_stand_in_the_packet_and_questions_do_not() -> None:
    packet = told(
        ("customer", "I want to return the lamp."),
        ("ai_agent", "Done. You will receive an email with the label. Anything else I can do?"),
        ("customer", "When does the courier come?"),
        ("ai_agent", "The courier comes on working days between eight and noon."),
        ASKS,
    )
    assert [claim.text for claim in packet.promised] == [
        "“You will receive an email with the label.”"
    ]


def test_a_dispute_is_checked_and_uncertainty_is_none() -> None:
    lines: list[Line] = [
        ("customer", "I need to cancel booking QX7PLM."),
        ("ai_agent", "It was booked on May 2, so I cannot cancel it."),
    ]
    packet = told(*lines, ("customer", "I'm certain I booked it ten hours ago."), ASKS)
    assert packet.next_step.text == "Check the records: “I'm certain I booked it ten hours ago.”"
    packet = told(*lines, ("customer", "I'm not sure when I booked it."), ASKS)
    assert "Check the records" not in packet.next_step.text


@pytest.mark.parametrize(
    ("score", "last", "feeling"),
    [
        (0.4, "It still does not work.", "neutral"),
        (0.55, "It still does not work.", "neutral"),
        (0.65, "It still does not work.", "impatient"),
        (0.7, "It still does not work.", "frustrated"),
        (0.9, "It still does not work.", "very_frustrated"),
        (0.0, "Thank you so much, that worked perfectly!", "satisfied"),
    ],
)
def test_the_mood_is_one_of_five_words(score: float, last: str, feeling: str) -> None:
    moods = (Mood(event_id="e0", score=score),) if score else ()
    packet = told(("customer", last), facts={"mood": moods})
    assert packet.mood is not None
    assert packet.mood.kind == feeling


def test_an_image_alone_is_named() -> None:
    image = Attachment(type="image/png", name="hinge.png", size=9)
    packet = told(("customer", "", {"attachments": (image,)}), reason="stalled", evidence=())
    assert packet.attachments == (image,)
    assert packet.wants.text == "Sent 1 attachments"
    assert "image/png hinge.png" in render_text(packet)


@pytest.mark.parametrize("language", sorted(languages()))
def test_the_frame_is_in_the_language_of_the_queue_and_quotes_stay(language: str) -> None:
    packet = told(
        ("customer", "I need to cancel order 55121, please."),
        ("ai_agent", "I cannot cancel it."),
        ASKS,
        language=language,
        facts={"customer": Customer(name="Mia Li", email="mia@example.com")},
    )
    assert packet.language == language
    assert "I need to cancel order 55121, please." in packet.wants.text
    assert "mia@example.com" in render_text(packet)
    english = told(*[("customer", "I need to cancel order 55121, please."), ASKS])
    assert (packet.why.text.split(":")[0] == english.why.text.split(":")[0]) == (language == "en")


def test_level_and_transfers_stand_beside_each_other() -> None:
    packet = told(("customer", "I need a refund."), ASKS, level=1, transfers=2)
    assert (packet.level, packet.transfers) == (1, 2)
    assert "level 1, passed on by persons: 2" in render_text(packet)


def test_words_an_ai_wrote_into_json_are_read_as_words() -> None:
    packet = told(
        ("customer", "I need the refund in three days."),
        ("ai_agent", '{"message": "Sorry.\\n\\nI cannot promise three days.", "next": 1}'),
        ASKS,
    )
    assert "“I cannot promise three days.”" in packet.stands.text


def test_a_turn_of_before_without_arguments_is_still_read() -> None:
    turns = [
        Turn("e0", 1, "customer", "Cancel it please, order 55121."),
        Turn("e1", 2, "tool", "x", 1, "t", "ok"),
    ]
    known = packets.facts(turns, tools=(), mood=(), customer=None)
    assert build_packet(known, turns, packets.decision(known, turns), "none").tried
