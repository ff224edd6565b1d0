"""Topics that detection finds: weaker than what is named, they lead to a queue, or to security."""

import pytest

from tests.support.fold_history import ASKS, History
from workers.contracts.events import ToolCall
from workers.data import data_path

POLICY = data_path("policies/default.yaml").read_text(encoding="utf-8")
STOLEN = "My account has been hacked, I cannot get in."
TWICE = "I was charged twice for order 4711."
LEAVING = "I want to cancel my subscription."


@pytest.mark.parametrize(
    ("said", "intent", "queue", "words"),
    [
        (STOLEN, "account_takeover", "security", "My account has been hacked"),
        (TWICE, "billing_problem", "billing", "charged twice"),
        (LEAVING, "cancellation_intent", "retention", "cancel my subscription"),
    ],
)
def test_an_escalation_reaches_the_queue_of_its_topic(
    said: str, intent: str, queue: str, words: str
) -> None:
    h = History(POLICY)
    h.customer(said)
    assert h.story == [], "the customer's words alone hand nothing over"
    h.customer(ASKS)
    assert (h.last.reason, h.last.target_queue) == ("explicit_request", queue)
    assert h.last.facts.intents == (intent,)
    (found,) = [one for one in h.last.evidence if one.signal == "found_intents"]
    assert (found.event_id, found.score) == (h.events[0].event_id, 0.8)
    assert found.quote == words


def test_a_stolen_account_is_urgent_once_the_ai_has_answered_without_an_intent() -> None:
    h = History(POLICY)
    h.customer(STOLEN)
    h.ai("", tool_calls=(ToolCall(name="find_account"),))
    assert h.story == []
    h.ai("Have you tried to reset your password?")
    assert (h.last.rule, h.last.target_queue) == ("security-in-words", "security")
    assert [(one.signal, one.quote) for one in h.last.evidence] == [
        ("found_intents", "My account has been hacked")
    ]


@pytest.mark.parametrize("said", [TWICE, LEAVING])
def test_money_and_parting_open_nothing_by_words_alone(said: str) -> None:
    h = History(POLICY)
    h.customer(said)
    h.ai("Let me have a look at that for you.")
    assert h.story == []


def test_an_intent_that_the_ai_names_wins() -> None:
    h = History(POLICY)
    h.customer(STOLEN)
    h.ai("Let us reset your password.", intents=("password_reset",))
    assert h.story == []
    assert h.state.episode.noted_intents == ()
    h.customer(f"{TWICE} {ASKS}")
    assert (h.last.target_queue, h.last.facts.intents) == ("tier_2_support", ("password_reset",))
    assert all(one.signal != "found_intents" for one in h.last.evidence)


def test_a_customer_who_declines_is_left_alone() -> None:
    h = History(POLICY)
    h.customer("This is ridiculous, the worst service ever, I am absolutely furious with you.")
    assert h.last.action == "offer"
    h.button(accepted=False)
    h.customer(STOLEN)
    h.ai("Have you tried to reset your password?")
    assert all(one.action != "escalate" for one in h.decisions)


def test_a_new_episode_forgets_what_was_found() -> None:
    h = History(POLICY)
    h.customer(TWICE)
    h.customer(ASKS)
    h.route()
    h.desk("accepted", queue="billing")
    h.desk("returned", queue="billing", note="Refunded.")
    h.customer(ASKS)
    assert h.last.target_queue == "tier_2_support"


def test_the_words_are_redacted_and_short() -> None:
    h = History(POLICY)
    h.customer("A charge of 30 from card 4111 1111 1111 1111 is not mine, " + ASKS)
    quotes = [one.quote or "" for one in h.last.evidence if one.signal == "found_intents"]
    assert all("4111" not in quote and len(quote.encode()) <= 48 for quote in quotes)
