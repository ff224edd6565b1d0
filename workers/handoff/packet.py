"""Builds what a person reads in 30 seconds: at most 200 words, then the transcript."""

from collections.abc import Sequence
from typing import Final

import msgspec

from workers.contracts.decisions import Decision, Earlier, Facts, Turn
from workers.contracts.events import Attachment, Customer
from workers.contracts.handoffs import (
    EarlierRequest,
    Note,
    Packet,
    PacketIdentifier,
    PacketTurn,
    Statement,
)
from workers.contracts.ledger import Plan
from workers.contracts.time import from_ms
from workers.contracts.topics import Queue
from workers.handoff import reasons, statements, work_lines
from workers.handoff.also_said import also_said
from workers.handoff.closing import closes
from workers.handoff.frames import Frame, frame
from workers.handoff.history import NOTED, history_text, is_history, own_entry
from workers.handoff.identifiers import identifiers_of
from workers.handoff.issues import issue_of
from workers.handoff.key_messages import key_messages
from workers.handoff.languages import DEFAULT_LANGUAGE
from workers.handoff.last_exchange import last_exchange
from workers.handoff.next_step import NEXT_WORDS, next_step
from workers.handoff.own_steps import steps_of
from workers.handoff.packet_findings import PacketFindings, refusal, words_of
from workers.handoff.playbook import Advice, Playbook, advise
from workers.handoff.records import records
from workers.handoff.told import told_to
from workers.handoff.tool_work import works_of
from workers.handoff.view import PacketView
from workers.handoff.wants import CONDITION_WORDS, WANTS_WORDS, wants_of, with_conditions
from workers.handoff.wording import clip, duration, one_line, trim, word_count
from workers.redaction.redact import Redaction

WORD_LIMIT: Final = 120
BLOCK_WORDS: Final = 80
"""Words of identifiers, contact, links, attachments and notes together."""
TRANSCRIPT_TURNS: Final = 200
TRANSCRIPT_BYTES: Final = 256 * 1024
NOTES: Final = 5
NOTES_BYTES: Final = 2_048
_DIGIT_EFFORT: Final = 6
"""Characters of prose that take as long to redact as one digit more."""
_INTENTS: Final = 3
_SUBJECT_WORDS: Final = 6
_REQUESTS: Final = 3
_ATTACHMENTS: Final = 5
_FOR_NEXT, _FOR_WANTS = 14, 20
# Words left for the statements that come later, while the earlier ones are written.
_FOR_WHY, _FOR_REASON, _FOR_PROMISES, _FOR_TOLD = 22, 10, 12, 4
_FOR_STANDS, _FOR_WAITS = 28, 12
# Of how it stands: a refusal or what was agreed takes more than who spoke last.


