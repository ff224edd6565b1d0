"""A server that plays Chatwoot's documented API and webhooks, and refuses what Chatwoot refuses.

Payloads, refusals and what follows from what are those of its documentation (webhook events) and of
its sources (webhook_listener.rb, event_data_presenter.rb, message.rb, assignment_handler.rb,
conversations_controller.rb, assignments_controller.rb). An account's webhook is posted once: its
sources try none again.
"""

import asyncio
import hashlib
import hmac
import json
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import httpx2
from ruamel.yaml import YAML
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.support.chatwoot_payloads import ACCOUNT, OWN_USER, Conversation, Payloads, iso
from workers.data import data_path

TOKEN: Final = "access-token-of-a-user"
SECRET: Final = "webhook-secret"
ANA: Final = 5
JONAS: Final = 6
_PATIENCE_S: Final = 60.0
"""Chatwoot itself waits five seconds, which a busy machine may need for anything."""
_STATUSES: Final = {"open", "resolved", "pending", "snoozed"}
_PRIORITIES: Final = {None, "low", "medium", "high", "urgent"}
_BASE: Final = f"/api/v1/accounts/{ACCOUNT}"

Fault = Callable[[int, str], Awaitable[int | None]]
"""Given a conversation and a call, what is answered instead; None: what Chatwoot answers."""


class Chatwoot:
    """The server's state, its people, and what goes wrong with it."""

    def __init__(self, hook: str) -> None:
        self.hook = hook
        self.conversations: dict[int, Conversation] = {}
        self.teams = {1: [ANA], 2: [JONAS]}
        self.names = {ANA: "Ana Sousa", JONAS: "Jonas Weber", OWN_USER: "Support"}
        self.fault: Fault | None = None
        self.calls: list[tuple[int, str]] = []
        self.answers: list[int] = []
        """The answers that webhooks got."""
        self.posted: list[bytes] = []
        """The bodies of all webhooks."""
        self.disorder: random.Random | None = None
        """Webhooks are posted twice, and in any order."""
        self._payloads = Payloads(self.names)
        self._posts: set[asyncio.Task[None]] = set()
        self._line = asyncio.Lock()
        self._client = httpx2.AsyncClient(timeout=_PATIENCE_S)
        call = f"{_BASE}/conversations/{{id:int}}/{{call}}"
        self.app = Starlette(
            routes=[
                Route(call, self._call, methods=["POST"]),
                Route(f"{_BASE}/teams/{{id:int}}/team_members", self._members),
            ]
        )

    async def idle(self) -> None:
        """Return when everything is posted."""
        await asyncio.gather(*self._posts)

    async def close(self) -> None:
        """Post what is still to be posted, and close the connections."""
        await self.idle()
        await self._client.aclose()

    # ---- the API -----------------------------------------------------------------------------

    async def _call(self, request: Request) -> Response:
        number, call = request.path_params["id"], request.path_params["call"]
        self.calls.append((number, call))
        if request.headers.get("api_access_token") != TOKEN:
            return JSONResponse({"error": "Invalid Access Token"}, 401)
        if self.fault is not None and (status := await self.fault(number, call)) is not None:
            return PlainTextResponse("Retry later\n", status)
        conversation = self.conversations.get(number)
        handler = {
            "toggle_status": self._toggle_status,
            "toggle_priority": self._toggle_priority,
            "assignments": self._assign,
            "labels": self._label,
            "messages": self._post,
        }.get(call)
        if conversation is None or handler is None:
            return JSONResponse({"error": "Resource could not be found"}, 404)
        try:
            return handler(conversation, await request.json())
        except ClientDisconnect:
            # Whoever called is gone, and nothing was done.
            return Response(status_code=499)

    def _toggle_status(self, conversation: Conversation, given: dict[str, Any]) -> Response:
        if given["status"] not in _STATUSES:
            return _not_of_the_enumeration("status")
        self.set_status(conversation, given["status"])
        return JSONResponse({"payload": {"success": True, "conversation_id": conversation.id}})

    def _toggle_priority(self, conversation: Conversation, given: dict[str, Any]) -> Response:
        if given.get("priority") not in _PRIORITIES:
            return _not_of_the_enumeration("priority")
        self._change(conversation, priority=given.get("priority"))
        return Response(status_code=200)

    def _assign(self, conversation: Conversation, given: dict[str, Any]) -> Response:
        # Whom nobody knows is nobody, and no error.
        if "assignee_id" in given:
            user = int(given["assignee_id"])
            self._change(conversation, assignee=user if user in self.names else None)
            return JSONResponse(self._payloads.user(conversation.assignee))
        if "team_id" in given:
            self.set_team(conversation, given["team_id"])
            return JSONResponse(self._payloads.team(conversation.team))
        return JSONResponse(None)

    def _label(self, conversation: Conversation, given: dict[str, Any]) -> Response:
        conversation.labels = list(given["labels"])
        return JSONResponse({"payload": conversation.labels})

    def _post(self, conversation: Conversation, given: dict[str, Any]) -> Response:
        if given.get("message_type", "outgoing") == "incoming":
            problem = "Incoming messages are only allowed in Api inboxes"
            return JSONResponse({"error": problem}, 422)
        if len(given.get("content") or "") > 150_000:
            problem = "Validation failed: Content is too long (maximum is 150000 characters)"
            return JSONResponse({"error": problem}, 422)
        private = bool(given.get("private"))
        message = self._add(
            conversation, "outgoing", given["content"], self._payloads.sender(), private
        )
        return JSONResponse(message)

    async def _members(self, request: Request) -> Response:
        if request.headers.get("api_access_token") != TOKEN:
            return JSONResponse({"error": "Invalid Access Token"}, 401)
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

    def customer_says(self, number: int, text: str) -> Conversation:
        """Write as the customer; what was resolved is the bot's again."""
        conversation = self.conversations.setdefault(number, Conversation(number))
        self._add(conversation, "incoming", text, self._payloads.contact(conversation))
        if conversation.status == "resolved":
            self.set_status(conversation, "pending")
        elif conversation.status == "snoozed":
            self.set_status(conversation, "open")
        return conversation

    def bot_says(self, conversation: Conversation, text: str) -> None:
        """Write as the account's agent bot."""
        bot = {"id": 3, "name": "Aria", "type": "agent_bot"}
        self._add(conversation, "outgoing", text, bot)

    def person_says(
        self, conversation: Conversation, user: int, text: str, *, private: bool = False
    ) -> None:
        """Write as one of the people."""
        self._add(conversation, "outgoing", text, self._payloads.sender(user), private)

    def assign(self, conversation: Conversation, user: int) -> None:
        """Assign a person."""
        self._change(conversation, assignee=user)

    def set_team(self, conversation: Conversation, team: int | None) -> None:
        """Assign a team; who is not of it does not keep the conversation."""
        known = team if team in self.teams else None
        members = self.teams.get(known or 0, [])
        kept = conversation.assignee
        if known is not None and kept not in members:
            kept = None
        self._change(conversation, team=known, assignee=kept)

    def set_status(self, conversation: Conversation, status: str) -> None:
        """Change the status; what is the same already changes nothing."""
        self._change(conversation, status=status)

    def rate(self, conversation: Conversation, rating: int) -> None:
        """Answer the survey as the customer."""
        survey = {"csat_survey_response": {"rating": rating, "feedback_message": ""}}
        message = {
            **self._payloads.message("template", "Please rate", None, private=False),
            "content_type": "input_csat",
            "content_attributes": {"submitted_values": survey},
        }
        self._emit("message_updated", self._payloads.of_message(message, conversation))

    def _add(
        self,
        conversation: Conversation,
        kind: str,
        text: str,
        sender: dict[str, Any],
        private: bool = False,
    ) -> dict[str, Any]:
        message = self._payloads.message(kind, text, sender, private=private)
        conversation.messages.append(message)
        conversation.last_activity_at = conversation.updated_at = time.time()
        self._emit("message_created", self._payloads.of_message(message, conversation))
        return message

    def _change(self, conversation: Conversation, **fields: Any) -> None:
        names = {"assignee": "assignee_id", "team": "team_id"}
        changed = []
        for name, value in fields.items():
            before = getattr(conversation, name)
            if before != value:
                setattr(conversation, name, value)
                change = {"previous_value": before, "current_value": value}
                changed.append({names.get(name, name): change})
        if not changed:
            return
        conversation.updated_at = time.time()
        status = [change for change in changed if "status" in change]
        shown = self._payloads.of_conversation(conversation)
        if status:
            payload = {**shown, "changed_attributes": status}
            self._emit("conversation_status_changed", payload)
        at = {"previous_value": None, "current_value": iso(conversation.updated_at)}
        payload = {**shown, "changed_attributes": [*changed, {"updated_at": at}]}
        self._emit("conversation_updated", payload)

    # ---- webhooks ----------------------------------------------------------------------------

    def _emit(self, event: str, payload: dict[str, Any]) -> None:
        body = json.dumps({**payload, "event": event}).encode()
        self.posted.append(body)
        task = asyncio.create_task(self._deliver(body))
        self._posts.add(task)
        task.add_done_callback(self._posts.discard)

    async def _deliver(self, body: bytes) -> None:
        if self.disorder is None:
            async with self._line:
                await self.post(body)
            return
        for _ in range(2):
            await asyncio.sleep(self.disorder.uniform(0, 0.5))
            await self.post(body)

    async def post(self, body: bytes, secret: str = SECRET, at: float | None = None) -> int:
        """Post a webhook, signed; return the answer's status, 0: there was none."""
        try:
            answer = await self._client.post(
                self.hook, content=body, headers=signed(body, secret, at)
            )
        except httpx2.TransportError:
            self.answers.append(0)
            return 0
        self.answers.append(answer.status_code)
        return answer.status_code


