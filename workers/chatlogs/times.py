"""Times as logs write them: ISO 8601, RFC 2822, numbers of any unit, objects of databases."""

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from workers.contracts.time import to_ms

EARLIEST_MS: Final = to_ms(datetime(1990, 1, 1, tzinfo=UTC))
LATEST_MS: Final = to_ms(datetime(2100, 1, 1, tzinfo=UTC))
_LONGEST: Final = 64
_NUMBER: Final = re.compile(
    r"-?\d{1,20}(?:\.\d{1,20})?(?:e[+-]?\d{1,2})?\Z", re.ASCII | re.IGNORECASE
)
_ZONE: Final = re.compile(r"\s*(?:[+-]0000\s+)?(?:UTC|GMT)\Z", re.IGNORECASE)
_PLACE: Final = re.compile(r"\[[\w/+-]{1,40}\]\Z")
"""The name of a zone behind its offset, as Java writes it."""
_YEAR_FIRST: Final = re.compile(r"(\d{4})/(\d{2})/(\d{2})", re.ASCII)
# From the least number of each unit on: seconds, milli-, micro- and nanoseconds.
_UNITS: Final = ((1e17, 1e-6), (1e14, 1e-3), (1e11, 1.0), (0.0, 1e3))


class UnreadableTime(Exception):
    """A time that is there and cannot be read; the message shows it."""


def read_time(value: Any) -> int | None:
    """Return a time in milliseconds since the epoch; None where there is none.

    Times without a zone are taken as UTC. UnreadableTime where something else stands, or a time
    before 1990 or after 2099.
    """
    if value is None or value == "" or (value == 0 and not isinstance(value, bool)):
        return None
    try:
        found = _milliseconds(value)
    except (ValueError, OverflowError, TypeError):
        found = None
    if found is None:
        raise UnreadableTime(f"{_shown(value)} is no time that can be read")
    if not EARLIEST_MS <= found < LATEST_MS:
        raise UnreadableTime(f"{_shown(value)} is before 1990 or after 2099")
    return found


def _milliseconds(value: Any) -> int | None:
    if isinstance(value, dict):
        return _of_object(value)
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _LONGEST:
            return None
        return _of_number(float(text)) if _NUMBER.match(text) else _of_text(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _of_number(value)


def _of_number(value: float) -> int | None:
    if not math.isfinite(value) or value <= 0:
        return None
    factor = next(factor for least, factor in _UNITS if value >= least)
    return round(value * factor)


def _of_text(text: str) -> int | None:
    plain = _YEAR_FIRST.sub(r"\1-\2-\3", _PLACE.sub("", _ZONE.sub("+00:00", text)))
    if plain[-1:] in ("z", "Z"):
        plain = plain[:-1] + "+00:00"
    try:
        moment = datetime.fromisoformat(plain)
    except ValueError:
        moment = parsedate_to_datetime(text)
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _of_object(value: dict[str, Any]) -> int | None:
    for key in ("$date", "$numberLong", "value", "iso"):
        if key in value:
            return _milliseconds(value[key])
    for key in ("seconds", "_seconds"):
        if isinstance(seconds := value.get(key), int | float | str):
            parts = (value.get(name) for name in ("nanos", "nanoseconds", "_nanoseconds"))
            nanos = next((one for one in parts if isinstance(one, int)), 0)
            return round(float(seconds) * 1000 + nanos / 1e6)
    return None


def _shown(value: Any) -> str:
    return repr(value)[:60]