def build_packet(
    facts: Facts,
    transcript: Sequence[Turn],
    decision: Decision,
    redaction: Redaction,
    *,
    language: str = DEFAULT_LANGUAGE,
    advice: Advice | None = None,
    plan: Plan | None = None,
) -> Packet:
    """Return the packet for `decision`; equal arguments give equal packets.

    `transcript` is the conversation's turns up to the decision, oldest first; older ones than the
    last 200 may be missing. Every claim cites events of the transcript, the facts or the decision.
    `language` is that of the words around what is quoted, `advice` what the playbook says. With
    its `plan` the packet's own placement ends the transcript.
    """
    own = None if plan is None else own_entry(decision, plan)
    transcript = [*transcript, *((own,) if own else ())][-TRANSCRIPT_TURNS:]
    view = PacketView(facts, transcript, decision, redaction, frame(language))
    shown = _transcript(view)
    # Turns that are not shown are not read either: redacting them would take as long.
    view = view.last_turns(len(shown))
    works = works_of(view)
    found = PacketFindings(
        works,
        issue_of(view, works),
        told_to(view, works),
        steps_of(view),
        identifiers_of(view),
        last_exchange(view),
        closes(view),
    )
    subject = clip(view.hide(facts.subject), _SUBJECT_WORDS) if facts.subject else None
    room = WORD_LIMIT - word_count(
        _volume(view.frame, view.seconds, facts.customer_turns, facts.ai_turns)
    )
    room -= word_count(subject or "")

    who = statements.who(view, found)
    mood = statements.mood(view)
    room -= words_of((who, mood) if mood is not None else (who,))
    note = reasons.note_for_why(view)
    why = reasons.why(view, found.works) if note is not None else None
    for_why = _FOR_WHY if reasons.has_words(view) else _FOR_REASON
    room -= words_of((why,)) if why is not None else for_why
    decided = found.last.agreed is not None or refusal(view, found) is not None
    for_stands = _FOR_STANDS if decided else _FOR_WAITS
    for_works = room - for_stands - _FOR_NEXT - _FOR_WANTS
    tried = work_lines.tried(view, found, min(work_lines.TRIED_WORDS, for_works))
    room -= words_of(tried)
    first = next_step(
        view, found, advice, max(_FOR_NEXT, min(NEXT_WORDS, room - for_stands - _FOR_WANTS))
    )
    room -= words_of((first,))
    wants = wants_of(view, found, max(_FOR_WANTS, min(WANTS_WORDS, room - for_stands)))
    room -= words_of((wants,))
    if why is None:
        room += for_why
        why = reasons.why(view, found.works)
        room -= words_of((why,))
    stands = statements.stands(view, found, min(statements.STANDS_WORDS, room))
    room -= words_of((stands,))
    conditions = min(CONDITION_WORDS, room - _FOR_TOLD)
    room += words_of((wants,))
    wants = with_conditions(view, found, wants, conditions)
    room -= words_of((wants,))
    # The other way that the AI offers says more than what it found before it refused.
    offered = statements.offered(view, found, min(_FOR_PROMISES * 2, room))
    room -= words_of(offered)
    more = work_lines.told_and_unable(view, found, min(work_lines.TOLD_WORDS, room))
    room -= words_of(more)
    promised = statements.promised(view, found, min(_FOR_PROMISES * 2, room))
    room -= words_of(promised)
    promised = (*promised, *offered)
    steps = work_lines.steps(view, found)
    requests = _requests(view, found)
    key = key_messages(view, found, shown, room)
    left = room - sum(word_count(one.text) for one in key)
    stands = statements.replied_to(view, found, stands, more, left)
    also = also_said(view, found)
    return Packet(
        customer=_customer(view),
        who=who,
        wants=wants,
        tried=(*tried, *more, *steps),
        stands=stands,
        mood=mood,
        why=why,
        next_step=first,
        records=records(view, found),
        promised=promised,
        key_messages=key,
        also_said=also,
        requests=requests,
        identifiers=tuple(
            PacketIdentifier(kind=one.kind or None, value=one.value, event_id=one.event_id)
            for one in found.identifiers
            if not one.by_tools
        ),
        attachments=_attachments(view),
        check=advice.check if advice is not None else (),
        links=advice.links if advice is not None else (),
        playbook_hash=advice.hash if advice is not None else None,
        language=language,
        title=statements.subject(who, found, view),
        intents=tuple(one_line(view.hide(intent)) for intent in facts.intents[-_INTENTS:]),
        ticket_id=decision.ticket_id or facts.ticket_id,
        channel=facts.channel,
        subject=subject,
        tenant=facts.tenant,
        duration_s=view.seconds,
        customer_turns=facts.customer_turns,
        ai_turns=facts.ai_turns,
        level=decision.level,
        transfers=decision.transfers,
        earlier=tuple(_earlier(view, entry) for entry in facts.earlier),
        desk_note=view.hide(facts.desk_note) if facts.desk_note else None,
        notes=_notes(view),
        transcript=shown,
        transcript_total=max(facts.entries + (own is not None), len(transcript)),
    )


def packet_for(
    decision: Decision,
    transcript: Sequence[Turn],
    plan: Plan,
    queue: Queue | None,
    playbook: Playbook,
) -> Packet:
    """Return the packet for the place of `plan`: in its queue's language and by its redaction.

    None as `queue`: the team is not known, and the strictest rule holds.
    """
    language = DEFAULT_LANGUAGE if queue is None else queue.language
    packet = build_packet(
        decision.facts,
        transcript,
        decision,
        "strict" if queue is None else queue.redaction,
        language=language,
        advice=advise(playbook, decision, plan.queue, language),
        plan=plan,
    )
    return msgspec.structs.replace(packet, others=plan.others) if plan.others else packet


