"""Builds what a person reads in 30 seconds: at most 120 words, then the transcript."""

from collections.abc import Sequence, Set
from typing import Final

import msgspec

from workers.contracts.decisions import Decision, Earlier, Facts, Turn
from workers.contracts.events import Customer
from workers.contracts.handoffs import Claim, KeyMessage, Note, Packet, PacketTurn
from workers.contracts.time import from_ms
from workers.handoff import claims
from workers.handoff.view import AI, CUSTOMER, PERSON, PacketView
from workers.handoff.wording import (
    clip,
    duration,
    gist,
    has_details,
    one_line,
    says_something,
    word_count,
)
from workers.redaction.redact import Redaction

WORD_LIMIT: Final = 120
TRANSCRIPT_TURNS: Final = 200
TRANSCRIPT_BYTES: Final = 256 * 1024
KEY_MESSAGES: Final = (3, 5)
NOTES: Final = 5
NOTES_BYTES: Final = 2_048
_DIGIT_EFFORT: Final = 6
"""Characters of prose that take as long to redact as one digit more."""
_KEY_WORDS: Final = 14
_INTENTS: Final = 3
_SUBJECT_WORDS: Final = 6


def build_packet(
    facts: Facts, transcript: Sequence[Turn], decision: Decision, redaction: Redaction
) -> Packet:
    """Return the packet for `decision`; equal arguments give equal packets.

    `transcript` is the conversation's turns up to the decision, oldest first; older ones than the
    last 200 may be missing. Every claim cites events of the transcript, the facts or the decision.
    """
    transcript = transcript[-TRANSCRIPT_TURNS:]
    view = PacketView(facts, transcript, decision, redaction)
    customer = _customer(view)
    shown = _transcript(view)
    packet = Packet(
        customer=customer,
        who=claims.who(view),
        wants=claims.wants(view),
        tried=claims.tried(view),
        stands=claims.stands(view),
        mood=claims.mood(view),
        why=claims.why(view),
        next_step=claims.next_step(view),
        intents=tuple(one_line(view.hide(intent)) for intent in facts.intents[-_INTENTS:]),
        ticket_id=decision.ticket_id or facts.ticket_id,
        channel=facts.channel,
        subject=clip(view.hide(facts.subject), _SUBJECT_WORDS) if facts.subject else None,
        tenant=facts.tenant,
        duration_s=view.seconds,
        customer_turns=facts.customer_turns,
        ai_turns=facts.ai_turns,
        earlier=tuple(_earlier(view, entry) for entry in facts.earlier),
        desk_note=view.hide(facts.desk_note) if facts.desk_note else None,
        notes=_notes(view),
        transcript=shown,
        transcript_total=max(facts.turns, len(transcript)),
    )
    room = WORD_LIMIT - words_before_transcript(packet)
    return msgspec.structs.replace(packet, key_messages=_key_messages(view, shown, room))


def words_before_transcript(packet: Packet) -> int:
    """Count what a person reads above the transcript.

    That is every claim, every key message, the subject and the line with duration and counts.
    Words are what stands between spaces, an over-long one counted as several; labels, clock
    times and codes (intents, channel, ticket) are not words.
    """
    shown = [claim.text for claim in _statements(packet)]
    shown += [message.text for message in packet.key_messages]
    return sum(map(word_count, [*shown, packet.subject or "", volume(packet)]))


def _statements(packet: Packet) -> list[Claim]:
    statements = [packet.who, packet.wants, *packet.tried, packet.stands, packet.why]
    return [*statements, packet.next_step, *((packet.mood,) if packet.mood else ())]


def volume(packet: Packet) -> str:
    """Return duration and counts of the episode, as one line shows them."""
    spent = duration(packet.duration_s)
    return f"{spent}, messages: {packet.customer_turns} customer, {packet.ai_turns} AI"


def cited_events(packet: Packet) -> set[str]:
    """Return the ids of all events that the packet's claims and key messages rest on."""
    cited = {event for claim in _statements(packet) for event in claim.events}
    return cited | {message.event_id for message in packet.key_messages}


def _customer(view: PacketView) -> Customer | None:
    customer = view.customer
    if customer is None or view.rule == "none":
        return customer
    return msgspec.structs.replace(
        customer,
        id=view.hide(customer.id) if customer.id else None,
        name=view.hide(customer.name) if customer.name else None,
        email=view.hide(customer.email) if customer.email else None,
        phone=view.hide(customer.phone) if customer.phone else None,
    )


