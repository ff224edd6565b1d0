"""A server that plays Chatwoot's documented API and webhooks, and refuses what Chatwoot refuses.

Payloads have the fields of its documentation (webhook events) and of its sources; it posts every
webhook up to five times, signed, and is told by a test how to misbehave.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ACCOUNT: Final = 1
TOKEN: Final = "access-token-of-a-user"
SECRET: Final = "webhook-secret"
OWN_USER: Final = 9
_ATTEMPTS: Final = 5
_PATIENCE_S: Final = 5.0
_STATUSES: Final = {"open", "resolved", "pending", "snoozed"}
_PRIORITIES: Final = {None, "low", "medium", "high", "urgent"}
_BASE: Final = f"/api/v1/accounts/{ACCOUNT}"


class Conversation:
    """One conversation as Chatwoot keeps it."""

    def __init__(self, number: int) -> None:
        self.id = number
        self.status = "pending"
        self.assignee: dict[str, Any] | None = None
        self.team: dict[str, Any] | None = None
        self.priority: str | None = None
        self.labels: list[str] = []
        self.messages: list[dict[str, Any]] = []
        self.statuses: list[str] = ["pending"]

    def notes(self) -> list[str]:
        """Return the private notes."""
        return [message["content"] for message in self.messages if message["private"]]

    def told(self) -> list[str]:
        """Return what the customer was told by our user."""
        return [
            message["content"]
            for message in self.messages
            if not message["private"] and message["sender"].get("id") == OWN_USER
        ]


class Chatwoot:
    """The server's state, and the people who use it; `failures` are answers to the next calls."""

    def __init__(self, hook: str) -> None:
        self.hook = hook
        self.conversations: dict[int, Conversation] = {}
        self.teams = {1: [5], 2: [6]}
        self.names = {5: "Ana Sousa", 6: "Jonas Weber", OWN_USER: "Warm Handoff"}
        self.failures: deque[Callable[[], Any]] = deque()
        self.calls: list[tuple[str, str]] = []
        self.deliveries: list[int] = []
        """What the webhooks were answered with."""
        self.posted_twice = False
        self._number = 100
        self._hooks: asyncio.Queue[bytes] = asyncio.Queue()
        self._client = httpx2.AsyncClient(timeout=_PATIENCE_S)
        self.app = Starlette(
            routes=[
                Route(f"{_BASE}/conversations/{{id:int}}/{{what}}", self._call, methods=["POST"]),
                Route(f"{_BASE}/teams/{{id:int}}/team_members", self._members),
            ]
        )

    # ---- the API -----------------------------------------------------------------------------

    async def _call(self, request: Request) -> Response:
        number, what = request.path_params["id"], request.path_params["what"]
        self.calls.append((what, str(number)))
        given = await request.json()
        if request.headers.get("api_access_token") != TOKEN:
            return JSONResponse({"errors": ["Invalid Access Token"]}, 401)
        if self.failures and (failed := await _await(self.failures.popleft()())) is not None:
            return failed
        conversation = self.conversations.get(number)
        if conversation is None:
            return JSONResponse({"error": "Resource could not be found"}, 404)
        handler = {
            "toggle_status": self._toggle_status,
            "toggle_priority": self._toggle_priority,
            "assignments": self._assign,
            "labels": self._label,
            "messages": self._post,
        }.get(what)
        if handler is None:
            return JSONResponse({"error": "Resource could not be found"}, 404)
        return await handler(conversation, given)

    async def _toggle_status(self, conversation: Conversation, given: dict[str, Any]) -> Response:
        if given.get("status") not in _STATUSES:
            return JSONResponse({"error": "'status' is not valid"}, 422)
        await self.set_status(conversation, given["status"])
        return JSONResponse({"payload": {"success": True}})

    async def _toggle_priority(self, conversation: Conversation, given: dict[str, Any]) -> Response:
        if given.get("priority") not in _PRIORITIES:
            return JSONResponse({"error": "'priority' is not valid"}, 422)
        conversation.priority = given.get("priority")
        return Response(status_code=200)

    async def _assign(self, conversation: Conversation, given: dict[str, Any]) -> Response:
        if "assignee_id" in given:
            await self.assign(conversation, int(given["assignee_id"]))
            return JSONResponse(conversation.assignee)
        await self.set_team(conversation, given.get("team_id"))
        return JSONResponse(conversation.team)

    async def _label(self, conversation: Conversation, given: dict[str, Any]) -> Response:
        conversation.labels = list(given["labels"])
        return JSONResponse({"payload": conversation.labels})

    async def _post(self, conversation: Conversation, given: dict[str, Any]) -> Response:
        if not given.get("content"):
            return JSONResponse({"message": "Content can't be blank"}, 422)
        sender = {"id": OWN_USER, "name": self.names[OWN_USER], "type": "user"}
        private = bool(given.get("private"))
        message = await self.add(conversation, "outgoing", given["content"], sender, private)
        return JSONResponse(message)

    async def _members(self, request: Request) -> Response:
        if request.headers.get("api_access_token") != TOKEN:
            return JSONResponse({"errors": ["Invalid Access Token"]}, 401)
        members = self.teams.get(request.path_params["id"])
        if members is None:
            return JSONResponse({"error": "Resource could not be found"}, 404)
        return JSONResponse(
            [
                {"id": one, "account_id": ACCOUNT, "availability_status": "online", "role": "agent"}
                for one in members
            ]
        )

    # ---- what people do ----------------------------------------------------------------------

    async def customer_says(self, number: int, text: str) -> Conversation:
        """Write as the customer; a resolved conversation with a bot becomes pending again."""
        conversation = self.conversations.setdefault(number, Conversation(number))
        if conversation.status == "resolved":
            await self.set_status(conversation, "pending")
        sender = {"id": 40 + number, "name": "Mia Lindqvist", "type": "contact"}
        await self.add(conversation, "incoming", text, sender)
        return conversation

    async def bot_says(self, conversation: Conversation, text: str) -> None:
        """Write as the account's agent bot."""
        await self.add(
            conversation, "outgoing", text, {"id": 3, "name": "Aria", "type": "agent_bot"}
        )

    async def person_says(self, conversation: Conversation, user: int, text: str) -> None:
        """Write as one of the people."""
        sender = {"id": user, "name": self.names[user], "type": "user"}
        await self.add(conversation, "outgoing", text, sender)

    async def assign(self, conversation: Conversation, user: int) -> None:
        """Assign a person."""
        before = None if conversation.assignee is None else conversation.assignee["id"]
        conversation.assignee = {"id": user, "name": self.names[user], "type": "user"}
        await self._updated(conversation, "assignee_id", before, user)

    async def set_team(self, conversation: Conversation, team: int | None) -> None:
        """Assign a team; one that is not there is none, as Chatwoot does."""
        before = None if conversation.team is None else conversation.team["id"]
        conversation.team = {"id": team, "name": f"team {team}"} if team in self.teams else None
        await self._updated(conversation, "team_id", before, team)

    async def set_status(self, conversation: Conversation, status: str) -> None:
        """Change the status; what is the same already changes nothing."""
        before, conversation.status = conversation.status, status
        if before != status:
            conversation.statuses.append(status)
            changed = _changed("status", before, status)
            await self._emit("conversation_status_changed", conversation, changed)

    async def rate(self, conversation: Conversation, rating: int) -> None:
        """Answer the survey as the customer."""
        self._number += 1
        survey = {
            **_message(self._number, "template", "Please rate", {}, private=False),
            "content_type": "input_csat",
            "content_attributes": {
                "submitted_values": {"csat_survey_response": {"rating": rating}}
            },
        }
        await self._hook_of("message_updated", survey, conversation)

    async def add(
        self,
        conversation: Conversation,
        kind: str,
        text: str,
        sender: dict[str, Any],
        private: bool = False,
    ) -> dict[str, Any]:
        """Add a message, and tell of it."""
        self._number += 1
        message = _message(self._number, kind, text, sender, private)
        conversation.messages.append(message)
        await self._hook_of("message_created", message, conversation)
        return message

    # ---- webhooks ----------------------------------------------------------------------------

    async def _updated(
        self, conversation: Conversation, field: str, before: object, now: object
    ) -> None:
        await self._emit("conversation_updated", conversation, _changed(field, before, now))

    async def _emit(self, event: str, conversation: Conversation, changed: list[Any]) -> None:
        payload = {**self._shown(conversation), "event": event, "changed_attributes": changed}
        await self._hooks.put(json.dumps(payload).encode())

    async def _hook_of(
        self, event: str, message: dict[str, Any], conversation: Conversation
    ) -> None:
        payload = {
            **message,
            "event": event,
            "conversation": self._shown(conversation),
            "inbox": {"id": 1, "name": "Website"},
            "account": {"id": ACCOUNT, "name": "Acme"},
        }
        await self._hooks.put(json.dumps(payload).encode())

    def _shown(self, conversation: Conversation) -> dict[str, Any]:
        now = time.time()
        return {
            "additional_attributes": {"browser_language": "en"},
            "can_reply": True,
            "channel": "Channel::WebWidget",
            "id": conversation.id,
            "inbox_id": 1,
            "labels": conversation.labels,
            "meta": {
                "sender": {"id": 40 + conversation.id, "name": "Mia Lindqvist", "type": "contact"},
                "assignee": conversation.assignee,
                "team": conversation.team,
            },
            "status": conversation.status,
            "custom_attributes": {},
            "timestamp": int(now),
            "updated_at": now,
        }

    async def deliver(self) -> None:
        """Post webhooks in their order until cancelled, each again while it is not taken."""
        while True:
            body = await self._hooks.get()
            for _ in range(_ATTEMPTS):
                if await self._delivered(body):
                    break
                await asyncio.sleep(0.2)
            if self.posted_twice:
                await self._delivered(body)

    async def _delivered(self, body: bytes) -> bool:
        try:
            answer = await self._client.post(self.hook, content=body, headers=signed(body))
        except httpx2.TransportError:
            self.deliveries.append(0)
            return False
        self.deliveries.append(answer.status_code)
        return answer.status_code == 200


def signed(body: bytes, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """Return the headers of a webhook, as releases with signatures send them."""
    stamp = str(int(at or time.time()))
    made = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/json",
        "x-chatwoot-timestamp": stamp,
        "x-chatwoot-signature": f"sha256={made}",
        "x-chatwoot-delivery": hashlib.sha256(body).hexdigest()[:32],
    }


def _message(
    number: int, kind: str, text: str, sender: dict[str, Any], private: bool
) -> dict[str, Any]:
    return {
        "id": number,
        "content": text,
        "created_at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "message_type": kind,
        "content_type": "text",
        "private": private,
        "content_attributes": {},
        "source_id": None,
        "sender": sender,
    }


def _changed(field: str, before: object, now: object) -> list[Any]:
    return [{field: {"previous_value": before, "current_value": now}}]


async def _await(made: Any) -> Response | None:
    found: Response | None = await made if asyncio.iscoroutine(made) else made
    return found
