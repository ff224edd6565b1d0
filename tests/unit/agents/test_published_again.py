"""A rebuild publishes again the decision by which an open escalation has its place."""

from types import SimpleNamespace
from typing import Any

import pytest

from workers.agents.escalation.state_rebuild import _latest
from workers.contracts.topics import DECISIONS
from workers.conversation.fold import OutboxEntry


def _folded(*actions: str, is_open: bool = True) -> Any:
    outputs = [
        OutboxEntry(n, 0, DECISIONS, b"c-1", b'{"decision_id":"d","action":"%s"}' % action.encode())
        for n, action in enumerate(actions)
    ]
    return SimpleNamespace(changes={"c-1": SimpleNamespace(is_open=is_open)}, outputs=outputs)


@pytest.mark.parametrize("beside", ["refuse", "update", "suppress", "offer", "recommend"])
def test_what_stands_beside_the_escalation_is_passed_over(beside: str) -> None:
    (found,) = _latest(_folded("escalate", beside)).values()
    assert found is not None
    assert found.offset == 0
    assert _latest(_folded(beside)) == {}, "what was the last before stays"


@pytest.mark.parametrize("action", ["move", "claim", "transfer"])
def test_the_last_that_moves_it_counts(action: str) -> None:
    (found,) = _latest(_folded("escalate", action, "refuse")).values()
    assert found is not None
    assert found.offset == 1


def test_of_what_has_ended_nothing_is_published() -> None:
    assert _latest(_folded("escalate", "outcome", is_open=False)) == {"c-1": None}
