"""Packets and transcripts as plain text for a terminal."""

import textwrap
from collections.abc import Iterable
from typing import Final

from workers.contracts.events import Attachment
from workers.contracts.handoffs import Packet, PacketTurn
from workers.handoff.packet import volume
from workers.handoff.wording import one_line, without_controls

_WIDTH: Final = 100
_LABEL: Final = 10
_SPEAKERS: Final = {
    "customer": "customer",
    "ai_agent": "AI",
    "human_agent": "person",
    "tool": "tool",
    "system": "system",
}


def render_text(packet: Packet) -> str:
    """Return the packet as lines of at most 100 columns, without control characters."""
    topics = ", ".join(packet.intents)
    about = " · ".join(filter(None, (packet.channel, packet.subject, packet.ticket_id)))
    lines = [
        *_labelled("Who", packet.who.text),
        *_labelled("Why", packet.why.text),
        *_labelled("Wants", packet.wants.text),
        *_labelled("Tried", *(claim.text for claim in packet.tried)),
        *_labelled("Stands", packet.stands.text, volume(packet)),
        *_labelled("Mood", packet.mood.text if packet.mood else ""),
        *_labelled("Next", packet.next_step.text),
        *_labelled("Topics", topics),
        *_labelled("About", about),
        "",
        "Key messages",
        *(_turn(m.at, m.role, None, None, m.text) for m in packet.key_messages),
    ]
    if packet.notes:
        lines += ["", "Notes"]
        for left in packet.notes:
            by = " on ".join(filter(None, (left.name, left.queue)))
            text = one_line(f"{by}: {left.text}" if by else left.text)
            lines += _wrapped(f"  {left.at:%Y-%m-%d %H:%M}  {text}", 20)
    elif packet.desk_note:
        lines += ["", *_labelled("Note", packet.desk_note)]
    if packet.earlier:
        lines += ["", "Earlier"]
        for entry in packet.earlier:
            note = f": {entry.note}" if entry.note else ""
            ended = f"{entry.ended_at:%Y-%m-%d %H:%M}"
            lines += _wrapped(f"  {ended}  {entry.reason}, {entry.outcome}{one_line(note)}", 20)
    shown = len(packet.transcript)
    of = (
        f", the last {shown} of {packet.transcript_total}"
        if shown < packet.transcript_total
        else ""
    )
    return "\n".join([*lines, "", f"Transcript{of}", render_turns(packet.transcript)])


def render_turns(turns: Iterable[PacketTurn]) -> str:
    """Return a transcript, one paragraph a turn, with a line where another episode begins."""
    lines = []
    episode = None
    for turn in turns:
        if episode is not None and turn.episode != episode:
            lines.append(f"  ── episode {turn.episode} ──")
        episode = turn.episode
        text = turn.text
        if turn.attachments:
            text = f"{text} {' '.join(map(_file, turn.attachments))}".strip()
        if turn.calls:
            text = f"{text} → calls {', '.join(_calls(turn))}".strip()
        lines.append(_turn(turn.at, turn.role, turn.name, turn.status, text))
    return "\n".join(lines)


def _file(attachment: Attachment) -> str:
    return f"[{': '.join(filter(None, (attachment.type or 'file', attachment.name)))}]"


def _calls(turn: PacketTurn) -> list[str]:
    written = [*turn.arguments, *("" for _ in turn.calls)]
    return [f"{name} {given}".strip() for name, given in zip(turn.calls, written, strict=False)]


def _turn(at: object, role: str, name: str | None, status: str | None, text: str) -> str:
    speaker = _SPEAKERS.get(role, role)
    if name:
        speaker += f" {one_line(name)}"
    if status == "note":
        speaker = f"note {one_line(name)}" if name else "note"
    elif status and status != "ok":
        speaker += f" [{status}]"
    paragraphs = without_controls(text).expandtabs(2).splitlines() or [""]
    lines = _wrapped(f"  {at:%H:%M:%S}  {speaker}: {paragraphs[0]}", 12)
    for paragraph in paragraphs[1:]:
        lines += _wrapped(f"{' ' * 12}{paragraph}", 12)
    return "\n".join(lines)


def _labelled(label: str, *texts: str) -> list[str]:
    lines = []
    for text in filter(None, texts):
        lines += _wrapped(f"{label:<{_LABEL}}{one_line(text)}", _LABEL)
        label = ""
    return lines


def _wrapped(line: str, indent: int) -> list[str]:
    return textwrap.wrap(
        line,
        _WIDTH,
        subsequent_indent=" " * indent,
        break_long_words=True,
        break_on_hyphens=False,
        drop_whitespace=True,
        replace_whitespace=False,
    ) or [""]
