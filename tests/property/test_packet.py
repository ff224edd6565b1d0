"""Packets of any conversation: short, grounded, deterministic."""

from typing import Any, get_args

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import packets
from workers.contracts.decisions import (
    Cause,
    Decision,
    Earlier,
    Evidence,
    Facts,
    Mood,
    Reason,
    ToolFact,
    Turn,
)
from workers.contracts.events import Customer
from workers.handoff.packet import (
    TRANSCRIPT_BYTES,
    build_packet,
    cited_events,
    words_before_transcript,
)
from workers.handoff.rendering import render_text
from workers.handoff.wording import clip, focus, word_count
from workers.redaction.redact import REDACTIONS

wordy = st.lists(
    st.sampled_from("why is order 48213 so late I asked you three times !".split()), max_size=60
)
text = st.one_of(wordy.map(" ".join), st.text(max_size=80), st.just("x" * 700), st.just("Hi!"))
word = st.text(min_size=1, max_size=128)
line = st.tuples(st.sampled_from(["customer", "ai_agent", "human_agent", "tool", "system"]), text)


@st.composite
def escalated(draw: st.DrawFn) -> tuple[Facts, tuple[Turn, ...], Decision]:
    transcript = packets.turns(draw(st.lists(line, max_size=25)))
    transcript = tuple(
        msgspec.structs.replace(turn, status=draw(st.sampled_from([None, "stale"])))
        for turn in transcript
    )
    ids = [turn.event_id for turn in transcript] or ["gone"]
    some = st.sampled_from(ids)
    tools: st.SearchStrategy[ToolFact] = st.builds(
        ToolFact,
        name=word,
        calls=st.integers(1, 99),
        failures=st.integers(0, 99),
        status=st.sampled_from(["ok", "error", "timeout", "denied", "called"]),
        event_id=some,
        error=st.one_of(st.none(), st.text(max_size=80)),
    )
    maybe = st.one_of(st.none(), text)
    told: dict[str, Any] = {
        "customer": draw(
            st.one_of(
                st.none(),
                st.builds(
                    Customer, id=st.one_of(st.none(), word), name=maybe, tier=word, locale=word
                ),
            )
        ),
        "subject": draw(maybe),
        "intents": tuple(draw(st.lists(word, max_size=5))),
        "confidence": tuple(draw(st.lists(st.floats(0, 1), max_size=3))),
        "tools": tuple(draw(st.lists(tools, max_size=9, unique_by=lambda tool: tool.name))),
        "mood": tuple(
            draw(st.lists(st.builds(Mood, event_id=some, score=st.floats(0, 1)), max_size=5))
        ),
        "ai_note": draw(maybe),
        "desk_note": draw(maybe),
        "earlier": (
            Earlier(
                escalation_id="x0",
                reason="stalled",
                outcome="returned",
                ended_at=packets.START,
                note=draw(maybe),
            ),
        ),
    }
    known = packets.facts(transcript, **told)
    quote = st.one_of(st.none(), st.text(max_size=80))
    evidence = st.builds(
        Evidence, event_id=some, signal=st.just("s"), score=st.floats(0, 1), quote=quote
    )
    made = packets.decision(
        known,
        transcript,
        reason=draw(st.sampled_from(get_args(Reason))),
        cause=draw(st.one_of(st.none(), st.sampled_from(get_args(Cause)))),
        action=draw(st.sampled_from(["escalate", "move", "transfer"])),
        tried=tuple(draw(st.lists(word, max_size=2))),
        person=draw(word),
        evidence=tuple(draw(st.lists(evidence, max_size=4))),
        level=draw(st.integers(0, 3)),
    )
    return known, transcript, made


@settings(max_examples=150)
@given(escalated(), st.sampled_from(REDACTIONS))
def test_a_packet_is_short_grounded_and_deterministic(
    escalation: tuple[Facts, tuple[Turn, ...], Decision], rule: Any
) -> None:
    known, transcript, made = escalation
    packet = build_packet(known, transcript, made, rule)
    assert words_before_transcript(packet) <= 120
    grounds: set[str | None] = {turn.event_id for turn in transcript}
    grounds |= {entry.event_id for entry in made.evidence}
    grounds |= {tool.event_id for tool in known.tools} | {entry.event_id for entry in known.mood}
    grounds |= {made.trigger_event_id, made.opened_by, known.first_request, known.last_request}
    assert cited_events(packet) <= grounds
    assert all(claim.events for claim in (packet.who, packet.wants, packet.stands, packet.why))
    assert len(packet.key_messages) <= 5
    assert len(packet.transcript) == len(transcript)
    assert build_packet(known, transcript, made, rule) == packet
    assert max(map(len, render_text(packet).splitlines())) <= 100


@given(st.lists(line, min_size=1, max_size=12), st.sampled_from(["strict", "standard"]))
def test_no_card_number_gets_into_a_packet(lines: list[tuple[str, str]], rule: Any) -> None:
    transcript = packets.turns(
        [(role, f"{text} 4111-1111 1111-1111 {text}") for role, text in lines]
    )
    known = packets.facts(transcript, tools=(), mood=())
    packet = build_packet(known, transcript, packets.decision(known, transcript), rule)
    assert b"1111" not in msgspec.json.encode(packet)


@given(st.lists(st.text(max_size=3000), max_size=120))
def test_a_transcript_never_exceeds_its_bytes(texts: list[str]) -> None:
    transcript = packets.turns([("customer", text * 9) for text in texts])
    known = packets.facts(transcript, tools=(), mood=())
    packet = build_packet(known, transcript, packets.decision(known, transcript), "none")
    assert len(msgspec.json.encode(packet.transcript)) <= TRANSCRIPT_BYTES


@given(st.text(), st.integers(0, 200), st.integers(0, 30))
def test_shortened_texts_keep_to_their_words(text: str, start: int, words: int) -> None:
    assert word_count(clip(text, words)) <= words
    assert word_count(focus(text, start, words)) <= words
