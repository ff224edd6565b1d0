"""`handoff detect`: rows in, the same rows with scores out, bad rows named."""

import json
from pathlib import Path

from click.testing import CliRunner

from workers.cli.detect import detect


def test_rows_come_back_with_scores(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text(
        '{"id": 1, "text": "I want a human"}\n\n{"text": "This is ridiculous", "lang": "en"}\n'
        '{"text": "Where is my order?"}\n',
        "utf-8",
    )
    done = CliRunner().invoke(detect, [str(path)])
    assert done.exit_code == 0
    first, second, third = map(json.loads, done.stdout.splitlines())
    assert first["id"] == 1
    assert first["requested_human"] is True
    assert first["requested_human_score"] >= 0.7
    assert first["frustrated"] is False
    assert second["lang"] == "en"
    assert second["frustrated"] is True
    assert second["frustration_score"] >= 0.5
    assert (third["requested_human_score"], third["frustration_score"]) == (0.0, 0.0)


def test_a_row_may_say_what_the_ai_said_before(tmp_path: Path) -> None:
    rows = [
        ("ok", "Would you like me to connect you with a colleague?", True),
        ("ok, thanks", "It arrives on Friday. A colleague is always there if you ask.", False),
        ("a manager", "Who approved the refund?", False),
        ("a manager", "How can I help you?", True),
        ("ok", None, False),
    ]
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": a, "previous": b}) + "\n" for a, b, _ in rows))
    done = CliRunner().invoke(detect, [str(path)])
    found = [json.loads(line)["requested_human"] for line in done.stdout.splitlines()]
    assert found == [asked for _, _, asked in rows]


def test_bad_rows_are_named_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text(
        '{"text": "agent"}\n{"id": 2}\nnonsense\n[1]\n{"text": 5}\n{"text": "", "previous": 1}\n',
        "utf-8",
    )
    done = CliRunner().invoke(detect, [str(path)])
    assert done.exit_code == 1
    assert len(done.stdout.splitlines()) == 1
    errors = done.stderr.splitlines()
    assert errors[0] == f'{path}:2: field "text" is missing'
    assert errors[1].startswith(f"{path}:3: not JSON")
    assert errors[2] == f'{path}:4: a JSON object with "text" is expected, found a list'
    assert errors[3] == f'{path}:5: field "text" must be a string, found a number'
    assert errors[4] == f'{path}:6: field "previous" must be a string, found a number'
    assert errors[5] == "Error: 5 rows left out (see above)"


def test_standard_input_is_read_without_a_file() -> None:
    done = CliRunner().invoke(detect, [], input='{"text": "agent"}\n')
    assert done.exit_code == 0
    assert json.loads(done.stdout)["requested_human"] is True