def signed(body: bytes, secret: str, at: float | None = None) -> dict[str, str]:
    """Return the headers of a webhook, as releases with signatures send them."""
    stamp = str(int(at or time.time()))
    made = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/json",
        "x-chatwoot-timestamp": stamp,
        "x-chatwoot-signature": f"sha256={made}",
        "x-chatwoot-delivery": hashlib.sha256(body).hexdigest()[:32],
    }


def vendor_file(folder: Path, url: str) -> Path:
    """Copy the shipped file, filled in as docs/chatwoot.md says, with shorter waits."""
    yaml = YAML()
    document = yaml.load(data_path("vendors") / "chatwoot.yaml")
    document["values"] |= {"base_url": url, "own_user": OWN_USER}
    document["outbound"]["limits"] |= {"per_second": 100, "timeout_seconds": 2}
    document["presence"]["every_seconds"] = 5
    (folder / "chatwoot-token").write_text(TOKEN)
    (folder / "chatwoot-webhook-secret").write_text(SECRET)
    yaml.dump(document, folder / "chatwoot.yaml")
    return folder / "chatwoot.yaml"


def _not_of_the_enumeration(name: str) -> Response:
    """Answer as Rails does to a value that no enumeration has: an error that nobody handles."""
    return JSONResponse({"status": 500, "error": f"Internal Server Error: {name}"}, 500)
