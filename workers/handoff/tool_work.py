"""The work of the AI's tools: changes, refusals with their reasons, look-ups."""

import re
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

import orjson

from workers.contracts.decisions import ToolFact, Turn
from workers.detection.handover_tools import is_handover
from workers.handoff.view import AI, PacketView
from workers.handoff.wording import one_line

WorkStatus = Literal["ok", "refused", "failed", "timeout", "denied", "called"]
VALUES: Final = 3
_RESULT_READ: Final = 2_048
_LONGEST_VALUE: Final = 100
"""Characters of one value."""
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
_PAIR: Final = re.compile(
    r'"(?P<key>[\w /-]{1,40})":\s*(?P<value>"(?:[^"\\]|\\.){0,80}"|-?\d[\d.]{0,18}|true|false)'
)
_RANKS: Final = (
    re.compile(r"eligib|allowed|approved|success|refundable|cancell?able|permitted"),
    re.compile(r"^status$|_status$|fulfil"),
    re.compile(r"reason|error|message|detail$"),
    re.compile(r"refund|amount|total|balance|_due$|fee|price|cost|credit"),
    re.compile(
        r"due_date|created|ordered_at|_at$|^date$|eta$|until|deadline|arriv|departure|expir"
    ),
    re.compile(r"insurance|cabin|membership|tier|locked|suspend|roaming|data_used|level"),
)
_CHANGED: Final = (_RANKS[0], _RANKS[1], _RANKS[3], re.compile(r"^(?:message|detail)$"))
_PROFILE: Final = re.compile(
    r"user|customer|account|member|client|profile|kunde|identity|authenticat"
)
_NO: Final = re.compile(
    r"eligib|allowed|approved|success|refundable|cancell?able|permitted|^ok$|authori[sz]ed|accepted"
)
_REFUSED_STATES: Final = frozenset(
    "denied rejected refused declined failed forbidden not_allowed not_eligible ineligible "
    "blocked error".split()
)
_REFUSED_WORDS: Final = re.compile(
    r"cannot|can['\u2019]t|can not|not (?:allowed|eligible|permitted|possible|found)|must (?:be|"
    r"not)|only |denied|forbidden"
    r"|refused|declined|requires|exceeds|nicht (?:möglich|erlaubt)|no (?:permitid|se puede)|"
    r"interdit|non (?:consentit|possibile)",
    re.IGNORECASE,
)
_CODE: Final = re.compile(r"(?=[^\s]*\d)#?[A-Za-z0-9][\w.#-]{2,39}\Z")
_OWNER: Final = re.compile(r"user|customer|account|client|payment|zip|address|phone")
_DATE_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ]\d\d:\d\d\S*")


class ToolWork(NamedTuple):
    """Calls of one tool with the same outcome."""

    name: str
    kind: Literal["action", "check"]
    status: WorkStatus
    what: tuple[str, ...]
    """The order, booking or the like that each call was about."""
    values: tuple[str, ...]
    """Of the last: what matters of its result, or why it was refused."""
    found: dict[str, tuple[str, ...]]
    """The values by what the calls were about."""
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
        if work.status in ("ok", "called")
        or not all((work.name, what) in done for what in work.what or ("",))
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
            for key, value in _pairs(view.hide(written)) if written else ():
                if _CODE.match(value):
                    keys[value.lstrip("#").lower()] = key
    return keys


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
    text = view.text(call.result)[:_RESULT_READ]
    if call.result.status not in (None, "ok"):
        status = _failure(call.result.status or "", text)
        reason = _reason(text)
        told = (reason,) if reason else ()
        return ToolWork(call.name, kind, status, what, told, {}, 1, (event,))
    pairs = _pairs(text)
    refused = kind == "action" and any(_says_no(key, value) for key, value in pairs)
    profile = kind == "check" and _PROFILE.search(call.name.lower()) is not None
    values = _values(pairs, text, _RANKS if kind == "check" else _CHANGED)
    status = "refused" if refused else "ok"
    who = _person(pairs, text) if profile else ("", "")
    found = dict.fromkeys(what, values)
    return ToolWork(call.name, kind, status, what, values, found, 1, (event,), profile, *who)


