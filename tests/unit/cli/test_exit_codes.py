"""Every way in which a command ends has its code, and nothing but output and a message remains."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unit.replay.test_files import event
from workers.cli.common import CliError, naming_servers
from workers.cli.main import handoff
from workers.errors import EXIT_CODES, EXIT_UNAVAILABLE
from workers.kafka.reader import ReadError
from workers.replay.processes import SMALL
from workers.settings import load_settings

_OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"
_LIMIT_S = 60.0
# What runs the tests may ignore signals, as nohup and a shell's & do, and children inherit that.
_HEEDS = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from workers.cli.__main__ import main
main()
"""


def _started(
    *arguments: str | Path, folder: Path, stdin: int | None = None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _HEEDS, *map(str, arguments)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(folder)},
        start_new_session=True,
    )


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + _LIMIT_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_help_and_the_docs_have_the_same_table() -> None:
    documented = _OPERATIONS.read_text(encoding="utf-8")
    helped = " ".join(CliRunner().invoke(handoff, ["--help"]).output.split())
    for code, meaning in EXIT_CODES.items():
        assert f"| {code} | {meaning} |" in documented
        assert f"{code} {meaning}" in helped


_KAFKA = ("--kafka", "127.0.0.1:1")
_REDIS = ("--redis", "redis://127.0.0.1:1/0")


@pytest.mark.parametrize(
    "command",
    [
        ("audit", *_KAFKA),
        ("deadletters", "list", *_KAFKA),
        ("deadletters", "retry", *_KAFKA),
        ("deadletters", "show", "conversation-events[0]@0", *_KAFKA),
        ("explain", "c", "--topic", "conversation-events", *_KAFKA),
        ("explain", "c", *_REDIS),
        ("outcomes", *_KAFKA),
        ("rebuild", "--yes", *_KAFKA, *_REDIS),
        ("replay", "--topic", "conversation-events", *_KAFKA),
        ("send", "-", *_KAFKA),
        ("topics", "apply", *_KAFKA),
        ("topics", "check", *_KAFKA),
        ("transcript", "c", *_REDIS),
        ("up", *_KAFKA),
    ],
    ids=" ".join,
)
def test_a_server_that_is_away_is_named(command: tuple[str, ...]) -> None:
    done = CliRunner().invoke(handoff, [*command], input="")
    assert done.exit_code == EXIT_UNAVAILABLE
    assert " at 127.0.0.1:1 is not reachable" in done.output


def test_a_broker_that_falls_silent_is_named_too() -> None:
    with pytest.raises(CliError) as raised, naming_servers(load_settings(kafka_bootstrap="k:1")):
        raise ReadError("silent for a minute")
    assert raised.value.exit_code == EXIT_UNAVAILABLE
    assert raised.value.message == "Kafka at k:1 is not reachable: silent for a minute"


@pytest.mark.parametrize(
    ("rows", "code"), [("{}", 65), ('{"text": "hi"}\n{}', 1), ('{"text": "hi"}', 0), ("", 0)]
)
def test_texts_that_cannot_be_scored_are_left_out(rows: str, code: int) -> None:
    assert CliRunner().invoke(handoff, ["detect"], input=rows).exit_code == code


@pytest.mark.parametrize(
    "arguments", [["--help"], ["schemas", "asyncapi"], ["explain", "c", "--log", "log"]]
)
def test_a_closed_pipe_is_quiet(arguments: list[str], tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        '{"event_id": "e", "conversation_id": "c", "occurred_at": "2026-01-05T10:00:00Z", '
        '"role": "customer", "content": "hello"}'
    )
    given = [str(log) if one == "log" else one for one in arguments]
    with _started(*given, folder=tmp_path) as running:
        assert running.stdout is not None
        running.stdout.close()
        assert running.stderr is not None
        assert running.stderr.read() == b""
    assert running.returncode == 141


def test_a_full_disk_is_a_line() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "workers.cli", "schemas", "asyncapi"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (
        2, b"Error: what is written: No space left on device\n",
    )  # fmt: skip


@pytest.fixture
def waits(tmp_path: Path) -> subprocess.Popen[bytes]:
    """Return a replay that has begun, with a temporary folder, and waits for its input."""
    running = _started("replay", "-", folder=tmp_path, stdin=subprocess.PIPE)
    _until(lambda: any(tmp_path.glob("handoff-*/*")))
    return running


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        (signal.SIGTERM, 143),
        (signal.SIGHUP, 129),
    ],
)
def test_a_command_that_is_told_to_end_leaves_no_folder_behind(
    number: signal.Signals, code: int, waits: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    waits.send_signal(number)
    _, said = waits.communicate(timeout=_LIMIT_S)
    assert (waits.returncode, said) == (code, b"")
    assert list(tmp_path.iterdir()) == []


_INTERRUPTED_WHILE_LOADING = """
import os, signal, sys
from importlib.abc import MetaPathFinder

class Finder(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "workers.cli.main":
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Finder())
import workers.cli.__main__
"""


def test_ctrl_c_while_a_command_is_loaded_prints_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_WHILE_LOADING], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_so_does_one_of_many_processes(number: signal.Signals, tmp_path: Path) -> None:
    log, folder = tmp_path / "log.jsonl", tmp_path / "tmp"
    folder.mkdir()
    rows = (event(f"c-{n % 50}", n // 50) for n in range(4 * SMALL))
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "decisions.jsonl"
    running = _started("replay", log, "--decisions", out, folder=folder)
    _until(lambda: len(list(folder.glob("handoff-replay-*/*/decisions-*"))) > 1)
    if number is signal.SIGINT:
        # As a terminal does, to all of them.
        os.killpg(running.pid, number)
    else:
        running.send_signal(number)
    _, said = running.communicate(timeout=_LIMIT_S)
    said = b"".join(one for one in said.splitlines() if not one.startswith(b"replaying: "))
    assert (running.returncode, said) == (128 + number, b"")
    assert list(folder.iterdir()) == []
