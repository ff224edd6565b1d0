"""Rules, routes, overrides and explanations, given signals."""

import pytest

from workers.policy import Route, Signals, explain, holding, load_policy, near_misses, route

HEAD = "version: 1\nlevels: [tier_2_support, manager_approval, legal]\nkeep_promises: false\n"


def _policy(when: str, more: str = "", tail: str = "") -> str:
    return (
        f"{HEAD}rules:\n  - rule: one\n    reason: stalled\n    class: declinable\n"
        f"    when: {when}\n{more}{tail}"
    )


def _holds(when: str, more: str = "", **signals: object) -> bool:
    view = load_policy(_policy(when, more), "test").base
    return bool(holding(view, Signals(**signals)))  # type: ignore[arg-type]


THRESHOLD = "    confidence_threshold: 0.5\n"


@pytest.mark.parametrize(
    ("when", "more", "holds", "fails"),
    [
        ("{requested_human: 0.7}", "", {"requested_human": 0.7}, {"requested_human": 0.69}),
        ("{frustrated: 0.5}", "", {"frustrated": 0.5}, {"frustrated": 0.4, "mood": 0.9}),
        ("{promised_person: 0.5}", "", {"promised_person": 0.6}, {}),
        ("{substrings: [Do Something]}", "", {"text": "DO SOMETHING!"}, {"text": "do it"}),
        ("{requested_escalation: true}", "", {"requested_escalation": "any"}, {}),
        (
            "{requested_escalation: [a, b]}",
            "",
            {"requested_escalation": "b"},
            {"requested_escalation": "c"},
        ),
        (
            "{policy_exception: true}",
            "",
            {"requested_escalation": "policy_exception"},
            {"requested_escalation": "unsure"},
        ),
        ("{intents: [a, b]}", "", {"intents": ("c", "b")}, {"intents": ("c",)}),
        ("{turns: 10}", "", {"turns": 11}, {"turns": 10}),
        ("{tool_failures: 3}", "", {"tool_failures": 3}, {"tool_failures": 2}),
        ("{context_used: 0.85}", "", {"context_used": 0.85}, {"context_used": 0.84}),
        ("{stalled_minutes: 5}", "", {"stalled_minutes": 5.0}, {"stalled_minutes": 4.9}),
        ("{repetition: {ai: 2}}", "", {"repeated_by_ai": 2}, {"repeated_by_customer": 9}),
        (
            "{repetition: {ai: 9, tool: 2}}",
            "",
            {"repeated_by_tool": 2},
            {"repeated_by_ai": 8, "repeated_by_tool": 1},
        ),
        (
            "{low_confidence_turns: 2}",
            THRESHOLD,
            {"confidences": (0.9, 0.4, 0.3)},
            {"confidences": (0.1, 0.1, 0.5)},
        ),
        (
            "{low_confidence_turns: 2}",
            THRESHOLD,
            {"confidences": (0.1, 0.1)},
            {"confidences": (0.1,)},
        ),
        (
            "{confidence_trend: -0.1}",
            "",
            {"confidences": (0.9, 0.8, 0.7, 0.6)},
            {"confidences": (0.9, 0.8, 0.7)},
        ),
        (
            "{confidence_trend: -0.1}",
            "",
            {"confidences": (0.9, 0.7, 0.6, 0.5)},
            {"confidences": (0.5,) * 8},
        ),
        ("{turns: 1, solved_below: 0.5}", "", {"turns": 2}, {"turns": 2, "solved": 0.5}),
        ("{tier: premium}", "", {"tier": "premium"}, {"tier": None}),
        ("{channel: [voice, chat]}", "", {"channel": "chat"}, {"channel": "mail"}),
        ("{tenant: acme}", "", {"tenant": "acme"}, {"tenant": "other"}),
        ("{locale: de}", "", {"locale": "de-AT"}, {"locale": "en"}),
        ("{locale: de-AT}", "", {"locale": "de-AT"}, {"locale": "de"}),
        (
            "{weights: {frustrated: 0.5, low_confidence: 0.5, solved: -1}, at_least: 0.6}",
            "",
            {"mood": 0.7, "confidences": (0.5,)},
            {"mood": 0.7, "confidences": (0.5,), "solved": 0.5},
        ),
    ],
)  # fmt: skip
def test_each_condition_holds_where_it_says(
    when: str, more: str, holds: dict[str, object], fails: dict[str, object]
) -> None:
    assert _holds(when, more, **holds)
    assert not _holds(when, more, **fails)
    assert not _holds(when, more)


def test_all_conditions_must_hold() -> None:
    when = "{turns: 3, tier: premium}"
    assert _holds(when, turns=4, tier="premium")
    assert not _holds(when, turns=4)


def test_the_first_that_holds_comes_first_and_a_disabled_one_not_at_all() -> None:
    text = f"""{HEAD}rules:
  - {{rule: a, reason: stalled, class: declinable, when: {{turns: 1}}, enabled: false}}
  - {{rule: b, reason: stalled, class: declinable, when: {{turns: 5}}}}
  - {{rule: c, reason: stalled, class: declinable, when: {{turns: 2}}}}
overrides: [{{match: {{tier: gold}}, rules: {{a: {{enabled: true}}}}}}]
"""
    policy = load_policy(text, "test")
    signals = Signals(turns=6)
    assert [rule.name for rule in holding(policy.base, signals)] == ["b", "c"]
    gold = policy.view_for(None, "gold", None)
    assert [rule.name for rule in holding(gold, signals)] == ["a", "b", "c"]


