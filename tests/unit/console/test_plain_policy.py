"""Policies in plain words."""

import pytest

from workers.console.plain_policy import plain_policy
from workers.data import data_path


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
