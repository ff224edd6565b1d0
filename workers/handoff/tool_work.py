"""The work of the AI's tools: changes, refusals with their reasons, look-ups."""

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

import orjson

from workers.contracts.decisions import ToolFact, Turn
from workers.detection.handover_tools import is_handover
from workers.handoff.tool_results import (
    CHANGED,
    CODE,
    RANKS,
    RESULT_READ,
    VALUES,
    Finding,
    finding_in,
    items_in,
    pairs_in,
    person_in,
    says_no,
    values_in,
)
from workers.handoff.view import AI, PacketView
from workers.handoff.wording import one_line

WorkStatus = Literal["ok", "refused", "failed", "timeout", "denied", "called"]
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_INWARD: Final = re.compile(
    r"^(?:think|thought|thinking|reason|reasoning|plan|scratchpad|calculat\w*|reflect)$"
)
_LOOKS: Final = re.compile(
    r"^(?:get|find|list|search|look|check|read|fetch|query|retrieve|show|view|verify|validate|"
    r"count|describe|is|has|"
    r"track|status|such|abruf|pruef|prüf|finde|zeige|hole|busca|consult|obten|cherch|verif|trouv|"
    r"cerca|trova|zoek|haal|procur|obter)"
    r"|(?:lookup|_status|_details|_info|_search|_history|eligibility|availability|balance|suche|"
    r"abrufen|pruefen|prüfen)\b"
)
_PROFILE: Final = re.compile(
    r"user|customer|account|member|client|profile|kunde|identity|authenticat"
)
_REFUSED_WORDS: Final = re.compile(
    r"cannot|can['\u2019]t|can not|not (?:allowed|eligible|permitted|possible|found)|must (?:be|"
    r"not)|only |denied|forbidden"
    r"|refused|declined|requires|exceeds|nicht (?:möglich|erlaubt)|no (?:permitid|se puede)|"
    r"interdit|non (?:consentit|possibile)",
    re.IGNORECASE,
)
_NAMES: Final = re.compile(r"id\b|_id|number|code|order|booking|reservation|ticket|pnr|reference")
"""Of an argument whose value has no digit: that it names a thing."""
_OWNER: Final = re.compile(r"user|customer|account|client|payment|zip|address|phone")


_NOT_FOUND: Final = re.compile(
    r"\bnot[ _-]?found\b|\bno (?:such|match\w*|record|result|user|customer|account)\b|"
    r"\bdoes ?n[o'\u2019]t exist\b|\bunknown\b",
    re.IGNORECASE,
)


class ToolWork(NamedTuple):
    """Calls of one tool with the same outcome."""

    name: str
    kind: Literal["action", "check"]
    status: WorkStatus
    what: tuple[str, ...]
    """The order, booking or the like that each call was about."""
    values: tuple[str, ...]
    """Of the last: what matters of its result, or why it was refused."""
    found: dict[str, Finding]
    """Findings, by what the calls were about."""
    calls: int
    events: tuple[str, ...]
    profile: bool = False
    """It looked the customer up: what it found is who they are."""
    person: str = ""
    """On a profile, the name in it; and the customer's id."""
    identity: str = ""

    @property
    def words(self) -> str:
        """The tool's name as words."""
        return one_line(_CAMEL.sub(" ", self.name).replace("_", " ").replace("-", " ")).lower()


class _Call(NamedTuple):
    name: str
    arguments: str
    call: Turn | None
    result: Turn | None


def works_of(view: PacketView) -> tuple[ToolWork, ...]:
    """Return what the episode's tools did, in order; handover tools and thinking do nothing."""
    works: dict[tuple[str, str, tuple[str, ...]], ToolWork] = {}
    for call in _calls(view.episode):
        if is_handover(call.name) or _INWARD.match(call.name.lower()):
            continue
        work = _work(view, call)
        key = (work.name, work.status, work.what if work.status != "ok" else ())
        known = works.pop(key, None)
        works[key] = work if known is None else _both(known, work)
    found = [*works.values()]
    done = {
        (work.name, what) for work in found if work.status == "ok" for what in work.what or ("",)
    }
    # What worked in the end did not fail.
    kept = [
        work
        for work in found
        if work.status == "ok" or not all((work.name, what) in done for what in work.what or ("",))
    ]
    known_names = {work.name for work in kept} | {name for name, *_ in works}
    return (*_forgotten(view, known_names), *kept)


def _both(known: ToolWork, work: ToolWork) -> ToolWork:
    what = tuple(dict.fromkeys((*known.what, *work.what)))
    return work._replace(
        what=what,
        found=known.found | work.found,
        calls=known.calls + work.calls,
        events=(*known.events, *work.events)[-8:],
        person=work.person or known.person,
        identity=work.identity or known.identity,
    )


def _forgotten(view: PacketView, known: set[str]) -> Iterator[ToolWork]:
    """Yield what the facts know of tools whose calls the transcript no longer has."""
    for fact in view.facts.tools:
        if fact.name not in known and not is_handover(fact.name) and not _INWARD.match(fact.name):
            yield _of_fact(view, fact)


