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
    "unauthorized unavailable unsuccessful output_error aborted cancelled canceled rejected "
    "crashed".split()
)
_SUCCEEDS: Final = frozenset(
    "ok okay success successful succeeded complete completed done finished true".split()
)
_FAILS_SURELY: Final = frozenset("error errored exception failure fatal".split())
"""Without what may be the state of the thing that was looked up."""
_FAILS_INSIDE: Final = _FAILS_SURELY | {
    *("fail", "failed", "timeout", "timed_out", "forbidden", "unauthorized", "unsuccessful"),
}
"""Without what becomes of claims, orders and products."""
_FALSE: Final = frozenset(("", "0", "false", "no", "none", "null", "n"))
_TRUE: Final = frozenset(("true", "1", "yes", "y"))
_NO_ERROR: Final = re.compile(
    r"(?:n/?a|nil|undefined|-|0+|\[\s*\]|\{\s*\}|(?:there (?:was|were) )?no (?:\w+ )?errors?\b.*"
    r"|none(?: (?:found|reported|detected)|\s*[(,;].*)?)\Z",
    re.IGNORECASE | re.DOTALL,
)
"""Texts that mean "no error" where a result would name one."""
# Keys as `_plain` has them: without case, underscores and hyphens.
_ERROR_KEYS: Final = (
    *("error", "errors", "exception", "errormessage", "errormsg", "errortext", "errorcode"),
    *("err", "errmsg", "errcode", "fault", "failure"),
)
_FLAG_KEYS: Final = (
    *("iserror", "haserror", "haserrors", "isfailure", "failed", "hasfailed", "timedout"),
)
_SUCCESS_KEYS: Final = ("success", "succeeded", "successful", "issuccess", "issuccessful", "ok")
_CODE_KEYS: Final = ("statuscode", "httpstatus", "httpcode", "httpstatuscode")
_EXIT_KEYS: Final = ("exitcode", "returncode")
_STATE_KEYS: Final = ("status", "state", "outcome", "result")
_WRAPPER_KEYS: Final = ("result", "response", "body", "output", "data", "payload")
"""Fields that hold the answer itself, where only how the call ended stands beside them."""
_BEGINS: Final = re.compile(
    # A question is the title of an article: "Unable to connect to Wi-Fi?"
    r"(?![^.:\n]{0,80}\?)[^\w{]{0,8}(?:"
    r"errors?(?:\s*[:(!\]]|\s+-|-\s)|error (?:code\s*:?\s*)?[45]\d\d\b|error[.!]?\s*\Z"
    r"|(?!no_?error)[\w.]*(?:error|exception)\s*(?::|\Z)|[\w.]+\.timeout\s*:"
    r"|traceback \(most recent call last|(?:unhandled|uncaught) \w*(?:exception|error)\b"
    r"|(?:tool|api|server|system|database|internal|network|connection|unexpected|unknown|http)"
    r" error\b\s*(?:[:(!.]|[45]\d\d\b|\Z)"
    r"|an? (?:\w+ ){0,2}error (?:has )?occurred\b|something went wrong\b"
    r"|http(?:/[\d.]+)?\s+[45]\d\d\b|status(?: code)?\s*[:=]\s*(?:[45]\d\d\b|error\b)"
    r"|(?:the )?(?:tool|call|request|connection|read|operation|query) (?:has )?"
    r"(?:failed|timed out)\b|tool (?:call|execution) failed\b"
    r"|failed to (?!find any (?:problem|issue|error))\w|fail(?:ed|ure)[.!]?\s*\Z"
    r"|connection (?:refused|reset)\b|(?:access|permission) (?:is |was )?denied\b"
    r"|(?:could not|couldn't|cannot|can't|unable to) (?:connect|reach the "
    r"(?:\w+ )?(?:server|service|system|api|host|backend|database))\b"
    r"|(?:connect |read )?e(?:connrefused|connreset|timedout|notfound|hostunreach|pipe)\b"
    r"|err_[a-z_]+\b|timed? ?out\b)",
    re.IGNORECASE,
)
_MARKUP: Final = re.compile(
    r"\s*(?:<\?xml[^<>]{0,200}>\s*)?(?:<[\w:]+(?:\s[^<>]{0,200})?>\s*){0,3}?"
    r"<(?:tool_use_)?(?:error|fault)(?:\s[^<>]{0,200})?>(.{0,40})",
    re.IGNORECASE | re.DOTALL,
)
_FENCE: Final = re.compile(r"\s*```\w{0,12}\s*\n")
_REASONS: Final = frozenset(
    [f"{one.value} {one.phrase}".casefold() for one in HTTPStatus if one.value >= 400]
    + [one.phrase.casefold() for one in HTTPStatus if one.value >= 500]
    + ["bad request", "unauthorized", "forbidden", "request timeout", "too many requests"]
)
"""Status lines of HTTP that say a failure; without a number only those that say nothing else."""
_AFTER: Final = re.compile(r"[^\w{]{0,8}[\w ]{1,40}?\s*[:\-]\s*(.{0,40})", re.DOTALL)
_CALLED: Final = frozenset(
    (
        "code status state outcome result success ok message msg detail details reason type title "
        "error errors requestid traceid timestamp path headers statuscode httpstatus"
    ).split()
)
"""Fields of an answer that holds nothing but how the call ended: its code is the call's."""
_CALLED_OR_WRAPPED: Final = _CALLED.union(_WRAPPER_KEYS)
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
    beside = _plain(result)
    said = _json(text)
    inside = _plain(said) if isinstance(said, dict) else {}
    failed = _verdict(beside, beside=True)
    if failed is None and inside:
        failed = _verdict_inside(inside)
    if failed is None and isinstance(said, list) and said:
        failed = all(isinstance(one, dict) and _verdict_inside(_plain(one)) for one in said)
    if failed is None:
        failed = not isinstance(said, dict | list) and _begins_with_failure(text[:_ERROR_LIMIT])
    if not failed:
        return Outcome("ok", None)
    error = (_error_of(beside) or _error_of(inside) or text)[:_ERROR_LIMIT]
    hint = f"{error} {result.get('status', '')} {text[:_ERROR_LIMIT]}"
    if _TIMEOUT.search(hint):
        return Outcome("timeout", error or None)
    return Outcome("denied" if _DENIED.search(hint) else "error", error or None)