def _earlier(view: PacketView, entry: Earlier) -> Earlier:
    if entry.note is None:
        return entry
    return msgspec.structs.replace(entry, note=clip(view.hide(entry.note), 40))


def _notes(view: PacketView) -> tuple[Note, ...]:
    """Return the last notes that persons left, oldest first, as many as fit; each redacted."""
    left = [turn for turn in view.transcript if turn.status == "note"][-NOTES:]
    notes: list[Note] = []
    room = NOTES_BYTES
    for turn in reversed(left):
        text = view.text(turn).encode(errors="replace")
        if len(text) > room and notes:
            break
        note = text[:room].decode(errors="ignore")
        room -= len(text)
        name = view.hide(turn.name) if turn.name else None
        notes.append(
            Note(
                event_id=turn.event_id, at=from_ms(turn.at), name=name, queue=turn.queue, text=note
            )
        )
    return tuple(reversed(notes))


def _key_messages(
    view: PacketView, shown: Sequence[PacketTurn], room: int
) -> tuple[KeyMessage, ...]:
    """Choose three to five messages that say what the claims do not, in their order of time.

    They are among the turns that the packet shows.
    """
    ranked = sorted(
        _ranked(view, {turn.event_id for turn in shown}), key=lambda entry: (-entry[0], -entry[1])
    )
    least, most = KEY_MESSAGES
    worth = [entry for entry in ranked if entry[0] > 0]
    count = min(max(least, min(most, len(worth), room // 10)), len(ranked))
    chosen = sorted(ranked[:count], key=lambda entry: entry[1])
    messages = []
    for left, (_, _, turn) in zip(range(count, 0, -1), chosen, strict=True):
        words = min(_KEY_WORDS, room // left)
        text = gist(view.text(turn), words, details=True)
        if not text:
            continue
        room -= word_count(text)
        messages.append(
            KeyMessage(event_id=turn.event_id, role=turn.role, at=from_ms(turn.at), text=text)
        )
    return tuple(messages)


def _ranked(view: PacketView, shown: Set[str]) -> list[tuple[float, int, Turn]]:
    """Give each message of the episode, once, what it is worth to a reader and its position."""
    evidence = {entry.event_id for entry in view.decision.evidence}
    moods = {entry.event_id: entry.score for entry in view.facts.mood}
    last = {turn.event_id for role in (CUSTOMER, AI, PERSON) if (turn := view.last(role))}
    request = claims.first_request(view)
    quoted = {request.event_id if request else None}
    if (found := claims.strongest(view)) is not None and found.quote:
        quoted.add(found.event_id)
    ranked = []
    seen: set[str] = set()
    for position, turn in enumerate(view.spoken):
        if turn.event_id not in shown:
            continue
        text = view.text(turn)
        if (key := one_line(text).lower()) in seen:
            continue
        seen.add(key)
        worth = moods.get(turn.event_id, 0.0)
        worth += 3 * (turn.event_id in last) + 2 * (turn.event_id in evidence)
        worth += 2 * (turn.role == PERSON)
        if turn.role == CUSTOMER:
            worth += 1 + 2 * has_details(text)
        if not says_something(text) or len(text.split()) < 3:
            worth -= 3
        if turn.event_id in quoted:
            worth -= 6
        ranked.append((worth, position, turn))
    return ranked


def _effort(text: str) -> int:
    """How much prose takes as long to redact: each digit may begin a number of any kind."""
    return len(text) + _DIGIT_EFFORT * sum(map(text.count, "0123456789"))


def _transcript(view: PacketView) -> tuple[PacketTurn, ...]:
    """Return the last turns that fit, newest kept, each redacted."""
    turns: list[PacketTurn] = []
    size = 0
    for turn in reversed(view.transcript):
        entry = PacketTurn(
            event_id=turn.event_id,
            role=turn.role,
            at=from_ms(turn.at),
            text=view.text(turn),
            episode=turn.episode,
            name=view.hide(turn.name) if turn.name else None,
            status=turn.status,
            calls=tuple(map(view.hide, turn.calls)),
            arguments=tuple(view.hide(written) for written in turn.arguments),
            attachments=tuple(view.file(one) for one in turn.attachments),
        )
        # What was read counts too: many long turns that redaction makes short take as long.
        read = _effort(turn.content) if turns else len(turn.content)
        size += max(len(msgspec.json.encode(entry)), read) + 1
        if size > TRANSCRIPT_BYTES:
            break
        turns.append(entry)
    return tuple(reversed(turns))
