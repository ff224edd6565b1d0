"""A simulated day on the fold and the plan: who is dropped, which deadline is missed, who waits."""

import time
from pathlib import Path

from benchmarks.report import Report
from tests.support.day import Day
from workers.contracts.codec import encode
from workers.contracts.time import to_ms
from workers.outcomes import as_data

CONVERSATIONS = 5_000
_QUICK = 300
LOG = Path("build/day.jsonl")


def run(report: Report, quick: bool) -> None:
    """Let the day pass, audit it, and leave its log, which `handoff outcomes --log` reads."""
    count = _QUICK if quick else CONVERSATIONS
    day, started = Day(count), time.process_time()
    day.run()
    case = f"{count:,} conversations"
    report.add(case, "CPU of the simulation", "s", time.process_time() - started)
    report.add(case, "events on the log", "", len(day.log))
    total = day.outcomes().total
    report.add(case, "escalations", "", total.escalated)
    report.add(case, "of them never ended", "", len(day.still_open()))
    report.add(case, "deadlines of places", "", len(day.late_ms))
    report.add(case, "of them neither met nor moved", "", sum(late > 0 for late in day.late_ms))
    report.add(case, "findings of the audit", "", len(day.audit().findings))
    for cause in ("claim_missed", "reply_missed", "idle", "ticket_unanswered", "ticketed"):
        made = sum(one.cause == cause for one in day.decisions)
        report.add(case, f"moved: {cause}", "", made)
    for outcome, ended in sorted(total.ends.items()):
        report.add(case, f"ended: {outcome}", "", ended)
    _waits(report, case, day)
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_bytes(b"\n".join(map(encode, day.log)))
    report.add(case, "bytes of the log", "MB", LOG.stat().st_size / 1e6, f"in {LOG}")


def _waits(report: Report, case: str, day: Day) -> None:
    """Add how long people waited for a claim, and how often the estimate was right."""
    waits = sorted(
        (to_ms(one.claimed_at) - to_ms(one.opened_at)) / 60_000
        for one in day.decisions
        if one.outcome is not None and one.claimed_at is not None and one.opened_at is not None
    )
    for name, share in (("half", 0.5), ("nine in ten", 0.9), ("all", 1.0)):
        at = waits[min(len(waits) - 1, round(share * len(waits)))]
        report.add(case, f"{name} were claimed within", "min", at)
    data = as_data(day.outcomes())["waits"]
    assert isinstance(data, dict)
    for queue, found in data.items():
        if not found["within"]["few"]:
            share = 100 * found["within"]["share"]
            note = f"of {found['within']['of']} estimates"
            report.add(case, f"wait within the estimate: {queue}", "%", share, note)
