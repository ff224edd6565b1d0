"""`handoff notices check` shows every line that customers may be told."""

import json
from pathlib import Path

from click.testing import CliRunner

from workers.cli.main import handoff
from workers.handoff.notice_file import KINDS
from workers.handoff.notices import languages

FILE = """
version: 1
notices:
  - match: {queue: billing}
    texts: {en: {queued: "{team} answers within {within}."}}
"""


def test_every_kind_in_every_language_is_rendered() -> None:
    result = CliRunner().invoke(handoff, ["notices", "check", "--json"])
    assert result.exit_code == 0, result.output
    lines = json.loads(result.stdout)
    assert {(one["language"], one["notice"]) for one in lines} == {
        (language, kind) for language in languages() for kind in KINDS
    }
    assert not [one for one in lines if "{" in one["text"]]


def test_a_deployments_own_words_are_shown_to_whom_they_are_for(tmp_path: Path) -> None:
    file = tmp_path / "notices.yaml"
    file.write_text(FILE)
    result = CliRunner().invoke(handoff, ["notices", "check", str(file)])
    assert result.exit_code == 0, result.output
    said = [
        line for line in result.stdout.splitlines() if line.startswith("billing") and " en " in line
    ]
    assert any("Billing answers within 60 min." in line for line in said)


def test_a_bad_file_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "notices.yaml"
    file.write_text(FILE.replace("billing", "bilking"))
    result = CliRunner().invoke(handoff, ["notices", "check", str(file)])
    assert result.exit_code == 1
    assert f"{file}:4: notices[0].match.queue: 'bilking': did you mean billing?" in result.stderr
