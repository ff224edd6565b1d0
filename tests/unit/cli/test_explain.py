"""`handoff explain` tells the signals, what nearly held, what was decided and why it ended so."""

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from tests.unit.replay.test_files import event, log, policy, policy_event
from workers.cli.main import handoff
from workers.data import data_path


def explain(*arguments: str | Path, code: int = 0) -> Result:
    """Call the command."""
    result = CliRunner().invoke(handoff, ["explain", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """Return a log in which one of two customers asks for a person, and says a card number."""
    words = ["Is 4111 1111 1111 1111 still my card?", "", "Let me talk to a human, please."]
    full = {"id": "bot", "confidence": 0.45, "context_tokens": 80, "context_limit": 100}
    rows = [
        event("asks", 0, content=words[0]),
        event("other", 0),
        event("asks", 1, agent=full),
        event("asks", 2, content=words[2]),
        event("asks", 2, content=words[2]),
    ]
    return log(tmp_path, rows)


def test_signals_near_misses_and_the_deciding_words_are_told(asked: Path) -> None:
    default = data_path("policies/default.yaml")
    text = explain("asks", "--log", asked, "--policy", default).stdout
    assert "asks, 3 events" in text
    assert "nearly: context-nearly-full: context_used 0.8 of 0.85" in text
    assert "requested_human 0.95" in text
    assert "escalate explicit_request by rule asks-for-a-person → tier_2_support" in text
    assert '"Let me talk to a human, please."' in text
    assert text.rstrip().endswith("open: a person is awaited.")
    assert "4111" not in text


def test_as_json_each_event_has_its_signals_and_decisions(asked: Path) -> None:
    told = orjson.loads(explain("asks", "--log", asked, "--json").stdout)
    assert told["conclusion"].startswith("Escalated for explicit_request")
    lines = told["lines"]
    assert [line["event_id"] for line in lines] == ["asks-0", "asks-1", "asks-2"]
    assert lines[1]["signals"]["confidence"] == 0.45
    assert [len(line["decisions"]) for line in lines] == [0, 0, 1]
    assert [line["owner"] for line in lines] == ["ai", "ai", "pending"]


def test_without_an_escalation_it_says_so(asked: Path) -> None:
    assert "Not escalated: no rule held." in explain("other", "--log", asked).stdout


def test_the_logs_own_policy_is_the_one_that_explains(tmp_path: Path) -> None:
    rows = [policy_event(policy(turns=1), "1"), event("c", 0), event("c", 1)]
    assert "by rule long" in explain("c", "--log", log(tmp_path, rows)).stdout


def test_what_customers_and_ids_hold_reaches_no_terminal_as_a_command(tmp_path: Path) -> None:
    """Brackets are no markup, and what moves a cursor or turns letters round is left out."""
    name, said = "a[/b]\x1b[2J:smile:", "[/red] \x1b]0;mine\x07 let me talk to a human \u202e[bold]"
    rows = [event(name, 0, content=said)]
    text = explain(name, "--log", log(tmp_path, rows)).stdout
    assert "a[/b][2J:smile:, 1 event from" in text
    assert text.count("[/red] ]0;mine let me talk to a human [bold]") == 2
    assert not {"\x1b", "\x07", "\u202e"} & set(text)


def test_a_long_message_is_marked_where_it_is_cut(tmp_path: Path) -> None:
    rows = [event("c", 0, content="parcel " * 4000)]
    (line,) = orjson.loads(explain("c", "--log", log(tmp_path, rows), "--json").stdout)["lines"]
    assert line["text"].endswith("…")
    assert len(line["text"]) == 160


def test_a_conversation_that_is_not_there_is_an_error(asked: Path) -> None:
    assert "no events of nobody" in explain("nobody", "--log", asked, code=1).output


def test_a_message_that_was_one_too_many_is_told_so(tmp_path: Path) -> None:
    rows = [event("loud", number) for number in (0, 2, 4, 5)]
    file = tmp_path / "policy.yaml"
    file.write_text(f"messages_per_minute: 2\n{policy(turns=9)}")
    told = explain("loud", "--log", log(tmp_path, rows), "--policy", file).stdout
    assert told.count("counted, not read") == 1
