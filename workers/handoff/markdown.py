"""Packets as Markdown, for ticket systems and chat rooms."""

import re
from collections.abc import Iterable
from typing import Final

from workers.contracts.handoffs import Packet, PacketTurn
from workers.handoff.frames import Frame, frame
from workers.handoff.history import is_history
from workers.handoff.sections import sections
from workers.handoff.wording import one_line, without_controls

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>#|~])")


def render_markdown(packet: Packet) -> str:
    """Return the packet as Markdown; what it quotes is escaped, so that nothing in it is markup."""
    words = frame(packet.language)
    lines = [f"## {_escaped(packet.title or words('label', 'who'))}"]
    for section in sections(packet):
        if section.title is not None:
            lines += ["", f"### {section.title}", ""]
        label = ""
        for name, text in section.lines:
            label = name or label
            head = f"**{name or label}:** " if section.title is None else ""
            lines.append(f"- {head}{_escaped(text)}")
    lines += ["", f"### {words('label', 'transcript')}", ""]
    return "\n".join([*lines, markdown_turns(packet.transcript, words)])


def markdown_turns(turns: Iterable[PacketTurn], words: Frame) -> str:
    """Return turns as a list in Markdown, escaped like the packet."""
    lines = []
    for turn in turns:
        role = words("speaker", turn.role) if words.has("speaker", turn.role) else turn.role
        name = f" {turn.name}" if turn.name and not is_history(turn, words) else ""
        lines.append(f"- {turn.at:%H:%M:%S} **{_escaped(role + name)}:** {_escaped(turn.text)}")
    return "\n".join(lines)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", one_line(without_controls(text)))
