"""Contents of a tool's result: the values that matter, a no, whose record it is."""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import orjson

from workers.handoff.listed_items import items_in
from workers.handoff.wording import one_line

VALUES: Final = 3
RESULT_READ: Final = 2_048
_LONGEST_VALUE: Final = 100
"""Characters of one value."""
PAIR: Final = re.compile(
    r'"(?P<key>[\w /-]{1,40})":\s*(?P<value>"(?:[^"\\]|\\.){0,80}"|-?\d[\d.]{0,18}|true|false)'
)
RANKS: Final = (
    re.compile(r"eligib|allowed|approved|success|refundable|cancell?able|permitted"),
    re.compile(r"^status$|_status$|fulfil"),
    re.compile(r"reason|error|message|detail$"),
    re.compile(r"_used(?:_|$)|_limit(?:_|$)|^limit$|speed|signal"),
    re.compile(r"refund|amount|total_due|^total$|_total$|balance|_due$|fee$|^price$|^cost$"),
    re.compile(r"insurance|cabin|membership|tier|locked|suspen|level|roaming"),
    re.compile(
        r"due_date|created|booked|ordered_at|_at$|^date$|eta$|until|deadline|arriv|departure|expir"
        r"|end_date|contract"
    ),
    re.compile(r"^route$|^city$"),
    re.compile(r"^paid$"),
)
"""Keys of a result that matter, most telling first."""
CHANGED: Final = (RANKS[0], RANKS[1], RANKS[4])
"""Keys that matter of a change; the tool's own words would only repeat its name."""
REFUSED: Final = (*CHANGED, re.compile(r"^(?:message|detail)$"))
RECORDED: Final = (*RANKS[:2], re.compile(r"reason|error"), *RANKS[3:])
"""Keys that matter of a thing as it stands."""
PROFILE: Final = (re.compile(r"membership|tier|locked|suspen|balance"),)
"""Keys that tell who the customer is, on which a decision may rest."""
_PLAIN_STATES: Final = frozenset("active available activated enabled ok normal success".split())
"""States of which nothing follows."""
_LASTING: Final = re.compile(r"created|booked|ordered_at|membership|_used(?:_|$)")
"""Keys of values that no change of a thing changes."""
_ANYTHING: Final = frozenset("update modify change edit set".split())
"""In the name of a tool: it may have changed anything."""
_NO: Final = re.compile(
    r"eligib|allowed|approved|success|refundable|cancell?able|permitted|^ok$|authori[sz]ed|accepted"
)
_REFUSED_STATES: Final = frozenset(
    "denied rejected refused declined failed forbidden not_allowed not_eligible ineligible "
    "blocked error abgelehnt verweigert fehlgeschlagen refusé refusée rejeté rejetée échoué "
    "rechazado rechazada denegado denegada fallido rifiutato rifiutata respinto respinta fallito "
    "recusado recusada negado rejeitado rejeitada afgewezen geweigerd mislukt".split()
)
_MEANT_STATES: Final = {
    "blocked": "block",
    "declined": "declin",
    "denied": "den",
    "refused": "refus",
    "rejected": "reject",
}
"""States that a tool of such a name brings about: it did what it was called for."""
_DATE_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ]\d\d:\d\d\S*")
_LEG: Final = re.compile(
    r'"(?:flights|segments|legs|trips)":\s*\[[^\]]{0,300}?"date":\s*"([\d-]{10})'
)
_PAID: Final = re.compile(
    r'"(?:payment_history|payments)":\s*\[\s*\{[^{}\[\]]{0,200}?"amount":\s*(?P<amount>[\d.]{1,12})'
    r"[^{}\[\]]{0,200}\}\s*\]"
)
"""The one payment of a thing."""
_PHONES: Final = ("phone_number", "phone", "msisdn", "mobile", "telephone")
_KEY_OF: Final = re.compile(r'"(\w{0,30}?)_(?:id|number|code)":\s*$')
_PART: Final = 600
"""Characters of the part of a result that describes one thing."""
_TRIED: Final = 4
"""Places in a result at which a thing is looked for."""
_PART_VALUES: Final = 6
_SHORTER: Final = re.compile(r"_at$|_enabled$|^has_")
_PAIRS: Final = 40
_SMALL: Final = 300
"""Characters of a result up to which its values without a rank tell something, too."""
_FEW: Final = 3
_SHORT: Final = 40
"""Characters of such a value."""
_TECHNICAL: Final = re.compile(
    r"(?:^|_)(?:id|ids|uuid|url|uri|link|arn|hash|token|trace|cursor|page|version|lang\w*|locale|currency|"
    r"timestamp|source|type|code|number|name|email|phone|address\d?|zip|city|state|country|origin|destination)$"
)
"""Keys of values that tell nothing of how a thing stands."""
_OF_A_RANK: Final = 2
"""Values of one rank that are kept."""
_KIND_OF: Final = re.compile(r"([a-z]\w{0,30}?)_?(?:ids?|number|code|no)")
_BRACE: Final = re.compile(r"[{}]")
_USED: Final = re.compile(r"(\w+?)_used(_\w+)?")
Ranks = tuple[re.Pattern[str], ...]
CODE: Final = re.compile(r"(?=[^\s]*\d)#?[A-Za-z0-9][\w.#-]{2,39}\Z|[A-Z]{6}\Z")
"""Values that name an order, a booking or the like."""


