"""The limit of dead letters stops a worker at the same chunk as counting record by record would."""

from collections import deque

from hypothesis import example, given
from hypothesis import strategies as st

from workers.agents.limits import RUN, SHARE, WINDOW, DeadLetterLimit, TooManyDeadLetters

_RUNS = st.lists(st.tuples(st.integers(1, 400), st.sampled_from([0, 1, 2, 4, 6, 50])), max_size=20)


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
            limit.add(iter(records[start : start + size]))
        except TooManyDeadLetters:
            stopped = start // size
            break
    expected = _stops_at(records)
    assert stopped == (None if expected is None else expected // size)
