"""Tools by which the AI agent asks for a person: their names, and the note in their arguments."""

import re
from typing import Any, Final

import orjson

NOTE_LIMIT: Final = 4096
"""Characters of a note that are kept with the turn."""
_NAME: Final = re.compile(
    r"(?:transfer|escalat|hand_?(?:off|over)|forward|connect|route|pass|request|call|contact|notify"
    r"|assign|switch)\w*(?:_to|_for|_with|_from)?_?\w{0,20}"
    r"(?:human|agent|person|people|representative|support|supervisor|manager|specialist|operator"
    r"|colleague|staff|team|live)\w{0,20}\Z"
    r"|(?:human|live_agent|agent)_?(?:transfer|escalation|hand_?(?:off|over)|request|takeover)\w{0,12}\Z"
    r"|(?:escalate|escalation|hand_?off|hand_?over)(?:_\w{1,24})?\Z"
)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOTES: Final = (
    *("summary", "note", "notes", "reason", "message", "description", "details", "context"),
    *("explanation", "issue", "handover_note", "handoff_note", "comment"),
)
_CUT: Final = re.compile(r'"(?:' + "|".join(_NOTES) + r')":\s*"(?P<note>(?:[^"\\]|\\.)*)')
"""A note in JSON whose end was cut off, as logs keep long arguments."""
_LONGEST_NAME: Final = 64


def is_handover(name: str) -> bool:
    """Return True if a tool of this name asks for a person."""
    if len(name) > _LONGEST_NAME:
        return False
    plain = _CAMEL.sub("_", name).lower().replace("-", "_").replace(" ", "_").replace(".", "_")
    return _NAME.match(plain) is not None


def note_in(arguments: Any) -> str | None:
    """Return what the AI agent tells the person, from the arguments of such a tool."""
    if isinstance(arguments, str):
        said = arguments.strip()
        if not said.startswith("{"):
            return said[:NOTE_LIMIT] or None
        try:
            arguments = orjson.loads(said)
        except orjson.JSONDecodeError:
            return _cut_note(said[:NOTE_LIMIT])
    if not isinstance(arguments, dict):
        return None
    found = [arguments.get(key) for key in _NOTES]
    notes = [one.strip() for one in found if isinstance(one, str) and one.strip()]
    return max(notes, key=len)[:NOTE_LIMIT] if notes else None


def _cut_note(arguments: str) -> str | None:
    """Return the longest note of arguments that were cut, marked as cut."""
    notes = [found["note"] for found in _CUT.finditer(arguments)]
    try:
        said = str(orjson.loads(f'"{max(notes, key=len, default="")}"')).strip()
    except orjson.JSONDecodeError:
        return None
    return f"{said}…" if said else None
