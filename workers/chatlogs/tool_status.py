"""Status of a tool's result, from flags beside it and from its own text."""

import ast
import re
import warnings
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import orjson

from workers.contracts.events import ToolStatus

_LOOKED_AT: Final = 64 * 1024
"""Bytes of a result that is read as JSON; a larger one is judged by how it begins."""
_ERROR_LIMIT: Final = 500
_DEEPEST: Final = 8
"""Levels of an answer that are looked into for an error."""
_LITERAL: Final = 8 * 1024
"""Bytes of a result that is read as a Python literal."""

_FAILS: Final = frozenset(
    "error errored exception fail failed failure fatal timeout timed_out denied forbidden "
    "unauthorized unavailable".split()
)
_SUCCEEDS: Final = frozenset(
    "ok okay success successful succeeded complete completed done finished true".split()
)
_FAILS_INSIDE: Final = _FAILS - {"denied", "unavailable"}
"""Without what becomes of claims and of products."""
_FALSE: Final = frozenset(("", "0", "false", "no", "none", "null", "n"))
_NO_ERROR: Final = (
    _FALSE | _SUCCEEDS | {"n/a", "na", "nil", "undefined", "-", "no error", "no errors"}
)
"""Texts that mean "no error" where a result would name one."""
_ERROR_KEYS: Final = (
    *("error", "errors", "exception", "error_message", "errorMessage"),
    *("error_code", "errorCode"),
)
_FLAG_KEYS: Final = ("is_error", "isError", "has_error", "hasError", "has_errors", "hasErrors")
_SUCCESS_KEYS: Final = ("success", "succeeded", "ok")
_CODE_KEYS: Final = ("status_code", "statusCode", "http_status", "httpStatus")
_BEGINS: Final = re.compile(
    r"\s*(?:error\b\s*[:\-(]|[\w.]*(?:error|exception)\s*:|traceback \(most recent call last"
    r"|http(?:/[\d.]+)?\s+[45]\d\d\b|(?:the )?(?:tool|call|request) (?:has )?(?:failed|timed out)\b"
    r"|tool (?:call|execution) failed\b|failed to \w|connection (?:timed out|refused|reset)\b"
    r"|<(?:tool_use_)?error>\s*[^<\s]|timed? ?out\b)",
    re.IGNORECASE,
)
_REASONS: Final = frozenset(
    f"{one.value} {one.phrase}".casefold() for one in HTTPStatus if one.value >= 400
)
"""Status lines of HTTP that say a failure."""
_AFTER: Final = re.compile(r"\s*\w+\s*[:\-]\s*(.{0,20})", re.DOTALL)
_CALLED: Final = frozenset(
    "code status message detail details type title error request_id trace_id timestamp path".split()
)
"""Fields of an answer that holds nothing but how the call ended: its code is the call's."""
_STATUS_LINE: Final = re.compile(r"(\d{3})(?: [A-Za-z]|\Z)", re.ASCII)
_TIMEOUT: Final = re.compile(r"time[d_ -]*out|\b(?:408|504)\b|deadline exceeded", re.IGNORECASE)
_DENIED: Final = re.compile(
    r"denied|forbidden|unauthori[sz]ed|not (?:authori[sz]ed|allowed|permitted)|\b40[13]\b",
    re.IGNORECASE,
)


class Outcome(NamedTuple):
    """The outcome of a tool call; `error` says what failed, None when nothing did."""

    status: ToolStatus
    error: str | None


def outcome_of(result: dict[str, Any], text: str) -> Outcome:
    """Return what became of a call, by flags beside the result, else by the result itself.

    `text` is the result as the log has it. A flag that says neither yes nor no is passed over.
    """
    failed = _verdict(result, flags=True)
    said = _json(text)
    if failed is None and isinstance(said, dict):
        failed = _verdict(said, flags=False)
    if failed is None and isinstance(said, list) and said:
        failed = all(isinstance(one, dict) and _verdict(one, flags=False) for one in said)
    if failed is None:
        failed = not isinstance(said, dict | list) and _begins_with_failure(text[:_ERROR_LIMIT])
    if not failed:
        return Outcome("ok", None)
    error = _error_of(result) or (_error_of(said) if isinstance(said, dict) else None) or text
    error = error[:_ERROR_LIMIT]
    hint = f"{error} {result.get('status', '')} {text[:_ERROR_LIMIT]}"
    if _TIMEOUT.search(hint):
        return Outcome("timeout", error or None)
    return Outcome("denied" if _DENIED.search(hint) else "error", error or None)


