"""The outcomes of escalations, from a replay of the log, in the outcomes worker's records."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from workers.contracts.codec import decode_message
from workers.contracts.decisions import Decision
from workers.contracts.outcomes import OutcomeRecord
from workers.outcomes import (
    ConversationCounts,
    Milestone,
    OutcomeReport,
    count_milestones,
    outcome_of,
    report_of,
)
from workers.policy import Bands
from workers.replay.planning import Asked, Prepared
from workers.replay.processes import replay

ASKED = Asked(keep_decisions=True, keep_milestones=True)
"""The outputs that a plan needs before `outcomes_of_log` may run it."""


class LogOutcomes(NamedTuple):
    """A report over a log, with what only the log knows."""

    report: OutcomeReport
    conversations: ConversationCounts
    bands: Bands
    records: int
    events: int
    refused: int
    """Records that are no event."""


def outcomes_of_log(
    prepared: Prepared,
    advance: Callable[[int], None],
    by: tuple[str, ...] = (),
    since_ms: int | None = None,
) -> LogOutcomes:
    """Replay a log by what it says was in force, and add up what came of it.

    The whole log is folded; counted is what was decided from `since_ms` on.
    """
    with tempfile.TemporaryDirectory(prefix="handoff-outcomes-") as name:
        decisions, milestones = Path(name) / "decisions.jsonl", Path(name) / "milestones.jsonl"
        result = replay(prepared.plan, prepared.records, advance, decisions, milestones=milestones)
        report = report_of(_records(decisions), by, since_ms)
        counts = count_milestones(_milestones(milestones), since_ms)
    _, _, bands = prepared.judges()[0]
    refused = result.refused.total()
    return LogOutcomes(report, counts, bands, result.records, result.events, refused)


def _records(path: Path) -> Iterator[OutcomeRecord]:
    with path.open("rb") as file:
        for line in file:
            record = outcome_of(decode_message(Decision, line))
            if record is not None:
                yield record


def _milestones(path: Path) -> Iterator[Milestone]:
    decoder = msgspec.json.Decoder(Milestone)
    with path.open("rb") as file:
        for line in file:
            yield decoder.decode(line)