def _plain(said: dict[str, Any]) -> dict[str, Any]:
    """Return an object with its keys written one way: `isError`, `is_error` and `Is-Error`."""
    return {str(k).casefold().replace("_", "").replace("-", ""): v for k, v in said.items()}


def _begins_with_failure(text: str) -> bool:
    if markup := _MARKUP.match(text):
        inner, _, tag = markup[1].partition("<")
        return not _is_empty(inner) or (not inner.strip() and bool(tag) and tag[0] != "/")
    if not _BEGINS.match(text):
        return text.strip().rstrip(".!").casefold() in _REASONS
    after = _AFTER.match(text)
    # "Error: none" is what a form says that has a place for errors.
    return after is None or not _is_empty(after[1])


def _json(text: str) -> Any:
    """Return the object or list that a result is, also as Python writes it; else None."""
    if len(text) > _LOOKED_AT:
        return None
    if fence := _FENCE.match(text):
        text = text[fence.end() :].rstrip().removesuffix("```")
    start = text.lstrip()[:2]
    if start[:1] not in ("{", "[", '"'):
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


def _verdict_inside(said: dict[str, Any], depth: int = 0) -> bool | None:
    """Return whether an answer says that the call failed, also one that is wrapped in others."""
    failed = _verdict(said, beside=False)
    if failed or depth > _DEEPEST or not said.keys() <= _CALLED_OR_WRAPPED:
        return failed
    for key in _WRAPPER_KEYS:
        inner = said.get(key)
        if isinstance(inner, str) and inner.lstrip()[:1] == "{":
            inner = _json(inner)
        if isinstance(inner, dict) and _verdict_inside(_plain(inner), depth + 1):
            return True
    return failed


def _verdict(said: dict[str, Any], *, beside: bool) -> bool | None:
    """Return whether an object, its keys plain, says that the call failed; None: neither.

    `beside`: it stands beside the result, where any status speaks of the call. Inside a result a
    status may be that of an order.
    """
    if (flag := _first_truth(said, _FLAG_KEYS)) is not None:
        return flag
    if any(key in said and not _is_no_error(key, said[key]) for key in _ERROR_KEYS):
        return True
    if (flag := _first_truth(said, _SUCCESS_KEYS)) is not None:
        return not flag
    if any(type(said.get(key)) is int and said[key] != 0 for key in _EXIT_KEYS):
        return True
    bare = beside or said.keys() <= _CALLED
    keys = (*_CODE_KEYS, "status", *(("code",) if bare else ()))
    codes = (_code(said.get(key)) for key in keys)
    if (code := next((one for one in codes if one is not None), None)) is not None:
        return code >= 400
    looked_at = (*_STATE_KEYS, "type") if bare else _STATE_KEYS
    states = {key: _word(said[key]) for key in looked_at if key in said}
    if any(word in _failing(key, beside=beside, bare=bare) for key, word in states.items()):
        return True
    if bare and said.get("status") is False:
        return True
    return False if beside and states.get("status") in _SUCCEEDS else None


def _failing(key: str, *, beside: bool, bare: bool) -> frozenset[str]:
    """Return the words under a key that say of the call, and not of a thing, that it failed."""
    if key == "type":
        return _FAILS_SURELY
    if beside:
        return _FAILS
    return _FAILS_INSIDE if bare or key == "status" else _FAILS_SURELY


def _word(value: Any) -> str:
    return str(value).strip().casefold().replace(" ", "_").replace("-", "_")


def _first_truth(said: dict[str, Any], keys: tuple[str, ...]) -> bool | None:
    found = (_truth(said[key]) for key in keys if key in said)
    return next((one for one in found if one is not None), None)


def _truth(value: Any) -> bool | None:
    if isinstance(value, str):
        word = value.strip().casefold()
        return False if word in _FALSE else True if word in _TRUE else None
    return bool(value) if isinstance(value, bool | int | float) else None


def _is_no_error(key: str, value: Any) -> bool:
    """Return True if a value under a key for errors says that there is none."""
    return (key.endswith("code") and _code(value) in range(100, 400)) or _is_empty(value)


def _is_empty(value: Any, depth: int = 0) -> bool:
    """Return True if a value in the place of an error says that there is none."""
    if depth > _DEEPEST:
        return False
    if isinstance(value, str):
        word = value.strip().rstrip(".").casefold()
        said = word in _FALSE or (word in _SUCCEEDS and word not in _TRUE)
        return said or _NO_ERROR.match(word) is not None
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
    for key in (*_ERROR_KEYS, "message", "detail"):
        value = said.get(key)
        if isinstance(value, str) and not _is_empty(value):
            return value
        inner = _plain(value) if isinstance(value, dict) and depth < _DEEPEST else {}
        if found := _error_of(inner, depth + 1) if inner else None:
            return found
    return None
