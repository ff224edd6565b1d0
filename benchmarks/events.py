"""One message of a customer, as a chat system sends it."""

from datetime import UTC, datetime

import orjson


def said(conversation_id: str, event_id: str, content: str) -> tuple[bytes, bytes]:
    """Key and value of what a customer says now."""
    event = {
        "event_id": event_id,
        "conversation_id": conversation_id,
        "occurred_at": datetime.now(UTC).isoformat(),
        "role": "customer",
        "content": content,
        "customer": {"id": f"customer-{conversation_id}", "tier": "standard", "locale": "en"},
        "channel": "chat",
    }
    return conversation_id.encode(), orjson.dumps(event)
