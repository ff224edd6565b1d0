"""Conversations as Chatwoot keeps them, and the payloads in which it shows them."""

import time
from datetime import UTC, datetime
from typing import Any, Final

ACCOUNT: Final = 1
OWN_USER: Final = 9


class Conversation:
    """One conversation as Chatwoot keeps it."""

    def __init__(self, number: int) -> None:
        self.id = number
        self.status = "pending"
        self.assignee: int | None = None
        self.team: int | None = None
        self.priority: str | None = None
        self.labels: list[str] = []
        self.messages: list[dict[str, Any]] = []
        self.last_activity_at = time.time()
        self.updated_at = self.last_activity_at

    def notes(self, words: str = "") -> list[str]:
        """Return the private notes that have some words."""
        contents = [message["content"] for message in self.messages if message["private"]]
        return [content for content in contents if words in content]

    def told(self) -> list[str]:
        """Return what the customer was told by our user."""
        return [
            message["content"]
            for message in self.messages
            if not message["private"] and message["sender"].get("id") == OWN_USER
        ]


class Payloads:
    """The objects of answers and webhooks; messages are numbered."""

    def __init__(self, names: dict[int, str]) -> None:
        self.names = names
        self._number = 100

    def user(self, user: int | None) -> dict[str, Any] | None:
        if user is None:
            return None
        return {
            "id": user,
            "name": self.names[user],
            "available_name": self.names[user],
            "avatar_url": "",
            "type": "user",
            "availability_status": "online",
            "thumbnail": "",
        }

    def sender(self, user: int = OWN_USER) -> dict[str, Any]:
        name = self.names[user]
        return {"id": user, "name": name, "email": f"{user}@acme.example", "type": "user"}

    def team(self, team: int | None) -> dict[str, Any] | None:
        return None if team is None else {"id": team, "name": f"team {team}"}

    def contact(self, conversation: Conversation) -> dict[str, Any]:
        return {
            "account": {"id": ACCOUNT, "name": "Acme"},
            "additional_attributes": {},
            "avatar": "",
            "custom_attributes": {},
            "email": "mia@example.com",
            "id": 4000 + conversation.id,
            "identifier": None,
            "name": "Mia Lindqvist",
            "phone_number": None,
            "thumbnail": "",
        }

    def message(
        self, kind: str, text: str, sender: dict[str, Any] | None, *, private: bool
    ) -> dict[str, Any]:
        self._number += 1
        return {
            "id": self._number,
            "content": text,
            "created_at": iso(time.time()),
            "message_type": kind,
            "content_type": "text",
            "private": private,
            "content_attributes": {},
            "additional_attributes": {},
            "source_id": None,
            "sender": sender,
        }

    def of_message(self, message: dict[str, Any], conversation: Conversation) -> dict[str, Any]:
        return {
            **message,
            "account": {"id": ACCOUNT, "name": "Acme"},
            "conversation": self.of_conversation(conversation),
            "inbox": {"id": 1, "name": "Website"},
        }

    def of_conversation(self, conversation: Conversation) -> dict[str, Any]:
        return {
            "additional_attributes": {"browser_language": "en"},
            "can_reply": True,
            "channel": "Channel::WebWidget",
            "contact_inbox": {"id": 7, "contact_id": 4000 + conversation.id, "inbox_id": 1},
            "id": conversation.id,
            "inbox_id": 1,
            "messages": [],
            "labels": list(conversation.labels),
            "meta": {
                "sender": self.contact(conversation),
                "assignee": self.user(conversation.assignee),
                "assignee_type": None if conversation.assignee is None else "User",
                "team": self.team(conversation.team),
                "hmac_verified": False,
            },
            "status": conversation.status,
            "custom_attributes": {},
            "snoozed_until": None,
            "unread_count": 0,
            "first_reply_created_at": None,
            "priority": conversation.priority,
            "waiting_since": 0,
            "agent_last_seen_at": 0,
            "contact_last_seen_at": 0,
            "last_activity_at": int(conversation.last_activity_at),
            "timestamp": int(conversation.last_activity_at),
            "created_at": int(conversation.last_activity_at),
            "updated_at": conversation.updated_at,
        }


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
