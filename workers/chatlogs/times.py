"""Times as logs write them: ISO 8601, RFC 2822, numbers of any unit, objects of databases."""

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from workers.contracts.time import to_ms

EARLIEST_MS: Final = to_ms(datetime(1990, 1, 1, tzinfo=UTC))
LATEST_MS: Final = to_ms(datetime(2100, 1, 1, tzinfo=UTC))
_LONGEST: Final = 128
_NUMBER: Final = re.compile(
    r"-?\d{1,20}(?:\.\d{1,20})?(?:e[+-]?\d{1,2})?\Z", re.ASCII | re.IGNORECASE
)
_REMARK: Final = re.compile(r"\s*(?:\([^()]{0,80}\)|\[[\w/+-]{1,40}\])\Z")
"""The name of a zone behind its offset, as JavaScript and Java write it."""
_ZONE: Final = re.compile(r"\s*(?:[+-]0000\s+)?(?:UTC|GMT)\Z", re.IGNORECASE)
_OFFSET: Final = re.compile(
    r"(:\d\d(?:[.,]\d{1,9})?)\s*(?:GMT|UTC)?\s*([+-])(\d{1,2}?):?(\d\d)?\Z",
    re.ASCII | re.IGNORECASE,
)
_HALF_DAY: Final = re.compile(
    r"\b(\d{1,2})(:\d\d(?::\d\d(?:\.\d{1,9})?)?)\s?([ap])\.?m\b\.?", re.ASCII | re.IGNORECASE
)
_DOTNET: Final = re.compile(r"/Date\((\d{1,16})(?:[+-]\d{4})?\)/\Z", re.ASCII)
_YEAR_FIRST: Final = re.compile(r"(\d{4})/(\d{2})/(\d{2})", re.ASCII)
# From the least number of each unit on: seconds, milli-, micro- and nanoseconds.
_UNITS: Final = ((1e17, 1e-6), (1e14, 1e-3), (1e11, 1.0), (0.0, 1e3))

_MONTHS: Final = (
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
)
_WORDY: Final = re.compile(
    r"(?:[a-z]{2,9}\.?,?\s+)?(?:"
    r"(?P<d1>\d{1,2})[ -](?P<m1>[a-z]{3,9})[ -](?P<y1>\d\d(?:\d\d)?)"
    r"|(?P<m2>[a-z]{3,9})\.?\s+(?P<d2>\d{1,2}),?\s+(?P<y2>\d{4})"
    r"|(?P<m3>[a-z]{3})\s+(?P<d3>\d{1,2})(?=\s+\d\d?:.*\s(?P<y3>\d{4})\Z)"
    r"),?(?:\s+(?:at\s+)?(?P<h>\d{1,2})[:.](?P<min>\d\d)(?:[:.](?P<s>\d\d))?(?:\.\d{1,9})?"
    r"(?:\s*(?P<zone>[+-]\d\d:?\d\d|[a-z]{1,3}))?)?(?:\s+(?P=y3))?\Z",
    re.ASCII | re.IGNORECASE,
)
"""Times with the name of the month: RFC 2822, ctime, and as browsers show them."""
_ZONES: Final = {
    **dict.fromkeys(("z", "ut", "utc", "gmt"), 0),
    "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip
"""Hours of the zones that RFC 2822 names; other names mean different zones to different people."""


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
        text = " ".join(value.split()).replace("\N{MINUS SIGN}", "-")
        if len(text) > _LONGEST:
            return None
        if found := _DOTNET.match(text):
            return _of_number(float(found[1]))
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
    plain = _HALF_DAY.sub(_whole_day, _REMARK.sub("", text))
    plain = _YEAR_FIRST.sub(r"\1-\2-\3", _ZONE.sub("+00:00", _OFFSET.sub(_offset, plain)))
    if plain[-1:] in ("z", "Z"):
        plain = plain[:-1].rstrip() + "+00:00"
    try:
        moment = datetime.fromisoformat(plain)
    except ValueError:
        moment = _of_words(plain)
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _offset(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}{found[3]:0>2}:{found[4] or '00'}"


def _whole_day(found: re.Match[str]) -> str:
    hour = int(found[1])
    if not 1 <= hour <= 12:
        raise ValueError("no hour of half a day")
    return f"{hour % 12 + (12 if found[3] in 'pP' else 0):02}{found[2]}"


def _of_words(text: str) -> datetime:
    """Return the time of a text that names its month; ValueError where a part is not known."""
    found = _WORDY.match(text)
    if found is None:
        raise ValueError("no time")
    part = found.groupdict()
    day, month, year = (
        next(part[f"{key}{n}"] for n in "123" if part[f"{key}{n}"]) for key in ("d", "m", "y")
    )
    year = int(year) + (0 if len(year) == 4 else 2000 if int(year) < 69 else 1900)
    hour, minute, second = (int(part[key] or 0) for key in ("h", "min", "s"))
    number = _MONTHS.index(month[:3].casefold()) + 1
    zone = _zone(part["zone"] or "z")
    return datetime(year, number, int(day), hour, minute, second, tzinfo=zone)


def _zone(name: str) -> timezone:
    if name[0] in "+-":
        minutes = int(name[1:3]) * 60 + int(name[-2:])
        return timezone(timedelta(minutes=minutes if name[0] == "+" else -minutes))
    hours = _ZONES.get(name.casefold())
    if hours is None:
        raise ValueError("a zone by a name that is not known")
    return timezone(timedelta(hours=hours))


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
