"""A bad policy is one clear error with its line; the schema that editors use says the same."""

import re
from pathlib import Path
from typing import Any, get_args

import jsonschema
import msgspec
import orjson
import pytest
from click.testing import CliRunner

from workers.cli.main import handoff
from workers.contracts.decisions import Reason
from workers.contracts.topics import load_topics
from workers.contracts.yaml import load_yaml
from workers.data import data_path
from workers.policy import PolicyError, document, load_policy

QUEUES = load_topics(data_path("topics.yaml").read_text(), "topics.yaml").queues
SHIPPED = sorted(data_path("policies").glob("*.yaml"))
SCHEMA: dict[str, Any] = orjson.loads((data_path("schemas") / "policy.v1.schema.json").read_bytes())
VALID = jsonschema.Draft202012Validator(SCHEMA)

GOOD = """
version: 1
levels: [tier_2_support, legal]
bands: {overall: [0.1, 0.2]}
rules:
  - rule: unsure
    reason: agent_uncertainty
    class: declinable
    confidence_threshold: 0.5
    when: {low_confidence_turns: 2}
    cooldown: 10m
    target_queue: billing
  - rule: sum
    reason: customer_frustration
    class: declinable
    auto_escalate: offer
    when: {weights: {frustrated: 1}, at_least: 0.5}
routes:
  - {when: {rule: unsure}, queue: legal}
overrides:
  - match: {tier: premium}
    rules: {unsure: {confidence_threshold: 0.6}}
"""


def _problem(text: str) -> str:
    with pytest.raises(PolicyError) as caught:
        load_policy(text, "my.yaml", QUEUES)
    return str(caught.value)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_shipped_policies_can_be_used_and_editors_agree(path: Path) -> None:
    text = path.read_text()
    assert load_policy(text, path.name, QUEUES).base.rules
    assert [e.message for e in VALID.iter_errors(load_yaml(text, path.name).data)] == []
    assert text.startswith("# yaml-language-server: $schema=../schemas/policy.v1.schema.json\n")


def test_the_shipped_default_has_a_rule_for_every_reason() -> None:
    rules = load_policy(data_path("policies/default.yaml").read_text(), "default.yaml").base.rules
    # A person who speaks first, a lead and a version that is switched off need no rule.
    by_hand = {"human_initiative", "lead_request", "ai_silenced"}
    assert {rule.reason for rule in rules} == set(get_args(Reason)) - by_hand


def test_the_document_lists_the_shipped_rules_in_their_order() -> None:
    rules = load_policy(data_path("policies/default.yaml").read_text(), "default.yaml").base.rules
    document = (Path(__file__).parents[3] / "docs/policy.md").read_text()
    [table] = re.findall(r"^## The shipped rules$(.+?)^## ", document, re.MULTILINE | re.DOTALL)
    assert re.findall(r"^\| `(\S+)`", table, re.MULTILINE) == [rule.name for rule in rules]


