"""Entries that the store appends to a conversation's transcript."""

from collections.abc import Iterable
from typing import Any, Final

import orjson

from workers.contracts.decisions import Turn
from workers.contracts.events import AgentTurn, Event, Message, ToolCall, ToolResult
from workers.contracts.time import to_ms
from workers.conversation.handover_history import history_of
from workers.conversation.state import State, cut
from workers.conversation.step_context import Effect
from workers.detection.handover_tools import NOTE_LIMIT as HANDOVER_LIMIT
from workers.detection.handover_tools import is_handover, note_in

CONTENT_LIMIT: Final = 32_768
ARGUMENTS_LIMIT: Final = 512
"""Bytes of a call's arguments as JSON; those of a handover tool are kept as long as a note."""
CALLS: Final = 16
RESULT_LIMIT: Final = 2_048
"""Characters of a tool's result."""


def turns_of(
    event: Event, before: State, after: State, effects: Iterable[Effect]
) -> tuple[Turn, ...]:
    """Return the transcript's entries for `event`, which took `step` from one state to the other.

    A message is one, and so is each change of hands; most other events have none.
    """
    history = history_of(event, before, after, effects)
    if type(event) is not Message:
        return history
    said = _said(event, after)
    # A person who writes has taken over by that.
    return (*history, said) if event.role == "human_agent" else (said, *history)


def _said(event: Message, after: State) -> Turn:
    at, agent = to_ms(event.occurred_at), event.agent
    if event.role == "customer":
        return Turn(
            event.event_id,
            at,
            "customer",
            event.content[:CONTENT_LIMIT],
            after.number,
            customer_id=after.customer_id,
            customer_name=after.customer_name,
            attachments=event.attachments,
            customer_email=after.email,
            customer_phone=after.phone,
            preferred_contact=after.preferred_contact,
        )
    if event.role == "tool" and event.tool is not None:
        tool, text = event.tool, answer_of(event.content, event.tool)
        return Turn(
            event.event_id,
            at,
            "tool",
            text[:RESULT_LIMIT],
            after.number,
            tool.name,
            tool.status,
            call_ids=(tool.call_id,) if tool.call_id else (),
        )
    content = event.content[:CONTENT_LIMIT]
    if agent is None:
        status = "stale" if after.stale else None
        return Turn(
            event.event_id,
            at,
            event.role,
            content,
            after.number,
            None,
            status,
            attachments=event.attachments,
        )
    calls = agent.tool_calls[:CALLS]
    return Turn(
        event.event_id,
        at,
        event.role,
        content,
        after.number,
        agent.name,
        "stale" if after.stale else None,
        agent.intents[:8],
        tuple([call.name for call in calls]),
        handover=handover_note(agent),
        arguments=tuple([_arguments(call) for call in calls]),
        call_ids=tuple([call.call_id or "" for call in calls]),
        attachments=event.attachments,
    )


def _arguments(call: ToolCall) -> str:
    limit = HANDOVER_LIMIT if is_handover(call.name) else ARGUMENTS_LIMIT
    return cut(_text(call.arguments), limit)


def handover_note(agent: AgentTurn) -> str | None:
    """Return what an AI agent tells the person it asks for, by its own field or its own tool."""
    request = agent.requested_escalation
    if request is not None and request.note:
        return request.note[:HANDOVER_LIMIT]
    calls = (call for call in agent.tool_calls if is_handover(call.name))
    return next((note for call in calls if (note := note_in(call.arguments))), None)


def answer_of(content: str, tool: ToolResult) -> str:
    """Return the words of a tool turn, or what stands in for them."""
    return content or tool.error or _text(tool.result)


def _text(result: Any) -> str:
    if result is None:
        return ""
    return result if isinstance(result, str) else orjson.dumps(result).decode()