def test_overrides_match_all_that_they_name_and_the_later_wins() -> None:
    text = _policy(
        "{low_confidence_turns: 2, turns: 4}",
        THRESHOLD,
        """overrides:
  - {match: {tier: premium}, rules: {one: {confidence_threshold: 0.6}}}
  - {match: {tier: [premium, gold], channel: voice},
     rules: {one: {confidence_threshold: 0.7, when: {turns: 1}, auto_escalate: offer}}}
  - {match: {tenant: acme}, rules: {one: {target_queue: legal, class: mandatory, cooldown: 1h}}}
""",
    )
    policy = load_policy(text, "test")

    def rule(tenant: str | None, tier: str | None, channel: str | None) -> tuple[object, ...]:
        (one,) = policy.view_for(tenant, tier, channel).rules
        needed = {c.name: c.needed for c in one.conditions}
        low = Signals(turns=9, confidences=(0.65, 0.65))
        at_065 = bool(holding(policy.view_for(tenant, tier, channel), low))
        return one.mode, one.target, one.mandatory, one.cooldown_ms, needed["turns"], at_065

    plain = ("escalate", "tier_2_support", False, 0, 5, False)
    assert rule(None, None, None) == plain
    assert rule("other", "premium", "chat") == plain
    assert rule(None, "gold", "voice") == ("offer", "tier_2_support", False, 0, 2, True)
    assert rule("acme", "premium", "voice") == ("offer", "legal", True, 3_600_000, 2, True)
    assert policy.view_for("acme", "gold", "voice") is policy.view_for("acme", "gold", "voice")


def test_the_first_route_that_holds_has_the_last_word() -> None:
    text = _policy(
        "{turns: 1}",
        "    target_queue: billing\n",
        """routes:
  - {when: {rule: other-name, tier: premium}, queue: legal}
  - {when: {reason: [explicit_request, stalled], intents: [a]}, queue: security, claim_minutes: 5}
  - {when: {tier: premium}, queue: premium_support, claim_minutes: 9, reply_minutes: 2}
""".replace("other-name", "one"),
    )
    view = load_policy(text, "test").base
    (one,) = view.rules
    assert route(view, one, Signals()) == Route("billing")
    assert route(view, one, Signals(tier="premium")) == Route("legal")
    assert route(view, one, Signals(intents=("a",))) == Route("security", 5)


def test_an_explanation_has_scores_and_the_parts_of_a_sum() -> None:
    view = load_policy(
        _policy("{weights: {frustrated: 0.5, turns: 1, solved: -1}, at_least: 0.6}"), "test"
    ).base
    (one,) = view.rules
    verdict = explain(view, one, Signals(mood=0.8, turns=10))
    assert verdict.score == 0.9
    assert dict(verdict.found) == {"weights": 0.9, "frustrated": 0.4, "turns": 0.5}


def test_near_misses_are_what_one_condition_nearly_let_through() -> None:
    text = f"""{HEAD}rules:
  - {{rule: near, reason: stalled, class: declinable, when: {{turns: 9}}}}
  - {{rule: far, reason: stalled, class: declinable, when: {{turns: 30}}}}
  - {{rule: two, reason: stalled, class: declinable, when: {{turns: 9, tool_failures: 3}}}}
  - {{rule: fact, reason: stalled, class: declinable, when: {{turns: 2, tier: gold}}}}
  - {{rule: holds, reason: stalled, class: declinable, when: {{turns: 2}}}}
"""
    view = load_policy(text, "test").base
    (miss,) = near_misses(view, Signals(turns=8))
    assert (miss.rule, miss.condition, miss.value, miss.needed) == ("near", "turns", 8, 10)


def test_a_promise_is_kept_unless_the_policy_says_otherwise() -> None:
    promised = Signals(promised_person=0.9)
    kept = load_policy(_policy("{turns: 5}").replace("keep_promises: false\n", ""), "test")
    (rule,) = holding(kept.base, promised)
    assert (rule.reason, rule.mandatory, rule.target) == ("unkept_promise", True, "tier_2_support")
    assert holding(load_policy(_policy("{turns: 5}"), "test").base, promised) == []
    own = _policy("{promised_person: 0.95}").replace("keep_promises: false\n", "")
    assert holding(load_policy(own, "test").base, promised) == []


def test_levels_go_up_and_end() -> None:
    policy = load_policy(_policy("{turns: 5}"), "test")
    assert [policy.above(q) for q in ("tier_2_support", "manager_approval", "legal")] == [
        "manager_approval",
        "legal",
        None,
    ]
    assert policy.above("billing") == policy.above(None) == "manager_approval"
    assert policy.is_above("legal", "manager_approval")
    assert not policy.is_above("billing", "tier_2_support")
    assert not policy.is_above("tier_2_support", "billing")
