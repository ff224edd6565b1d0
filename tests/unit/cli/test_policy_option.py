"""One place decides which policy holds: the one given, HANDOFF_POLICY's, or the shipped one."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.unit.replay.test_files import event, log, policy, policy_event
from workers.cli.main import handoff
from workers.data import data_path

_TOPICS = data_path("topics.yaml")


def _call(*arguments: str | Path, named: Path | None = None, code: int = 0) -> Result:
    environment = {"HANDOFF_POLICY": None if named is None else str(named)}
    result = CliRunner(env=environment).invoke(handoff, [*map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    """Return a policy that escalates at the first turn."""
    path = tmp_path / "folder" / "patient.yaml"
    path.parent.mkdir()
    path.write_text(policy(turns=1, version="7"))
    return path


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    return log(tmp_path, [event("c", 0), event("c", 1)])


def _judged(path: Path, *arguments: str | Path, named: Path | None = None) -> dict[str, object]:
    judged: dict[str, object] = json.loads(
        _call("replay", path, "--json", *arguments, named=named).stdout
    )["policies"][0]
    return {name: judged[name] for name in ("policy", "version", "escalations")}


def test_without_a_name_the_shipped_one_decides(talk: Path) -> None:
    assert _judged(talk)["policy"] == "default.yaml"
    assert "by default.yaml" in _call("explain", "c", "--log", talk).stdout


@pytest.mark.parametrize("kind", ["a file", "a folder"])
def test_the_environment_replaces_the_shipped_one_everywhere(
    kind: str, talk: Path, patient: Path
) -> None:
    named = patient if kind == "a file" else patient.parent
    told = {"policy": f"{patient} (HANDOFF_POLICY)", "version": "7", "escalations": 1}
    assert _judged(talk, named=named) == told
    explained = _call("explain", "c", "--log", talk, named=named).stdout
    assert f"by {patient} (HANDOFF_POLICY) 7" in " ".join(explained.split())
    assert "Escalated" in explained


def test_a_log_that_names_its_policy_outranks_the_environment_but_not_the_command_line(
    tmp_path: Path, patient: Path
) -> None:
    default = data_path("policies/default.yaml").read_text()
    own = log(tmp_path, [policy_event(default, "0"), event("c", 0), event("c", 1)])
    assert _judged(own, named=patient)["escalations"] == 0
    assert "by policy in force" in _call("explain", "c", "--log", own, named=patient).stdout
    for given in (patient, patient.parent):
        judged = _judged(own, "--policy", given)
        assert judged == {"policy": str(patient), "version": "7", "escalations": 1}
        explained = _call("explain", "c", "--log", own, "--policy", given).stdout
        assert "Escalated" in explained


@pytest.mark.parametrize("command", ["replay", "explain"])
def test_a_bad_policy_in_the_environment_is_named(command: str, talk: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 1\nrules: []\n")
    forms: dict[str, tuple[str | Path, ...]] = {
        "replay": ("replay", talk),
        "explain": ("explain", "c", "--log", talk),
    }
    arguments = forms[command]
    result = _call(*arguments, named=bad, code=2)
    assert f"{bad}:2: rules" in result.output
    missing = _call(*arguments, named=tmp_path / "none.yaml", code=2)
    assert "HANDOFF_POLICY" in missing.output


def test_the_file_that_cannot_be_read_is_the_one_that_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "bin.dat"
    binary.write_bytes(bytes(range(256)))
    default = data_path("policies/default.yaml")
    for option in ("--topics", "--topics-file"):
        result = _call("policy", "check", default, option, binary, code=2)
        assert f"{binary}: not UTF-8 at byte 128" in result.output
        assert "default.yaml" not in result.output
