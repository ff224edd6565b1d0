"""Limits on the questions to the model: budgets, breaker, time."""

import time

import pytest

from tests.support.classifier_bench import (
    counted,
    doubts,
    give,
    now,
    running,
    signals,
)
from tests.support.classifier_harness import (
    MessagesApi,
    doubt,
    error,
    hang,
    message,
)
from tests.support.routing_harness import Bench
from workers.agents.classifier import agent as classifier
from workers.agents.classifier.limits import Breaker


async def test_only_so_many_are_asked_at_once(bench: Bench, api: MessagesApi) -> None:
    api.pause_s = 0.05
    async with running(bench) as agent:
        await give(agent, *doubts(3 * classifier.AT_ONCE))
    assert api.most_at_once == classifier.AT_ONCE
    assert len(await signals(bench)) == 3 * classifier.AT_ONCE


async def test_the_budget_of_a_minute_is_kept(bench: Bench, api: MessagesApi) -> None:
    over = counted("over_budget")
    async with running(bench, classifier_calls_per_minute=4) as agent:
        await give(agent, *doubts(10))
    assert len(await signals(bench)) == len(api.bodies) == 4
    assert counted("over_budget") == over + 6


async def test_retries_are_calls_of_the_budget(bench: Bench, api: MessagesApi) -> None:
    api(error(529, "overloaded_error"))
    async with running(bench, classifier_calls_per_minute=4) as agent:
        await give(agent, *doubts(3))
    assert len(api.bodies) == 4


async def test_equal_questions_at_once_are_one_call(bench: Bench, api: MessagesApi) -> None:
    api.pause_s = 0.1
    same = [doubt("the same words", now(), conversation_id=f"c-{n}", turns=0) for n in range(8)]
    async with running(bench) as agent:
        await give(agent, *same)
    assert len(api.bodies) == 1
    assert len(await signals(bench)) == 8


async def test_the_budget_of_a_conversation_is_kept(bench: Bench, api: MessagesApi) -> None:
    limit = classifier.PER_CONVERSATION
    talks = [doubt(f"hello {number}", now(), event_id=f"e-{number}") for number in range(limit + 3)]
    async with running(bench) as agent:
        await give(agent, *talks)
        await give(agent, *doubts(1, conversation_id="c-other"))
    assert len(api.bodies) == limit + 1
    assert {found.conversation_id for found in await signals(bench)} == {"c-1", "c-other"}


class Ahead(Breaker):
    """A breaker for which time passes when a test says so."""

    by = 0.0

    def allows(self, now: float) -> bool:
        """Decide as if it were later."""
        return super().allows(now + self.by)


async def test_a_failing_model_is_left_alone_and_then_tried(bench: Bench, api: MessagesApi) -> None:
    api(error(529, "overloaded_error", x_should_retry="false"))
    async with running(bench) as agent:
        agent._breaker = breaker = Ahead(classifier.FAILURES, 1000, 2000)
        for request in doubts(classifier.FAILURES + 3):
            await give(agent, request)
        assert len(api.bodies) == classifier.FAILURES, "the rest was not asked"
        breaker.by += 1000
        await give(agent, *doubts(3, conversation_id="c-probe"))
        assert len(api.bodies) == classifier.FAILURES + 1, "one to see"
        api(message())
        breaker.by += 2000
        await give(agent, *doubts(1))
        await give(agent, *doubts(3))
    assert {found.conversation_id for found in await signals(bench)} == {"c-0", "c-1", "c-2"}


async def test_a_look_whether_the_model_answers_again_is_one_request(
    bench: Bench, api: MessagesApi
) -> None:
    api(error(529, "overloaded_error", x_should_retry="false"))
    async with running(bench) as agent:
        agent._breaker = breaker = Ahead(classifier.FAILURES, 1000, 2000)
        for request in doubts(classifier.FAILURES):
            await give(agent, request)
        api(error(529, "overloaded_error"))
        breaker.by += 1000
        await give(agent, *doubts(8, conversation_id="c-probe"))
    assert len(api.bodies) == classifier.FAILURES + 1


async def test_a_limited_rate_is_left_alone_as_long_as_it_asks(
    bench: Bench, api: MessagesApi
) -> None:
    api(error(429, "rate_limit_error", retry_after="600"))
    limited, failed = counted("rate_limited"), counted("failed") + counted("timeout")
    async with running(bench) as agent:
        for request in doubts(classifier.FAILURES + 3):
            await give(agent, request)
        assert len(api.bodies) == 1
        assert counted("rate_limited") - limited == classifier.FAILURES + 3
        assert counted("failed") + counted("timeout") == failed
        assert not agent._breaker.is_open, "a limit is no failure"
    assert await signals(bench) == []


async def test_a_chunk_ends_in_time_whatever_the_model_does(
    bench: Bench, api: MessagesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "ASKING_S", 0.3)
    monkeypatch.setattr(classifier, "FAILURES", 1000)
    late, slow = counted("late"), counted("timeout")
    api(hang)
    async with running(bench, limit_s=0.6, classifier_calls_per_minute=1000) as agent:
        started = time.monotonic()
        await give(agent, *doubts(100))
        took = time.monotonic() - started
    # Asking ends after 0.3 s, and what was asked by then 0.6 s later.
    assert took < 30
    assert counted("timeout") - slow == classifier.AT_ONCE
    assert counted("late") - late == 100 - classifier.AT_ONCE
    assert await signals(bench) == []


def test_a_chunk_ends_before_it_would_end_the_process() -> None:
    from workers.agents.classifier.model_client import CALL_S
    from workers.runtime.app import CHUNK_LIMIT_S

    assert classifier.ASKING_S + classifier.EARLIER_S + CALL_S < 15 < CHUNK_LIMIT_S