class Value(NamedTuple):
    """One value of a result, as it is shown."""

    key: str
    text: str


class ToolFinding(NamedTuple):
    """Result of a look-up of one thing, or of a change to it."""

    values: tuple[Value, ...]
    """The most telling first."""
    event_id: str
    phone: str = ""
    email: str = ""
    items: tuple[str, ...] = ()
    """Names of what is in it, where it has some."""
    more: bool = False
    """It has more of them, or may have."""
    kind: str = ""
    """The result's own word for the thing, as in order_id."""
    of: tuple[str, ...] = ()
    """Other things that it points to, as a line to its plan."""


def finding_in(
    pairs: list[tuple[str, str]], text: str, what: str, event_id: str, ranks: Ranks
) -> ToolFinding:
    """Return what a result says of the thing it is about, and whose number and address it is."""
    told = dict(reversed(pairs))
    phone = next((told[key] for key in _PHONES if key in told), "")
    named = [key for key, value in pairs if value == what and key != "id"]
    kind = next((word for key in named if (word := kind_of(key))), "")
    items, more = items_in(text)
    of = tuple(value for key, value in pairs[:_PAIRS] if kind_of(key) and value != what)
    values = ranked_values(pairs, ranks, text)
    if not pairs and ranks is not PROFILE:
        values = tuple(Value("", value) for value in values_in(pairs, text, ranks))
    return ToolFinding(values, event_id, phone, told.get("email", ""), items, more, kind, of)


def kind_of(key: str) -> str:
    """Return what a key such as order_id names: an order; nothing where it names no thing."""
    found = _KIND_OF.fullmatch(key.lower())
    return found[1].replace("_", " ") if found else ""


def details_of(text: str, name: str) -> tuple[str, ...]:
    """Return the options and the price of the one item of this name in a result."""
    written = f'"{name}"'
    at = text.find(written)
    if at < 0 or text.count(written) > 1:
        return ()
    start = text.rfind("{", max(0, at - _PART), at)
    told = _object_at(text, start) if start > 0 and "}" not in text[start:at] else None
    if told is None:
        return ()
    price = told.get("price")
    prices = [_number(str(price))] if isinstance(price, int | float) else []
    return tuple([*_inner_values(told), *prices][:_PART_VALUES])


