"""A conversation in which too much is said: what is beyond the policy's limit is counted, not read.

A person's messages and our own events are always read, and so is what the customer says while only
machines talk too much: the customer has a limit of his own.
"""

from workers.contracts.events import Message
from workers.contracts.ids import derive
from workers.contracts.tickets import Notification
from workers.contracts.time import MINUTE, from_ms
from workers.conversation.state import State


def is_beyond(state: State, event: Message, limit: int) -> bool:
    """Count a message in its minute of the conversation's clock; whether it is one too many.

    It changes the state given, which belongs to the caller.
    """
    role = event.role
    if role == "human_agent":
        return False
    minute = state.clock // MINUTE
    customer, machines = state.said if state.minute == minute else (0, 0)
    state.minute = minute
    if role == "customer":
        state.said = (customer + 1, machines)
        return customer >= limit
    state.said = (customer, machines + 1)
    return machines >= limit


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
