"""A server that speaks as much of the Messages API as the classifier needs, and requests to it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import web

from workers.contracts.decisions import ClassificationRequest, Home
from workers.contracts.ids import derive
from workers.contracts.time import from_ms
from workers.contracts.topics import EVENTS

MODEL: Final = "claude-of-the-tests"
VERDICT: Final = {"requested_human": 0.9, "frustrated": 0.4, "solved": 0.0, "intents": []}


def message(
    answer: Any = VERDICT,
    *,
    stop_reason: str = "end_turn",
    tokens: tuple[int, int] = (1000, 50),
) -> dict[str, Any]:
    """Return a message of the API whose text is `answer`, as JSON unless it is text already."""
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": text}],
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {"input_tokens": tokens[0], "output_tokens": tokens[1]},
    }


def error(status: int, kind: str, **headers: str) -> web.Response:
    """Return an error of the API; header names are written with underscores."""
    body = {"type": "error", "error": {"type": kind, "message": kind}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response(body, status=status, headers=named)


class MessagesApi:
    """The server's next answers, and the requests that it received.

    Each of `replies` answers one request: a body, a response, or a function of the request; the
    last one also answers all that follow.
    """

    def __init__(self) -> None:
        self.replies: list[Any] = [message()]
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.pause_s = 0.0
        self.url = ""

    def __call__(self, *replies: Any) -> None:
        """Set the answers to come."""
        self.replies = [*replies]

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The user turns of all requests, decoded."""
        return [json.loads(body["messages"][0]["content"]) for body in self.bodies]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        self.bodies.append(await request.json())
        self.keys.append(request.headers.get("authorization", "").removeprefix("Bearer "))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await asyncio.sleep(self.pause_s)
        finally:
            self.at_once -= 1
        if callable(reply):
            answered: web.StreamResponse = await reply(request)
            return answered
        if isinstance(reply, dict):
            return web.json_response(reply)
        if isinstance(reply, bytes):
            return web.Response(body=reply, content_type="application/json")
        # A response can be sent once only.
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)


@asynccontextmanager
async def messages_api() -> AsyncIterator[MessagesApi]:
    """Run the server on a port of its own."""
    api = MessagesApi()
    app = web.Application()
    app.router.add_post("/v1/messages", api.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        api.url = f"http://{host}:{port}"
        yield api
    finally:
        await runner.cleanup()


async def dribble(request: web.Request) -> web.StreamResponse:
    """Send a body a byte at a time, so that no single read takes long."""
    response = web.StreamResponse(headers={"content-type": "application/json"})
    await response.prepare(request)
    for byte in json.dumps(message()).encode():
        await response.write(bytes([byte]))
        await asyncio.sleep(0.5)
    return response


async def hang(request: web.Request) -> web.StreamResponse:  # noqa: ARG001 - a handler
    """Never answer."""
    await asyncio.sleep(60)
    raise AssertionError("nobody waits for so long")


def doubt(
    text: str = "is anybody even there", now_ms: int = 0, **given: Any
) -> ClassificationRequest:
    """Return a request about a message."""
    conversation, event = given.pop("conversation_id", "c-1"), given.pop("event_id", "e-1")
    fields: dict[str, Any] = {
        "request_id": derive("request", conversation, event),
        "conversation_id": conversation,
        "event_id": event,
        "episode": 0,
        "requested_at": from_ms(now_ms),
        "turns": 1,
        "text": text,
        "requested_human": 0.55,
        "frustrated": 0.2,
        "home": Home(topic=EVENTS, partition=2),
    }
    return ClassificationRequest(**{**fields, **given})
