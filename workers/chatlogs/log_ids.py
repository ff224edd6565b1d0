"""The ids that logs give to their conversations."""

import re
from typing import Any, Final

from workers.chatlogs.json_values import as_text

_IDS: Final = (
    *("conversation_id", "conversationId", "thread_id", "threadId", "chat_id"),
    *("session_id", "sessionId", "id", "sid", "_id"),
    *("conversation", "conversationID", "chatId", "dialogue_id", "dialog_id", "uuid"),
    *("ticket_id", "ticketId", "case_id", "caseId"),
)
"""Names under which logs keep the conversation's id; `id` may be that of one request of several."""
_OF_REQUEST: Final = re.compile(r"(?:chatcmpl|cmpl|gen|req|resp|msg|run)[-_]", re.IGNORECASE)
_WRAPPED: Final = ("$oid", "$numberLong", "$numberInt", "$uuid", "id")


def is_of_request(conversation_id: str) -> bool:
    """Return True if an id is one that services give to each request, of which a chat has many."""
    return _OF_REQUEST.match(conversation_id) is not None


def id_of(head: dict[str, Any], metadata: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return the id that a log gives, and what is doubtful about it."""
    given = ((key, source.get(key)) for source in (head, metadata) for key in _IDS)
    doubt = None
    for key, wrapped in given:
        value = wrapped
        if isinstance(wrapped, dict):
            value = next((wrapped[one] for one in _WRAPPED if one in wrapped), wrapped)
        if (text := as_text(value)) is not None:
            return text, None
        if isinstance(value, float):
            if not value.is_integer():
                return repr(value), None
            lost = "a number whose last digits are lost: write it as text"
            return f"{value:.0f}"[:40], f"{key} {value!r} is {lost}"
        if doubt is None and (value or value is False) and not isinstance(value, str):
            doubt = f"{key} {repr(value)[:40]} is neither text nor a number: an id is made up"
    return None, doubt
