"""The work of the AI's tools: changes, refusals with their reasons, look-ups."""

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

import orjson

from workers.contracts.decisions import ToolFact
from workers.detection.handover_tools import is_handover
from workers.handoff.chosen import chosen_in
from workers.handoff.tool_calls import PairedCall
from workers.handoff.tool_results import (
    CHANGED,
    CODE,
    PROFILE,
    RANKS,
    RECORDED,
    REFUSED,
    RESULT_READ,
    ToolFinding,
    finding_in,
    kind_of,
    pairs_in,
    person_in,
    says_no,
    values_in,
)
from workers.handoff.view import PacketView
from workers.handoff.wording import one_line

WorkStatus = Literal["ok", "refused", "failed", "timeout", "denied", "called"]
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_INWARD: Final = re.compile(
    r"^(?:think|thought|thinking|reason|reasoning|plan|scratchpad|calculat\w*|reflect)$"
)
_LOOKS: Final = re.compile(
    r"^(?:get|find|list|search|look|check|read|fetch|query|retrieve|show|view|verify|validate|"
    r"count|describe|is|has|test|diagnos\w*|measure|estimate|calcul\w*|comput\w*|simul\w*|"
    r"statut|estado|stato|consult\w*|"
    r"track|status|such|abruf|pruef|prüf|finde|zeige|hole|busca|consult|obten|cherch|verif|trouv|"
    r"cerca|trova|zoek|haal|procur|obter)"
    r"|(?:lookup|_test|_check|_diagnos\w*|_status|_details|_info|_search|_history|eligibility|"
    r"availability|balance|suche|abrufen|pruefen|prüfen|berechnen)\b"
)
_CHANGES: Final = re.compile(
    r"(?:update|set|change|modify|cancel|create|add|remove|delete|enable|disable|reset|send)_"
)
"""The beginning of a name that ends like that of a look-up, as in update_status."""
_OWN_NUMBER: Final = re.compile(
    r"id|number|ref|reference(?:_(?:number|id|code))?|rma(?:_number)?|confirmation(?:_\w+)?|"
    r"(?:case|ticket|claim|incident|return|booking|appointment|dispute|investigation|complaint|"
    r"visit|order|reservation|tracking|appeal|report|replacement|shipment|label|contract|quote|"
    r"callback|refund|transaction|trace|escalation|complaint|message|hold|lift|request)"
    r"(?:_(?:id|number|reference|ref|code))"
)
"""Names of the number of what a call made."""
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
"""Names of arguments that name a thing even where the value has no digit."""
_OWNER: Final = re.compile(r"user|customer|account|client|payment|zip|address|phone")
_CUSTOMER_KEY: Final = re.compile(r"(?:user|customer|account|client|member)_?(?:id|number)")
_FIGURE: Final = re.compile(r"\d")
_UNIT: Final = 3
"""Letters of a unit, as in gb."""
_FIRST: Final = 4
"""Values of a result, of which one names what it is about."""
_KEPT: Final = 8
"""Calls of one tool, the last, whose events and errors are kept."""
_LISTED: Final = 12
"""Values of a list in a call that are read."""


_AMOUNTS: Final = re.compile(
    r"amount|price|total|quantity|count|size|gb|days|hours|minutes|percent|limit|passengers|bag"
)
"""Names of arguments whose number names no thing."""
_TOLD_OF: Final = re.compile(r"amount|quantity|_gb|gb_|percent")
"""Arguments of a change that say how much was changed."""
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
    """Values that matter of the last result, or why it was refused."""
    found: dict[str, ToolFinding]
    """Findings, by what the calls were about."""
    calls: int
    events: tuple[str, ...]
    profile: bool = False
    """It looked the customer up: its finding says who they are."""
    person: str = ""
    """Name in the profile that was looked up, and the customer's id."""
    identity: str = ""
    missed: bool = False
    """It was asked for something that does not exist."""
    kind_of_thing: str = ""
    """Kind of what the calls were about, by the name of the argument: an order, a bill."""
    items: dict[str, tuple[str, ...]] = {}  # noqa: RUF012
    """Ids of the items in a call, by what it was about; never changed in place."""

    chosen: tuple[str, ...] = ()
    """Choices of the last call, if it changes something: flights, days, class, how it is paid."""
    errors: tuple[str, ...] = ()
    """The errors of the last calls, in their order."""

    @property
    def of_customer(self) -> bool:
        """True where its calls only named the customer."""
        return _OWNER.search(self.kind_of_thing) is not None

    @property
    def words(self) -> str:
        """The tool's name as words."""
        return one_line(_CAMEL.sub(" ", self.name).replace("_", " ").replace("-", " ")).lower()


