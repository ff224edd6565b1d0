"""A loop that computes for long is told from a process that was stopped or starved."""

import pytest

from workers.runtime.process import _standing


@pytest.mark.parametrize(
    ("passed_s", "busy_s", "counted_s"),
    [
        (1.0, 0.0, 1.0),  # the loop waits for something that never comes
        (40.0, 40.0, 40.0),  # a regular expression that lets no other thread run
        (40.0, 0.1, 0.1),  # stopped
        (40.0, 8.0, 8.0),  # it computes, and others use the processor
    ],
)
def test_what_passed_counts_as_far_as_the_process_had_it(
    passed_s: float, busy_s: float, counted_s: float
) -> None:
    assert _standing(passed_s, busy_s) == counted_s
