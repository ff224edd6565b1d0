"""Reading parsed JSON of others, in which anything may stand where something else is expected."""

from collections.abc import Iterable
from typing import Any

import orjson

Log = dict[str, Any]


def as_dict(value: Any) -> Log:
    """Return an object; an empty one where something else stands."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return a list; an empty one where something else stands."""
    return value if isinstance(value, list) else []


def parsed(text: str | bytes) -> Any:
    """Return the value of a JSON text; None for what is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def as_text(value: Any) -> str | None:
    """Return text, or a whole number as text, without blanks around it; None for anything else."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def first_text(keys: Iterable[str], *sources: Log) -> str | None:
    """Return the first text under one of the keys, source by source."""
    return next((t for source in sources for key in keys if (t := as_text(source.get(key)))), None)


def only(source: Log, *names: str) -> Log:
    """Return the fields of these names that are there and not null."""
    return {name: source[name] for name in names if source.get(name) is not None}


def as_number(value: Any) -> float:
    """Return a number, also of text; 0 where there is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0
