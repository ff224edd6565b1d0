"""Questions to a model through Anthropic's own SDK, and every way in which they go wrong."""

import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from tests.support.classifier_harness import (
    MODEL,
    VERDICT,
    MessagesApi,
    dribble,
    error,
    hang,
    message,
    messages_api,
)
from workers.agents.classifier.model_client import RETRIES, ModelClient, ModelReply
from workers.agents.classifier.prompt import Question, question

KEY = "a key of the tests"
ASKED = question("is anybody even there", (), ("security_report", "cancellation_intent"))


@pytest.fixture
async def api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MessagesApi]:
    """Run a server that the SDK finds by its own environment variable."""
    async with messages_api() as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        yield server


async def ask(
    asked: Question = ASKED, limit_s: float = 10.0, may_retry: Callable[[], bool] = lambda: True
) -> ModelReply:
    """Ask once."""
    model = ModelClient(KEY, MODEL, limit_s)
    try:
        return await model.ask(asked, may_retry)
    finally:
        await model.close()


async def test_an_answer_is_a_verdict(api: MessagesApi) -> None:
    api(message({**VERDICT, "intents": ["security_report", "security_report"]}))
    reply = await ask()
    assert (reply.result, reply.model) == ("answered", MODEL)
    assert reply.verdict is not None
    assert (reply.verdict.requested_human, reply.verdict.frustrated) == (0.9, 0.4)
    assert reply.verdict.intents == ("security_report",), "each once"
    assert (reply.input_tokens, reply.output_tokens) == (1000, 50)


async def test_what_is_sent(api: MessagesApi) -> None:
    await ask()
    (body,) = api.bodies
    assert api.keys == [KEY]
    assert body["model"] == MODEL
    assert body["thinking"] == {"type": "disabled"}
    assert len(body["messages"]) == 1
    assert api.documents == [{"earlier": [], "message": "is anybody even there"}]
    schema = body["output_config"]["format"]["schema"]
    assert schema["required"] == ["requested_human", "frustrated", "solved", "intents"]
    assert schema["additionalProperties"] is False
    names = ["security_report", "cancellation_intent"]
    assert schema["properties"]["intents"]["items"]["enum"] == names
    assert "anybody" not in json.dumps(body["system"])


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        (message("I can't help with that.", stop_reason="refusal"), "refused"),
        ({**message(stop_reason="refusal"), "content": []}, "refused"),
        (message('{"requested_human": 0.', stop_reason="max_tokens"), "malformed"),
        (message(stop_reason="max_tokens"), "malformed"),
        (message("Sure! requested_human is 1."), "malformed"),
        (message({**VERDICT, "requested_human": 1.2}), "malformed"),
        (message({**VERDICT, "frustrated": -0.1}), "malformed"),
        (message({**VERDICT, "frustrated": "0.5"}), "malformed"),
        (message({**VERDICT, "solved": True}), "malformed"),
        (message({**VERDICT, "solved": None}), "malformed"),
        (message({**VERDICT, "escalate_to": "legal"}), "malformed"),
        (message({**VERDICT, "intents": ["refund_everything"]}), "malformed"),
        (message({"requested_human": 0.9}), "malformed"),
        ({**message(), "content": []}, "malformed"),
        ({**message(), "content": message()["content"] * 2}, "malformed"),
        ({**message(), "usage": None}, "malformed"),
        ({"type": "completion"}, "malformed"),
        (b"[" * 5000, "malformed"),
        (b"<html>busy</html>", "malformed"),
    ],
)
async def test_what_is_not_an_answer_as_asked_for_is_none(
    api: MessagesApi, reply: Any, result: str
) -> None:
    api(reply)
    found = await ask()
    assert (found.result, found.verdict) == (result, None)
    assert found.reached, "the provider is not to blame"
    assert len(api.bodies) == 1, "asking again would cost again"


async def test_what_was_refused_is_paid_for(api: MessagesApi) -> None:
    api(message("no", stop_reason="refusal", tokens=(700, 3)))
    reply = await ask()
    assert (reply.input_tokens, reply.output_tokens) == (700, 3)


async def test_only_text_is_read(api: MessagesApi) -> None:
    thinking = {"type": "thinking", "thinking": "?", "signature": ""}
    api({**message(), "content": [thinking, *message()["content"]]})
    assert (await ask()).result == "answered"


