"""A lead's events: open, move, give back, prioritise, close or offer, regardless of the rules."""

from collections.abc import Callable
from typing import Any, Final

from workers.contracts.decisions import ByLead, Cause
from workers.contracts.events import Lead, LeadAction, Ownership
from workers.conversation.episodes import begin_episode, changed, end
from workers.conversation.placement import place_anew, reached, sent_to
from workers.conversation.rules import open_escalation, signals_of
from workers.conversation.state import Escalation, Offer, cut, set_due
from workers.conversation.step_context import StepContext
from workers.policy import Route, route_for
from workers.redaction.redact import redact

WHY_LIMIT: Final = 500
"""Bytes of a lead's reason that a decision carries."""
_KEY: Final = -1
"""Stands for a rule's key where the customer declined a lead's offer in this episode."""


def lead(run: StepContext, event: Lead) -> None:
    """Apply a lead's event; one that cannot be carried out is refused, so that each is answered."""
    escalation = run.state.open
    if event.action in ("escalated", "offered"):
        _OPENING[event.action](run, event)
    elif escalation is None or event.escalation_id not in (None, escalation.id):
        _refuse(run, event, "ended")
    else:
        _CHANGING[event.action](run, event, escalation)


def by_lead(event: Lead | Ownership) -> dict[str, Any]:
    """Return what a decision says of the lead behind it: the cause, who and why."""
    why = cut(redact(event.reason or "", "strict", WHY_LIMIT), WHY_LIMIT)
    return {"cause": "lead", "lead": ByLead(id=event.lead or "unknown", reason=why)}


def _refuse(run: StepContext, event: Lead, cause: Cause) -> None:
    """Refuse without an answer to any desk: none has asked."""
    told = {**by_lead(event), "cause": cause}
    run.emit("refuse", run.state.open, queue=None, place=None, person=None, **told)


def _escalated(run: StepContext, event: Lead) -> None:
    state = run.state
    if state.open is not None:
        _refuse(run, event, "already_open")
        return
    if state.owner == "closed":
        begin_episode(state)
    to = _route(run, event)
    open_escalation(
        run,
        (),
        reason="lead_request",
        rule=None,
        target_queue=to.queue,
        claim_minutes=to.claim_minutes,
        reply_minutes=to.reply_minutes,
        **by_lead(event),
    )


def _route(run: StepContext, event: Lead) -> Route:
    """Return the queue that the lead names, else where the policy's routes want it."""
    if event.to_queue is not None:
        return Route(event.to_queue)
    default = run.policy.default_queue
    return route_for(run.view, "lead_request", None, default, signals_of(run.state))


def _offered(run: StepContext, event: Lead) -> None:
    state = run.state
    if state.owner != "ai" or state.episode.offer is not None:
        _refuse(run, event, "already_open")
        return
    to = _route(run, event)
    told = {"reason": "lead_request", "target_queue": to.queue, **by_lead(event)}
    run.emit("offer", observe=run.observe, **told)
    if not run.observe:
        limits = to.claim_minutes, to.reply_minutes
        state.episode.offer = Offer(None, _KEY, "lead_request", to.queue, *limits)
        set_due(state, "offer", state.clock + run.policy.offer_ms)


def _moved(run: StepContext, event: Lead, escalation: Escalation) -> None:
    queue = event.to_queue or escalation.target or run.policy.default_queue
    changes = sent_to(queue) | reached(run.policy, escalation, queue)
    place_anew(run, "transfer", "lead", by_lead(event), **changes)


def _released(run: StepContext, event: Lead, escalation: Escalation) -> None:
    if run.state.owner != "person":
        _refuse(run, event, "not_owner")
        return
    queue = escalation.queue or escalation.target or run.policy.default_queue
    place_anew(run, "move", "lead", by_lead(event), **sent_to(queue))


def _prioritised(run: StepContext, event: Lead, escalation: Escalation) -> None:  # noqa: ARG001
    changed(run, priority=event.priority)
    run.emit("update", run.state.open, **by_lead(event))


def _closed(run: StepContext, event: Lead, escalation: Escalation) -> None:  # noqa: ARG001
    end(run, "closed", note=event.reason, **by_lead(event))
    run.state.deadlines = ()
    run.state.episode.offer = None


_OPENING: Final[dict[LeadAction, Callable[[StepContext, Lead], None]]] = {
    "escalated": _escalated,
    "offered": _offered,
}
_CHANGING: Final[dict[LeadAction, Callable[[StepContext, Lead, Escalation], None]]] = {
    "moved": _moved,
    "released": _released,
    "prioritised": _prioritised,
    "closed": _closed,
}
