"""Packets and transcripts as plain text for a terminal."""

import textwrap
from collections.abc import Iterable
from typing import Final

from workers.contracts.events import Attachment
from workers.contracts.handoffs import Packet, PacketTurn
from workers.handoff.frames import Frame, frame
from workers.handoff.history import is_history
from workers.handoff.sections import sections
from workers.handoff.wording import one_line, without_controls

_WIDTH: Final = 100
_LABEL: Final = 13


def render_text(packet: Packet) -> str:
    """Return the packet as lines of at most 100 columns, without control characters."""
    words = frame(packet.language)
    lines: list[str] = []
    for section in sections(packet):
        if section.title is not None:
            lines += ["", section.title]
        for label, text in section.lines:
            lines += _labelled(label, text) if section.title is None else _wrapped(f"  {text}", 6)
    title = words("label", "transcript")
    shown = len(packet.transcript)
    if shown < packet.transcript_total:
        of = words("label", "last_of", shown=shown, total=packet.transcript_total)
        title = f"{title}, {of}"
    return "\n".join([*lines, "", title, render_turns(packet.transcript, words)])


def render_turns(turns: Iterable[PacketTurn], words: Frame | None = None) -> str:
    """Return a transcript, one paragraph a turn, with a line where another episode begins."""
    words = words or frame(None)
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
        lines.append(_turn(words, turn, text))
    return "\n".join(lines)


def _file(attachment: Attachment) -> str:
    return f"[{': '.join(filter(None, (attachment.type or 'file', attachment.name)))}]"


def _calls(turn: PacketTurn) -> list[str]:
    written = [*turn.arguments, *("" for _ in turn.calls)]
    return [f"{name} {given}".strip() for name, given in zip(turn.calls, written, strict=False)]


def _turn(words: Frame, turn: PacketTurn, text: str) -> str:
    name, status, at = turn.name, turn.status, turn.at
    speaker = words("speaker", turn.role) if words.has("speaker", turn.role) else turn.role
    if is_history(turn, words):
        name = status = None  # Its words say both.
    if name:
        speaker += f" {one_line(name)}"
    if status == "note":
        note = words("speaker", "note")
        speaker = f"{note} {one_line(name)}" if name else note
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
