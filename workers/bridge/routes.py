"""The addresses of the bridge and what each answers."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec
import orjson
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.bridge.bodies import (
    Bodies,
    BodyTooLargeError,
    BodyTooSlowError,
    GoneError,
    TooBusyError,
)
from workers.bridge.control_stream import ControlStreams
from workers.bridge.intake import MAX_BODY_BYTES, BadBodyError, RefusedEvent, parse
from workers.bridge.openapi import openapi
from workers.bridge.publisher import Publisher, UnavailableError
from workers.bridge.senders import Sender, Senders
from workers.bridge.vendor_intake import BadPayloadError, read_webhook
from workers.contracts.topics import DESKS, EVENTS
from workers.kafka.publishing import Record
from workers.outbound.signatures import InScheme, Post, UnprovenError, verify
from workers.outbound.vendor_file import Vendor
from workers.runtime import metrics
from workers.runtime.clock import now_ms
from workers.stores.deliveries import DeliveryStore

RETRY_AFTER_S: Final = 2
_PING_S: Final = 15
_CLOSE: Final = {"connection": "close"}
_UNKNOWN: Final = {"www-authenticate": 'Bearer realm="handoff"'}


class Doors(NamedTuple):
    """The bridge's addresses: the senders that may use each, and the services behind them."""

    senders: Senders
    webhooks: Mapping[str, tuple[str, ...]]
    """Keys of Standard Webhooks by sender."""
    vendors: Mapping[str, Vendor]
    publisher: Publisher
    streams: ControlStreams
    store: DeliveryStore | None
    """The store of facts about conversations; set if there are vendors."""
    following: asyncio.Event | None
    """Set while messages for vendors are read; present if there are vendors."""


def make_app(doors: Doors) -> Starlette:
    """Return the application."""
    bridge = _Bridge(doors)
    return Starlette(
        routes=[
            Route("/v1/conversation-events", bridge.conversation_events, methods=["POST"]),
            Route("/v1/desk-events", bridge.desk_events, methods=["POST"]),
            Route("/v1/conversation-control", bridge.controls, methods=["GET"]),
            Route("/v1/webhooks/{sender}", bridge.webhook, methods=["POST"]),
            Route("/v1/vendors/{vendor}", bridge.vendor, methods=["POST"]),
            Route("/v1/vendors/{vendor}/{token}", bridge.vendor, methods=["POST"]),
            Route("/openapi.json", _document),
            Route("/live", _live),
            Route("/ready", bridge.ready),
            Route("/metrics", _metrics),
        ],
        exception_handlers={HTTPException: _http_error},
    )


