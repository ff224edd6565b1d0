"""Business calendars at the moments where they are easily wrong."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from workers.contracts.calendars import Calendar, Day, Holidays
from workers.contracts.time import to_ms
from workers.routing.opening_hours import is_open, next_opening

OFFICE = Calendar(
    calendar="office",
    timezone="Europe/Berlin",
    hours={"mon": ("09:00-12:00", "13:00-17:00"), "fri": ("22:00-24:00",), "sat": ("00:00-02:00",)},
    holidays=Holidays(dates=(date(2026, 11, 9),)),
)


def at(local: str, zone: str = "Europe/Berlin", fold: int = 0) -> int:
    """Return the moment of a local time."""
    return to_ms(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone), fold=fold))


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-11-02T08:59:59.999", False),
        ("2026-11-02T09:00", True),
        ("2026-11-02T11:59:59.999", True),
        ("2026-11-02T12:00", False),
        ("2026-11-02T13:00", True),
        ("2026-11-02T17:00", False),
        ("2026-11-03T10:00", False),
        ("2026-11-06T23:59:59.999", True),
        ("2026-11-07T00:00", True),
        ("2026-11-07T02:00", False),
        ("2026-11-09T10:00", False),
    ],
)
def test_open(local: str, expected: bool) -> None:
    assert is_open(OFFICE, at(local)) is expected


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-11-02T08:00", "2026-11-02T09:00"),
        ("2026-11-02T10:00", "2026-11-02T10:00"),
        ("2026-11-02T12:30", "2026-11-02T13:00"),
        ("2026-11-02T17:00", "2026-11-06T22:00"),
        ("2026-11-07T02:00", "2026-11-13T22:00"),
    ],
)
def test_next_opening(local: str, expected: str) -> None:
    assert next_opening(OFFICE, at(local)) == at(expected)


def test_another_zone_is_another_hour() -> None:
    tokyo = Calendar(calendar="tokyo", timezone="Asia/Tokyo", hours={"mon": ("09:00-17:00",)})
    assert is_open(tokyo, at("2026-11-02T01:00", "UTC"))
    assert not is_open(tokyo, at("2026-11-02T10:00", "UTC"))


def test_public_holidays() -> None:
    german = Calendar(
        calendar="german", hours="always", holidays=Holidays(country="DE", subdivision="BE")
    )
    assert not is_open(german, at("2026-12-25T10:00", "UTC"))
    assert next_opening(german, at("2026-12-25T10:00", "UTC")) == at("2026-12-27T00:00", "UTC")


def test_never_open() -> None:
    assert next_opening(Calendar(calendar="never", hours={}), at("2026-11-02T08:00")) is None


class TestChangeOfClocks:
    """In Berlin: 2026-03-29, 02:00 becomes 03:00; 2026-10-25, 03:00 becomes 02:00."""

    def sunday(self, *spans: str) -> Calendar:
        """Return a calendar that is open on Sundays only."""
        day: Day = "sun"
        return Calendar(calendar="sunday", timezone="Europe/Berlin", hours={day: spans})

    def test_a_day_has_23_hours(self) -> None:
        early = self.sunday("00:00-09:00")
        assert is_open(early, at("2026-03-29T08:59"))
        assert not is_open(early, at("2026-03-29T09:00"))
        opened = next_opening(early, at("2026-03-28T12:00"))
        assert opened == at("2026-03-29T00:00")
        assert at("2026-03-29T09:00") - opened == 8 * 3_600_000

    def test_an_opening_in_the_gap_is_read_with_the_offset_before_it(self) -> None:
        gap = self.sunday("02:30-04:00")
        assert next_opening(gap, at("2026-03-29T01:00")) == at("2026-03-29T03:30")
        assert not is_open(gap, at("2026-03-29T03:15"))

    def test_a_span_inside_the_gap_is_none(self) -> None:
        gone = self.sunday("02:00-03:00")
        assert next_opening(gone, at("2026-03-29T01:00")) == at("2026-04-05T02:00")

    def test_an_hour_that_comes_twice(self) -> None:
        night = self.sunday("01:00-02:30")
        assert is_open(night, at("2026-10-25T02:15"))
        assert not is_open(night, at("2026-10-25T02:15", fold=1))
        day = self.sunday("01:00-09:00")
        assert is_open(day, at("2026-10-25T02:45", fold=1))
