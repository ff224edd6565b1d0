"""What escalations came to: one record for each, and the counts that reports are made of.

Pure: the live worker, `handoff outcomes` and a replay use the same code.
"""

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
    "OutcomeCounts",
    "OutcomeReport",
    "as_data",
    "mean_of",
    "outcome_of",
    "report_of",
    "share",
    "times",
]
