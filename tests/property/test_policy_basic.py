"""`policies/basic.yaml` is the reference table, for every combination of its inputs."""

import itertools
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fold_history import History
from workers.data import data_path
from workers.policy import Signals, holding, load_policy, route

TEXT = data_path("policies/basic.yaml").read_text()
VIEW = load_policy(TEXT, "basic.yaml").base

ASKS = (
    "talk to a human",
    "speak to a manager",
    "escalate",
    "supervisor",
    "I want to talk to someone",
    "this is ridiculous",
    "not satisfied",
    "do something",
    "this is not acceptable",
)
PRIORITY = ("cancellation_intent", "security_report", "billing_problem")


class Inputs(NamedTuple):
    """The columns of the table."""

    text: str
    intents: tuple[str, ...]
    exception: bool
    confidence: float | None
    messages: int
    tier: str | None


def trigger(given: Inputs) -> tuple[str, str] | None:
    """The table, written down once more: reason and queue of its first line that holds."""
    if any(phrase.lower() in given.text.lower() for phrase in ASKS):
        return "explicit_request", "tier_2_support"
    if any(intent in PRIORITY for intent in given.intents):
        return "priority_escalation", "urgent_queue"
    if given.exception:
        return "policy_exception", "manager_approval"
    if given.confidence is not None and given.confidence < 0.5:
        return "agent_uncertainty", "tier_2_support"
    if given.messages > 10:
        return "unproductive_loop", "tier_2_support"
    return None


def destination(given: Inputs) -> tuple[str, int]:
    """The table of routes: queue and minutes."""
    if any(intent in PRIORITY for intent in given.intents):
        return "urgent_queue", 30
    if given.exception:
        return "manager_approval", 60
    if given.tier == "premium":
        return "premium_support", 60
    return "tier_2_support", 120


def _check(given: Inputs) -> None:
    signals = Signals(
        text=given.text,
        intents=given.intents,
        requested_escalation="policy_exception" if given.exception else None,
        confidences=() if given.confidence is None else (0.9, given.confidence),
        turns=given.messages,
        tier=given.tier,
    )
    rules = holding(VIEW, signals)
    expected = trigger(given)
    if expected is None:
        assert rules == []
        return
    first = rules[0]
    assert (first.reason, first.target, first.mode) == (*expected, "escalate")
    found = route(VIEW, first, signals)
    assert (found.queue, found.claim_minutes) == destination(given)


@pytest.mark.parametrize("text", ["", "Where is my order?", *ASKS, "ESCALATE this", "SuperVisor?"])
def test_every_combination(text: str) -> None:
    for intents, exception, confidence, messages, tier in itertools.product(
        [subset for n in range(4) for subset in itertools.combinations((*PRIORITY, "other"), n)],
        (False, True),
        (None, 0.0, 0.49, 0.5, 1.0),
        (0, 10, 11, 40),
        (None, "premium", "standard"),
    ):
        _check(Inputs(text, intents, exception, confidence, messages, tier))


_words = st.lists(st.sampled_from(("please", "Do", "something", "talk to a", "human", *ASKS)))


@given(
    _words.map(" ".join),
    st.lists(st.sampled_from((*PRIORITY, "other", "billing"))).map(tuple),
    st.booleans(),
    st.none() | st.floats(0, 1),
    st.integers(0, 100),
    st.none() | st.sampled_from(("premium", "gold")),
)
def test_any_input(
    text: str,
    intents: tuple[str, ...],
    exception: bool,
    confidence: float | None,
    messages: int,
    tier: str | None,
) -> None:
    _check(Inputs(text, intents, exception, confidence, messages, tier))


class Turn(NamedTuple):
    """One exchange: what the customer says and how the AI agent answers."""

    text: str
    intents: tuple[str, ...]
    exception: bool
    confidence: float | None


_turns = st.lists(
    st.builds(
        Turn,
        st.sampled_from(("Where is it?", "Hm.", ASKS[2], ASKS[5])),
        st.sampled_from(((), (), (), ("other",), (PRIORITY[0],))),
        st.integers(0, 9).map(lambda n: n == 0),
        st.sampled_from((None, 0.9, 0.5, 0.7, 0.4)),
    ),
    max_size=8,
)


@given(_turns)
def test_the_fold_asks_the_table_after_every_message(turns: list[Turn]) -> None:
    h = History(TEXT)
    messages = 0
    intents: tuple[str, ...] = ()
    confidence: float | None = None
    for turn in turns:
        messages += 1
        h.customer(turn.text)
        asked = Inputs(turn.text, intents, False, confidence, messages, None)
        if _decided(h, asked):
            return
        messages += 1
        intents += turn.intents
        confidence = confidence if turn.confidence is None else turn.confidence
        h.ai(
            "I'm transferring you to a human agent now.",
            intents=turn.intents,
            confidence=turn.confidence,
            asks="policy_exception" if turn.exception else None,
        )
        if _decided(h, Inputs("", intents, turn.exception, confidence, messages, None)):
            return


def _decided(h: History, inputs: Inputs) -> bool:
    expected = trigger(inputs)
    assert len(h.decisions) == (expected is not None)
    if expected is None:
        return False
    decided = h.last
    assert (decided.action, decided.reason) == ("escalate", expected[0])
    assert (decided.target_queue, decided.claim_minutes) == destination(inputs)
    return True
