"""The classifier is asked about doubtful words, and about frustration that nobody voices."""

from collections.abc import Callable

import pytest

from tests.support.fold_history import ANGRY, ASKS, POLICY, History
from workers.conversation import messages
from workers.conversation.doubts import LONG_ANSWER, UNSOLVED_TURNS
from workers.detection import CustomerFindings, Finding

ASKED = "My invoice for February shows the wrong billing address."
LONG = "The invoice is made once a month by the billing system and cannot be changed. " * 4
SORRY = "I'm sorry about that. Please have a look at {} and tell me what you see there."


def _rephrased(h: History) -> None:
    h.customer(ASKED)
    h.ai("Which address is it?")
    h.customer("The wrong billing address, the invoice for February shows it.")


def _short_reply(h: History) -> None:
    h.customer(ASKED)
    assert len(LONG) >= LONG_ANSWER
    h.ai(LONG)
    h.customer("i see")


def _apologies(h: History) -> None:
    for number in ("one", "two"):
        h.customer(f"And now the light {number} is orange")
        h.ai(SORRY.format(number))
    h.customer("Now it went out")


def _unsolved(h: History) -> None:
    for number in range(UNSOLVED_TURNS):
        h.customer(f"step {number} gives a {number * 7}")
        h.ai(f"Then take {number * 3}, which one is it?")


def _late_answer(h: History) -> None:
    h.customer(ASKED)
    h.after(6).ai("Which address should it be?")
    h.customer("The one in Lisbon")


KINDS: list[tuple[str, Callable[[History], None]]] = [
    ("rephrased", _rephrased),
    ("short_reply", _short_reply),
    ("apologies", _apologies),
    ("unsolved", _unsolved),
    ("late_answer", _late_answer),
]
CALM_POLICY = POLICY.replace("turns: 8", "turns: 80").replace("stalled_minutes: 5", "turns: 90")


@pytest.mark.parametrize(("kind", "tell"), KINDS)
def test_frustration_that_nobody_voices_is_asked_about(
    kind: str, tell: Callable[[History], None]
) -> None:
    h = History(CALM_POLICY)
    tell(h)
    (request,) = [request for request in h.requests if kind in request.doubts]
    customers = [event for event in h.events if getattr(event, "role", "") == "customer"]
    assert request.event_id == customers[-1].event_id
    assert h.story == [], "it decides nothing by itself"


def test_who_agrees_is_content_and_not_asked_about() -> None:
    h = History(CALM_POLICY)
    h.customer(ASKED)
    h.ai(LONG)
    h.customer("yes please")
    assert h.requests == []


@pytest.mark.parametrize(("kind", "tell"), KINDS)
def test_each_kind_is_asked_about_once_in_an_episode(
    kind: str, tell: Callable[[History], None]
) -> None:
    h = History(CALM_POLICY)
    tell(h)
    tell(h)
    assert sum(kind in request.doubts for request in h.requests) == 1
    h.customer(ASKS)
    h.desk("accepted")
    h.desk("returned")
    del h.requests[:]
    tell(h)
    assert sum(kind in request.doubts for request in h.requests) == 1, "a new episode"


def test_annoyance_too_faint_to_tell_is_asked_about_when_it_comes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faint = CustomerFindings(frustrated=Finding(0.2, 0, 5))
    monkeypatch.setattr(messages, "read_customer", lambda _, **__: faint)
    h = History(CALM_POLICY)
    for text in ("It rings once more.", "It rings on the left.", "And now on the right."):
        h.customer(text)
        h.ai("Which bell is it?")
    assert [request.doubts for request in h.requests] == [("mood",)]
    assert h.requests[0].text == "It rings on the left."


def test_annoyance_that_is_enough_for_no_rule_is_asked_about() -> None:
    h = History(CALM_POLICY.replace("frustrated: 0.5", "frustrated: 0.9"))
    h.customer("Hm, that is not quite what I hoped for.")
    assert [request.doubts for request in h.requests] == [("words",)]


def test_an_answer_makes_the_rules_look_again_and_a_second_one_changes_nothing() -> None:
    h = History(CALM_POLICY)
    _short_reply(h)
    about = h.requests[0].event_id
    (offer,) = h.signal(about, frustrated=0.8, requested_human=0.1, solved=0.0)
    assert (offer.action, offer.rule) == ("offer", "frustrated")
    assert [evidence.event_id for evidence in offer.evidence] == [about]
    assert h.signal(about, frustrated=0.9) == []


@pytest.mark.parametrize("last", [ANGRY, ASKS, "Thanks, that is all I needed, it works now!"])
def test_what_is_said_aloud_or_solved_is_no_silence(last: str) -> None:
    h = History(CALM_POLICY)
    h.customer(ASKED)
    h.after(6).ai(LONG)
    h.customer(last)
    assert [request for request in h.requests if request.doubts != ("words",)] == []


def test_after_an_offer_nobody_asks_about_silence() -> None:
    h = History(CALM_POLICY)
    h.customer(ANGRY)
    assert h.story == ["offer customer_frustration"]
    h.after(6).ai(LONG)
    h.customer("i see")
    h.button(accepted=False)
    h.after(6).ai(LONG)
    h.customer("i see")
    assert h.requests == []


def test_a_policy_without_feelings_asks_nothing() -> None:
    policy = "version: 1\nrules: [{rule: long, reason: unproductive_loop, class: declinable, "
    h = History(policy + "when: {repetition: {customer: 9}}}]")
    for _, tell in KINDS:
        tell(h)
    assert {request.doubts for request in h.requests} <= {("words",)}
