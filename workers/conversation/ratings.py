"""Ratings: what customers say of an escalation, by their desk or their chat system."""

from workers.contracts.events import Ownership, Rating
from workers.conversation.step_context import StepContext


def rate(run: StepContext, event: Rating | Ownership) -> None:
    """Publish a rating; nothing depends on it, and the escalation may be long over or another's.

    It holds the event's own fields; the end of the escalation has its reason and rule.
    """
    if event.csat is not None:
        queue = event.queue if isinstance(event, Ownership) else None
        run.emit("rate", escalation_id=event.escalation_id, csat=event.csat, queue=queue)
