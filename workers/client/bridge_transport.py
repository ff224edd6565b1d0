"""The client's way over HTTP, by the bridge."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from typing import Final

import httpx2

from workers.client.handoff_client import RefusedEventError
from workers.client.kafka_transport import readable
from workers.contracts.control import Control

_TRIES: Final = 8
_LONGEST_WAIT_S: Final = 20.0
_SILENCE_S: Final = 60.0
"""The bridge sends something every few seconds; a connection silent for so long is dead."""

_LONGEST_LINE: Final = 2_000_000

logger = logging.getLogger(__name__)


class BridgeUnavailableError(ConnectionError):
    """The bridge did not take an event, however often it was sent; it may be sent again."""


class BridgeTransport:
    """Posts to `handoff bridge` and follows its stream of control messages."""

    def __init__(self, url: str, token: str) -> None:
        """Name the bridge's address and the token of a sender with `follows_control`."""
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self._client = httpx2.AsyncClient(
            base_url=url, headers=headers, timeout=httpx2.Timeout(15, read=_SILENCE_S)
        )

    async def start(self) -> None:
        """Return at once: every post and the stream connect by themselves."""

    async def stop(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send(self, conversation_id: str, value: bytes) -> None:  # noqa: ARG002
        """Return when the bridge has answered that the event is written.

        It is sent again where that may help, about a minute long; then BridgeUnavailableError.
        """
        why = ""
        for attempt in range(_TRIES):
            if attempt:
                await asyncio.sleep(_pause_s(attempt))
            try:
                answer = await self._client.post("/v1/conversation-events", content=value)
            except httpx2.TransportError as error:
                why = type(error).__name__
                continue
            if answer.status_code == 200:
                return
            if answer.status_code == 422:
                refused = answer.json()["refused"][0]
                raise RefusedEventError(f"{refused['reason']}: {refused['detail']}")
            why = str(answer.status_code)
            if answer.status_code not in (408, 429) and answer.status_code < 500:
                raise RefusedEventError(f"the bridge answered {why}: {answer.text[:300]}")
        raise BridgeUnavailableError(f"the bridge did not take the event: {why}")

    async def follow(self) -> AsyncIterator[Control]:
        """Yield what the bridge tells; where the connection broke, it goes on."""
        last, attempt = "", 0
        while True:
            headers = {"accept": "text/event-stream"} | ({"last-event-id": last} if last else {})
            try:
                async with self._client.stream(
                    "GET", "/v1/conversation-control", headers=headers
                ) as answer:
                    if 400 <= answer.status_code < 500:
                        raise PermissionError(f"the bridge answered {answer.status_code}")
                    answer.raise_for_status()
                    async for event_id, data in _events(answer):
                        attempt = 0
                        control = readable(data)
                        if control is not None:
                            yield control
                        last = event_id or last
            except httpx2.HTTPError as error:
                logger.info("the stream of the bridge broke: %s", type(error).__name__)
            attempt += 1
            await asyncio.sleep(_pause_s(attempt))


async def _events(answer: httpx2.Response) -> AsyncIterator[tuple[str, bytes]]:
    """Yield id and data of each event of a stream; its data are one line, as the bridge writes."""
    event_id, data = "", b""
    async for line in _lines(answer):
        field, _, value = line.partition(b":")
        if field == b"id":
            event_id = value.removeprefix(b" ").decode("ascii", "replace")
        elif field == b"data":
            data = value.removeprefix(b" ")
        elif not line and data:
            yield event_id, data
            event_id, data = "", b""


async def _lines(answer: httpx2.Response) -> AsyncIterator[bytes]:
    """Yield lines by the ends of Server-Sent Events: a text may hold what else ends a line."""
    rest = b""
    async for part in answer.aiter_bytes():
        *lines, rest = (rest + part).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise httpx2.RemoteProtocolError("a line of the stream is too long")
        for line in lines:
            yield line.removesuffix(b"\r")


def _pause_s(attempt: int) -> float:
    wait = min(0.5 * 2.0 ** (attempt - 1), _LONGEST_WAIT_S)
    return wait * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
