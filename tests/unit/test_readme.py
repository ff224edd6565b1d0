"""The README quotes what the commands print about the example conversations."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from workers.cli.main import handoff

_ROOT = Path(__file__).parents[2]
_FENCED = re.findall(
    r"^```(.*?)\n(.+?)^```$", (_ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
)
_QUOTES = [text for language, text in _FENCED if not language]


def _quoted(beginning: str) -> list[str]:
    """Return the lines of the quote that begins so, without those that only show a cut."""
    (found,) = [quote for quote in _QUOTES if quote.startswith(beginning)]
    lines = [_spaced(line) for line in found.splitlines()]
    return [line for line in lines if line.strip("… ─")]


def _spaced(line: str) -> str:
    """Return a line with one blank for many, and ids and rules as short as the README has them."""
    line = re.sub(r"\b([0-9a-f]{8})-(…|[0-9a-f-]{27})", r"\1", line)
    return " ".join(re.sub("─+", "", line).split())


def _printed(*arguments: str) -> str:
    done = CliRunner(catch_exceptions=False).invoke(handoff, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the file that the README has made of the example conversations."""
    file = tmp_path_factory.mktemp("readme") / "events.jsonl"
    file.write_text(_printed("import", str(_ROOT / "examples/conversations.jsonl")))
    return str(file)


@pytest.mark.parametrize(
    ("beginning", "command"),
    [
        ("149 events", "replay EVENTS"),
        ("polite-decline", "explain polite-decline --log EVENTS"),
        (
            "policies/basic.yaml against",
            "replay EVENTS --policy policies/basic.yaml --against policies/default.yaml",
        ),
    ],
)
def test_it_quotes_what_is_printed(
    beginning: str, command: str, events: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(_ROOT)
    printed = _printed(*command.replace("EVENTS", events).split())
    told = "\n".join(map(_spaced, printed.splitlines()))
    missing = [line for line in _quoted(beginning) if line not in told]
    assert not missing, told
