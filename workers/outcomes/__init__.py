"""Outcomes of escalations: one record for each, and the counts that reports are made of.

Pure: the live worker, `handoff outcomes` and a replay use the same code.
"""

from workers.outcomes.conversation_milestones import (
    PAUSE_MS,
    ConversationCounts,
    Milestone,
    MilestoneKind,
    conversation_figures,
    count_milestones,
)
from workers.outcomes.outcome_counts import (
    DIMENSIONS,
    OutcomeCounts,
    OutcomeReport,
    as_data,
    mean_of,
    report_of,
    share,
    times,
)
from workers.outcomes.outcome_record import outcome_of

__all__ = [
    "DIMENSIONS",
    "PAUSE_MS",
    "ConversationCounts",
    "Milestone",
    "MilestoneKind",
    "OutcomeCounts",
    "OutcomeReport",
    "as_data",
    "conversation_figures",
    "count_milestones",
    "mean_of",
    "outcome_of",
    "report_of",
    "share",
    "times",
]
