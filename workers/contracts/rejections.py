"""Texts that say why an event was refused, so that its producer can mend it."""

import re
from typing import Any, Final, Literal, get_args

import msgspec

from workers.contracts.events import ClosedBy, DeskAction, Place, Role, ToolStatus

RejectionReason = Literal[
    "not_json",
    "schema",
    "missing_id",
    "no_zone",
    "ahead_of_time",
    "too_large",
    "too_deep",
    "missing_key",
    "key_mismatch",
    "unknown_version",
    "unknown_type",
    "unsigned",
    "poison",
    "unknown_escalation",
    "unknown_queue",
    "undelivered",
    "unknown_conversation",
]
REJECTION_REASONS: Final[tuple[RejectionReason, ...]] = get_args(RejectionReason)


class Rejected(Exception):
    """An event that is never retried; it goes to `dead-letters` with `reason` and `detail`.

    `detail` names the field, its value as far as that cannot be what somebody wrote, and what to
    do. It may be logged.
    """

    def __init__(self, reason: RejectionReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: RejectionReason = reason
        self.detail = detail


_IDS: Final = ("event_id", "conversation_id")
_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "role": get_args(Role),
    "status": get_args(ToolStatus),
    "by": get_args(ClosedBy),
    "action": get_args(DeskAction),
    "place": get_args(Place),
}
_SAID: Final = frozenset(
    ("", "content", "customer", "agent", "tool", "name", "agent_name", "subject", "error", "result")
) | {"note", "reason", "resolution", "requested_escalation", "arguments", "text"}
"""Fields, the whole event among them, where even one word may be what somebody wrote."""
_PROBLEM: Final = re.compile(r"(?P<problem>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(?P<field>[^`]*)`")
_STEP: Final = re.compile(r"[^.\[\]]+|\[\d+\]")
_WORDLIKE: Final = re.compile(r"[A-Za-z]+(?:[_.-][A-Za-z]+){0,5}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d[\d:.]{0,14}(?:Z|[+-]\d\d:?\d\d)?)?")
_ID: Final = re.compile(r"[\w.:+/-]{1,40}")
_WORD_CHARACTERS: Final = 40
_SHOWN_NUMBERS: Final = 1000
"""Versions and ratings lie below; codes, cards and telephone numbers above."""


def rejection(error: msgspec.ValidationError, value: bytes) -> Rejected:
    """Return the verdict on a JSON `value` that msgspec refused with `error`."""
    match = _PROBLEM.fullmatch(str(error))
    problem, path = (match["problem"], match["path"] or "") if match else (str(error), "")
    if missing := _MISSING.fullmatch(problem):
        field = f"{path}.{missing['field']}".lstrip(".")
        reason: RejectionReason = "missing_id" if field in _IDS else "schema"
        return Rejected(reason, f"{field}: missing: it is required")
    held = _lookup(value, path)
    found = _length(held) if path.rpartition(".")[2] in _SAID else shown(held)
    if path in _IDS and found in ('""', "null"):
        return Rejected("missing_id", f"{path}: {found}: name the event and its conversation")
    if "timezone" in problem:
        return Rejected("no_zone", f"{path}: {found}: add a zone, as in 2026-11-01T09:30:00Z")
    if problem.startswith("Invalid enum value"):
        problem = _one_of(path.rpartition(".")[2])
    return Rejected("schema", f"{path or 'event'}: {found}: {problem.replace('`', '')}")


def _length(value: Any) -> str:
    if isinstance(value, str):
        return f"text of {len(value)} characters"
    return "a number" if type(value) in (int, float) else shown(value)


def shown(value: Any) -> str:
    """Return a value for a person to recognise, unless it may be a secret.

    Text is shown when it is a word of letters, as types and roles are, or a time; numbers are
    shown below a thousand.
    """
    if isinstance(value, str):
        word = len(value) <= _WORD_CHARACTERS and (
            not value or _WORDLIKE.fullmatch(value) or _TIME.fullmatch(value)
        )
        return f'"{value}"' if word else f"text of {len(value)} characters"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value) if -_SHOWN_NUMBERS < value < _SHOWN_NUMBERS else "a number"
    return "an array" if isinstance(value, list) else "an object"


def named(text: str) -> str:
    """Return an id for a person to find a record by; a text that may be a sentence is left out."""
    return text if _ID.fullmatch(text) else f"text of {len(text)} characters"


def _one_of(field: str) -> str:
    choices = _CHOICES.get(field)
    return f"use one of {', '.join(choices)}" if choices else "use a value that the schema lists"


def _lookup(value: bytes, path: str) -> Any:
    try:
        found = msgspec.json.decode(value)
        for step in _STEP.findall(path):
            found = found[int(step[1:-1])] if step.startswith("[") else found[step]
    except (msgspec.DecodeError, LookupError, TypeError):
        return {}
    return found
