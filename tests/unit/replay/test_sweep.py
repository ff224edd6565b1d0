"""`handoff replay --sweep` and `--expect`: settings side by side, and what a CI asks."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.unit.replay.test_files import event, log, policy, replay
from tests.unit.replay.test_honest import DEFAULT, helped, own_log
from workers.contracts.yaml import YamlFileError
from workers.replay.expectations import load_expectations

BANDS = "bands: {overall: [0.2, 0.5], min_conversations: 5, intents: {refund: [0.9, 1.0]}}\n"


@pytest.fixture
def lengths(tmp_path: Path) -> Path:
    """Return a log of ten conversations of 1 to 10 messages, five of them about refunds."""
    rows = []
    for count in range(1, 11):
        for n in range(count):
            agent = {"id": "bot", "intents": ["refund"]} if count > 5 and n % 2 else None
            extra = {} if agent is None else {"agent": agent}
            rows.append(event(f"talk-{count}", n, **extra))
    return log(tmp_path, rows)


def sweep(*arguments: str | Path) -> Any:
    """Return what the command prints as JSON."""
    return orjson.loads(replay(*arguments, "--json").stdout)


def test_every_setting_is_what_a_replay_of_it_says(lengths: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.yaml"
    base.write_text(BANDS + policy(turns=1))
    result = sweep(lengths, "--policy", base, "--sweep", "long.when.turns=2:8:2")
    assert result["axes"] == {"long.when.turns": [2, 4, 6, 8]}
    counts = [one["overall"]["escalated"] for one in result["settings"]]
    alone = []
    for turns in (2, 4, 6, 8):
        one = tmp_path / "one.yaml"
        one.write_text(BANDS + policy(turns=turns))
        alone.append(sweep(lengths, "--policy", one)["policies"][0]["overall"]["escalated"])
    assert counts == alone == [8, 6, 4, 2]
    assert result["in_band"]["overall"] == [{"long.when.turns": 6}, {"long.when.turns": 8}]
    assert result["in_band"]["refund"] == [{"long.when.turns": 2}, {"long.when.turns": 4}]


def test_two_numbers_are_varied_together_and_labels_say_what_each_catches(
    lengths: Path, tmp_path: Path
) -> None:
    base = tmp_path / "base.yaml"
    base.write_text(policy(turns=1))
    labels = log(
        tmp_path,
        [{"conversation_id": f"talk-{n}", "escalate": n > 7} for n in range(1, 11)],
        "labels.jsonl",
    )
    varied = ("--sweep", "long.when.turns=2:9:7", "--sweep", "offer_minutes=1.5:2.0:0.5")
    result = sweep(lengths, "--policy", base, "--labels", labels, *varied)
    assert [one["values"] for one in result["settings"]] == [
        {"long.when.turns": turns, "offer_minutes": minutes}
        for turns in (2, 9)
        for minutes in (1.5, 2.0)
    ]
    found = [one["agreement"] for one in result["settings"]][::2]
    assert [(one["caught"], one["missed"], one["false_alarms"]) for one in found] == [
        (3, 0, 5), (1, 2, 0),
    ]  # fmt: skip


def test_a_log_of_ours_is_swept_against_what_was_recorded(tmp_path: Path) -> None:
    path = own_log(tmp_path, helped("a"), helped("b"))
    varied = "asks-for-a-person.when.requested_human=0.7:1.0:0.3"
    result = sweep(path, "--policy", DEFAULT, "--sweep", varied)
    found = [one["agreement"] for one in result["settings"]]
    assert [(one["needed"], one["caught"]) for one in found] == [(2, 2), (2, 0)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("long.when.turns", "is no sweep: as in unsure.when.low_confidence_turns=1:4:1"),
        ("long.when.turns=1:4:0", "STEP is more than 0"),
        ("long.when.turns=4:1:1", "TO is not less than FROM"),
        ("long.when.turns=1:99999:1", "at most 1,000: make STEP larger"),
        ("lang.when.turns=1:4:1", "no such rule: did you mean long?"),
        ("long.when.turm=1:4:1", "long.when.turm=1: policy:1: rules[0].when.turm"),
        ("long.when.turns=0.5:0.5:1", "rules[0].when.turns"),
    ],
)
def test_a_sweep_that_cannot_be_run_is_named(text: str, message: str, tmp_path: Path) -> None:
    base = tmp_path / "base.yaml"
    base.write_text(policy(turns=1))
    path = log(tmp_path, [event("c", 0)])
    assert message in replay(path, "--policy", base, "--sweep", text, code=2).output


@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        ("bands: {overall: [0.5, 0.8]}\ngained: 2\nlost: 0", None),
        ("bands: {overall: [0.1, 0.2]}", "overall: 80.0% escalated (8 of 10), 10.0% to 20.0%"),
        ("bands: {intents: {refund: [0, 0.5]}}", "intent refund: 100.0% escalated (5 of 5)"),
        ("bands: {intents: {tea: [0, 1]}}", "intent tea: no conversation in this log"),
        ("gained: 1", "gained: 2 conversations, at most 1 expected"),
    ],
)
def test_expectations_decide_the_exit_code(
    expected: str, problem: str | None, lengths: Path, tmp_path: Path
) -> None:
    one, other, file = tmp_path / "one.yaml", tmp_path / "other.yaml", tmp_path / "expect.yaml"
    one.write_text(policy(turns=2))
    other.write_text(policy(turns=4))
    file.write_text(expected)
    arguments = (lengths, "--policy", one, "--against", other, "--expect", file)
    result = replay(*arguments, code=0 if problem is None else 1)
    assert (problem or "") in result.stderr


def test_expectations_that_cannot_be_used_are_named(lengths: Path, tmp_path: Path) -> None:
    file = tmp_path / "expect.yaml"
    file.write_text("gained: -1\n")
    assert "expect.yaml:1: gained" in replay(lengths, "--expect", file, code=2).output
    file.write_text("lost: 3\n")
    shown = replay(lengths, "--expect", file, code=1).stderr
    assert "nothing to compare with: name another policy by --against" in shown


def test_a_band_that_no_share_is_in_is_refused() -> None:
    with pytest.raises(YamlFileError, match=r"ci.yaml:1: .*0.9, 0.2.*put the lower share first"):
        load_expectations("bands:\n  overall: [0.9, 0.2]\n", "ci.yaml")