# What is changed in the good policy, what the error names, and whether an editor sees it too.
BAD = [
    ("class: declinable", "clas: declinable", "8: rules[0].clas", "did you mean class?", True),
    ("low_confidence_turns", "low_confidence_turn", "10: rules[0].when", "_turns?", True),
    ("agent_uncertainty", "agent_uncertain", "7: rules[0].reason", "agent_uncertainty?", True),
    ("turns: 2", "turns: 0", "10: rules[0].when.low_confidence_turns: '0'", ">= 1", True),
    ("turns: 2", "turns: two", "10: rules[0].when.low_confidence_turns: 'two'", "int", True),
    ("{low_confidence_turns: 2}", "{}", "10: rules[0].when", "name one", False),
    ("    confidence_threshold: 0.5\n", "", "confidence_threshold", "missing", False),
    (", at_least: 0.5", "", "rules[1].when.at_least", "missing", False),
    ("frustrated: 1", "frustated: 1", "17: rules[1].when.weights", "frustrated?", True),
    ("weights: {frustrated: 1}, at_least: 0.5", "policy_exception: false",
     "17: rules[1].when.policy_exception", "remove it", True),
    ("weights: {frustrated: 1}, at_least: 0.5", "intents: []",
     "17: rules[1].when.intents", "name at least one", True),
    ("weights: {frustrated: 1}, at_least: 0.5", "repetition: {}",
     "17: rules[1].when.repetition", "ai, customer or tool", False),
    ("weights: {frustrated: 1}, at_least: 0.5", "tier: []",
     "17: rules[1].when.tier", "name at least one", True),
    ("auto_escalate: offer", "auto_escalate: often", "16: rules[1].auto_escalate", "offer?", True),
    ("10m", "20 minutes", "11: rules[0].cooldown: '20 minutes'", "as in 30s, 20m, 2h or 1d", True),
    ("auto_escalate: offer", "auto_escalate: maybe",
     "16: rules[1].auto_escalate: 'maybe'", "use one of true, false, offer", True),
    ("target_queue: billing", "target_queue: biling", "12: rules[0].target_queue: 'biling'",
     "did you mean billing?", False),
    ("rule: sum", "rule: unsure", "13: rules[1].rule: 'unsure'", "twice", False),
    ("rule: unsure}", "rule: unsura}", "19: routes[0].when.rule: 'unsura'", "unsure?", False),
    ("{unsure:", "{unsur:", "22: overrides[0].rules.unsur", "did you mean unsure?", False),
    ("threshold: 0.6", "threshold: 6", "22: overrides[0].rules.unsure", "<= 1", True),
    ("match: {tier: premium}", "match: {}", "21: overrides[0].match", "tenant, tier", False),
    ("[0.1, 0.2]", "[0.2, 0.1]", "4: bands.overall", "lower bound", False),
    ("[tier_2_support, legal]", "[legal, legal]", "3: levels[1]", "twice", False),
    ("version: 1", "version: 1.5", "2: version: '1.5'", "str", True),
    ("version: 1", f"version: {1 << 70}", "2: version", "<= 9007199254740991", True),
    ("version: 1", f"version: {'9' * 5000}", "2: 999", "quote it", True),
    ("version: 1", "version: [1", "my.yaml:", "not YAML", True),
    ("version: 1", 'version: "\\e[31m1"', "2: version", "not seen: leave it out", False),
    ("rule: sum", 'rule: "s\\u202eum"', "13: rules[1].rule", "not seen: leave it out", False),
]  # fmt: skip


@pytest.mark.parametrize(("good", "bad", "where", "advice", "seen"), BAD, ids=[b[1] for b in BAD])
def test_a_bad_policy_is_one_clear_error(
    good: str, bad: str, where: str, advice: str, seen: bool
) -> None:
    load_policy(GOOD, "my.yaml", QUEUES)
    text = GOOD.replace(good, bad, 1)
    problem = _problem(text)
    assert problem.startswith("my.yaml:")
    assert where in problem
    assert advice in problem
    assert "\n" not in problem
    if "not YAML" not in problem and "quote it" not in problem:
        assert VALID.is_valid(load_yaml(text, "my.yaml").data) is not seen


def _structs(kind: Any, found: set[type[msgspec.Struct]]) -> set[type[msgspec.Struct]]:
    for struct in (value for value in vars(document).values() if isinstance(value, type)):
        if issubclass(struct, msgspec.Struct) and struct.__module__ == kind.__name__:
            found.add(struct)
    return found