def works_of(view: PacketView) -> tuple[ToolWork, ...]:
    """Return what the episode's tools did, in order; handover tools and thinking do nothing."""
    works: dict[tuple[str, str, tuple[str, ...]], ToolWork] = {}
    for call in view.calls:
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
    # A call that worked in the end did not fail.
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
        items=known.items | work.items,
        calls=known.calls + work.calls,
        events=(*known.events, *work.events)[-_KEPT:],
        errors=(*known.errors, *work.errors)[-_KEPT:],
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
    kind: Literal["action", "check"] = "check" if is_look_up(fact.name) else "action"
    values = (_reason(error),) if error else ()
    return ToolWork(fact.name, kind, status, (), values, {}, fact.calls, (fact.event_id,))


def named_by_tools(view: PacketView) -> dict[str, str]:
    """Return the key under which tools were called with each value: what an identifier is."""
    keys: dict[str, str] = {}
    for turn in view.episode:
        for written in turn.arguments:
            for key, value in _asked_with(view.hide(written)) if written else ():
                if CODE.match(value):
                    keys[value.lstrip("#").lower()] = key
    return keys


def unknown_to_tools(view: PacketView) -> set[str]:
    """Return the values that were looked up and not found, and never found later."""
    unknown, known = set[str](), set[str]()
    for call in view.calls:
        if call.result is None or not call.arguments or not is_look_up(call.name):
            continue
        values = {value.lower() for _, value in pairs_in(view.hide(call.arguments))}
        missed = call.result.status not in (None, "ok") and _NOT_FOUND.search(
            view.text(call.result)[:RESULT_READ]
        )
        (unknown if missed else known).update(values)
    return unknown - known


def is_look_up(name: str) -> bool:
    """Return whether a tool of this name only looks something up."""
    plain = _CAMEL.sub("_", name).lower()
    return _LOOKS.search(plain) is not None and not _CHANGES.match(plain)


def is_profile(name: str) -> bool:
    """Return whether a tool of this name looks up who the customer is."""
    return is_look_up(name) and _PROFILE.search(name.lower()) is not None


def _work(view: PacketView, call: PairedCall) -> ToolWork:
    kind: Literal["action", "check"] = "check" if is_look_up(call.name) else "action"
    event = call.event_id
    asked = _asked_with(view.hide(call.arguments)) if call.arguments else []
    what, thing, ids = _what(asked)
    called = ToolWork(call.name, kind, "called", what, (), {}, 1, (event,), kind_of_thing=thing)
    if call.result is None:
        return called
    text = view.text(call.result)[:RESULT_READ]
    if call.result.status not in (None, "ok"):
        status = _failure(call.result.status or "", text)
        reason = _reason(text)
        missed = status == "refused" and kind == "check" and _NOT_FOUND.search(text) is not None
        told = (reason,) if reason else ()
        profile = is_profile(call.name)
        called = called._replace(chosen=_chosen(view, call, exact=True), errors=told)
        return called._replace(status=status, values=told, missed=missed, profile=profile)
    pairs = pairs_in(text)
    if kind == "action":
        # What the tool was told to set and did not, nobody can tell how it stands.
        given = dict(asked)
        pairs = [one for one in pairs if given.get(one[0], one[1]) == one[1]]
    if kind == "action" and any(says_no(key, value, call.name) for key, value in pairs):
        values = values_in(pairs, text, REFUSED)
        return called._replace(status="refused", values=values)
    if kind == "action" and (not what or called.of_customer) and (made := _made(pairs)):
        what, thing = (made[0],), made[1]
        called = called._replace(what=what, kind_of_thing=thing)
    profile = is_profile(call.name) or (kind == "check" and _is_of_customer(pairs, what))
    # Of a change the words of a tool are its name again, unless they have a figure.
    tells = kind == "check" or pairs or _FIGURE.search(_without(text, what)) is not None
    ranks = PROFILE if profile else RECORDED
    own = _own_number(pairs, asked) if kind == "action" else ""
    # What has a number of its own is another thing than the one that the call was about.
    of_what = () if own and all(value not in what for _, value in pairs) else what
    found = {one: finding_in(pairs, text if tells else "", one, event, ranks) for one in of_what}
    if kind == "check":
        values = values_in(pairs, text, PROFILE if profile else RANKS)
    else:
        much = [_much(key, value) for key, value in asked if _TOLD_OF.search(key)]
        made_as = (own,) if own and own not in what else ()
        values = (*made_as, *much[:1], *(values_in(pairs, text, CHANGED) if tells else ()))
    who = person_in(pairs, text) if profile else ("", "")
    done = called._replace(status="ok", values=values, found=found, profile=profile)
    done = done._replace(chosen=_chosen(view, call, exact=False))
    return done._replace(person=who[0], identity=who[1], items=dict.fromkeys(what, ids))


