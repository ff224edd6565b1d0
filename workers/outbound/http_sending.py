"""Sending one request: the meaning of an answer, the next try, and a vendor's limits."""

import asyncio
import logging
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, NamedTuple

import httpx2

from workers.outbound.calls import Request
from workers.outbound.vendor_file import Limits

logger = logging.getLogger(__name__)

MAX_ANSWER: Final = 1_000_000
"""Bytes of an answer that are read."""
MAX_WAIT_S: Final = 3600.0
"""Longest wait that a vendor may ask for."""
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 300.0
_AGAIN: Final = frozenset(
    {
        # The token may be mended meanwhile.
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.LOCKED,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
_BUSY: Final = frozenset(
    # GitHub says by 403 that too much was asked.
    {HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
)
"""The answers that may say how long to wait."""


class Answer(NamedTuple):
    """The outcome of one request."""

    result: str
    """`done`, `refused` (never to be tried again) or `later`."""
    why: str
    """The status, or the kind of failure."""
    wait_s: float | None = None
    """The wait that the vendor asks for."""
    body: bytes = b""


class Requester:
    """Sends requests to one vendor within its limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._slots = asyncio.Semaphore(limits.at_once)
        self._next = 0.0
        self._client = httpx2.AsyncClient(
            timeout=limits.timeout_seconds,
            follow_redirects=False,
            trust_env=False,
            limits=httpx2.Limits(max_connections=limits.at_once),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send(self, request: Request) -> Answer:
        """Send a request when it is its turn; never raises for what the vendor does."""
        async with self._slots:
            await self._turn()
            try:
                async with asyncio.timeout(self._limits.timeout_seconds):
                    answer = await self._exchange(request)
            except (TimeoutError, httpx2.TimeoutException):
                return Answer("later", "no answer in time")
            except httpx2.InvalidURL:
                return Answer("refused", "no address")
            except httpx2.HTTPError as error:
                return Answer("later", type(error).__name__)
        if answer.wait_s is not None:
            # The limit is the vendor's for all that we ask, not for one conversation.
            self._next = max(self._next, asyncio.get_running_loop().time() + answer.wait_s)
        return answer

    async def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        turn = max(self._next, loop.time())
        self._next = turn + 1 / self._limits.per_second
        if turn > loop.time():
            await asyncio.sleep(turn - loop.time())

    async def _exchange(self, request: Request) -> Answer:
        async with self._client.stream(
            request.method, request.url, content=request.body, headers=request.headers
        ) as response:
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MAX_ANSWER:
                    break
            status, headers = response.status_code, response.headers
            if status in request.again:
                return Answer("later", str(status), retry_after(headers.get("retry-after")))
            return judged(status, headers, request.done, bytes(body))


def judged(
    status: int, headers: Mapping[str, str], done: tuple[int, ...] = (), body: bytes = b""
) -> Answer:
    """Return what an answer means."""
    why = str(status)
    if status < HTTPStatus.MULTIPLE_CHOICES or status in done:
        return Answer("done", why, body=body)
    if status in _AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        busy = status in _BUSY
        return Answer("later", why, retry_after(headers.get("retry-after")) if busy else None)
    return Answer("refused", why, body=body)


def retry_after(given: str | None) -> float | None:
    """Return the seconds of a Retry-After header, in either of its forms; None: it has none."""
    if given is None:
        return None
    if given.strip().isdecimal() and len(given) <= 10:
        return min(float(given), MAX_WAIT_S)
    try:
        moment = parsedate_to_datetime(given)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), MAX_WAIT_S)


def next_try_ms(answer: Answer, attempts: int, now_ms: int, what: str) -> int:
    """Return when to try again after so many failures, and log it as news of `what`.

    The wait doubles with each failure, from a second up to five minutes, a fifth more or less so
    that what failed together does not come back together. The vendor may ask for a longer one.
    """
    wait_s = max(_backoff_s(attempts), answer.wait_s or 0.0)
    logger.info("%s: %s; again in %.0f s", what, answer.why, wait_s)
    return now_ms + round(wait_s * 1000)


def _backoff_s(attempts: int) -> float:
    wait = min(_FIRST_WAIT_S * 2.0 ** min(attempts - 1, 20), _LONGEST_WAIT_S)
    return wait * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
