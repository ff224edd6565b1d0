"""A conversation with too many messages: those beyond the policy's limit are counted, not read.

A person's messages and our own events are always read, and so is what the customer says while only
machines talk too much: the customer has a limit of their own. Messages that were said at different
times and arrive together are not too many.
"""

from typing import Final

from workers.contracts.events import Message
from workers.contracts.ids import derive
from workers.contracts.tickets import Notification
from workers.contracts.time import MINUTE, from_ms
from workers.conversation.state import MinuteCount, State

MINUTES: Final = 4
"""Minutes of which it is remembered how much was said in them."""


def is_beyond(state: State, event: Message, at: int, limit: int) -> bool:
    """Count a message of `at` in its own minute; return whether it is one too many there.

    Messages that come late are counted in the minute in which they were said, as far as that is
    remembered. It changes the state given, which belongs to the caller.
    """
    role = event.role
    if role == "human_agent":
        return False
    minute, said = at // MINUTE, state.said
    if not said or said[-1].minute != minute:
        said = _with_last(said, minute)
    last = said[-1]
    if role == "customer":
        counted, count = MinuteCount(minute, last.customer + 1, last.machines), last.customer
    else:
        counted, count = MinuteCount(minute, last.customer, last.machines + 1), last.machines
    state.said = (*said[:-1], counted)
    return count >= limit


def _with_last(said: tuple[MinuteCount, ...], minute: int) -> tuple[MinuteCount, ...]:
    """Put a minute last; one too many has the earliest of the others forgotten."""
    found = next((one for one in said if one.minute == minute), MinuteCount(minute))
    others = [one for one in said if one.minute != minute]
    if len(others) == MINUTES:
        others.remove(min(others, key=lambda one: one.minute))
    return (*others, found)


def leave_unread(state: State, event: Message, limit: int) -> tuple[Notification, ...]:
    """Count a message that is not read; the first one of an episode is reported."""
    state.unread += 1
    if state.flooded == state.number:
        return ()
    state.flooded = state.number
    who = "the customer" if event.role == "customer" else "the AI agent and its tools"
    return (
        Notification(
            notification_id=derive("flooding", event.conversation_id, event.event_id),
            kind="flooding",
            occurred_at=from_ms(state.clock),
            text=f"More than {limit} messages in a minute by {who}: what is beyond is not read",
            conversation_id=event.conversation_id,
        ),
    )
