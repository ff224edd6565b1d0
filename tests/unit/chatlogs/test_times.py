"""Times as logs write them are read or reported, never invented in silence."""

from typing import Any

import pytest

from workers.chatlogs.times import UnreadableTime, read_time

TEN = 1_736_157_600_000  # 2025-01-06 10:00 UTC

READ: list[Any] = [
    1_736_157_600,
    1_736_157_600.0,
    "1736157600",
    "1736157600.0",
    1_736_157_600_000,
    "1736157600000",
    1_736_157_600_000_000,
    1_736_157_600_000_000_000,
    "2025-01-06T10:00:00Z",
    "2025-01-06t10:00:00z",
    "2025-01-06T10:00:00",
    "2025-01-06 10:00",
    "2025-01-06T11:00:00+01:00",
    "2025-01-06 10:00:00 UTC",
    "2025-01-06 10:00:00 +0000 UTC",
    "2025-01-06T10:00:00.000000000Z",
    "20250106T100000Z",
    "Mon, 06 Jan 2025 10:00:00 GMT",
    "Mon, 06 Jan 2025 11:00:00 +0100",
    {"$date": "2025-01-06T10:00:00Z"},
    {"$date": 1_736_157_600_000},
    {"$date": {"$numberLong": "1736157600000"}},
    {"seconds": 1_736_157_600, "nanos": 0},
    {"_seconds": 1_736_157_600, "_nanoseconds": 0},
    "1.7361576e9",
    "2025/01/06 10:00:00",
    "2025-01-06T11:00:00+01:00[Europe/Berlin]",
    "Jan 6, 2025 10:00 AM",
    "Mon Jan 06 2025 10:00:00 GMT+0000 (Coordinated Universal Time)",
    "Mon Jan 06 2025 11:00:00 GMT+0100 (Central European Standard Time)",
    "Mon, 06 Jan 2025 11:00:00 GMT+01:00",
    "Mon, 06 Jan 2025 05:00:00 EST",
    "Mon Jan  6 10:00:00 2025",
    "Mon Jan  6 10:00:00 UTC 2025",
    "6 January 2025 10:00",
    "January 6, 2025 at 10:00 a.m.",
    "Jan 6, 2025, 10:00:00\N{NARROW NO-BREAK SPACE}AM",
    "2025-01-06T09:00:00\N{MINUS SIGN}01:00",
    "/Date(1736157600000+0000)/",
]
UNREADABLE: list[Any] = [
    "yesterday",
    "01/06/2025 10:00",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+01:00",
    -5,
    5,
    float("nan"),
    float("inf"),
    10**30,
    "9" * 5000,
    True,
    [1],
    {"$date": "never"},
    {"seconds": "never"},
    {},
    "Mon, 06 Jan 2025 11:00:00 CET",
    "Mon, 06 Jan 2025 11:00:00 Europe/Berlin",
    "2025-01-06 11:00:00 CET",
    "Jan 6, 2025 22:00 PM",
    "Mon, 31 Feb 2025 10:00:00 GMT",
]


@pytest.mark.parametrize("value", READ, ids=repr)
def test_a_time_is_read(value: Any) -> None:
    assert read_time(value) == TEN


def test_the_second_half_of_the_day_is_not_taken_for_the_first() -> None:
    assert read_time("Jan 6, 2025 10:00 PM") == TEN + 12 * 3_600_000
    assert read_time("Jan 6, 2025 12:00 AM") == TEN - 10 * 3_600_000


@pytest.mark.parametrize("value", UNREADABLE, ids=lambda value: repr(value)[:30])
def test_what_is_no_time_is_said(value: Any) -> None:
    with pytest.raises(UnreadableTime):
        read_time(value)


@pytest.mark.parametrize("value", [None, "", 0])
def test_no_time_is_none(value: Any) -> None:
    assert read_time(value) is None
