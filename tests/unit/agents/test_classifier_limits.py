"""Budget, breaker, cache and cost of the classifier, by a clock of the tests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.agents.classifier.cost import Cost
from workers.agents.classifier.limits import Breaker, Budget, Cache


@given(st.lists(st.tuples(st.floats(0, 40), st.sampled_from("abc")), max_size=300))
def test_no_minute_and_no_conversation_gets_more_than_its_share(
    calls: list[tuple[float, str]],
) -> None:
    budget, now = Budget(per_minute=5, per_conversation=8), 0.0
    made: list[tuple[float, str]] = []
    for pause, conversation in calls:
        now += pause
        minute = [at for at, _ in made if at > now - 60]
        hour = [at for at, who in made if who == conversation and at > now - 3600]
        spent = budget.spend(conversation, now)
        assert spent == (len(minute) < 5 and len(hour) < 8)
        if spent:
            made.append((now, conversation))


def test_no_budget_is_no_call() -> None:
    assert not Budget(per_minute=0, per_conversation=10).spend("c-1", 0.0)


def test_the_breaker_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker(failures=3, pause_s=30, longest_pause_s=100)
    for failed in (True, True, False, True, True):
        assert breaker.allows(0)
        if failed:
            breaker.failed(0)
        else:
            breaker.succeeded()
    assert breaker.allows(0)
    breaker.failed(0)
    assert breaker.is_open
    assert not breaker.allows(29)


def opened() -> Breaker:
    """Return a breaker that opened at 0 for 30 seconds."""
    breaker = Breaker(failures=1, pause_s=30, longest_pause_s=100)
    assert breaker.allows(0)
    breaker.failed(0)
    return breaker


def test_an_open_breaker_lets_one_call_through_to_see() -> None:
    breaker = opened()
    assert breaker.allows(30)
    assert not breaker.allows(31), "one at a time"
    breaker.succeeded()
    assert breaker.allows(32)
    assert breaker.allows(32), "all of them again"


def test_each_failed_attempt_doubles_the_pause_up_to_a_limit() -> None:
    breaker, now = opened(), 30.0
    for pause in (60, 100, 100):
        assert breaker.allows(now)
        breaker.failed(now)
        assert not breaker.allows(now + pause - 1)
        now += pause
    assert breaker.allows(now)
    breaker.succeeded()
    breaker.failed(now)
    assert breaker.allows(now + 30), "after a success it begins anew"


@pytest.mark.parametrize(("asked", "pause"), [(60.0, 60), (None, 30), (5000.0, 100)])
def test_a_rest_that_was_asked_for_is_no_failure(asked: float | None, pause: int) -> None:
    breaker = Breaker(failures=1, pause_s=30, longest_pause_s=100)
    assert breaker.allows(0)
    breaker.rest(0, asked)
    assert breaker.rests(pause - 1)
    assert not breaker.rests(pause)
    assert not breaker.is_open
    assert breaker.allows(pause)


def test_a_rest_is_not_shortened_and_frees_the_attempt_that_met_it() -> None:
    breaker = opened()
    assert breaker.allows(30)
    breaker.rest(30, 60)
    breaker.rest(31, 5)
    assert breaker.rests(89)
    assert breaker.is_open, "that says nothing about the failures before"
    assert breaker.allows(90), "and another one may try"


def test_calls_that_were_under_way_do_not_lengthen_the_pause() -> None:
    breaker = opened()
    breaker.failed(5)
    assert breaker.allows(30)


def test_an_attempt_that_was_given_up_frees_its_place() -> None:
    breaker = opened()
    assert breaker.allows(30)
    breaker.abandoned()
    assert breaker.allows(31)


def test_the_cache_keeps_what_was_used_last() -> None:
    cache: Cache[int] = Cache(2)
    cache.put(b"a", 1)
    cache.put(b"b", 2)
    assert cache.get(b"a") == 1
    cache.put(b"c", 3)
    assert (cache.get(b"a"), cache.get(b"b"), cache.get(b"c")) == (1, None, 3)


def test_cost_per_thousand_conversations(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "workers")
    cost = Cost(input_price=0.10, output_price=0.50)
    cost.report(0)
    for conversation in ("c-1", "c-1", "c-2"):
        cost.add(conversation, 1_000, 200)
    # Three calls at 0.0001 + 0.0001 dollars, about two conversations.
    assert cost.dollars == pytest.approx(0.0006)
    assert cost.per_thousand == pytest.approx(0.3)
    for now in (0, 10, 400):
        cost.report(now)
    said = "3 calls about 2 conversations: 0.0006 dollars, 0.3000 per thousand of them"
    assert caplog.messages == [said], "once, as nothing is new"
    cost.add("c-3", 0, 0)
    cost.report(10)
    assert len(caplog.messages) == 1, "not yet"
    cost.report()
    assert len(caplog.messages) == 2
