"""The wait that a customer was told, and when an update is due."""

import pytest

from tests.support.routing_builders import NOW, SECOND
from workers.contracts.events import Wait
from workers.contracts.ledger import ToldWait
from workers.contracts.time import from_ms
from workers.routing.wait import has_left

TOLD = ToldWait(low_s=120, high_s=600, at=from_ms(NOW), seq=NOW)


@pytest.mark.parametrize(
    ("after_s", "wait", "left"),
    [
        (0, (120, 600), False),
        (100, (60, 500), False),
        (300, (0, 120), False),
        (300, (300, 600), True),
        (300, (120, 600), True),
        (0, (0, 60), True),
        (700, (0, 20), True),
    ],
)
def test_the_range_that_was_told_shrinks_as_time_passes(
    after_s: int, wait: tuple[int, int], left: bool
) -> None:
    estimated = Wait(low_s=wait[0], high_s=wait[1])
    assert has_left(TOLD, estimated, NOW + after_s * SECOND) is left


def test_who_was_told_nothing_is_told_something() -> None:
    assert has_left(None, Wait(low_s=10, high_s=20), NOW)