async def test_a_limit_of_the_rate_is_waited_for(api: MessagesApi) -> None:
    api(error(429, "rate_limit_error", retry_after="0.3"), message())
    started = time.monotonic()
    assert (await ask()).result == "answered"
    assert time.monotonic() - started >= 0.3
    assert len(api.bodies) == 2


async def test_an_overload_is_tried_again_and_given_up(api: MessagesApi) -> None:
    api(error(529, "overloaded_error", retry_after_ms="10"))
    reply = await ask()
    assert (reply.result, reply.detail, reply.reached) == ("failed", "status 529", False)
    assert len(api.bodies) == 1 + RETRIES


@pytest.mark.parametrize("status", [400, 401, 404, 413])
async def test_what_is_wrong_for_good_is_not_tried_again(api: MessagesApi, status: int) -> None:
    api(error(status, "invalid_request_error"))
    reply = await ask()
    assert (reply.result, reply.detail) == ("failed", f"status {status}")
    assert len(api.bodies) == 1


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry_after": "60"}, 60.0),
        ({"retry_after_ms": "60000"}, 60.0),
        ({"retry_after": "60", "x_should_retry": "true"}, 60.0),
        ({"retry_after": "Fri, 01 Jan 2100 00:00:00 GMT"}, None),
    ],
)
async def test_a_longer_pause_than_the_limit_is_not_begun(
    api: MessagesApi, headers: dict[str, str], wait_s: float | None
) -> None:
    api(error(429, "rate_limit_error", **headers))
    started = time.monotonic()
    found = await ask(limit_s=50.0)
    assert time.monotonic() - started < 40
    assert (found.result, found.detail, found.reached) == ("rate_limited", "status 429", False)
    assert found.wait_s is not None
    assert found.wait_s > 1e6 if wait_s is None else found.wait_s == wait_s
    assert len(api.bodies) == 1


async def test_a_limit_that_does_not_end_is_told_from_a_failure(api: MessagesApi) -> None:
    api(error(429, "rate_limit_error"))
    found = await ask()
    assert (found.result, found.wait_s) == ("rate_limited", None)
    assert len(api.bodies) == 1 + RETRIES


async def test_an_overload_for_long_is_given_up_at_once(api: MessagesApi) -> None:
    api(error(529, "overloaded_error", retry_after="60"))
    started = time.monotonic()
    assert (await ask(limit_s=50.0)).detail == "status 529"
    assert time.monotonic() - started < 40
    assert len(api.bodies) == 1


@pytest.mark.parametrize("reply", [hang, dribble])
async def test_nobody_waits_longer_than_the_limit(api: MessagesApi, reply: Any) -> None:
    api(reply)
    started = time.monotonic()
    found = await ask(limit_s=0.7)
    assert (found.result, found.reached) == ("timeout", False)
    assert time.monotonic() - started < 30


async def test_a_connection_refused_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    async with messages_api() as gone:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", gone.url)
    assert (await ask()).result == "failed"


async def test_a_connection_that_breaks_is_tried_again(api: MessagesApi) -> None:
    async def breaks(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    api(breaks, message())
    assert (await ask()).result == "answered"


@pytest.mark.parametrize("status", [429, 529])
async def test_a_retry_that_is_not_allowed_is_not_sent(api: MessagesApi, status: int) -> None:
    api(error(status, "overloaded_error"))
    asked: list[bool] = [True, False]
    reply = await ask(may_retry=lambda: asked.pop(0))
    assert (len(api.bodies), asked) == (2, [])
    assert reply.result == ("rate_limited" if status == 429 else "failed")


async def test_nor_is_one_after_a_broken_connection(api: MessagesApi) -> None:
    async def drop(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    api(drop)
    reply = await ask(may_retry=lambda: False)
    assert (len(api.bodies), reply.result) == (1, "failed")


@pytest.mark.parametrize("level", ["debug", "info"])
async def test_the_sdk_logs_no_content_whatever_it_is_told(
    api: MessagesApi,
    level: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("ANTHROPIC_LOG", level)
    caplog.set_level(logging.DEBUG)
    api(error(400, "canary-1"), message("canary-2"))
    canary = question("canary-3", (), ())
    for result in ("failed", "malformed"):
        reply = await ask(canary)
        assert reply.result == result
        assert "canary" not in reply.detail
    assert "canary" not in caplog.text
    assert len(api.bodies) == 2
