"""`handoff policy test`: the dialogues of the shipped policy, and how a failure reads."""

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from workers.cli.main import handoff
from workers.data import data_path
from workers.policy import load_policy
from workers.replay.scenarios import Scenario, load_scenarios, play

SHIPPED = data_path("policies/scenarios/default.yaml")
DEFAULT = data_path("policies/default.yaml").read_text(encoding="utf-8")
SCENARIOS = load_scenarios(SHIPPED.read_text(encoding="utf-8"), "default.yaml")


def run(*arguments: str | Path, code: int = 0) -> Result:
    """Call the command."""
    result = CliRunner().invoke(handoff, ["policy", "test", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.id)
def test_the_shipped_policy_decides_its_scenarios(scenario: Scenario) -> None:
    assert play(scenario, DEFAULT).problem is None


def test_every_shipped_rule_that_hands_over_or_offers_has_a_scenario() -> None:
    rules = load_policy(DEFAULT, "default.yaml").base.rules
    # A rule that only recommends neither hands over nor offers.
    wanted = {rule.name for rule in rules if rule.mode != "recommend"}
    assert wanted == {one.expect.rule for one in SCENARIOS if one.expect.rule}
    assert {one.expect.needs for one in SCENARIOS} == {"nobody", "offer", "person"}
    total = len(SCENARIOS)
    assert f"{total} of {total} scenarios as they must be" in run(SHIPPED).stdout


def test_a_failure_says_what_was_expected_what_came_and_what_was_nearly(tmp_path: Path) -> None:
    eager = tmp_path / "eager.yaml"
    text = DEFAULT.replace("when: {requested_human: 0.7}", "when: {requested_human: 0.99}")
    eager.write_text(text)
    shown = run(SHIPPED, "--policy", eager, code=1).stdout
    assert (
        "✗ asks-plainly (A customer asks for a person in plain words): expected a person" in shown
    )
    assert "No. Can I speak to a real person, please?" in shown
    assert "nearly asks-for-a-person: requested_human 0.95 of 0.99" in shown
    verdicts = orjson.loads(run(SHIPPED, "--policy", eager, "--json", code=1).stdout)
    assert {one["id"] for one in verdicts if one["problem"]} >= {"asks-plainly", "asks-in-german"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {id: a, expect: {needs: nobody}, steps: [{customer: Hi, ai: Hi}]}",
         "s.yaml:1: [0].steps[0]: a step is one of customer, ai, person, tool, reply, closed"),
        ("- {id: a, expect: {needs: nobody}, steps: [{customer: Hi, confidence: 1}]}",
         "s.yaml:1: [0].steps[0].confidence: '1': only a step of `ai` has it"),
        ("- {id: a, expect: {needs: nobody, at: 3}, steps: [{customer: Hi}]}",
         "s.yaml:1: [0].expect.at: '3': there are 1 steps"),
        ("- {id: a, expect: {needs: help}, steps: [{customer: Hi}]}", "expect.needs"),
        (2 * "- {id: a, expect: {needs: nobody}, steps: [{customer: Hi}]}\n",
         "s.yaml:2: [1].id: 'a': stands twice"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_scenario_is_named(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(text)
    assert message in run(file, code=2).output
