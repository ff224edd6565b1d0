"""Whether a tool's result is a failure, by flags beside it and by what it says itself."""

import re
from typing import Any, Final, NamedTuple

import orjson

from workers.contracts.events import ToolStatus

_LOOKED_AT: Final = 64 * 1024
"""Bytes of a result that is read as JSON; a larger one is judged by how it begins."""
_ERROR_LIMIT: Final = 500

_FAILS: Final = frozenset(
    "error errored exception fail failed failure fatal timeout timed_out denied forbidden "
    "unauthorized unavailable".split()
)
_SUCCEEDS: Final = frozenset(
    "ok okay success successful succeeded complete completed done finished true".split()
)
_FALSE: Final = frozenset(("", "0", "false", "no", "none", "null", "n"))
_ERROR_KEYS: Final = ("error", "errors", "exception", "error_message", "errorMessage")
_FLAG_KEYS: Final = ("is_error", "isError")
_SUCCESS_KEYS: Final = ("success", "succeeded", "ok")
_CODE_KEYS: Final = ("status_code", "statusCode", "http_status", "httpStatus")
_BEGINS: Final = re.compile(
    r"\s*(?:error\b\s*[:\-(]|[\w.]*(?:error|exception)\s*:|traceback \(most recent call last"
    r"|http(?:/[\d.]+)?\s+[45]\d\d\b|(?:the )?(?:tool|call|request) (?:has )?(?:failed|timed out)\b"
    r"|timed? ?out\b)",
    re.IGNORECASE,
)
_TIMEOUT: Final = re.compile(r"time[d_ -]*out|\b(?:408|504)\b|deadline exceeded", re.IGNORECASE)
_DENIED: Final = re.compile(
    r"denied|forbidden|unauthori[sz]ed|not (?:authori[sz]ed|allowed|permitted)|\b40[13]\b",
    re.IGNORECASE,
)


class Outcome(NamedTuple):
    """What became of a tool call; `error` is what failed, None when nothing did."""

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
    if failed is None:
        failed = not isinstance(said, dict | list) and bool(_BEGINS.match(text[:_ERROR_LIMIT]))
    if not failed:
        return Outcome("ok", None)
    error = _error_of(result) or (_error_of(said) if isinstance(said, dict) else None) or text
    error = error[:_ERROR_LIMIT]
    hint = f"{error} {result.get('status', '')} {text[:_ERROR_LIMIT]}"
    if _TIMEOUT.search(hint):
        return Outcome("timeout", error or None)
    return Outcome("denied" if _DENIED.search(hint) else "error", error or None)


def _json(text: str) -> Any:
    if len(text) > _LOOKED_AT or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
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
    codes = (_code(said.get(key)) for key in (*_CODE_KEYS, "status"))
    if (code := next((one for one in codes if one is not None), None)) is not None:
        return code >= 400
    status = str(said.get("status")).strip().casefold().replace(" ", "_").replace("-", "_")
    if status in _FAILS:
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


def _is_empty(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().casefold() in _FALSE
    return not value


def _code(value: Any) -> int | None:
    """Return an HTTP status, given as a number or as its text."""
    if isinstance(value, str) and len(value) == 3 and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 100 <= value < 600 else None


def _error_of(said: dict[str, Any]) -> str | None:
    for key in (*_ERROR_KEYS, "error_code", "message", "detail"):
        value = said.get(key)
        if isinstance(value, str) and not _is_empty(value):
            return value
        if isinstance(value, dict) and (found := _error_of(value)):
            return found
    return None
