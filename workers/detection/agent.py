"""Read one turn of the AI agent: does it promise a person, or offer one?"""

from __future__ import annotations

import re

from workers.detection.findings import AgentFindings, Finding

_LIMIT = 3000
_PROMISE = re.compile(
    r"\b(?:connecting|transferring|escalating|putting you through|will (?:now )?(?:connect|transfer|"
    r"escalate)|being transferred)\b[^.?!]{0,60}",
    re.IGNORECASE,
)
_OFFER = re.compile(
    r"\b(?:would you like|do you want|shall i|should i|want me to)\b[^.?!]{0,60}"
    r"\b(?:connect|transfer|speak|talk|human|agent|person)\b",
    re.IGNORECASE,
)


def _found(pattern: re.Pattern[str], text: str, score: float) -> Finding | None:
    match = pattern.search(text)
    return Finding(score, match.start(), match.end()) if match else None


def read_agent(text: str) -> AgentFindings:
    """Tell whether one AI turn promises or offers a person; never raises."""
    text = text[:_LIMIT]
    return AgentFindings(
        promises_person=_found(_PROMISE, text, 0.8), offers_person=_found(_OFFER, text, 0.8)
    )
