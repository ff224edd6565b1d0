"""The limit of dead letters: when it stops a worker, and what the operator is told then."""

from collections import deque

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workers.contracts.codec import Raw
from workers.contracts.deadletters import Origin
from workers.contracts.rejections import Rejected, RejectionReason
from workers.runtime.dead_letter_limit import (
    RUN,
    SHARE,
    UNCOUNTED,
    WINDOW,
    DeadLetterLimit,
    Refusal,
    TooManyDeadLetters,
    refusal,
)

_RUNS = st.lists(st.tuples(st.integers(1, 400), st.sampled_from([0, 1, 2, 4, 6, 50])), max_size=20)


def refused(
    offset: int = 0, reason: RejectionReason = "schema", value: bytes = b"", key: bytes = b"c-1"
) -> Refusal:
    """Return what is remembered of a refused record of the second partition of `t`."""
    return refusal(Origin("t", 1, offset), Raw(key, value, (), 0), Rejected(reason, "event: bad"))


def _records(runs: list[tuple[int, int]]) -> list[bool]:
    """Runs of records of which one in so many is refused; 0: none."""
    return [every > 0 and n % every == 0 for length, every in runs for n in range(length)]


def _stops_at(records: list[bool]) -> int | None:
    last: deque[bool] = deque(maxlen=WINDOW)
    run = 0
    for number, refused in enumerate(records):
        last.append(refused)
        run = run + 1 if refused else 0
        if run >= RUN or sum(last) >= SHARE:
            return number
    return None


# Refusals that are long past count no more, though nothing was refused meanwhile.
@example(runs=[(1140, 6), (1200, 0), (600, 6)], size=50)
@given(runs=_RUNS, size=st.integers(1, 120))
def test_chunks_are_counted_as_records_are(runs: list[tuple[int, int]], size: int) -> None:
    records = _records(runs)
    limit, stopped = DeadLetterLimit(), None
    for start in range(0, len(records), size):
        try:
            limit.add(refused() if one else None for one in records[start : start + size])
        except TooManyDeadLetters:
            stopped = start // size
            break
    expected = _stops_at(records)
    assert stopped == (None if expected is None else expected // size)


@pytest.mark.parametrize("reason", sorted(UNCOUNTED))
def test_what_a_healthy_sender_may_send_for_ever_stops_nobody(reason: RejectionReason) -> None:
    limit = DeadLetterLimit()
    limit.add(refused(n, reason) for n in range(3 * WINDOW))
    # Nor does it hide what does count.
    with pytest.raises(TooManyDeadLetters, match=f"{RUN} events in a row"):
        limit.add(refused(n, "schema" if n % 2 else reason) for n in range(2 * RUN))


def test_the_message_says_which_they_are_and_how_to_go_on() -> None:
    limit = DeadLetterLimit()
    value = b'{"queue": "billing", "tenant": "acme", "note": "my secret"}'
    limit.add([None] * 7)
    limit.add(refused(n, "not_json", b"my secret", b"my secret") for n in range(7, 17))
    with pytest.raises(TooManyDeadLetters) as told:
        limit.add(refused(n, "schema", value, b"c-%d" % n) for n in range(20, 110))
    assert str(told.value) == (
        "100 events in a row could not be read: 90 schema, 10 not_json; key text of 9 characters, "
        "c-20, c-21 and 88 more; queue billing; tenant acme; t[1] offsets 7 to 109. "
        "`handoff deadletters list --topic t --reason schema` names each; mend who sends them, or "
        "start with --no-dead-letter-limit to go on past them"
    )


@pytest.mark.parametrize("value", [b"[" * 60_000, b'{"queue": 5}', b'{"queue": "\xff"}', b"[]"])
def test_what_cannot_be_read_names_no_queue(value: bytes) -> None:
    assert refused(value=value).queue is None