def part_of(text: str, code: str) -> tuple[str, tuple[str, ...]]:
    """Return what a result says of one of several things in it: its kind, and a few values.

    Its name comes first; nothing where its part of the result was cut.
    """
    at = -1
    for _ in range(_TRIED):
        at = text.find(f'"{code}"', at + 1)
        if at < 0:
            break
        key = _KEY_OF.search(text, max(0, at - _PART), at)
        start = text.rfind("{", max(0, at - _PART), at)
        if key is None or start <= 0 or "}" in text[start:at]:
            continue
        told = _object_at(text, start)
        if told is not None:
            name = told.get("name") or told.get("title") or dict(pairs_in(text)).get("name", "")
            values = [str(name)] if isinstance(name, str) and name else []
            values += _inner_values(told)
            # A day and a price alone tell nothing that the record around it does not.
            values += [
                f"{key} {_number(_said(value))}"
                for key, value in told.items()
                if key in ("price", "available", "status", "date") and _is_plain(value) and values
            ]
            return key[1].replace("_", " "), tuple(values[:_PART_VALUES])
    return "", ()


def _inner_values(told: dict[str, Any]) -> list[str]:
    """Return the words of a thing's options, and its prices by their names."""
    values: list[str] = []
    for key, inner in told.items():
        if not isinstance(inner, dict):
            continue
        if all(isinstance(value, str) for value in inner.values()):
            values += inner.values()
        elif "price" in key:
            values += [
                f"{name.replace('_', ' ')} {value}"
                for name, value in inner.items()
                if isinstance(value, int | float)
            ]
    return values


def _object_at(text: str, start: int) -> dict[str, Any] | None:
    depth = 0
    for found in _BRACE.finditer(text, start, start + _PART):
        depth += 1 if found.group() == "{" else -1
        if not depth:
            try:
                told = orjson.loads(text[start : found.end()])
            except orjson.JSONDecodeError:
                return None
            return told if isinstance(told, dict) else None
    return None


def person_in(pairs: list[tuple[str, str]], text: str) -> tuple[str, str]:
    """Return name and id in what a tool found of the customer."""
    told = dict(reversed(pairs))
    name = told.get("full_name") or told.get("name") or told.get("customer_name") or ""
    if not name and "first_name" in told and "last_name" in told:
        name = f"{told['first_name']} {told['last_name']}"
    known = next((told[key] for key in ("user_id", "customer_id", "id") if key in told), "")
    if not pairs and CODE.match(text.strip()):
        known = text.strip()
    return name, known


