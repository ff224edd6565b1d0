"""A file of something else than a command reads is one sentence: what it is, and what to do."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from workers.cli.main import handoff

LOG = json.dumps({"id": "c", "messages": [{"role": "user", "content": "hello"}]})
FOREIGN: dict[str, tuple[bytes, str]] = {
    "text": (b"one\ntwo\nthree\nfour\nfive\n" * 3000, "text that is no JSON"),
    "table": (b"who,what\nann,hello\nbob,no\n" * 20, "a CSV table"),
    "pdf": (b"%PDF-1.7\n" + b"\xe2\xe3\n" * 300, "a PDF"),
    "office": (b"PK\x03\x04" + b"\0\1\n" * 300, "a ZIP archive or an Office document"),
    "utf-16": (("x\n" * 90).encode("utf-16"), "UTF-16 text; save it as UTF-8"),
    "latin-1": (b"gr\xfc\xdfe\n" * 90, "no text in UTF-8"),
    "html": (b"<html>\n<p>hello</p>\n" * 90, "HTML or XML"),
}
COMMANDS: dict[str, list[str]] = {
    "import": ["import"],
    "replay": ["replay"],
    "explain": ["explain", "c", "--log"],
    "outcomes": ["outcomes", "--log"],
    "send": ["send"],
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_foreign_file_is_one_sentence(command: str, kind: str, tmp_path: Path) -> None:
    content, name = FOREIGN[kind]
    path = tmp_path / "file"
    path.write_bytes(content)
    result = CliRunner().invoke(handoff, [*COMMANDS[command], str(path)])
    assert result.exit_code == 65
    assert result.output.count("\n") == 1
    assert f"{path}: {name}" in result.output


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "import"])
def test_chat_logs_are_sent_to_import(command: str, tmp_path: Path) -> None:
    path = tmp_path / "logs.jsonl"
    path.write_text(f"{LOG}\n" * 30)
    result = CliRunner().invoke(handoff, [*COMMANDS[command], str(path)])
    assert result.exit_code == 65
    assert result.output == (
        f"Error: {path}: chat logs (openai-chat), not events: handoff import {path} turns chat "
        "logs into events\n"
    )


def test_one_bad_line_is_named_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "logs.jsonl"
    path.write_text("hello\n")
    result = CliRunner().invoke(handoff, ["import", str(path)])
    assert f"{path}:1: not JSON" in result.output
