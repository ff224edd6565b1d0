"""The conversation as a fold over its events."""

import copy
from collections.abc import Callable, Set
from typing import Any, Final

from workers.contracts.decisions import Home
from workers.contracts.events import (
    Closed,
    Deadline,
    Event,
    Lead,
    Message,
    OfferReply,
    Ownership,
    Rating,
    Routed,
    Signal,
)
from workers.contracts.time import DAY, to_ms
from workers.conversation.ai_turns import signal
from workers.conversation.deadlines import deadline
from workers.conversation.desk_events import ownership
from workers.conversation.episodes import end
from workers.conversation.flood import is_beyond, leave_unread
from workers.conversation.lead_events import lead
from workers.conversation.messages import message
from workers.conversation.offers import offer_reply
from workers.conversation.placement import routed
from workers.conversation.ratings import rate
from workers.conversation.state import State
from workers.conversation.state_size import keep_small
from workers.conversation.step_context import Effect, StepContext
from workers.policy import Policy

IDLE_LIMIT: Final = 30 * DAY
"""Silence, in the events' own time, after which a message starts the conversation afresh."""


_NONE: Final[frozenset[str]] = frozenset()


def step(
    state: State,
    event: Event,
    policy: Policy,
    home: Home,
    *,
    observe: bool = False,
    silenced: Set[str] = _NONE,
) -> tuple[State, tuple[Effect, ...]]:
    """Apply one event, which was not applied before, and say what follows from it.

    The state given is never changed, and no event raises. A message that finds its conversation
    idle for too long starts it afresh: the transcript is then counted from one again. `observe`
    lets rules speak without opening anything; what is open already goes on to its end. `silenced`
    are the versions of the AI agent that must not go on. A message
    beyond the policy's limit is only counted: `unread` is greater then, `turns` is not.
    """
    at = to_ms(event.occurred_at)
    if _begins_anew(state, event, at):
        # The time with which chat systems and desks compare must not run backwards.
        state = State(seq=state.seq, epoch=state.epoch, number=state.number + 1)
    else:
        state = copy.copy(state)
        state.episode = copy.copy(state.episode)
    state.clock = max(state.clock, at)
    if not state.started_at:
        state.started_at = state.episode.started_at = at
    limit = policy.messages_per_minute
    if type(event) is Message and is_beyond(state, event, at, limit):
        return state, leave_unread(state, event, limit)
    run = StepContext(state, event, policy, home, observe, silenced)
    handler = _HANDLERS.get(type(event))
    if handler is not None:
        handler(run, event)
    keep_small(state, event, bool(run.effects))
    return state, tuple(run.effects)


def _begins_anew(state: State, event: Event, at: int) -> bool:
    idle = at - state.clock > IDLE_LIMIT and state.clock > 0
    return idle and state.open is None and type(event) is Message


def _closed(run: StepContext, event: Closed) -> None:
    """End what is open; a customer who goes while somebody is awaited in this chat has left.

    A ticket that waits was promised and needs no chat: only a person who closes the conversation
    ends it.
    """
    state = run.state
    if state.waits_on_ticket and event.by != "human_agent":
        state.left = True
        return
    left = state.owner == "pending" and event.by == "customer"
    end(run, "abandoned" if left else "closed", leaves=left)
    state.owner = "closed"
    state.deadlines = ()
    state.episode.offer = None


_HANDLERS: Final[dict[type, Callable[[StepContext, Any], None]]] = {
    Message: message,
    OfferReply: offer_reply,
    Closed: _closed,
    Rating: rate,
    Signal: signal,
    Ownership: ownership,
    Lead: lead,
    Routed: routed,
    Deadline: deadline,
}
"""`policy` and `ai_switch` events concern their partition, not a conversation."""
