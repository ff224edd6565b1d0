"""Every command that takes a file says in a line what is wrong with it, and never how it broke."""

import gzip
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from workers.cli.main import COMMANDS as MAIN_COMMANDS
from workers.cli.main import handoff
from workers.data import data_path
from workers.errors import EXIT_CODES

EVENT = {
    "event_id": "e",
    "conversation_id": "c",
    "occurred_at": "2026-01-05T10:00:00Z",
    "role": "customer",
    "content": "get me a human",
}
_KAFKA = ["--kafka", "127.0.0.1:1"]
_REDIS = ["--redis", "redis://127.0.0.1:1/0"]
_DEFAULT = str(data_path("policies/default.yaml"))
COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "replay": lambda file: ["replay", file],
    "replay policy": lambda file: ["replay", "-", "--policy", file],
    "replay against": lambda file: ["replay", "-", "--against", file],
    "replay topics": lambda file: ["replay", "-", "--policy", _DEFAULT, "--topics-file", file],
    "replay html": lambda file: ["replay", "-", "--html", file],
    "replay decisions": lambda file: ["replay", "-", "--decisions", file],
    "import": lambda file: ["import", file],
    "import csv": lambda file: ["import", file, "--columns", "conversation=a,role=b,content=c"],
    "detect": lambda file: ["detect", file],
    "explain": lambda file: ["explain", "c", "--log", file],
    "explain policy": lambda file: ["explain", "c", "--log", "-", "--policy", file],
    "policy check": lambda file: ["policy", "check", file],
    "policy check log": lambda file: ["policy", "check", _DEFAULT, "--log", file],
    "policy check topics": lambda file: ["policy", "check", _DEFAULT, "--topics", file],
    "topics list": lambda file: ["topics", "list", "--topics", file],
    "topics check": lambda file: ["topics", "check", "--topics-file", file, *_KAFKA],
    "topics apply": lambda file: ["topics", "apply", "--topics-file", file, *_KAFKA],
    "schemas list": lambda file: ["schemas", "list", "--topics-file", file],
    "schemas check": lambda file: ["schemas", "check", file],
    "schemas asyncapi": lambda file: ["schemas", "asyncapi", "--topics-file", file],
    "send": lambda file: ["send", file, *_KAFKA],
    "rebuild": lambda file: ["rebuild", "--yes", "--policy", file, *_KAFKA, *_REDIS],
    "audit": lambda file: ["audit", "--topics-file", file, *_KAFKA],
    "deadletters list": lambda file: ["deadletters", "list", "--topic", file, *_KAFKA],
    "deadletters show": lambda file: ["deadletters", "show", file, *_KAFKA],
    "transcript": lambda file: ["transcript", file, "--topics-file", file, *_REDIS],
    "up": lambda file: ["up", "--policy", file, *_KAFKA, *_REDIS],
    "worker": lambda file: ["worker", "escalation", "--policy", file, *_KAFKA, *_REDIS],
    "demo": lambda file: ["demo", file],
    "doctor": lambda file: ["doctor", "--policy", file, *_KAFKA, *_REDIS],
}
# A command that takes no file is tried with one all the same.
COMMANDS |= {
    name: partial(lambda command, file: [command, file], name)
    for name in MAIN_COMMANDS.keys() - {tried.split()[0] for tried in COMMANDS}
}


_WHOLE = gzip.compress(json.dumps(EVENT).encode() * 1000)
_CONTENTS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "binary": lambda: bytes(range(256)) * 40,
    "half an object": lambda: b'{"event_id": "e", "conversa',
    "a long line": lambda: b'"' + b"x" * 5_000_000,
    "deep": lambda: b"[" * 1_100,
    "cut gzip": lambda: _WHOLE[: len(_WHOLE) // 2],
    "gzip of nothing": lambda: b"\x1f\x8b",
    "damaged gzip": lambda: _WHOLE[:-6] + b"\0\0\0\0\0\0",
    "blank lines": lambda: b"\n\n \n",
    "a list": lambda: b"[1, 2, 3]",
    "a number": lambda: b"7",
    "nulls": lambda: b"\0" * 1000,
    "edge of time": lambda: json.dumps(
        {**EVENT, "occurred_at": "9999-12-31T23:59:59-14:00"}
    ).encode(),
    "a lone deadline": lambda: json.dumps(
        {**EVENT, "type": "deadline", "due_at": "2026-01-05T10:00:00Z"}
    ).encode(),
}


