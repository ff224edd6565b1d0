"""The first day in production: rules speak, nothing is placed and nobody is told."""

from tests.support.fold_history import ANGRY, ASKS, POLICY, History


def test_a_rule_speaks_once_and_changes_nothing() -> None:
    h = History(observe=True)
    h.customer(ASKS)
    (escalate,) = h.decisions
    assert escalate.observe
    assert (escalate.action, escalate.owner, escalate.epoch) == ("escalate", "ai", 0)
    assert escalate.escalation_id
    assert escalate.opened_by == "e-0"
    h.customer(ASKS)
    h.customer("Let me speak to a person.")
    assert h.story == ["escalate explicit_request", "suppress cooldown"]
    assert h.state.open is None


def test_an_offer_is_only_noted() -> None:
    h = History(observe=True)
    h.customer(ANGRY)
    assert h.last.observe
    assert h.state.episode.offer is None
    h.customer("Yes please")
    assert len(h.decisions) == 1


def test_a_person_who_speaks_is_noted_once_and_the_ai_goes_on() -> None:
    h = History(observe=True)
    h.customer()
    h.person()
    h.person()
    assert (h.last.action, h.last.reason, h.last.observe, h.last.owner) == (
        "claim",
        "human_initiative",
        True,
        "ai",
    )
    assert len(h.decisions) == 1
    h.ai("I may speak.", confidence=0.8)
    assert not h.state.stale


def test_every_rule_speaks_though_another_did() -> None:
    h = History(observe=True)
    h.customer(ASKS)
    h.ai(context_tokens=90, context_limit=100)
    assert [(d.action, d.rule) for d in h.decisions] == [
        ("escalate", "person"),
        ("escalate", "context"),
    ]


def test_what_is_open_when_observation_begins_goes_on_to_its_end() -> None:
    h = History()
    h.customer(ASKS)
    h.route()
    h.after(1).in_force(POLICY, "test.1", h.meta.policy_hash, observe=True)
    assert h.meta.observe
    h.desk("accepted")
    assert (h.last.action, h.last.owner, h.last.observe) == ("claim", "person", False)
    h.desk("resolved", resolution="done")
    assert h.last.outcome == "resolved"
    h.customer(ASKS)
    assert h.last.observe
