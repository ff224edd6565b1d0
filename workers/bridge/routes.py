"""The addresses of the bridge and what each answers."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

import msgspec
import orjson
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.bridge.bodies import Bodies, GoneError, TooBusyError, TooLargeError, TooSlowError
from workers.bridge.intake import MAX_BODY_BYTES, BadBodyError, parse
from workers.bridge.openapi import openapi
from workers.bridge.publisher import Publisher, UnavailableError
from workers.bridge.senders import Sender, Senders
from workers.contracts.topics import DESKS, EVENTS
from workers.runtime import metrics
from workers.runtime.clock import now_ms

RETRY_AFTER_S: Final = 2
_CLOSE: Final = {"connection": "close"}
_UNKNOWN: Final = {"www-authenticate": 'Bearer realm="handoff"'}

logger = logging.getLogger(__name__)


class Keys(NamedTuple):
    """What proves that a sender's webhook is its own."""

    sender: Sender
    webhooks: tuple[Webhook, ...]


def make_app(senders: Senders, webhooks: dict[str, Keys], publisher: Publisher) -> Starlette:
    """Return the application; `webhooks` has the senders of Standard Webhooks by name."""
    bridge = _Bridge(senders, webhooks, publisher)
    return Starlette(
        routes=[
            Route("/v1/conversation-events", bridge.conversation_events, methods=["POST"]),
            Route("/v1/desk-events", bridge.desk_events, methods=["POST"]),
            Route("/v1/webhooks/{sender}", bridge.webhook, methods=["POST"]),
            Route("/openapi.json", _document),
            Route("/live", _live),
            Route("/ready", bridge.ready),
            Route("/metrics", _metrics),
        ],
        exception_handlers={HTTPException: _http_error},
    )


class _Bridge:
    def __init__(self, senders: Senders, webhooks: dict[str, Keys], publisher: Publisher) -> None:
        self._senders = senders
        self._webhooks = webhooks
        self._publisher = publisher
        self._bodies = Bodies(MAX_BODY_BYTES)

    async def conversation_events(self, request: Request) -> Response:
        """Write the conversation events of a post."""
        return await self._with_token(request, EVENTS)

    async def desk_events(self, request: Request) -> Response:
        """Write the desk events of a post."""
        return await self._with_token(request, DESKS)

    async def webhook(self, request: Request) -> Response:
        """Write the events of a Standard Webhook, whose signature takes the place of a token."""
        keys = self._webhooks.get(request.path_params["sender"])
        if keys is None:
            return _error(404, "no such sender of webhooks")

        async def take(body: bytes) -> Response:
            problem = _unproven(keys, body, request)
            if problem is not None:
                return _error(401, problem)
            return await self._write(body, keys.sender, None)

        return await self._with_body(request, take)

    async def ready(self, _: Request) -> Response:
        """Say whether what is posted can be written."""
        problem = self._publisher.problem
        if problem is None:
            return Response("ready\n", media_type="text/plain")
        return Response(f"{problem}\n", 503, media_type="text/plain")

    async def _with_token(self, request: Request, topic: str) -> Response:
        # Before a byte of the body is read.
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        sender = self._senders.by_token(token.strip()) if scheme.lower() == "bearer" else None
        if sender is None:
            return _error(401, "unknown token: send Authorization: Bearer TOKEN", _UNKNOWN)

        async def take(body: bytes) -> Response:
            return await self._write(body, sender, topic)

        return await self._with_body(request, take)

    async def _with_body(
        self, request: Request, take: Callable[[bytes], Awaitable[Response]]
    ) -> Response:
        kind = request.headers.get("content-type", "application/json").partition(";")[0]
        if kind.strip().lower() != "application/json":
            return _error(415, "content-type: send application/json", _CLOSE)
        try:
            async with self._bodies.read(request) as body:
                return await take(body)
        except TooLargeError:
            problem = f"the body is too large: send at most {MAX_BODY_BYTES:,} bytes in one post"
            return _error(413, problem, _CLOSE)
        except TooSlowError:
            return _error(408, "the body did not arrive in time", _CLOSE)
        except TooBusyError:
            return _unavailable("too much is being posted at the moment")
        except GoneError:
            # Nobody reads the answer.
            return _error(400, "the connection was closed")

    async def _write(self, body: bytes, sender: Sender, topic: str | None) -> Response:
        try:
            parsed = parse(body, sender, now_ms(), topic)
        except BadBodyError as error:
            return _error(400, str(error))
        try:
            if parsed.records:
                await self._publisher.publish(parsed.records)
        except UnavailableError as error:
            return _unavailable(str(error))
        for what, count in (("accepted", len(parsed.records)), ("refused", len(parsed.refused))):
            if count:
                metrics.BRIDGE_EVENTS.labels(sender.sender, what).inc(count)
        answer: dict[str, Any] = {"accepted": len(parsed.records)}
        if not parsed.refused:
            return _json(200, answer)
        answer["refused"] = [msgspec.to_builtins(refusal) for refusal in parsed.refused]
        return _json(422, answer)


def _unproven(keys: Keys, body: bytes, request: Request) -> str | None:
    """Return why a webhook is not proven to be the sender's, or None."""
    headers, problem = dict(request.headers), "Invalid signature"
    for webhook in keys.webhooks:
        try:
            webhook.verify(body, headers, json_parse=False)
        except WebhookVerificationError as error:
            problem = str(error)
        except ValueError:
            # A signature or a body of another form than the specification's.
            continue
        else:
            return None
    return f"webhook-signature: {problem}"


async def _document(_: Request) -> Response:
    return Response(orjson.dumps(openapi()), media_type="application/json")


async def _live(_: Request) -> Response:
    return Response("alive\n", media_type="text/plain")


async def _metrics(_: Request) -> Response:
    return Response(metrics.exposition(), media_type="text/plain; version=0.0.4")


async def _http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return _error(error.status_code, error.detail.lower(), error.headers)


def _unavailable(problem: str) -> Response:
    headers = {"retry-after": str(RETRY_AFTER_S), **_CLOSE}
    return _error(503, f"{problem}: send it again later", headers)


def _error(status: int, problem: str, headers: Any = None) -> Response:
    return _json(status, {"error": problem}, headers)


def _json(status: int, answer: dict[str, Any], headers: Any = None) -> Response:
    return Response(orjson.dumps(answer), status, headers, "application/json")
