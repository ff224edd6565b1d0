"""Answers of vendors: their meaning, and how long to wait for another."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from workers.outbound.http_sending import MAX_WAIT_S, Answer, judged, next_try_ms, retry_after
from workers.outbound.signatures import Post, UnprovenError, verify


@pytest.mark.parametrize(
    ("status", "done", "result"),
    [
        (200, (), "done"),
        (204, (), "done"),
        (302, (), "refused"),
        (404, (), "refused"),
        (404, (404,), "done"),
        (409, (), "refused"),
        (422, (), "refused"),
        (401, (), "later"),
        (429, (), "later"),
        (500, (), "later"),
        (503, (), "later"),
    ],
)
def test_an_answer_is_done_refused_or_worth_another_try(
    status: int, done: tuple[int, ...], result: str
) -> None:
    assert judged(status, {}, done).result == result


@pytest.mark.parametrize(
    ("given", "least", "most"),
    [
        ("7", 7, 7),
        ("99999999", MAX_WAIT_S, MAX_WAIT_S),
    ],
)
def test_retry_after_is_bounded(given: str, least: float, most: float) -> None:
    answer = judged(429, {"retry-after": given})
    assert answer.wait_s is not None
    assert least <= answer.wait_s <= most


@pytest.mark.parametrize(("from_now", "least", "most"), [(60, 50, 60), (-60, 0, 0)])
def test_retry_after_may_be_a_date(from_now: int, least: float, most: float) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=from_now))
    answer = judged(429, {"retry-after": date})
    assert answer.wait_s is not None
    assert least <= answer.wait_s <= most


@pytest.mark.parametrize("given", [None, "", "soon", "-1", "1" * 50, "Fri, 99 Nov"])
def test_what_is_no_time_is_no_wait(given: str | None) -> None:
    assert retry_after(given) is None


def test_waits_grow_and_end_at_five_minutes() -> None:
    failed, asked = Answer("later", "503"), Answer("later", "503", 900)
    assert 800 <= next_try_ms(failed, 1, 0, "x") <= 1200
    assert 6400 <= next_try_ms(failed, 4, 0, "x") <= 9600
    assert 240_000 <= next_try_ms(failed, 10_000, 0, "x") <= 360_000
    assert next_try_ms(asked, 1, 50, "x") == 900_050


def test_a_token_in_the_address_is_compared_whole() -> None:
    verify("token_in_address", ["a-secret", "another"], Post(b"", {}, "another"), 0)
    for token in ("", "a-secre", "a-secret2", "\ud800"):
        with pytest.raises(UnprovenError):
            verify("token_in_address", ["a-secret"], Post(b"", {}, token), 0)
