"""Times: RFC 3339 with a zone on the wire, integer milliseconds since the epoch (UTC) inside."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment on the wire; a value without a zone is refused at decoding."""
Minutes = Annotated[float, msgspec.Meta(gt=0, le=43_200)]
"""A limit for people, 30 days at most: added to any time that is accepted, it is still a time."""

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MS = -62_135_596_800_000
"""The beginning of the year 1."""
_LAST_MS = 253_402_300_799_999
"""The end of the year 9999."""


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch of an aware `moment`, which `from_ms` always takes.

    A zone can move a moment out of the years that UTC has: it is the first or the last one then.
    """
    return min(max(round(moment.timestamp() * 1000), _FIRST_MS), _LAST_MS)


def from_ms(milliseconds: int) -> datetime:
    """Return the UTC moment of `milliseconds` since the epoch, exact to the millisecond."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def nearest_moment(milliseconds: int) -> datetime:
    """Return the moment to show for any number, as a record's timestamp is: others may write it."""
    return from_ms(min(max(milliseconds, 0), _LAST_MS))
