"""Policies in plain words."""

import pytest

from workers.console.plain_policy import plain_policy
from workers.data import data_path
from workers.policy.document import When

CONDITIONS = {
    "requested_human": "0.7",
    "substrings": "[lawyer]",
    "frustrated": "0.65",
    "promised_person": "0.7",
    "requested_escalation": "true",
    "policy_exception": "true",
    "tool_calls": "[call_person]",
    "intents": "[billing]",
    "found_intents": "[billing_problem]",
    "low_confidence_turns": "2",
    "confidence_trend": "-0.08",
    "turns": "30",
    "repetition": "{ai: 3}",
    "tool_failures": "3",
    "context_used": "0.85",
    "stalled_minutes": "10",
    "solved_below": "0.5",
    "weights": "{frustrated: 0.7}",
    "tier": "premium",
    "channel": "voice",
    "tenant": "acme",
    "locale": "de",
}
"""An example of each condition of a rule."""


@pytest.mark.parametrize("name", ["default", "basic"])
def test_every_rule_of_the_shipped_policies_is_said(name: str) -> None:
    plain = plain_policy(data_path(f"policies/{name}.yaml").read_text())
    assert plain.rules
    for rule in plain.rules:
        # A condition without words would leave a sentence that says nothing.
        assert rule.when != "When always."
        assert "None" not in rule.when + rule.then


def test_a_rule_reads_as_a_sentence() -> None:
    rules = {r.name: r for r in plain_policy(data_path("policies/default.yaml").read_text()).rules}
    assert rules["unsure"].when == (
        "When the customer has not said that it is solved and the AI agent was less than 50% sure "
        "in each of its last 2 turns."
    )
    assert rules["unsure"].then == "Hand over to tier_2_support, at most once in 10 minutes."
    assert rules["frustrated"].then == "Offer a person, at most once in 30 minutes."


@pytest.mark.parametrize("name", sorted({*When.__struct_fields__} - {"at_least"}))
def test_every_condition_is_said_in_words(name: str) -> None:
    plain = plain_policy(
        "version: 1\nrules:\n  - rule: one\n    reason: stalled\n    class: declinable\n"
        f"    when: {{{name}: {CONDITIONS[name]}}}\n"
    )
    assert plain.rules[0].when not in ("When always.", "When .", ""), "add it to _SAID"
