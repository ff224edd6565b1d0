"""The history in the packet: who had the conversation, in the words of the queue's language."""

import msgspec
import pytest

from tests.support import packets
from tests.support.fold_history import ASKS, History
from tests.support.packet_checks import require_honest
from workers.contracts.decisions import Turn
from workers.contracts.handoffs import Packet
from workers.contracts.ids import routed_event_id
from workers.contracts.ledger import Plan
from workers.handoff.frames import frame
from workers.handoff.history import history_text
from workers.handoff.markdown import render_markdown
from workers.handoff.packet import build_packet
from workers.handoff.rendering import render_text


def _turns(h: History) -> list[Turn]:
    return [msgspec.msgpack.decode(turn, type=Turn) for turn in h.turns]


def _packet(h: History, *, language: str = "en", queue: str = "billing") -> Packet:
    """The packet for the last decision, as the router builds it."""
    decision = h.last
    plan = Plan(place="queue", queue=queue, planned_at=decision.decided_at)
    read = _turns(h)[: decision.facts.entries]
    return build_packet(decision.facts, read, decision, "standard", language=language, plan=plan)


def _passed_on() -> History:
    h = History()
    h.customer(f"I was charged twice for order 4711. {ASKS}")
    h.route()
    h.desk("accepted", agent_name="Anna Berg")
    h.desk(
        "transferred",
        to_queue="billing",
        note="Refund above my limit; call 4111 1111 1111 1111.",
        agent_name="Anna Berg",
    )
    return h


def test_the_packet_ends_with_its_own_placement() -> None:
    h = _passed_on()
    packet = _packet(h)
    told = [turn.text for turn in packet.transcript if turn.role == "system"]
    assert told[:2] == [
        "Handed over to tier_2_support: Asked for a person",
        "Claimed on tier_2_support (Anna Berg)",
    ]
    assert told[2].startswith("Passed on to billing (Anna Berg): Refund above my limit; call ")
    assert "4111" not in told[2]
    assert told[3] == "Handed over to billing: Asked for a person"
    assert packet.transcript_total == len(packet.transcript) == 5
    h.route("billing")
    own, placed = packet.transcript[-1], _turns(h)[-1]
    assert (
        own.event_id
        == placed.event_id
        == routed_event_id(h.placing.decision_id, "queue", "billing")
    )
    assert own.text == history_text(placed, frame("en"))
    require_honest(packet)


def test_a_note_says_who_left_it_when_and_where() -> None:
    (note,) = _packet(_passed_on()).notes
    assert (note.name, note.queue) == ("Anna Berg", "tier_2_support")
    assert note.text.startswith("Refund above my limit")
    assert "4111" not in note.text


def test_the_history_is_no_message() -> None:
    packet = _packet(_passed_on())
    system = {turn.event_id for turn in packet.transcript if turn.role == "system"}
    assert not system & {one.event_id for one in packet.key_messages}
    assert not system & {event for one in packet.tried for event in one.events}
    assert not system & set(packet.wants.events)
    assert (packet.customer_turns, packet.ai_turns) == (1, 0)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", "Übergeben an billing: Möchte mit einem Menschen sprechen, Stufe 1"),
        ("fr", "Remis à billing: A demandé une personne, niveau 1"),
    ],
)
def test_it_speaks_the_language_of_the_queue(language: str, words: str) -> None:
    transcript = packets.turns()
    known = packets.facts(transcript)
    decision = packets.decision(known, transcript, level=1)
    plan = Plan(place="queue", queue="billing", planned_at=decision.decided_at)
    packet = build_packet(known, transcript, decision, "standard", language=language, plan=plan)
    assert packet.transcript[-1].text == words
    assert words in " ".join(render_text(packet).split())
    assert words in render_markdown(packet)


def test_the_newest_of_two_hundred_entries_are_shown() -> None:
    lines = [("customer", f"Message number {n} about my parcel.") for n in range(220)]
    transcript = packets.turns(lines)
    known = packets.facts(transcript, tools=(), mood=())
    decision = packets.decision(known, transcript)
    plan = Plan(place="ticket", queue="billing", planned_at=decision.decided_at)
    packet = build_packet(known, transcript, decision, "standard", plan=plan)
    assert len(packet.transcript) == 200
    assert packet.transcript[-1].text == "Ticket for billing: Asked for a person"
    assert packet.transcript_total == 221


def test_every_language_has_words_for_every_entry() -> None:
    h = _passed_on()
    for language in ("en", "de", "es", "fr", "it", "pt", "nl"):
        words = frame(language)
        for status in (
            *("placed", "ticketed", "claimed", "transferred", "returned", "resolved"),
            *("withdrawn", "closed", "abandoned", "expired", "contact_given"),
        ):
            entry = msgspec.structs.replace(_turns(h)[1], status=status)
            assert history_text(entry, words)
