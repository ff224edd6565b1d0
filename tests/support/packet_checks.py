"""Checks that hold for the packet of any conversation."""

import re

from workers.contracts.decisions import Decision
from workers.contracts.handoffs import Packet, PacketTurn
from workers.detection import read_agent
from workers.detection.handover_tools import is_handover
from workers.handoff.frames import frame
from workers.handoff.packet import BLOCK_WORDS, WORD_LIMIT, words_before_transcript
from workers.handoff.sections import sections
from workers.handoff.wording import says_something, word_count

_QUOTED = re.compile("“([^”]*)”")


def require_honest(packet: Packet) -> None:
    """Fail where a packet is too long, cuts an identifier, repeats itself, or says what is not."""
    assert words_before_transcript(packet) <= WORD_LIMIT
    words = frame(packet.language)
    spoken = {turn.event_id: turn.text for turn in packet.transcript}
    written = {turn.event_id: " ".join(turn.arguments) for turn in packet.transcript}
    for one in packet.identifiers:
        assert one.value in spoken[one.event_id] or one.value in written[one.event_id]
    shown = [section for section in sections(packet) if section.title is not None]
    blocks = [
        section
        for section in shown
        if section.title not in (words("label", "key_messages"), words("label", "earlier"))
    ]
    assert sum(word_count(text) for one in blocks for _, text in one.lines) <= BLOCK_WORDS
    for message in packet.key_messages:
        assert says_something(message.text)
    claims = [packet.wants, packet.why, packet.stands, packet.next_step, *packet.promised]
    quotes = [quote for claim in claims for quote in _QUOTED.findall(claim.text)]
    said = [_plain(text) for text in [*quotes, *(one.text for one in packet.key_messages)]]
    assert len(said) == len(set(said)), f"said twice: {said}"
    transcript = _plain(" ".join(spoken.values()))
    for quote in quotes:
        if packet.why.text.endswith(f"“{quote}”") and packet.why.kind is None:
            continue  # The AI's note stands in a call, not among the words.
        assert _plain(quote) in transcript, f"never said: {quote}"
    for claim in packet.tried:
        assert not is_handover(claim.text.partition(": ")[2].replace(" ", "_"))


def require_carried(packet: Packet, decision: Decision) -> None:
    """Fail where the packet gives a reason for which the decision has no evidence."""
    reason, facts = decision.reason, decision.facts
    if reason is None or not packet.why.text.startswith(frame(packet.language)("reason", reason)):
        return
    signals = {one.signal for one in decision.evidence}
    turns = packet.transcript
    carried = {
        "unproductive_loop": "repetition" in signals,
        "tool_unavailable": any(tool.failures for tool in facts.tools),
        "agent_uncertainty": bool(facts.confidence),
        "customer_frustration": bool(facts.mood),
        "agent_request": bool(facts.ai_note) or any(map(_hands_over, turns)),
        "unkept_promise": any(read_agent(turn.text).promises_person for turn in turns),
        "priority_escalation": bool(facts.intents) or "found_intents" in signals,
    }
    assert carried.get(reason, True), f"{packet.why.text}: {decision.evidence}"


def _hands_over(turn: PacketTurn) -> bool:
    return any(map(is_handover, turn.calls))


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().lower()