@pytest.fixture
def wrong(tmp_path: Path) -> Callable[[str], str]:
    """Return a maker of a file of a wrong kind; a new one each time, as commands write to some."""

    def make(kind: str) -> str:
        if kind == "a full disk":
            return "/dev/full"
        if kind == "a folder":
            return str(tmp_path)
        path = tmp_path / kind.replace(" ", "-")
        if kind != "missing":
            path.write_bytes(_CONTENTS[kind]())
        return str(path)

    return make


WRITING = ("replay html", "replay decisions")
SERVING = ("worker", "up")
"""Commands that go on for as long as they are given nothing wrong."""
KINDS = ("a folder", "missing", *_CONTENTS)
CASES = [
    *((command, kind) for command in sorted(COMMANDS) for kind in KINDS),
    *((command, "a full disk") for command in WRITING),
]


@pytest.mark.parametrize(("command", "kind"), CASES)
def test_a_wrong_file_is_a_line(command: str, kind: str, wrong: Callable[[str], str]) -> None:
    log = json.dumps(EVENT)
    result = CliRunner().invoke(handoff, COMMANDS[command](wrong(kind)), input=log)
    _check(result)


def _check(result: Result) -> None:
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in EXIT_CODES
    assert "Traceback" not in result.output
    assert "Aborted!" not in result.output


@pytest.fixture
def foreign() -> Iterator[str]:
    """Return a file that may not be read, also not by the superuser, as whom tests may run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "foreign.jsonl"
        file.write_text(json.dumps(EVENT))
        file.chmod(0o000)
        folder.chmod(0o755)
        yield str(file)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_file_of_somebody_else_is_a_line(command: str, foreign: str, tmp_path: Path) -> None:
    # What a command imports late must be there before rights are given up.
    CliRunner().invoke(handoff, COMMANDS[command]("/nowhere"), input="")
    if command not in SERVING:
        usable = tmp_path / "policy.yaml"
        usable.write_text(Path(_DEFAULT).read_text(encoding="utf-8"))
        CliRunner().invoke(handoff, COMMANDS[command](str(usable)), input="")
    me = os.geteuid()
    if me == 0:
        os.seteuid(65_534)
    try:
        result = CliRunner().invoke(handoff, COMMANDS[command](foreign), input="")
    finally:
        if me == 0:
            os.seteuid(0)
    _check(result)
    assert result.exit_code != 0


@pytest.mark.parametrize("kind", ["cut gzip", "damaged gzip", "gzip of nothing"])
@pytest.mark.parametrize("command", ["replay", "explain"])
def test_a_broken_gzip_file_is_named(command: str, kind: str, wrong: Callable[[str], str]) -> None:
    file = wrong(kind)
    result = CliRunner().invoke(handoff, COMMANDS[command](file))
    assert result.exit_code == 65
    assert f"{file}: not a whole gzip file" in result.output


def test_a_byte_order_mark_hides_no_line(tmp_path: Path) -> None:
    file = tmp_path / "bom.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(EVENT).encode() + b"\n")
    replayed = CliRunner().invoke(handoff, ["replay", str(file), "--json"])
    assert json.loads(replayed.stdout)["events"] == 1
    file.write_bytes(b'\xef\xbb\xbf{"text": "get me a human"}\n')
    detected = CliRunner().invoke(handoff, ["detect", str(file)])
    assert json.loads(detected.stdout)["requested_human"] is True


def test_a_conversation_whose_events_were_all_refused_is_not_called_missing(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text(json.dumps({**EVENT, "role": "robot"}) + "\n")
    result = CliRunner().invoke(handoff, ["explain", "c", "--log", str(file)])
    assert result.exit_code == 1
    assert '1 record of c, none usable; the first: schema: role: "robot"' in result.output
    missing = CliRunner().invoke(handoff, ["explain", "d", "--log", str(file)])
    assert "no events of d" in missing.output