def _begins_with_failure(text: str) -> bool:
    if not _BEGINS.match(text):
        return text.strip().casefold() in _REASONS
    after = _AFTER.match(text)
    # "Error: none" is what a form says that has a place for errors.
    return after is None or not _is_empty(after[1])


def _json(text: str) -> Any:
    """Return the object or list that a result is, also as Python writes it; else None."""
    start = text.lstrip()[:2]
    if len(text) > _LOOKED_AT or start[:1] not in ("{", "[", '"'):
        return None
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _python(text) if start in ("{'", "[{") else None
    # Some tools encode what is encoded already.
    return _json(said) if isinstance(said, str) and said[:1] in ("{", "[") else said


def _python(text: str) -> Any:
    if len(text) > _LITERAL:
        return None
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _verdict(said: dict[str, Any], *, flags: bool) -> bool | None:
    """Return whether an object says that the call failed; None when it says neither.

    `flags`: it stands beside the result, where any status speaks of the call. Inside a result a
    status may be that of an order.
    """
    if (flag := _first_truth(said, _FLAG_KEYS)) is not None:
        return flag
    if any(key in said and not _is_empty(said[key]) for key in _ERROR_KEYS):
        return True
    if (flag := _first_truth(said, _SUCCESS_KEYS)) is not None:
        return not flag
    if said.get("failed") is True:
        return True
    bare = flags or said.keys() <= _CALLED
    keys = (*_CODE_KEYS, "status", *(("code",) if bare else ()))
    codes = (_code(said.get(key)) for key in keys)
    if (code := next((one for one in codes if one is not None), None)) is not None:
        return code >= 400
    status = str(said.get("status")).strip().casefold().replace(" ", "_").replace("-", "_")
    if status in (_FAILS if flags else _FAILS_INSIDE):
        return True
    return False if flags and status in _SUCCEEDS else None


def _first_truth(said: dict[str, Any], keys: tuple[str, ...]) -> bool | None:
    found = (_truth(said[key]) for key in keys if key in said)
    return next((one for one in found if one is not None), None)


def _truth(value: Any) -> bool | None:
    if isinstance(value, str):
        word = value.strip().casefold()
        return False if word in _FALSE else True if word in ("true", "1", "yes", "y") else None
    return bool(value) if isinstance(value, bool | int | float) else None


def _is_empty(value: Any, depth: int = 0) -> bool:
    """Return True if a value in the place of an error says that there is none."""
    if depth > _DEEPEST:
        return False
    if isinstance(value, str):
        return value.strip().rstrip(".").casefold() in _NO_ERROR
    if isinstance(value, dict):
        return all(_is_empty(one, depth + 1) for one in value.values())
    if isinstance(value, list):
        return all(_is_empty(one, depth + 1) for one in value)
    return not value


def _code(value: Any) -> int | None:
    """Return an HTTP status, given as a number, as its text or in an object."""
    if isinstance(value, dict):
        value = value.get("code")
    if isinstance(value, str) and (line := _STATUS_LINE.match(value.strip())):
        value = int(line[1])
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 100 <= value < 600 else None


def _error_of(said: dict[str, Any], depth: int = 0) -> str | None:
    for key in (*_ERROR_KEYS, "error_code", "message", "detail"):
        value = said.get(key)
        if isinstance(value, str) and not _is_empty(value):
            return value
        if isinstance(value, dict) and depth < _DEEPEST and (found := _error_of(value, depth + 1)):
            return found
    return None
