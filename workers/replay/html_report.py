"""The result of a replay as one HTML page that needs nothing else, and runs nothing."""

from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from workers.contracts.codec import decode_message
from workers.contracts.decisions import Decision
from workers.replay.counts import is_opening
from workers.replay.report import Summary

ESCALATIONS: Final = 1_000
"""Escalations that a page lists."""
_FIRST: Final = 6
_SHOWN: Final = 25


def render(summary: Summary, decisions: Path) -> str:
    """Return the page of a replay whose first policy's decisions are the lines of a file.

    Everything from the log is escaped; the page loads and runs nothing.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    escalations, total = _openings(decisions)
    page = environment.get_template("html_report.html")
    return page.render(
        summary=summary, escalations=escalations, total=total, first=_FIRST, shown=_SHOWN
    )


def _openings(decisions: Path) -> tuple[list[Decision], int]:
    """Return the escalations to list, and how many there are."""
    listed: list[Decision] = []
    total = 0
    with decisions.open("rb") as file:
        for line in file:
            if b'"escalate"' not in line and b'"claim"' not in line:
                continue
            decision = decode_message(Decision, line)
            if is_opening(decision):
                total += 1
                if len(listed) < ESCALATIONS:
                    listed.append(decision)
    return listed, total
