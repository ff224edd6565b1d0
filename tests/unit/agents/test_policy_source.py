"""A policy that the system cannot carry out is not taken over, and says where it is wrong."""

import os
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from workers.agents.shared.policy_source import PolicySource
from workers.cli.main import handoff
from workers.data import data_path
from workers.errors import ConfigurationError

_TOPICS = data_path("topics.yaml")
_TEXT = (data_path("policies") / "basic.yaml").read_text(encoding="utf-8")
_MISSPELT = _TEXT.replace("target_queue: manager_approval", "target_queue: manager_aproval")
_PROBLEM = "manager_aproval"


def _write(path: Path, text: str, version: str) -> None:
    """Put a file in the place of another at once, as an operator should."""
    new = path.with_suffix(".new")
    new.write_text(text.replace("version:", f"version: {version} #", 1), encoding="utf-8")
    os.utime(new, ns=(0, 0))
    new.replace(path)


def test_a_file_that_is_being_written_is_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    _write(path, _TEXT, "1")
    source = PolicySource(path, observe=False)
    whole = _TEXT.replace("version:", "version: 2 #", 1)
    half = whole[: whole.index("  - rule:", whole.index("  - rule:") + 1)]
    path.write_text(half, encoding="utf-8")
    assert not source.poll(), "it may go on"
    path.write_text(whole, encoding="utf-8")
    assert not source.poll()
    assert source.poll()
    assert source.own.policy_version == "2"
    assert source.own.policy_text == whole


def test_a_start_waits_for_a_file_that_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    whole = _TEXT.replace("version:", "version: 2 #", 1)
    path.write_text(whole[: len(whole) // 2], encoding="utf-8")
    later = threading.Timer(0.1, path.write_text, (whole,))
    later.start()
    assert PolicySource(path, observe=False).own.policy_text == whole
    later.join()


def test_a_worker_does_not_start_with_a_queue_that_does_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    _write(path, _MISSPELT, "1")
    with pytest.raises(ConfigurationError, match=rf"policy\.yaml:39: .*{_PROBLEM}.*did you mean"):
        PolicySource(path, observe=False, topics=_TOPICS)


@pytest.mark.expects_errors("no such queue in topics.yaml")
def test_a_worker_keeps_its_policy_when_a_newer_one_names_no_queue(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    _write(path, _TEXT, "1")
    source = PolicySource(path, observe=False, topics=_TOPICS)
    _write(path, _MISSPELT, "2")
    assert not source.poll()
    assert source.own.policy_version == "1"
    _write(path, _TEXT, "3")
    assert source.poll()
    assert source.own.policy_version == "3"


@pytest.mark.expects_errors("no such queue in topics.yaml")
def test_a_queue_may_be_added_while_a_worker_runs(tmp_path: Path) -> None:
    path, topics = tmp_path / "policy.yaml", tmp_path / "topics.yaml"
    topics.write_text(_TOPICS.read_text(encoding="utf-8"), encoding="utf-8")
    _write(path, _TEXT, "1")
    source = PolicySource(path, observe=False, topics=topics)
    _write(path, _TEXT.replace("manager_approval", _PROBLEM), "2")
    assert not source.poll()
    topics.write_text(topics.read_text().replace("manager_approval", _PROBLEM))
    # As SIGHUP does: the policy itself has not changed.
    source.forget()
    assert source.poll()
    assert source.own.policy_version == "2"


@pytest.mark.expects_errors("no such queue in topics.yaml")
def test_a_refused_policy_is_tried_again_when_topics_are_mended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, topics = tmp_path / "policy.yaml", tmp_path / "topics.yaml"
    topics.write_text(_TOPICS.read_text(encoding="utf-8"), encoding="utf-8")
    _write(path, _TEXT, "1")
    source = PolicySource(path, observe=False, topics=topics)
    _write(path, _TEXT.replace("manager_approval", _PROBLEM), "2")
    assert not source.poll()
    # Neither another look nor a change that does not mend it says the same again.
    assert not source.poll()
    topics.write_text(topics.read_text() + "# a comment\n")
    assert not source.poll()
    assert caplog.text.count("policy not taken over") == 1
    topics.write_text(topics.read_text().replace("manager_approval", _PROBLEM))
    assert source.poll()
    assert source.own.policy_version == "2"


@pytest.mark.expects_errors("cannot be read")
def test_an_unreadable_policy_is_tried_again_when_its_rights_are_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "policy.yaml"
    _write(path, _TEXT, "1")
    source = PolicySource(path, observe=False)
    _write(path, _TEXT, "2")
    with monkeypatch.context() as patch:
        # Rights do not bind the superuser, as whom tests may run.
        patch.setattr(Path, "read_text", _denied)
        path.chmod(0o200)
        assert not source.poll()
    path.chmod(0o600)
    assert source.poll()
    assert source.own.policy_version == "2"


def _denied(path: Path, **_: str) -> str:
    raise PermissionError(13, "Permission denied", str(path))


@pytest.mark.parametrize("command", [["up"], ["replay", "--policy"]])
def test_commands_say_so_before_anything_else(command: list[str], tmp_path: Path) -> None:
    path, log = tmp_path / "policy.yaml", tmp_path / "log.jsonl"
    _write(path, _MISSPELT, "1")
    log.write_text("")
    option = ["--policy", str(path)] if command == ["up"] else [str(path), str(log)]
    result = CliRunner().invoke(handoff, [*command, *option])
    assert result.exit_code == 2
    assert _PROBLEM in result.output
    assert "policy.yaml:39" in result.output


def test_up_looks_at_the_shipped_policy_too(tmp_path: Path) -> None:
    topics = tmp_path / "topics.yaml"
    topics.write_text(_TOPICS.read_text(encoding="utf-8").replace("queue: billing", "queue: bills"))
    result = CliRunner().invoke(handoff, ["up", "--topics", str(topics)])
    assert result.exit_code == 2
    assert "default.yaml:126" in result.output
    assert "bills" in result.output
