"""Contents of a tool's result: the values that matter, a no, whose record it is."""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import orjson

from workers.handoff.wording import one_line

VALUES: Final = 3
RESULT_READ: Final = 2_048
_LONGEST_VALUE: Final = 100
"""Characters of one value."""
_PAIR: Final = re.compile(
    r'"(?P<key>[\w /-]{1,40})":\s*(?P<value>"(?:[^"\\]|\\.){0,80}"|-?\d[\d.]{0,18}|true|false)'
)
RANKS: Final = (
    re.compile(r"eligib|allowed|approved|success|refundable|cancell?able|permitted"),
    re.compile(r"^status$|_status$|fulfil"),
    re.compile(r"reason|error|message|detail$"),
    re.compile(r"refund|amount|total|balance|_due$|fee|price|cost|credit"),
    re.compile(
        r"due_date|created|ordered_at|_at$|^date$|eta$|until|deadline|arriv|departure|expir"
    ),
    re.compile(r"insurance|cabin|membership|tier|locked|suspend|roaming|_used|limit|level"),
    re.compile(r"^(?:origin|destination|city)$"),
)
CHANGED: Final = (RANKS[0], RANKS[1], RANKS[3], re.compile(r"^(?:message|detail)$"))
_NO: Final = re.compile(
    r"eligib|allowed|approved|success|refundable|cancell?able|permitted|^ok$|authori[sz]ed|accepted"
)
_REFUSED_STATES: Final = frozenset(
    "denied rejected refused declined failed forbidden not_allowed not_eligible ineligible "
    "blocked error".split()
)
_DATE_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ]\d\d:\d\d\S*")
_LIST: Final = re.compile(r'"(?:items|products|articles|line_items|positions)":\s*\[')
_NAME: Final = re.compile(r'"(?:name|title|product_name)":\s*"([^"\\]{2,40})"')
_ITEMS: Final = 3
"""Names of items that tell one order from another."""
_PHONES: Final = ("phone_number", "phone", "msisdn", "mobile", "telephone")
CODE: Final = re.compile(r"(?=[^\s]*\d)#?[A-Za-z0-9][\w.#-]{2,39}\Z|[A-Z]{6}\Z")
"""Values that name an order, a booking or the like."""


class Finding(NamedTuple):
    """Result of a look-up of one thing."""

    values: tuple[str, ...]
    event_id: str
    phone: str = ""
    email: str = ""
    items: str = ""
    """Their names, where the thing has some."""


def finding_in(
    pairs: list[tuple[str, str]], values: tuple[str, ...], event_id: str, items: str
) -> Finding:
    """Return what a result says of the thing it is about, and whose number and address it is."""
    told = dict(reversed(pairs))
    phone = next((told[key] for key in _PHONES if key in told), "")
    return Finding(values, event_id, phone, told.get("email", ""), items)


def items_in(text: str) -> str:
    """Return the names of the first items in a result; with … where there are or may be more."""
    began = _LIST.search(text) if text.lstrip().startswith("{") else None
    if began is None:
        return ""
    listed = text[began.end() :]
    end = listed.find("]")
    names = list(dict.fromkeys(_NAME.findall(listed[:end] if end >= 0 else listed)))
    shown = ", ".join(names[:_ITEMS])
    return f"{shown}…" if shown and (end < 0 or len(names) > _ITEMS) else shown


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


def says_no(key: str, value: str) -> bool:
    """Return whether a value of a result says that the tool did not do it."""
    plain = value.lower().replace(" ", "_")
    if _NO.search(key) and plain in ("no", "false"):
        return True
    return key in ("status", "result", "outcome", "state", "decision") and plain in _REFUSED_STATES


def values_in(
    pairs: list[tuple[str, str]], text: str, ranks_of: tuple[re.Pattern[str], ...]
) -> tuple[str, ...]:
    """Return the two or three values that matter, most telling first."""
    if not pairs:
        line = one_line(text[:_LONGEST_VALUE])
        if text.lstrip().startswith("["):
            listed = _count(text)
            return (f"{listed}",) if listed else ()
        # JSON that was cut is no text.
        readable = line and len(text) <= _LONGEST_VALUE and not text.lstrip().startswith("{")
        return (line,) if readable else ()
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
