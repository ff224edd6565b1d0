"""A customer may be asked, may refuse, and is then left in peace; rules have a cooldown."""

from collections.abc import Callable

from tests.support.fold_history import ANGRY, ASKS, History
from workers.conversation.state import encode_state


def _offered() -> History:
    h = History()
    h.customer(ANGRY)
    assert h.story == ["offer customer_frustration"]
    return h


def test_an_offer_changes_no_owner() -> None:
    h = _offered()
    assert (h.last.owner, h.last.escalation_id, h.last.epoch) == ("ai", None, 0)
    assert h.last.target_queue == "tier_2_support"
    assert h.last.seq > 0


def test_accepted_by_button_or_by_words() -> None:
    accepts: list[Callable[[History], object]] = [
        lambda h: h.button(accepted=True),
        lambda h: h.customer("Yes please"),
        lambda h: h.customer(ASKS),
    ]
    for accept in accepts:
        h = _offered()
        accept(h)
        assert (h.last.action, h.last.cause) == ("escalate", "offer_accepted")
        assert (h.last.reason, h.last.rule) == ("customer_frustration", "frustrated")
        assert h.last.opened_by == h.events[-1].event_id
        assert len(h.decisions) == 2


def test_a_yes_to_what_the_ai_asked_meanwhile_is_no_acceptance() -> None:
    h = _offered()
    h.ai("I am sorry. Shall I send a new parcel at once?")
    h.customer("Yes please")
    h.customer("No, the other address")
    assert h.story == ["offer customer_frustration"]
    h.ai("I see, I will send it there. A colleague can help as well.")
    h.customer("Yes please")
    assert h.story == ["offer customer_frustration"]
    h.button(accepted=True)
    assert h.last.cause == "offer_accepted"


def test_a_short_yes_after_a_statement_of_the_ai_is_one() -> None:
    h = _offered()
    h.ai("I am sorry about that.")
    h.customer("Yes please")
    assert h.last.cause == "offer_accepted"


def test_refused_it_is_not_repeated_and_declinable_rules_keep_silent() -> None:
    refuses: list[Callable[[History], object]] = [
        lambda h: h.button(accepted=False),
        lambda h: h.customer("No thanks."),
    ]
    for refuse in refuses:
        h = _offered()
        refuse(h)
        assert (h.last.action, h.last.cause, h.last.rule) == ("suppress", "declined", "frustrated")
        h.ai("Of course.")
        h.wait(60)
        h.customer(ANGRY)
        for _ in range(3):
            h.ai("Perhaps the cable is loose, perhaps the plug.", confidence=0.1)
        causes = [(d.action, d.rule, d.cause) for d in h.decisions[2:]]
        assert causes == [("suppress", "unsure", "declined"), ("suppress", "loop", "declined")]
        h.customer(ASKS)
        assert (h.last.action, h.last.rule) == ("escalate", "person")


def test_silence_binds_one_episode_only() -> None:
    h = _offered()
    h.button(accepted=False)
    h.customer(ASKS)
    h.route()
    h.desk("returned", reason="solved")
    h.after(60)
    h.customer(ANGRY)
    assert h.last.action == "offer"


def test_nobody_is_asked_again_after_taking_a_request_back() -> None:
    h = History()
    h.customer(ASKS)
    h.customer("Never mind, I found it myself.")
    h.customer(ANGRY)
    assert h.story[-1] == "suppress declined"


def test_an_offer_lapses_and_the_button_still_means_what_it_says() -> None:
    h = _offered()
    h.ai("I am sorry about that.")
    assert h.wait(11) == []
    assert h.state.episode.offer is None
    h.customer("Yes please")
    assert len(h.decisions) == 1
    h.button(accepted=True)
    assert (h.last.action, h.last.reason) == ("escalate", "explicit_request")


def test_only_one_offer_stands_at_a_time() -> None:
    h = _offered()
    h.customer(ANGRY)
    assert h.story == ["offer customer_frustration"]


def test_an_escalation_ends_the_offer() -> None:
    h = _offered()
    h.ai(context_tokens=95, context_limit=100)
    assert h.last.reason == "context_window_exceeded"
    assert h.button(accepted=True) == []
    assert h.state.episode.offer is None


def test_an_offer_comes_again_after_its_cooldown_and_not_before() -> None:
    h = _offered()
    h.ai("I am sorry about that.")
    h.wait(15)
    h.customer(ANGRY)
    h.customer("Useless and pathetic, all of it.")
    assert h.story[1:] == ["suppress cooldown"]
    h.ai("I am sorry about that.")
    h.wait(16)
    h.customer("What an awful, pathetic joke of a company.")
    assert h.story[2:] == ["offer customer_frustration"]


def test_a_cooldown_outlives_its_episode() -> None:
    h = History()
    h.customer()
    for _ in range(2):
        h.ai(confidence=0.1)
    h.route()
    h.desk("returned", reason="not needed")
    h.ai("Something else entirely, with other words.", confidence=0.1)
    h.ai("The second of two topics.", confidence=0.1)
    assert h.story[-1] == "suppress cooldown"
    h.after(11)
    h.ai("Yet another topic to talk about today.", confidence=0.1)
    assert h.story[-1] == "escalate agent_uncertainty"


def test_a_rule_that_keeps_silent_does_not_silence_the_next() -> None:
    h = _offered()
    h.button(accepted=False)
    h.ai("I cannot do that.", asks="policy_exception", confidence=0.2)
    assert h.story[-1] == "escalate policy_exception"


def test_the_classifiers_answer_counts_for_the_message_it_is_about() -> None:
    h = _doubted()
    about = h.state.episode.last_request or ""
    h.ai("Which parcel do you mean?")
    h.customer("The blue one.")
    h.signal(about, requested_human=0.9)
    (evidence,) = h.last.evidence
    assert (h.last.action, evidence.event_id) == ("escalate", about)


def test_the_classifiers_answer_comes_too_late_for_a_new_episode() -> None:
    h = _doubted()
    about = h.state.episode.last_request or ""
    h.person("anna")
    h.desk("returned", reason="done")
    decided = len(h.decisions)
    h.signal(about, requested_human=0.9)
    assert len(h.decisions) == decided


def test_an_answer_about_a_message_that_nobody_asked_about_changes_nothing() -> None:
    h = History()
    h.customer()
    h.signal("e-0", requested_human=0.99, frustrated=0.99)
    assert h.decisions == []


def test_an_answer_about_the_mood_makes_an_offer() -> None:
    h = _doubted()
    about = h.state.episode.last_request or ""
    h.signal(about, frustrated=0.8)
    assert h.story[-1] == "offer customer_frustration"
    assert [(m.event_id, m.score) for m in h.last.facts.mood] == [(about, 0.8)]


def _doubted() -> History:
    """A conversation whose last message the classifier is asked about."""
    h = History()
    h.customer()
    state = h.state
    state.episode.doubtful = (state.episode.last_request or "",)
    h.blob = encode_state(state)
    return h
