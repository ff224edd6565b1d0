"""Any moment that is accepted becomes milliseconds, and these a moment again."""

import msgspec
import pytest

from workers.contracts.time import Instant, from_ms, to_ms


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("9999-12-31T23:59:59.9999Z", "9999-12-31T23:59:59.999000+00:00"),
        ("9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59.999000+00:00"),
        ("0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00+00:00"),
        ("2026-03-02T09:00:00.0006Z", "2026-03-02T09:00:00.001000+00:00"),
    ],
)
def test_a_zone_leads_out_of_no_calendar(written: str, kept: str) -> None:
    moment = msgspec.convert(written, Instant)
    assert from_ms(to_ms(moment)).isoformat() == kept