class _Bridge:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._publisher = doors.publisher
        self._bodies = Bodies(MAX_BODY_BYTES)

    async def conversation_events(self, request: Request) -> Response:
        """Write the conversation events of a post."""
        return await self._with_token(request, EVENTS)

    async def desk_events(self, request: Request) -> Response:
        """Write the desk events of a post."""
        return await self._with_token(request, DESKS)

    async def controls(self, request: Request) -> Response:
        """Stream control messages, from where the client was."""
        sender = self._sender(request)
        if sender is None:
            return _unknown_token()
        if not sender.follows_control:
            return _error(403, "this sender may not read it: see follows_control")
        if self._doors.streams.full:
            return _unavailable("too many streams are open")
        last = request.headers.get("last-event-id", "")[:2000]
        return EventSourceResponse(self._stream(last), ping=_PING_S)

    async def _stream(self, last_event_id: str) -> AsyncIterator[ServerSentEvent]:
        async for event_id, data in self._doors.streams.follow(last_event_id):
            yield ServerSentEvent(data, id=event_id)

    async def webhook(self, request: Request) -> Response:
        """Write the events of a Standard Webhook, whose signature takes the place of a token."""
        name = request.path_params["sender"]
        keys, sender = self._doors.webhooks.get(name), self._doors.senders.by_name(name)
        if keys is None or sender is None:
            return _error(404, "no such sender of webhooks")

        async def take(body: bytes) -> Response:
            if refused := _unproven("standard_webhooks", keys, body, request):
                return refused
            return await self._post(body, sender, None)

        return await self._with_body(request, take)

    async def vendor(self, request: Request) -> Response:
        """Write the events that a vendor's webhook becomes."""
        vendor = self._doors.vendors.get(request.path_params["vendor"])
        store = self._doors.store
        if vendor is None or vendor.file.inbound is None or store is None:
            return _error(404, "no such vendor")
        signature = vendor.file.inbound.signature
        secrets = vendor.secrets[signature.secret]

        async def take(body: bytes) -> Response:
            if refused := _unproven(signature.scheme, secrets, body, request):
                return refused
            try:
                read = await read_webhook(vendor, body, store, now_ms())
            except BadPayloadError as error:
                return _error(400, str(error))
            answer = await self._write(vendor.name, read.records, read.refused)
            if read.conversation_id is not None and read.noted.known and answer.status_code == 200:
                await store.note(read.conversation_id, *read.noted)
            return answer

        return await self._with_body(request, take)

    async def ready(self, _: Request) -> Response:
        """Answer whether posted events can be written now."""
        problem, following = self._publisher.problem, self._doors.following
        if problem is None and following is not None and not following.is_set():
            problem = "what vendors are to be told is not read yet"
        if problem is None:
            return Response("ready\n", media_type="text/plain")
        return Response(f"{problem}\n", 503, media_type="text/plain")

    def _sender(self, request: Request) -> Sender | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self._doors.senders.by_token(token.strip()) if scheme.lower() == "bearer" else None

    async def _with_token(self, request: Request, topic: str) -> Response:
        # Before a byte of the body is read.
        sender = self._sender(request)
        if sender is None:
            return _unknown_token()

        async def take(body: bytes) -> Response:
            return await self._post(body, sender, topic)

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
        except BodyTooLargeError:
            problem = f"the body is too large: send at most {MAX_BODY_BYTES:,} bytes in one post"
            return _error(413, problem, _CLOSE)
        except BodyTooSlowError:
            return _error(408, "the body did not arrive in time", _CLOSE)
        except TooBusyError:
            return _unavailable("too much is being posted at the moment")
        except GoneError:
            # The client is gone: the answer has no reader.
            return _error(400, "the connection was closed")

    async def _post(self, body: bytes, sender: Sender, topic: str | None) -> Response:
        try:
            parsed = parse(body, sender, now_ms(), topic)
        except BadBodyError as error:
            return _error(400, str(error))
        return await self._write(sender.sender, parsed.records, parsed.refused)

    async def _write(
        self, who: str, records: list[Record], refused: list[RefusedEvent]
    ) -> Response:
        try:
            if records:
                await self._publisher.publish(records)
        except UnavailableError as error:
            return _unavailable(str(error))
        for what, count in (("accepted", len(records)), ("refused", len(refused))):
            if count:
                metrics.BRIDGE_EVENTS.labels(who, what).inc(count)
        answer: dict[str, Any] = {"accepted": len(records)}
        if not refused:
            return _json(200, answer)
        answer["refused"] = [msgspec.to_builtins(refusal) for refusal in refused]
        return _json(422, answer)


def _unproven(
    scheme: InScheme, secrets: tuple[str, ...], body: bytes, request: Request
) -> Response | None:
    """Return the answer to a webhook that is not proven to be the sender's, or None."""
    post = Post(body, dict(request.headers), request.path_params.get("token", ""))
    try:
        verify(scheme, secrets, post, time.time())
    except UnprovenError as error:
        return _error(401, str(error))
    return None


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


def _unknown_token() -> Response:
    return _error(401, "unknown token: send Authorization: Bearer TOKEN", _UNKNOWN)


def _unavailable(problem: str) -> Response:
    headers = {"retry-after": str(RETRY_AFTER_S), **_CLOSE}
    return _error(503, f"{problem}: send it again later", headers)


def _error(status: int, problem: str, headers: Any = None) -> Response:
    return _json(status, {"error": problem}, headers)


def _json(status: int, answer: dict[str, Any], headers: Any = None) -> Response:
    return Response(orjson.dumps(answer), status, headers, "application/json")
