"""Deadlines: the effects of a time that passes before the awaited event."""

from collections.abc import Callable
from typing import Final

from workers.contracts.decisions import Cause
from workers.contracts.events import Deadline
from workers.contracts.ids import derive
from workers.contracts.tickets import Notification
from workers.contracts.time import from_ms, to_ms
from workers.conversation.episodes import changed, end
from workers.conversation.placement import (
    await_update,
    place_anew,
    raise_level,
    sent_to,
    with_tried,
)
from workers.conversation.rules import stalled
from workers.conversation.state import DeadlineKind, Due, State
from workers.conversation.step_context import StepContext
from workers.redaction.redact import redact


def deadline(run: StepContext, event: Deadline) -> None:
    """Apply, in their order, the deadlines that were due by then and still stand."""
    state, due_by = run.state, to_ms(event.due_at)
    state.clock = max(state.clock, due_by)
    while due := _first_due(state, due_by):
        state.deadlines = tuple([other for other in state.deadlines if other != due])
        _MISSED[due[0]](run)


def _first_due(state: State, due_by: int) -> Due | None:
    due = [due for due in state.deadlines if due[1] <= due_by]
    # A deadline that moves the escalation at the same moment leaves nothing to look at.
    return min(due, key=lambda one: (one[1], one[0] == "update")) if due else None


def _claim_missed(run: StepContext) -> None:
    escalation = run.state.open
    if escalation is None:
        return
    if escalation.place == "queue" and escalation.assignee is not None:
        tried = with_tried(escalation, escalation.assignee)
        place_anew(run, "move", "assignee_missed", tried=tried)
        return
    cause: Cause = "ticket_unanswered" if escalation.place == "ticket" else "claim_missed"
    place_anew(run, "move", cause, tried=with_tried(escalation))


def _reply_missed(run: StepContext) -> None:
    raise_level(run, "reply_missed")


def _person_is_silent(run: StepContext) -> None:
    """Take the conversation from a person who has gone silent, as its queue wants it."""
    escalation = run.state.open
    if escalation is None:
        return
    on_idle = escalation.on_idle or run.policy.on_idle
    if on_idle == "ai":
        end(run, "returned", action="return", cause="idle")
    elif on_idle == "level":
        raise_level(run, "idle")
    else:
        place_anew(run, "move", "idle", **sent_to(escalation.target or run.policy.default_queue))


def _expired(run: StepContext) -> None:
    end(run, "expired")


def _offer_lapsed(run: StepContext) -> None:
    run.state.episode.offer = None


def _look_at_wait(run: StepContext) -> None:
    escalation = run.state.open
    if escalation is None or run.state.owner != "pending" or escalation.place != "queue":
        return
    changed(run, updates=escalation.updates + 1)
    await_update(run)
    run.emit("update", run.state.open)


def _warn(run: StepContext) -> None:
    """Tell the team that a claim or a first reply is about to be missed, unless it is too late."""
    state, escalation = run.state, run.state.open
    risk = next((due for due in state.deadlines if due[0] in ("claim", "reply")), None)
    if escalation is None or risk is None or risk[1] <= state.clock:
        return
    what, due = risk
    name, reason = run.event.conversation_id, escalation.reason.replace("_", " ")
    nobody = "nobody has claimed it" if what == "claim" else "the first reply is outstanding"
    run.effects.append(
        Notification(
            notification_id=derive("deadline_at_risk", escalation.id, what, due),
            kind="deadline_at_risk",
            occurred_at=from_ms(state.clock),
            text=f"{name} ({reason}): {nobody}; it is due at {from_ms(due):%Y-%m-%d %H:%M:%S} UTC.",
            queue=escalation.queue,
            escalation_id=escalation.id,
            conversation_id=name,
            customer=redact(state.customer_id, "strict") if state.customer_id else None,
            reason=escalation.reason,
            level=escalation.level,
            due_at=from_ms(due),
            seq=state.seq,
        )
    )


_MISSED: Final[dict[DeadlineKind, Callable[[StepContext], None]]] = {
    "claim": _claim_missed,
    "reply": _reply_missed,
    "last": _expired,
    "offer": _offer_lapsed,
    "answer": stalled,
    "idle": _person_is_silent,
    "update": _look_at_wait,
    "warn": _warn,
}
