"""`handoff packet` and `handoff playbook check`, as they are typed."""

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from workers.cli.main import handoff

SAID = (("customer", "I need to cancel order 55121."), ("customer", "I want a human agent."))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    events = [
        {
            "event_id": f"e-{number}",
            "conversation_id": "c-1",
            "occurred_at": f"2026-03-02T09:00:{number:02}Z",
            "role": role,
            "content": content,
        }
        for number, (role, content) in enumerate(SAID)
    ]
    path.write_bytes(b"\n".join(map(orjson.dumps, events)))
    return path


def _typed(*words: str) -> Result:
    return CliRunner().invoke(handoff, words)


def test_a_packet_is_printed_in_three_forms(log: Path) -> None:
    typed = ("packet", "c-1", "--log", str(log))
    text = _typed(*typed).output
    assert "Wants        “I need to cancel order 55121.”" in text
    assert (
        "**Wants:** “I need to cancel order 55121.”"
        in _typed(*typed, "--format", "markdown").output
    )
    packet = orjson.loads(_typed(*typed, "--format", "json").output)
    assert packet["identifiers"][0]["value"] == "55121"


def test_a_conversation_that_is_not_there_is_named(log: Path) -> None:
    result = _typed("packet", "c-2", "--log", str(log))
    assert result.exit_code == 1
    assert "no events of c-2" in result.output


def test_a_playbook_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "playbook.yaml"
    path.write_text("version: 1\nentries:\n  - next: {en: Call back.}\n")
    assert _typed("playbook", "check", str(path)).exit_code == 0
    path.write_text("version: 1\nentries:\n  - next: {de: Rufen Sie an.}\n")
    bad = _typed("playbook", "check", str(path))
    assert bad.exit_code == 1
    assert "playbook.yaml:3: entries[0].next: no en: add it" in bad.output