def pairs_in(text: str) -> list[tuple[str, str]]:
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
    for match in PAIR.finditer(text):
        between = text[at : match.start()]
        lists += between.count("[") - between.count("]")
        depth += between.count("{") + between.count("[") - between.count("}") - between.count("]")
        at = match.end()
        # An entry of a list is one of many.
        if depth == 1 or (depth == 2 and not lists):
            yield match["key"].lower(), match["value"].strip('"')


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _said(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def says_no(key: str, value: str, tool: str) -> bool:
    """Return whether a value of a result says that the tool of this name did not do it."""
    plain = value.lower().replace(" ", "_")
    if (meant := _MEANT_STATES.get(plain)) is not None and meant in tool.lower():
        return False
    if _NO.search(key) and plain in ("no", "false"):
        return True
    return key in ("status", "result", "outcome", "state", "decision") and plain in _REFUSED_STATES


def values_in(pairs: list[tuple[str, str]], text: str, ranks: Ranks) -> tuple[str, ...]:
    """Return the two or three values that matter, most telling first."""
    if pairs:
        return tuple(value.text for value in ranked_values(pairs, ranks, "")[:VALUES])
    line = one_line(text[:_LONGEST_VALUE]).rstrip(".")
    if text.lstrip().startswith("["):
        listed = _count(text)
        return (f"{listed}",) if listed else ()
    # JSON that was cut is no text.
    readable = line and len(text) <= _LONGEST_VALUE and not text.lstrip().startswith("{")
    return (line,) if readable else ()


def ranked_values(pairs: list[tuple[str, str]], ranks_of: Ranks, text: str) -> tuple[Value, ...]:
    """Return the values that matter, most telling first; with a result's `text` also its lists."""
    told = {key: value for key, value in reversed(pairs) if value}
    found = [*dict.fromkeys(key for key, _ in pairs)]
    if text:
        for key, value in _from_lists(told, text):
            told[key] = value
            found.append(key)
    ranked: list[tuple[bool, int, int, Value]] = []
    for at, key in enumerate(found):
        rank = next((n for n, pattern in enumerate(ranks_of) if pattern.search(key)), None)
        value = told.get(key, "")
        if rank is None or not value or len(value) > _LONGEST_VALUE or "_per_" in key:
            continue
        shown = _shown(key, value, told)
        if shown:
            plain = value.lower() in _PLAIN_STATES and key != "flight_status"
            ranked.append((plain, rank, at, Value(key, shown)))
    ranked.sort()
    chosen: list[Value] = []
    ranks: list[int] = []
    for _, rank, _, one in ranked:
        if ranks.count(rank) < _OF_A_RANK:
            chosen.append(one)
            ranks.append(rank)
    if ranks_of is RECORDED and 0 < len(text) <= _SMALL and len(chosen) < _FEW:
        known = {one.key for one in chosen}
        chosen += [one for one in _others(told) if one.key not in known][: _FEW - len(chosen)]
    return tuple(chosen)


def _others(told: dict[str, str]) -> Iterator[Value]:
    """Yield the values of a small result that have no rank, and yet tell something."""
    for key, value in told.items():
        if len(value) > _SHORT or _TECHNICAL.search(key) or CODE.match(value):
            continue
        if not any(pattern.search(key) for pattern in RANKS) and (text := _shown(key, value, told)):
            yield Value(key, text)


def _from_lists(told: dict[str, str], text: str) -> Iterator[tuple[str, str]]:
    """Yield what lists and several keys say together: the way, the day, what was paid."""
    if "origin" in told and "destination" in told:
        leg = _LEG.search(text)
        way = f"{told['origin']}\u2013{told['destination']}"
        yield "route", f"{way} {leg[1]}" if leg else way
    if (paid := _PAID.search(text)) is not None:
        yield "paid", paid["amount"]


def _shown(key: str, value: str, told: dict[str, str]) -> str:
    """Return one value in words; nothing where another one says it, too."""
    if key in ("message", "detail"):
        return one_line(value).rstrip(".")
    if key == "route":
        return value
    if (used := _USED.fullmatch(key)) is not None:
        limit = told.get(f"{used[1]}_limit{used[2] or ''}")
        unit = (used[2] or "").replace("_", " ").upper()
        most = f" of {_number(limit)}" if limit else ""
        return f"{used[1].replace('_', ' ')} used {_number(value)}{most}{unit}"
    if "_limit" in key and key.replace("_limit", "_used") in told:
        return ""
    shown = {"true": "yes", "false": "no"}.get(value, _DATE_TIME.sub(r"\1", value))
    name = _SHORTER.sub("", key).replace("_", " ")
    return f"{name} {_number(shown).replace('_', ' ')}"


def _number(value: str) -> str:
    return value.removesuffix(".0") if value[:1].isdigit() else value


def lasting(values: tuple[Value, ...], tool: str) -> tuple[Value, ...]:
    """Return the values that hold also after a tool of this name, as words, changed the thing."""
    words = set(tool.split())
    return tuple(value for value in values if _lasts(value.key, words))


def _lasts(key: str, tool: set[str]) -> bool:
    if _LASTING.search(key):
        return True
    if not key or "suspen" in key or any(one.search(key) for one in (*RANKS[:3], RANKS[4])):
        return False
    return not tool & _ANYTHING and not tool & set(key.split("_"))


def _count(text: str) -> str:
    try:
        return str(len(orjson.loads(text)))
    except orjson.JSONDecodeError:
        return ""
