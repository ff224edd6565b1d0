"""Opening hours of a queue: business calendars evaluated at a moment."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from workers.contracts.calendars import Calendar, Opening
from workers.contracts.time import from_ms

LOOK_AHEAD_DAYS: Final = 400
"""Days within which an opening is looked for; a calendar that is closed for longer has none."""

_ONE_DAY: Final = timedelta(days=1)
_zone = cache(ZoneInfo)


def is_open(calendar: Calendar, at_ms: int) -> bool:
    """Return True if the people of `calendar` are at work; the closing time itself is excluded.

    A time that a change of clocks skips is read as RFC 5545 does, with the offset before the gap;
    of one that comes twice, the first is meant.
    """
    day = _local_day(calendar, at_ms)
    # A span that the clocks move past midnight still belongs to the day on which it began.
    days = (day - _ONE_DAY, day)
    return any(start <= at_ms < end for day in days for start, end in _spans(calendar, day))


def next_opening(calendar: Calendar, at_ms: int) -> int | None:
    """Return the first moment from `at_ms` on that is open, or None within LOOK_AHEAD_DAYS."""
    for start, end in _spans_from(calendar, at_ms):
        if end > at_ms:
            return max(start, at_ms)
    return None


def opening_after(calendar: Calendar, at_ms: int) -> Opening | None:
    """Return when a calendar that is closed at `at_ms` opens; None when it is open, or never."""
    opens = next_opening(calendar, at_ms)
    if opens is None or opens == at_ms:
        return None
    local = from_ms(opens).astimezone(_zone(calendar.timezone))
    days = (local.date() - _local_day(calendar, at_ms)).days
    return Opening(days, local.date(), f"{local.hour}:{local.minute:02}")


def _spans_from(calendar: Calendar, at_ms: int) -> Iterator[tuple[int, int]]:
    day = _local_day(calendar, at_ms) - _ONE_DAY
    for _ in range(LOOK_AHEAD_DAYS):
        yield from _spans(calendar, day)
        day += _ONE_DAY


def _spans(calendar: Calendar, day: date) -> Iterator[tuple[int, int]]:
    """Yield the opening and closing moments of one local day, but no span that a gap swallows."""
    for opens, closes in calendar.spans(day):
        start, end = _moment(calendar, day, opens), _moment(calendar, day, closes)
        if start < end:
            yield start, end


def _moment(calendar: Calendar, day: date, minute: int) -> int:
    days, rest = divmod(minute, 24 * 60)
    clock = datetime.combine(day, datetime.min.time()) + timedelta(days=days, minutes=rest)
    local = clock.replace(tzinfo=_zone(calendar.timezone))
    return int(local.astimezone(UTC).timestamp()) * 1000


def _local_day(calendar: Calendar, at_ms: int) -> date:
    return from_ms(at_ms).astimezone(_zone(calendar.timezone)).date()
