"""The shape of a business calendar: when the people of a queue are at work."""

from datetime import date
from functools import cache
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec

from workers.contracts.events import Word

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_HOUR: Final = "([01][0-9]|2[0-3]):[0-5][0-9]"
SPAN_PATTERN: Final = rf"^{_HOUR}-({_HOUR}|24:00)$"
Span = Annotated[
    str, msgspec.Meta(pattern=SPAN_PATTERN, description="write a time of day as in 09:00-17:30")
]
"""Opening and closing time within one day, which ends at 24:00; a night is two spans."""

MINUTES_OF_DAY: Final = 24 * 60


class Holidays(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Days on which a calendar is closed: those of a country and those that are named."""

    country: str | None = None
    """ISO 3166-1 alpha-2."""
    subdivision: str | None = None
    """The part after the country in ISO 3166-2, as in BE of DE-BE."""
    dates: Annotated[tuple[date, ...], msgspec.Meta(max_length=1000)] = ()


class Calendar(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Opening hours per weekday in the calendar's own time zone; a day left out is closed."""

    calendar: Word
    timezone: str = "UTC"
    hours: Literal["always"] | dict[Day, Annotated[tuple[Span, ...], msgspec.Meta(max_length=8)]]
    holidays: Holidays = Holidays()

    def spans(self, day: date) -> tuple[tuple[int, int], ...]:
        """Return the opening and closing minutes of a local day from midnight; none if closed."""
        if self.is_holiday(day):
            return ()
        if self.hours == "always":
            return ((0, MINUTES_OF_DAY),)
        return tuple(map(minutes, self.hours.get(DAYS[day.weekday()], ())))

    def is_holiday(self, day: date) -> bool:
        """Return True if a local day is one of the calendar's holidays."""
        named = self.holidays
        if day in named.dates:
            return True
        return named.country is not None and day in of_country(named.country, named.subdivision)


class Opening(NamedTuple):
    """The time at which people are back at work, as the clocks there show it."""

    days_ahead: int
    """0 today, 1 tomorrow."""
    day: date
    time: str


def minutes(span: str) -> tuple[int, int]:
    """Return the two minutes of the day that a span is from and to."""
    start, end = span.split("-")
    return _minute(start), _minute(end)


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


@cache
def of_country(country: str, subdivision: str | None) -> Any:
    """Return the public holidays of a country, `in` which a date may be looked up.

    Raise NotImplementedError when the country or its subdivision is unknown.
    """
    import holidays

    return holidays.country_holidays(country, subdiv=subdivision)