def test_the_schema_names_what_the_loader_reads() -> None:
    structs = {
        struct.__name__.removesuffix("Document"): struct for struct in _structs(document, set())
    }
    del structs["Scope"]  # only a base
    definitions = {**SCHEMA["$defs"], "PolicyFile": SCHEMA}
    assert set(structs) == set(definitions)
    for name, struct in structs.items():
        fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
        assert set(definitions[name]["properties"]) == set(fields)
        required = {key for key, field in fields.items() if field.required}
        assert set(definitions[name].get("required", ())) == required
        for key, field in fields.items():
            said = definitions[name]["properties"][key].get("default")
            if isinstance(field.default, str | int | float | bool):
                assert said == field.default, f"{name}.{key}"
            else:
                assert said is None, f"{name}.{key}"


def test_the_hash_is_of_the_content_and_not_of_its_looks() -> None:
    one = load_policy(GOOD, "a").hash
    assert one == load_policy("# said\n" + GOOD.replace("version: 1", "version:  1"), "b").hash
    assert one != load_policy(GOOD.replace("10m", "11m"), "a").hash
    assert len(one) == 12


def test_check_prints_what_is_in_it_or_the_error() -> None:
    runner = CliRunner()
    done = runner.invoke(handoff, ["policy", "check", str(data_path("policies/default.yaml"))])
    assert done.exit_code == 0
    assert "asks-for-a-person" in done.output
    done = runner.invoke(handoff, ["policy", "check", "--json", "-"], input=GOOD)
    summary = orjson.loads(done.stdout)
    assert (done.exit_code, summary["file"], summary["version"]) == (0, "standard input", "1")
    assert [rule["rule"] for rule in summary["rules"]] == ["unsure", "sum", "promised-a-person"]
    done = runner.invoke(handoff, ["policy", "check", "-"], input=GOOD.replace("class", "clas"))
    assert done.exit_code == 1
    assert "standard input:8: rules[0].clas" in done.output
    done = runner.invoke(handoff, ["policy", "check", "-"], input=b"version: \xff")
    assert done.exit_code == 1
    assert "UTF-8" in done.output


def test_a_sum_that_can_never_be_reached_is_said_and_can_be_used(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    weights = "{frustrated: 1, solved: -3, stalled: 0.7}"
    file.write_text(GOOD.replace("{frustrated: 1}, at_least: 0.5", f"{weights}, at_least: 5"))
    result = CliRunner().invoke(handoff, ["policy", "check", str(file)])
    assert result.exit_code == 1
    problem = "rules[1].when.at_least: '5': can never hold: the weights add up to 1.7 at most"
    assert f"{file}:17: {problem}" in result.stderr
    assert "can be used" in result.stdout
    # A log whose policy has it is replayed.
    assert load_policy(file.read_text(), "my.yaml", QUEUES).base.rules


def test_what_never_occurs_in_a_log_is_said(tmp_path: Path) -> None:
    policy, log = tmp_path / "my.yaml", tmp_path / "log.jsonl"
    policy.write_text(
        GOOD.replace("bands: {", "bands: {intents: {refund: [0, 1], billing: [0, 1]}, ")
    )
    row = {"conversation_id": "c", "occurred_at": "2026-01-05T10:00:00Z"}
    agent = {"confidence": 0.1, "intents": ["billing"]}
    rows = [
        {**row, "event_id": "1", "role": "customer", "content": "Where is it?"},
        {**row, "event_id": "2", "role": "ai_agent", "content": "Hm.", "agent": agent},
        {**row, "event_id": "3", "role": "ai_agent", "content": "Well.", "agent": agent},
    ]
    log.write_text("".join(orjson.dumps(one).decode() + "\n" for one in rows))
    result = CliRunner().invoke(handoff, ["policy", "check", str(policy), "--log", str(log)])
    assert result.exit_code == 0, result.output
    assert "In 3 events of 1 conversation:" in result.stdout
    assert "rules that never held: sum, promised-a-person" in result.stdout
    assert "intents that never occur: refund" in result.stdout
    log.write_text("nothing\n")
    result = CliRunner().invoke(handoff, ["policy", "check", str(policy), "--log", str(log)])
    assert result.exit_code == 65