def _of_fact(view: PacketView, fact: ToolFact) -> ToolWork:
    error = view.hide(fact.error or "")
    status = _failure(fact.status, error) if fact.status not in ("ok", "called") else fact.status
    kind: Literal["action", "check"] = "check" if _looks(fact.name) else "action"
    values = (_reason(error),) if error else ()
    return ToolWork(fact.name, kind, status, (), values, {}, fact.calls, (fact.event_id,))


def named_by_tools(view: PacketView) -> dict[str, str]:
    """Return the key under which tools were called with each value: what an identifier is."""
    keys: dict[str, str] = {}
    for turn in view.episode:
        for written in turn.arguments:
            for key, value in pairs_in(view.hide(written)) if written else ():
                if CODE.match(value):
                    keys[value.lstrip("#").lower()] = key
    return keys


def unknown_to_tools(view: PacketView) -> set[str]:
    """Return the values that were looked up and not found, and never found later."""
    unknown, known = set[str](), set[str]()
    for call in _calls(view.episode):
        if call.result is None or not call.arguments or not _looks(call.name):
            continue
        values = {value.lower() for _, value in pairs_in(view.hide(call.arguments))}
        missed = call.result.status not in (None, "ok") and _NOT_FOUND.search(
            view.text(call.result)[:RESULT_READ]
        )
        (unknown if missed else known).update(values)
    return unknown - known


def _calls(turns: tuple[Turn, ...]) -> Iterator[_Call]:
    """Pair calls with their results: by id, else in order for each name."""
    waiting: list[tuple[str, str, str, Turn]] = []
    found: list[_Call] = []
    for turn in turns:
        if turn.role == AI and turn.calls:
            for at, name in enumerate(turn.calls):
                written = turn.arguments[at] if at < len(turn.arguments) else ""
                call_id = turn.call_ids[at] if at < len(turn.call_ids) else ""
                waiting.append((name, call_id, written, turn))
        elif turn.role == "tool" and turn.name:
            answered = turn.call_ids[0] if turn.call_ids else ""
            index = next(
                (
                    at
                    for at, (name, call_id, *_) in enumerate(waiting)
                    if (answered == call_id if answered and call_id else name == turn.name)
                ),
                None,
            )
            if index is None:
                found.append(_Call(turn.name, "", None, turn))
            else:
                name, _, written, call = waiting.pop(index)
                found.append(_Call(name, written, call, turn))
    found += [_Call(name, written, call, None) for name, _, written, call in waiting]
    yield from found


def _looks(name: str) -> bool:
    return _LOOKS.search(_CAMEL.sub("_", name).lower()) is not None


def _work(view: PacketView, call: _Call) -> ToolWork:
    kind: Literal["action", "check"] = "check" if _looks(call.name) else "action"
    event = (call.result or call.call).event_id  # type: ignore[union-attr]
    what = _what(view.hide(call.arguments)) if call.arguments else ()
    if call.result is None:
        return ToolWork(call.name, kind, "called", what, (), {}, 1, (event,))
    text = view.text(call.result)[:RESULT_READ]
    if call.result.status not in (None, "ok"):
        status = _failure(call.result.status or "", text)
        reason = _reason(text)
        told = (reason,) if reason else ()
        return ToolWork(call.name, kind, status, what, told, {}, 1, (event,))
    pairs = pairs_in(text)
    refused = kind == "action" and any(says_no(key, value) for key, value in pairs)
    profile = kind == "check" and _PROFILE.search(call.name.lower()) is not None
    values = values_in(pairs, text, RANKS if kind == "check" else CHANGED)
    items = items_in(text) if kind == "check" else ""
    if items:
        first = len(values[:1]) if values and values[0].startswith("status") else 0
        values = (*values[:first], items, *values[first:])[:VALUES]
    status = "refused" if refused else "ok"
    who = person_in(pairs, text) if profile else ("", "")
    found = dict.fromkeys(what, finding_in(pairs, values, event, items)) if not refused else {}
    return ToolWork(call.name, kind, status, what, values, found, 1, (event,), profile, *who)


def _failure(status: str, error: str) -> WorkStatus:
    if status in ("timeout", "denied"):
        return status  # type: ignore[return-value]
    return "refused" if _REFUSED_WORDS.search(error) else "failed"


def _reason(text: str) -> str:
    """Return why a tool failed, in its words."""
    pairs = dict(pairs_in(text)) if text.lstrip().startswith("{") else {}
    told = next(
        (pairs[key] for key in ("error", "message", "reason", "detail") if key in pairs), text
    )
    line = one_line(str(told)[:300])
    return re.sub(r"^(?:error|exception)\s*:\s*", "", line, flags=re.IGNORECASE).strip(" .")


def _what(arguments: str) -> tuple[str, ...]:
    """Return what a call was about: the one argument that names an order, a booking or the like."""
    try:
        told = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        told = dict(pairs_in(arguments))
    if isinstance(told, str):
        return (told,) if CODE.match(told) else ()
    if not isinstance(told, dict):
        return ()
    named = [
        (key.lower(), str(value)) for key, value in told.items() if isinstance(value, str | int)
    ]
    codes = [
        (key, value)
        for key, value in named
        if CODE.match(value) and (not value.isalpha() or _NAMES.search(key))
    ]
    best = [value for key, value in codes if not _OWNER.search(key)]
    best = best or [value for _, value in codes]
    return (best[0],) if best else ()
