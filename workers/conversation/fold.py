"""The conversation as a fold over its events."""

import copy
from typing import Final

from workers.contracts.decisions import ClassificationRequest, Decision, Home
from workers.contracts.events import Event, Message
from workers.contracts.time import DAY, to_ms
from workers.conversation.state import State
from workers.policy import Policy

Effect = Decision | ClassificationRequest
IDLE_LIMIT: Final = 30 * DAY


def begins_anew(state: State, event: Event) -> bool:
    """Whether a message finds its conversation idle for so long that it starts afresh."""
    return (
        type(event) is Message
        and state.open is None
        and state.clock > 0
        and to_ms(event.occurred_at) - state.clock > IDLE_LIMIT
    )


def step(
    state: State,
    event: Event,
    policy: Policy,  # noqa: ARG001
    home: Home,  # noqa: ARG001
    *,
    observe: bool = False,  # noqa: ARG001
) -> tuple[State, tuple[Effect, ...]]:
    """Apply one event; the state given is never changed, and no event raises."""
    if begins_anew(state, event):
        state = State(seq=state.seq, epoch=state.epoch)
    else:
        state = copy.copy(state)
    at = to_ms(event.occurred_at)
    state.clock = max(state.clock, at)
    state.started_at = state.started_at or at
    if type(event) is Message:
        state.turns += 1
    return state, ()