def _chosen(view: PacketView, call: PairedCall, *, exact: bool) -> tuple[str, ...]:
    if is_look_up(call.name) or not call.arguments:
        return ()
    return chosen_in(view.hide(call.arguments), exact=exact)


def _made(pairs: list[tuple[str, str]]) -> tuple[str, str] | None:
    """Return what a call without a name made, by its result: its name and its kind."""
    for key, value in pairs[:_FIRST]:
        if (kind := kind_of(key)) and not _OWNER.search(key) and CODE.match(value):
            return value, kind
    return None


def _own_number(pairs: list[tuple[str, str]], asked: list[tuple[str, str]]) -> str:
    """Return the number of what a call made, where its result has one that was not in the call."""
    given = {value for _, value in asked}
    return next(
        (
            value
            for key, value in pairs[:_KEPT]
            if _OWN_NUMBER.fullmatch(key) and value not in given and CODE.match(value)
        ),
        "",
    )


def _without(text: str, what: tuple[str, ...]) -> str:
    return text.replace(what[0], "") if what else text


def _much(key: str, value: str) -> str:
    """Return how much was changed: with its unit, where the argument's name holds one."""
    unit = key.replace("amount", "").strip("_")
    short = len(unit) <= _UNIT
    return f"{value} {unit.upper()}" if unit and short else f"{key.replace('_', ' ')} {value}"


def _is_of_customer(pairs: list[tuple[str, str]], what: tuple[str, ...]) -> bool:
    """Return whether what was looked up is the customer themselves."""
    return any(value in what and _CUSTOMER_KEY.fullmatch(key) for key, value in pairs[:2])


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


def _asked_with(arguments: str) -> list[tuple[str, str]]:
    """Return the arguments of a call: keys and values, those of lists last."""
    try:
        told = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return pairs_in(arguments)
    if isinstance(told, str):
        return [("", told)]
    if not isinstance(told, dict):
        return []
    found = []
    for key, value in sorted(told.items(), key=lambda one: isinstance(one[1], list)):
        for one in value[:_LISTED] if isinstance(value, list) else (value,):
            if isinstance(one, str | int | float) and not isinstance(one, bool):
                found.append((str(key).lower(), str(one)))  # noqa: PERF401
    return found


def _what(asked: list[tuple[str, str]]) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """Return what a call was about, its kind by the argument's name, and the items in it.

    It is about the one argument that names an order, a booking or the like.
    """
    codes = [
        (key, value)
        for key, value in asked
        if CODE.match(value)
        and (not value.isalpha() or _NAMES.search(key))
        and not (_AMOUNTS.search(key) and value.replace(".", "").isdigit())
    ]
    best = [one for one in codes if not _OWNER.search(one[0])] or codes
    items = tuple(value for key, value in codes if "item" in key or "product" in key)
    if not best:
        return (), "", items
    key, value = best[0]
    return (value,), kind_of(key), items
