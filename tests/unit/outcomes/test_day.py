"""A simulated day: none is dropped, each deadline is met or moves on, the audit finds nothing."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.day import Day
from workers.cli.main import handoff
from workers.contracts.codec import encode
from workers.outcomes import as_data


@pytest.fixture(scope="module")
def day() -> Day:
    """Let a small day pass; `python -m benchmarks day` has one of 5,000 conversations."""
    day = Day(300)
    day.run()
    return day


def test_nobody_is_dropped_and_each_deadline_is_met_or_moves_on(day: Day) -> None:
    causes = {one.cause for one in day.decisions}
    assert {"ticket_unanswered", "ticketed", "reply_missed"} <= causes, "it was not an easy day"
    assert day.still_open() == set()
    assert max(day.late_ms) <= 0
    report = day.audit()
    assert report.clean, report.findings
    assert sum(report.outcomes.values()) == day.outcomes().total.escalated > 0


def test_a_replay_of_its_log_comes_to_the_same_figures(day: Day, tmp_path: Path) -> None:
    log = tmp_path / "day.jsonl"
    log.write_bytes(b"\n".join(map(encode, day.log)))
    said = CliRunner().invoke(handoff, ["outcomes", "--log", str(log), "--json"])
    assert said.exit_code == 0, said.output
    replayed = json.loads(said.stdout)
    live = json.loads(json.dumps(as_data(day.outcomes())))
    assert {name: replayed[name] for name in live} == live