def _person(pairs: list[tuple[str, str]], text: str) -> tuple[str, str]:
    """Return name and id in what a tool found of the customer."""
    told = dict(reversed(pairs))
    name = told.get("full_name") or told.get("name") or told.get("customer_name") or ""
    if not name and "first_name" in told and "last_name" in told:
        name = f"{told['first_name']} {told['last_name']}"
    known = next((told[key] for key in ("user_id", "customer_id", "id") if key in told), "")
    if not pairs and _CODE.match(text.strip()):
        known = text.strip()
    return name, known


def _failure(status: str, error: str) -> WorkStatus:
    if status in ("timeout", "denied"):
        return status  # type: ignore[return-value]
    return "refused" if _REFUSED_WORDS.search(error) else "failed"


def _reason(text: str) -> str:
    """Return why a tool failed, in its words."""
    pairs = dict(_pairs(text)) if text.lstrip().startswith("{") else {}
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
        told = dict(_pairs(arguments))
    if isinstance(told, str):
        return (told,) if _CODE.match(told) else ()
    if not isinstance(told, dict):
        return ()
    named = [
        (key.lower(), str(value)) for key, value in told.items() if isinstance(value, str | int)
    ]
    codes = [(key, value) for key, value in named if _CODE.match(value)]
    best = [value for key, value in codes if not _OWNER.search(key)]
    best = best or [value for _, value in codes]
    return (best[0],) if best else ()


def _pairs(text: str) -> list[tuple[str, str]]:
    """Return keys and plain values of a result, also of JSON that was cut."""
    if not text.lstrip().startswith(("{", "[")):
        return []
    try:
        told = orjson.loads(text)
    except orjson.JSONDecodeError:
        return [*_outer_pairs(text)]
    if isinstance(told, list):
        return []
    found = []
    inner = (
        [value for value in told.values() if isinstance(value, dict)]
        if isinstance(told, dict)
        else []
    )
    for level in (told, *inner):
        found += [
            (str(key).lower(), _said(value)) for key, value in level.items() if _is_plain(value)
        ]
    return found


def _outer_pairs(text: str) -> Iterator[tuple[str, str]]:
    """Yield the plain values of the two outer levels of objects in JSON that was cut."""
    depth = lists = at = 0
    for match in _PAIR.finditer(text):
        between = text[at : match.start()]
        lists += between.count("[") - between.count("]")
        depth += between.count("{") + between.count("[") - between.count("}") - between.count("]")
        at = match.end()
        # What stands in a list is one of many.
        if depth == 1 or (depth == 2 and not lists):
            yield match["key"].lower(), match["value"].strip('"')


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _said(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _says_no(key: str, value: str) -> bool:
    plain = value.lower().replace(" ", "_")
    if _NO.search(key) and plain in ("no", "false"):
        return True
    return key in ("status", "result", "outcome", "state", "decision") and plain in _REFUSED_STATES


def _values(
    pairs: list[tuple[str, str]], text: str, ranks_of: tuple[re.Pattern[str], ...]
) -> tuple[str, ...]:
    """Return the two or three values that matter, most telling first."""
    if not pairs:
        line = one_line(text[:_LONGEST_VALUE])
        if text.lstrip().startswith("["):
            listed = _count(text)
            return (f"{listed}",) if listed else ()
        return (line,) if line and len(text) <= _LONGEST_VALUE else ()
    ranked: list[tuple[int, int, str]] = []
    seen: set[str] = set()
    for at, (key, value) in enumerate(pairs):
        rank = next((n for n, pattern in enumerate(ranks_of) if pattern.search(key)), None)
        if rank is None or key in seen or not value or len(value) > _LONGEST_VALUE:
            continue
        seen.add(key)
        if key in ("message", "detail"):
            ranked.append((rank, at, one_line(value).rstrip(".")))
            continue
        shown = {"true": "yes", "false": "no"}.get(value, _DATE_TIME.sub(r"\1", value))
        ranked.append((rank, at, f"{key.replace('_', ' ')} {shown.replace('_', ' ')}"))
    ranked.sort()
    chosen: list[str] = []
    ranks: list[int] = []
    for rank, _, value in ranked:
        if ranks.count(rank) < 2:
            chosen.append(value)
            ranks.append(rank)
    return tuple(chosen[:VALUES])


def _count(text: str) -> str:
    try:
        return str(len(orjson.loads(text)))
    except orjson.JSONDecodeError:
        return ""
