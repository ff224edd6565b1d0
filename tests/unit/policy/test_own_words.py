"""Word lists of a deployment's own are part of the policy: of its text, its hash, its meaning."""

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from tests.support.fold_history import History
from tests.unit.detection.test_words import DANISH
from workers.agents.shared.policy_source import PolicySource
from workers.cli.main import handoff
from workers.data import data_path, own_words
from workers.errors import ConfigurationError
from workers.policy import PolicyError, load_policy, with_words

SHIPPED = data_path("policies/default.yaml")
TEXT = SHIPPED.read_text(encoding="utf-8")
ASKS = "jeg vil tale med et menneske"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a list of Danish."""
    (tmp_path / "da.txt").write_text(DANISH, "utf-8")
    return tmp_path


def test_without_own_words_a_policy_is_what_it_was(folder: Path) -> None:
    assert with_words(TEXT, own_words(None)) == TEXT
    alone, together = load_policy(TEXT, "a"), load_policy(with_words(TEXT, own_words(folder)), "a")
    assert together.version == alone.version
    assert together.hash != alone.hash
    (folder / "da.txt").write_text(DANISH.replace("tale", "snakke"), "utf-8")
    assert load_policy(with_words(TEXT, own_words(folder)), "a").hash != together.hash


def test_the_log_alone_tells_what_words_meant(folder: Path) -> None:
    source = PolicySource(SHIPPED, observe=False, words=folder)
    told, silent = History(policy=source.own.policy_text), History(policy=TEXT)
    assert [d.action for d in told.customer(ASKS)] == ["escalate"]
    assert silent.customer(ASKS) == []


def test_a_list_that_cannot_be_used_ends_the_start(folder: Path) -> None:
    (folder / "da.txt").write_text("[request]\nhumanoid: a\n", "utf-8")
    with pytest.raises(ConfigurationError, match=r"words: .*da\.txt:2: unknown class 'humanoid'"):
        PolicySource(SHIPPED, observe=False, words=folder)
    with pytest.raises(PolicyError, match="unknown class"):
        load_policy(with_words(TEXT, own_words(folder)), "policy")
    with pytest.raises(ConfigurationError, match=r"no \*.txt file"):
        PolicySource(SHIPPED, observe=False, words=folder / "nowhere")


def test_commands_read_them_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = orjson.dumps({"text": ASKS}) + b"\n"

    def asked() -> object:
        done = CliRunner().invoke(handoff, ["detect", "-"], input=row)
        assert done.exit_code == 0, done.output
        return orjson.loads(done.stdout)["requested_human"]

    assert asked() is False
    monkeypatch.setenv("HANDOFF_WORDS", str(folder))
    assert asked() is True
    checked = CliRunner().invoke(handoff, ["policy", "check", str(SHIPPED), "--json"])
    assert orjson.loads(checked.stdout)["hash"] != load_policy(TEXT, "a").hash
    monkeypatch.setenv("HANDOFF_WORDS", str(folder / "nowhere"))
    refused = CliRunner().invoke(handoff, ["detect", "-"], input=row)
    assert (refused.exit_code, "no *.txt file" in refused.output) == (78, True)
