"""The packet as titled lines, which each form of it lays out in its own way."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from workers.contracts.handoffs import Note, Packet
from workers.handoff.frames import Frame, frame
from workers.handoff.other_open import others_in_words
from workers.handoff.packet import BLOCK_WORDS, volume
from workers.handoff.wording import clip, one_line, word_count

_FIRST: Final = ("identifiers", "contact", "check")
"""Blocks that are short, and that nothing else may push out."""


class Section(NamedTuple):
    """Lines under a title; the first section has none and labels its lines."""

    title: str | None
    lines: tuple[tuple[str, str], ...]


def sections(packet: Packet) -> list[Section]:
    """Return what a person reads above the transcript, in the packet's language, in order."""
    words = frame(packet.language)
    key = tuple(
        ("", f"{one.at:%H:%M}  {_speaker(words, one.role)}: {one_line(one.text)}")
        for one in packet.key_messages
    )
    found = [Section(None, tuple(_statements(packet, words)))]
    if key:
        found.append(Section(words("label", "key_messages"), key))
    found += _blocks(packet, words)
    if packet.earlier:
        lines = tuple(
            ("", f"{one.ended_at:%Y-%m-%d %H:%M}  {one.reason}, {one.outcome}" + _after(one.note))
            for one in packet.earlier
        )
        found.append(Section(words("label", "earlier"), lines))
    if packet.others:
        lines = tuple(("", one_line(line)) for line in others_in_words(packet.others))
        found.append(Section(words("label", "others"), lines))
    return found


def _after(note: str | None) -> str:
    return f": {one_line(note)}" if note else ""


def _speaker(words: Frame, role: str) -> str:
    return words("speaker", role) if words.has("speaker", role) else role


def _statements(packet: Packet, words: Frame) -> Iterator[tuple[str, str]]:
    about = " · ".join(filter(None, (packet.channel, packet.subject, packet.ticket_id)))
    lines = [
        ("who", [packet.who.text]),
        ("why", [packet.why.text]),
        ("wants", [packet.wants.text]),
        ("tried", [claim.text for claim in packet.tried if claim.kind != "steps"]),
        ("promised", [one.text for one in packet.promised if one.kind != "offer"]),
        ("offered", [one.text for one in packet.promised if one.kind == "offer"]),
        ("stands", [packet.stands.text, volume(packet)]),
        ("mood", [packet.mood.text] if packet.mood else []),
        ("next", [packet.next_step.text]),
        ("topics", [", ".join(packet.intents)]),
        ("about", [about]),
    ]
    for name, texts in lines:
        label = words("label", name)
        for text in filter(None, texts):
            yield label, one_line(text)
            label = ""


def _blocks(packet: Packet, words: Frame) -> Iterator[Section]:
    """Yield the blocks below the statements, cut together at their limit of words."""
    blocks = [
        (name, [*filter(None, map(one_line, texts))]) for name, texts in _texts(packet, words)
    ]
    room, kept = BLOCK_WORDS, dict[str, list[str]]()
    # What further words of the customer's take is not taken from what a person has to do.
    for name, texts in sorted(blocks, key=lambda block: block[0] not in _FIRST):
        kept[name] = []
        for text in texts:
            if room > 0 and (cut := clip(text, room)):
                kept[name].append(cut)
                room -= word_count(cut)
    for name, _ in blocks:
        if kept[name]:
            yield Section(words("label", name), tuple(("", cut) for cut in kept[name]))


def _texts(packet: Packet, words: Frame) -> Iterator[tuple[str, list[str]]]:
    """Yield the name of each block and its lines, in the order in which they are read."""
    yield from (
        ("also_said", [claim.text for claim in packet.also_said]),
        ("identifiers", list(_identifiers(packet, words))),
        ("steps", [claim.text for claim in packet.tried if claim.kind == "steps"]),
        ("records", [claim.text for claim in packet.records]),
        ("contact", list(_contact(packet))),
        ("asked", [f"{one.text} ({words('state', one.state)})" for one in packet.requests]),
        ("check", list(packet.check)),
        ("links", list(packet.links)),
        ("attachments", list(_files(packet))),
        ("transfers", [_way_here(packet, words)]),
        ("notes", [_note(one) for one in packet.notes] or [packet.desk_note or ""]),
    )


def _way_here(packet: Packet, words: Frame) -> str:
    if not packet.level and not packet.transfers:
        return ""
    return words.line("passed_on", level=packet.level, count=packet.transfers)


def _identifiers(packet: Packet, words: Frame) -> Iterator[str]:
    named = []
    for one in packet.identifiers:
        # A packet of a later release may name a kind that this one has no word for.
        kind = one.kind if one.kind and words.has("kind", one.kind) else ""
        named.append(f"{words('kind', kind)} {one.value}")
    if named:
        yield ", ".join(named)


def _contact(packet: Packet) -> Iterator[str]:
    customer = packet.customer
    if customer is not None:
        ways = [customer.email, customer.phone, customer.preferred_contact]
        if any(ways):
            yield ", ".join(way for way in ways if way)


def _files(packet: Packet) -> Iterator[str]:
    for one in packet.attachments:
        yield " ".join(filter(None, (one.type or "file", one.name, one.url)))


def _note(left: Note) -> str:
    by = " on ".join(filter(None, (left.name, left.queue)))
    text = f"{by}: {left.text}" if by else left.text
    return f"{left.at:%Y-%m-%d %H:%M}  {text}"
