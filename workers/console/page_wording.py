"""Names, times and texts as the pages show them."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from workers.contracts.time import DAY, HOUR, MINUTE
from workers.handoff.wording import one_line, without_controls
from workers.redaction.redact import Redaction, redact

REASONS: Final = {
    "agent_uncertainty": "AI unsure",
    "priority_escalation": "urgent matter",
    "policy_exception": "needs an exception",
    "explicit_request": "asked for a person",
    "context_window_exceeded": "too long for the AI",
    "tool_unavailable": "tools fail",
    "unproductive_loop": "going in circles",
    "customer_frustration": "frustrated",
    "unkept_promise": "was promised a person",
    "stalled": "nobody answered",
    "agent_request": "AI asks for a person",
    "human_initiative": "a person stepped in",
    "lead_request": "a lead asked for it",
    "ai_silenced": "AI version switched off",
}
OUTCOMES: Final = {
    "resolved": "solved",
    "returned": "back to the AI",
    "withdrawn": "taken back",
    "closed": "closed",
    "abandoned": "customer left",
    "expired": "expired",
    "contact_given": "contact details given",
}
OWNERS: Final = {
    "ai": "the AI agent",
    "pending": "waiting for a person",
    "person": "a person",
    "closed": "closed",
}
SKIPS: Final = {
    "closed": "was closed",
    "nobody_online": "had nobody online",
    "full": "was full",
    "tried": "was tried before",
    "rejected": "could not take it",
    "unknown_queue": "does not exist",
    "tool_failed": "failed",
}
SPEAKERS: Final = {
    "customer": "Customer",
    "ai_agent": "AI agent",
    "human_agent": "Person",
    "tool": "Tool",
    "system": "System",
}
VERDICTS: Final = {
    "few": "too few to say",
    "below": "below its band",
    "in": "in its band",
    "above": "above its band",
    "not_ready": "not ready",
}
REFUSALS: Final = {
    "already_claimed": "somebody else was quicker",
    "not_waiting": "it no longer waits",
    "ended": "it has ended",
    "wrong_epoch": "it has changed hands since",
    "wrong_queue": "it has moved to another queue",
    "not_owner": "somebody else has it",
    "unknown_queue": "there is no such queue",
}
NOTHING: Final = "\u2013"
_LONGEST: Final = 4_000


def words(name: str | None, names: dict[str, str] | None = None) -> str:
    """Return a name of ours in plain words; one that has none, with spaces."""
    if not name:
        return ""
    return (names or {}).get(name) or one_line(name.replace("_", " "))


def span(milliseconds: float | None) -> str:
    """Return a length of time as short as it can be said."""
    if milliseconds is None:
        return NOTHING
    if milliseconds < MINUTE:
        return f"{max(0, int(milliseconds // 10_000)) * 10 or '<10'} s"
    if milliseconds < 2 * HOUR:
        return f"{int(milliseconds // MINUTE)} min"
    if milliseconds < 2 * DAY:
        return f"{milliseconds / HOUR:.1f} h"
    return f"{int(milliseconds // DAY)} d"


def age(at_ms: int | None, now_ms: int) -> str:
    """Return how long ago a moment was."""
    return NOTHING if at_ms is None else span(max(0, now_ms - at_ms))


def due(at_ms: int | None, now_ms: int) -> str:
    """Return how long is left until a moment, or how long it has passed."""
    if at_ms is None:
        return NOTHING
    left = at_ms - now_ms
    return f"in {span(left)}" if left >= 0 else f"{span(-left)} late"


def clock(at_ms: int | None) -> str:
    """Return a moment's time of day, UTC."""
    return NOTHING if at_ms is None else f"{_moment(at_ms):%H:%M:%S}"


def day(at_ms: int | None) -> str:
    """Return a moment's date and time, UTC."""
    return NOTHING if at_ms is None else f"{_moment(at_ms):%Y-%m-%d %H:%M}"


def iso(at_ms: int | None) -> str:
    """Return a moment for machines."""
    return "" if at_ms is None else _moment(at_ms).isoformat()


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def name_of(text: str | None) -> str:
    """Return a foreign name or id on one line, without marks that reorder it."""
    return one_line((text or "")[:256])


@lru_cache(maxsize=4_000)
def shown(text: str, rule: Redaction, limit: int = _LONGEST) -> str:
    """Return a text of others as a reader may see it: redacted, without control characters."""
    found = redact(text, rule, limit)
    if len(text) > limit:
        found += "…"
    return without_controls(found).strip()


def line(text: str | None, rule: Redaction, limit: int = 300) -> str:
    """Return a text of others on one line."""
    return one_line(shown(text or "", rule, limit))