def words_before_transcript(packet: Packet) -> int:
    """Count what a person reads above the transcript, but for the blocks.

    That is every claim, every key message, the subject and the line with duration and counts.
    Words are what stands between spaces, an over-long one counted as several; labels, clock
    times and codes (intents, channel, ticket) are not words.
    """
    shown = [claim.text for claim in _statements(packet)]
    shown += [message.text for message in packet.key_messages]
    return sum(map(word_count, [*shown, packet.subject or "", volume(packet)]))


def _statements(packet: Packet) -> list[Statement]:
    done = [claim for claim in packet.tried if claim.kind != "steps"]
    statements = [packet.who, packet.wants, *done, packet.stands, packet.why]
    statements += [packet.next_step, *packet.promised]
    return [*statements, *((packet.mood,) if packet.mood else ())]


def volume(packet: Packet) -> str:
    """Return duration and counts of the episode, as one line shows them."""
    words = frame(packet.language)
    return _volume(words, packet.duration_s, packet.customer_turns, packet.ai_turns)


def _volume(words: Frame, seconds: int, customer: int, ai: int) -> str:
    return words.line("volume", duration=duration(seconds), customer=customer, ai=ai)


def cited_events(packet: Packet) -> set[str]:
    """Return the ids of all events that the packet's claims and key messages rest on."""
    cited = {event for claim in _statements(packet) for event in claim.events}
    cited |= {event for claim in (*packet.records, *packet.tried) for event in claim.events}
    cited |= {event for claim in packet.also_said for event in claim.events}
    cited |= {event for request in packet.requests for event in request.events}
    cited |= {one.event_id for one in packet.identifiers}
    return cited | {message.event_id for message in packet.key_messages}


def _requests(view: PacketView, found: PacketFindings) -> tuple[EarlierRequest, ...]:
    """Return what was asked for before, each with what became of it."""
    if found.issue is None:
        return ()
    earlier = []
    before = found.issue.before
    if found.last.agreed is not None:
        # The agreement replaces the requests that led to it.
        before = tuple(one for one in before if one[1] != "open")
    if found.closing is not None:
        before = tuple(one for one in before if one[1] not in ("answered", "settled"))
    for ask, state in before[-_REQUESTS:]:
        text = trim(ask.text, 14, ask.start)
        if not view.is_quoted(text):
            view.quote(text, ask.text)
            earlier.append(EarlierRequest(text=text, state=state, events=(ask.turn.event_id,)))
    return tuple(earlier)


def _attachments(view: PacketView) -> tuple[Attachment, ...]:
    sent = [view.file(one) for turn in view.transcript for one in turn.attachments]
    return tuple(sent[-_ATTACHMENTS:])


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
        preferred_contact=(
            view.hide(customer.preferred_contact) if customer.preferred_contact else None
        ),
    )


def _earlier(view: PacketView, entry: Earlier) -> Earlier:
    if entry.note is None:
        return entry
    return msgspec.structs.replace(entry, note=clip(view.hide(entry.note), 40))


def _notes(view: PacketView) -> tuple[Note, ...]:
    """Return the last notes that persons left, oldest first, as many as fit; each redacted."""
    left = [
        turn
        for turn in view.transcript
        if turn.role == "system" and turn.status in NOTED and turn.content
    ][-NOTES:]
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


def _effort(text: str) -> int:
    """Return how much prose takes as long to redact: each digit may begin a number of any kind."""
    return len(text) + _DIGIT_EFFORT * sum(map(text.count, "0123456789"))


def _transcript(view: PacketView) -> tuple[PacketTurn, ...]:
    """Return the last turns that fit, newest kept, each redacted."""
    turns: list[PacketTurn] = []
    size = 0
    for turn in reversed(view.transcript):
        told = is_history(turn, view.frame)
        entry = PacketTurn(
            event_id=turn.event_id,
            role=turn.role,
            at=from_ms(turn.at),
            text=history_text(turn, view.frame, view.hide) if told else view.text(turn),
            episode=turn.episode,
            name=view.hide(turn.name) if turn.name else None,
            status=turn.status,
            calls=tuple(map(view.hide, turn.calls)),
            arguments=tuple(view.hide(written) for written in turn.arguments),
            attachments=tuple(view.file(one) for one in turn.attachments),
        )
        # The text that was read counts, too: long turns that redaction makes short take as long.
        read = _effort(turn.content) if turns else len(turn.content)
        size += max(len(msgspec.json.encode(entry)), read) + 1
        if size > TRANSCRIPT_BYTES:
            break
        turns.append(entry)
    return tuple(reversed(turns))
