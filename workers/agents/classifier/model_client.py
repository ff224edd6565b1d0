"""One question to Anthropic's Messages API, by its SDK, within a time limit."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from email.utils import mktime_tz, parsedate_tz
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec

from workers.agents.classifier.prompt import (
    MalformedAnswerError,
    ModelVerdict,
    Question,
    read_verdict,
)
from workers.contracts.events import Count, Word

CALL_S: Final = 6.0
"""Seconds for one answer, the SDK's retries and the pauses that a server asks for included."""
RETRIES: Final = 2
_ANSWER_TOKENS: Final = 300

Result = Literal["answered", "refused", "malformed", "timeout", "rate_limited", "failed"]
_at_hand: ContextVar["_Call"] = ContextVar("at_hand")


class _NoRetryError(Exception):
    pass


class _Call:
    """The question at hand: by when it must have its answer, and how often it may be sent."""

    def __init__(self, ends_at: float, may_retry: Callable[[], bool]) -> None:
        self.ends_at = ends_at
        self._may_retry = may_retry
        self._requests = 0
        self._allowed = 1

    def grants(self) -> bool:
        """Return whether it may be sent once more; asked at most once before each retry."""
        if self._allowed == self._requests and self._requests <= RETRIES and self._may_retry():
            self._allowed += 1
        return self._allowed > self._requests

    def begins(self) -> None:
        """Count a request; _NoRetryError when it must not be sent."""
        if not self.grants():
            raise _NoRetryError
        self._requests += 1


class _Usage(msgspec.Struct):
    input_tokens: Count
    output_tokens: Count


class _Block(msgspec.Struct):
    type: str
    text: str = ""


class _Reply(msgspec.Struct):
    """The fields of the API's message that are used."""

    model: Word
    content: Annotated[list[_Block], msgspec.Meta(max_length=16)]
    usage: _Usage
    stop_reason: str | None = None


_REPLY: Final = msgspec.json.Decoder(_Reply)


class ModelReply(NamedTuple):
    """The result of one question; `detail` quotes no one."""

    result: Result
    verdict: ModelVerdict | None = None
    """Set when it was answered."""
    model: str = ""
    """The model's id, as the API names it."""
    input_tokens: int = 0
    output_tokens: int = 0
    detail: str = ""
    wait_s: float | None = None
    """On a rate limit: seconds for which the provider wants no calls, if it says."""

    @property
    def reached(self) -> bool:
        """Return True if the provider answered, even with an answer that cannot be used."""
        return self.result not in ("timeout", "rate_limited", "failed")


class ModelClient:
    """The client of one process; ANTHROPIC_BASE_URL and proxies are the SDK's to read."""

    def __init__(self, api_key: str, name: str, limit_s: float = CALL_S) -> None:
        # The SDK takes seconds to import and a hundred megabytes: only where a model is asked.
        import anthropic

        for logger in ("anthropic", "httpx2"):
            # ANTHROPIC_LOG=debug has the SDK log what customers wrote, from its import on.
            logging.getLogger(logger).setLevel(logging.WARNING)
        self._name = name
        self._limit_s = limit_s
        self._client = anthropic.AsyncAnthropic(
            api_key=api_key,
            max_retries=RETRIES,
            timeout=limit_s,
            # Complete, whatever the environment says: spans never hold content.
            open_telemetry={},
            http_client=anthropic.DefaultAsyncHttpxClient(
                event_hooks={
                    "request": [_count_request],
                    "response": [_retry_only_if_worth_it],
                }
            ),
        )

    async def ask(self, asked: Question, may_retry: Callable[[], bool]) -> ModelReply:
        """Return what became of a question within the time limit; never raises.

        `may_retry` is asked before each request but the first.
        """
        import anthropic

        _at_hand.set(_Call(time.monotonic() + self._limit_s, may_retry))
        try:
            async with asyncio.timeout(self._limit_s):
                response = await self._client.messages.with_raw_response.create(
                    model=self._name,
                    max_tokens=_ANSWER_TOKENS,
                    system=asked.system,
                    messages=[{"role": "user", "content": asked.document}],
                    output_config={"format": {"type": "json_schema", "schema": asked.schema}},
                    # By default it would think, at a price and for too long.
                    thinking={"type": "disabled"},
                )
                body = await response.read()
        except (TimeoutError, anthropic.APITimeoutError):
            return ModelReply("timeout", detail=f"no answer in {self._limit_s:g} s")
        except anthropic.RateLimitError as error:
            wait_s = _wait_asked_for(error.response.headers)
            return ModelReply("rate_limited", detail="status 429", wait_s=wait_s)
        except anthropic.APIStatusError as error:
            return ModelReply("failed", detail=f"status {error.status_code}")
        except Exception as error:  # noqa: BLE001 - whatever it is, the stream goes on without
            return ModelReply("failed", detail=type(error).__name__)
        return _read(body, asked)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.close()


async def _count_request(_: Any) -> None:
    _at_hand.get().begins()


async def _retry_only_if_worth_it(response: Any) -> None:
    """Keep the SDK from a retry that the budget does not allow, or that would outlast the call."""
    status, call = response.status_code, _at_hand.get()
    wait_s = _wait_asked_for(response.headers)
    in_time = wait_s is None or time.monotonic() + wait_s < call.ends_at
    wanted = status in (408, 409, 429) or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if response.headers.get("x-should-retry") == "false" or not wanted:
        return
    if not in_time or not call.grants():
        response.headers["x-should-retry"] = "false"


def _wait_asked_for(headers: Any) -> float | None:
    """Return the seconds of Retry-After, which the SDK would wait; None without it."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            return float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
    date = parsedate_tz(headers.get("retry-after", ""))
    return None if date is None else mktime_tz(date) - time.time()


def _read(body: bytes, asked: Question) -> ModelReply:
    """Judge a response of the API strictly: an answer in any other form is none."""
    try:
        reply = _REPLY.decode(body)
    except (ValueError, RecursionError):
        return ModelReply("malformed", detail="not a message of the API")
    said = ModelReply(
        "malformed",
        model=reply.model,
        input_tokens=reply.usage.input_tokens,
        output_tokens=reply.usage.output_tokens,
    )
    if reply.stop_reason == "refusal":
        return said._replace(result="refused", detail="the model refused")
    texts = [block.text for block in reply.content if block.type == "text"]
    if reply.stop_reason != "end_turn" or len(texts) != 1:
        return said._replace(detail="not one whole answer")
    try:
        verdict = read_verdict(texts[0], asked)
    except MalformedAnswerError as error:
        return said._replace(detail=str(error))
    return said._replace(result="answered", verdict=verdict)
