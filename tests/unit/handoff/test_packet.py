"""The packet: what a person at a desk reads, and what it rests on."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.support import packets
from workers.contracts.decisions import Earlier, Facts, Turn
from workers.contracts.events import Customer
from workers.contracts.handoffs import Packet
from workers.contracts.time import to_ms
from workers.handoff.packet import (
    TRANSCRIPT_BYTES,
    TRANSCRIPT_TURNS,
    build_packet,
    words_before_transcript,
)
from workers.handoff.rendering import render_text


def built(rule: Any = "standard", told: dict[str, Any] | None = None, **changes: Any) -> Packet:
    transcript = packets.turns()
    known = packets.facts(transcript, **(told or {}))
    return build_packet(known, transcript, packets.decision(known, transcript, **changes), rule)


def test_it_says_who_what_why_and_what_next() -> None:
    packet = built()
    assert packet.who.text == "Mia Li (C-1042), gold, en-GB"
    assert packet.wants.text.startswith("“My booking QX7PLM to Porto on Friday was cancelled")
    assert packet.wants.events[0] == "e0"
    assert packet.tried[0].text == "Timed out: rebook flight \u00d72: gateway timed out"
    assert packet.tried[0].events == ("e2", "e5")
    assert packet.why.text == "Asked for a person: “Let me talk to a human please.”"
    assert packet.why.events == ("e7",)
    assert packet.mood is not None
    assert packet.mood.text == "Frustrated"
    assert packet.next_step.text
    assert packet.identifiers[0].value == "QX7PLM"
    assert (packet.duration_s, packet.customer_turns, packet.ai_turns) == (140, 3, 3)


def test_key_messages_tell_what_the_claims_do_not() -> None:
    lines = [
        ("customer", "I want to return the lamp, because the switch sparks."),
        ("ai_agent", "Which order is it?"),
        ("customer", "I have already unplugged it. I tried another socket and it still sparks."),
        ("ai_agent", "Please wait."),
        ("customer", "Let me talk to a human, please."),
    ]
    transcript = packets.turns(lines)
    known = packets.facts(transcript, tools=(), mood=())
    packet = build_packet(known, transcript, packets.decision(known, transcript), "standard")
    texts = [message.text for message in packet.key_messages]
    texts += [claim.text for claim in (packet.wants, *packet.tried)]
    assert any("I tried another socket and it still sparks." in text for text in texts)
    times = [message.at for message in packet.key_messages]
    assert times == sorted(times)


def test_a_long_talk_fills_the_limit_and_keeps_to_it() -> None:
    said = " ".join(f"word{n} number {n}" for n in range(40))
    lines = [(role, f"{n} {role} {said}") for n in range(9) for role in ("customer", "ai_agent")]
    transcript = packets.turns(lines)
    known = packets.facts(transcript, ai_note=said, subject=said)
    packet = build_packet(known, transcript, packets.decision(known, transcript), "none")
    assert 90 <= words_before_transcript(packet) <= 120


def test_the_last_notes_say_who_left_them_when_and_where() -> None:
    said = packets.turns()
    left = [
        Turn(f"n{n}", said[-1].at + n, "system", f"{n}: call 4111 1111 1111 1111", 1, "Ana", "note")
        for n in range(7)
    ]
    transcript = [*said, *(msgspec.structs.replace(note, queue="billing") for note in left)]
    known = packets.facts(transcript)
    packet = build_packet(known, transcript, packets.decision(known, transcript), "standard")
    assert [note.event_id for note in packet.notes] == ["n2", "n3", "n4", "n5", "n6"]
    assert {(note.name, note.queue) for note in packet.notes} == {("Ana", "billing")}
    assert not any("4111" in note.text for note in packet.notes)
    assert "Ana on billing: 6: call" in render_text(packet)
    long = [msgspec.structs.replace(note, content="é" * 1_500) for note in left]
    packet = build_packet(known, long, packets.decision(known, long), "none")
    assert [len(note.text.encode()) for note in packet.notes] == [2_048]


def test_a_repeated_message_is_said_once() -> None:
    said = "I need my router 44119 repaired, because it blinks red."
    lines = [("customer", said), ("ai_agent", "Please restart it now.")] * 6
    transcript = packets.turns(lines)
    known = packets.facts(transcript, tools=(), mood=())
    packet = build_packet(known, transcript, packets.decision(known, transcript), "standard")
    assert render_text(packet).split("Transcript")[0].count("blinks red") == 1


def test_a_greeting_is_not_what_the_customer_wants() -> None:
    transcript = packets.turns([("customer", "Hello!"), ("customer", "Where is parcel 88120?")])
    known = packets.facts(transcript)
    packet = build_packet(known, transcript, packets.decision(known, transcript), "standard")
    assert packet.wants.text == "“Where is parcel 88120?”"
    assert packet.wants.events == ("e1",)


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        ("claim_missed", "Nobody took it on tier_2_support"),
        ("reply_missed", "Taken, but not answered in time"),
        ("mandatory_rule", "Raised to level 1"),
        ("ticket_refused", "Refused by the ticket system"),
    ],
)
def test_a_move_says_how_it_came_here(cause: str, expected: str) -> None:
    packet = built(action="move", cause=cause, level=1, tried=("tier_2_support",))
    assert packet.stands.text.startswith(expected)


def test_a_transfer_names_the_colleague_and_carries_the_note() -> None:
    packet = built(action="transfer", person="ana", told={"desk_note": "Needs a fee waiver."})
    assert packet.stands.text.startswith("Passed on by ana")
    assert packet.desk_note == "Needs a fee waiver."


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("tool_unavailable", "A tool the AI needs keeps failing: rebook flight"),
        ("priority_escalation", "A topic for people: rebooking: “"),
        ("agent_uncertainty", "The AI is not sure of its answers: confidence 0.41"),
        ("context_window_exceeded", "Too long for the AI: 91% of its memory used"),
        ("customer_frustration", "Frustrated: “"),
    ],
)
def test_the_reason_tells_its_fact(reason: str, expected: str) -> None:
    packet = built(reason=reason, score=0.91, told={"confidence": (0.6, 0.41)})
    assert packet.why.text.startswith(expected)


def test_waiting_is_measured_from_the_last_customer_message() -> None:
    later = packets.START + timedelta(minutes=30)
    assert built(decided_at=later).stands.text.endswith("; Unanswered for 28 min")


def test_an_ai_turn_that_came_too_late_does_not_count_as_an_answer() -> None:
    stale = Turn("e8", to_ms(packets.START) + 150_000, "ai_agent", "Try later!", 1, None, "stale")
    transcript = (*packets.turns(), stale)
    known = packets.facts(transcript)
    packet = build_packet(known, transcript, packets.decision(known, transcript), "standard")
    assert packet.stands.text.endswith("; Unanswered for 10 s")
    assert "e8" not in {message.event_id for message in packet.key_messages}
    assert packet.transcript[-1].status == "stale"


def test_everything_is_redacted_by_the_rule_of_the_destination() -> None:
    secret = "4111 1111 1111 1111"
    mail = "mia@mail.example"
    transcript = packets.turns(
        [("customer", f"Charge {secret} and write to {mail}"), *packets.LINES]
    )
    known = packets.facts(
        transcript,
        customer=Customer(id=mail, name="Mia"),
        subject=f"card {secret}",
        desk_note=f"card is {secret}",
        ai_note=f"wants {secret} charged",
        earlier=(
            Earlier(
                escalation_id="x0",
                reason="explicit_request",
                outcome="resolved",
                ended_at=packets.START,
                note=f"refunded {secret}",
            ),
        ),
    )
    made = packets.decision(known, transcript)
    standard = msgspec.json.encode(build_packet(known, transcript, made, "standard")).decode()
    strict = msgspec.json.encode(build_packet(known, transcript, made, "strict")).decode()
    none = msgspec.json.encode(build_packet(known, transcript, made, "none")).decode()
    assert "1111" not in standard
    assert mail in standard
    assert mail not in strict
    assert secret in none


def test_only_the_last_200_turns_are_carried() -> None:
    transcript = packets.turns([("customer", f"message {n}") for n in range(450)])
    known = packets.facts(transcript, tools=(), mood=())
    packet = build_packet(known, transcript, packets.decision(known, transcript), "none")
    assert len(packet.transcript) == TRANSCRIPT_TURNS
    assert packet.transcript[-1].event_id == "e449"
    assert packet.transcript_total == 450


def test_the_transcript_ends_at_256_kilobytes_and_keeps_the_newest() -> None:
    transcript = packets.turns([("customer", "x" * 30_000) for _ in range(20)])
    known = packets.facts(transcript, tools=(), mood=())
    packet = build_packet(known, transcript, packets.decision(known, transcript), "none")
    size = len(msgspec.json.encode(packet.transcript))
    assert TRANSCRIPT_BYTES - 31_000 < size <= TRANSCRIPT_BYTES
    assert packet.transcript[-1].event_id == "e19"


def test_no_transcript_at_all_still_gives_a_packet() -> None:
    known = Facts(turns=0, started_at=packets.START, episode_started_at=packets.START)
    packet = build_packet(known, (), packets.decision(known, ()), "strict")
    assert packet.who.text == "Unknown customer"
    assert words_before_transcript(packet) <= 120


def test_rendered_it_is_plain_text_of_limited_width() -> None:
    lines = [*packets.LINES, ("customer", "\x1b[2J\u202eevil\x07 " + "y" * 300)]
    transcript = packets.turns(lines)
    known = packets.facts(transcript)
    text = render_text(
        build_packet(known, transcript, packets.decision(known, transcript), "standard")
    )
    assert max(map(len, text.splitlines())) <= 100
    assert not {"\x1b", "\u202e", "\x07"} & set(text)
    for label in ("Who", "Why", "Wants", "So far", "Stands", "Mood", "Next", "Identifiers"):
        assert f"\n{label}" in f"\n{text}"
