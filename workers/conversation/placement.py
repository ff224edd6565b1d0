"""Place of the open escalation: the routing agent's answers, moves and levels."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from workers.contracts.decisions import Cause
from workers.contracts.events import Routed
from workers.contracts.ids import person_rung
from workers.contracts.time import MINUTE, to_ms
from workers.conversation.episodes import changed, end
from workers.conversation.state import TRIED, UPDATES, Escalation, Estimate, set_due
from workers.conversation.step_context import StepContext
from workers.policy import Policy


def routed(run: StepContext, event: Routed) -> None:
    """Note the place of the last placing decision; have any other place withdrawn."""
    state, escalation = run.state, run.state.open
    if escalation is None or escalation.id != event.escalation_id:
        _withdraw(run, event)
    elif escalation.placing == event.seq and state.owner == "pending":
        _placed(run, event, escalation)
    elif (escalation.place, escalation.queue) != (event.place, event.queue):
        _withdraw(run, event)


def _withdraw(run: StepContext, event: Routed) -> None:
    if event.place == "contact":
        return
    about = run.state.open
    run.emit(
        "suppress",
        about if about is not None and about.id == event.escalation_id else None,
        escalation_id=event.escalation_id,
        cause="late_routing",
        place=event.place,
        queue=event.queue,
    )


def _placed(run: StepContext, event: Routed, escalation: Escalation) -> None:
    state = run.state
    if not escalation.claimed_at:
        # The time before the first claim is the wait; the time after it is not.
        changed(run, estimate=_estimate(run, event))
    changed(
        run,
        placing=None,
        place=event.place,
        queue=event.queue,
        reply_within=event.reply_minutes,
        idle_minutes=event.idle_minutes,
        on_idle=event.on_idle,
        update_minutes=event.update_minutes,
        warn_share=event.warn_share,
        assignee=event.assignee,
        updates=0,
    )
    if event.place == "contact":
        end(run, "contact_given")
        return
    state.history += 1
    if event.place == "queue":
        await_update(run)
    assigned_until = None if event.assignee is None else event.assigned_until
    if event.claim_due_at is not None and escalation.ticket_id is None:
        # A time that has passed already is due at the next moment.
        due = to_ms(event.claim_due_at if assigned_until is None else assigned_until)
        set_due(state, "claim", max(due, state.clock + 1))
        if assigned_until is None:
            await_warning(run, due)
    if event.expires_at is not None and not any(kind == "last" for kind, _ in state.deadlines):
        # It is counted from the opening: a transfer after a long talk has its full time again.
        last = to_ms(event.expires_at)
        again = state.clock + max(1, last - escalation.opened_at)
        set_due(state, "last", last if last > state.clock else again)


def _estimate(run: StepContext, event: Routed) -> Estimate | None:
    wait = event.predicted_wait
    if wait is None:
        return None
    return Estimate(event.queue, run.state.clock, wait.low_s, wait.high_s)


def place_anew(
    run: StepContext,
    action: Literal["move", "transfer"],
    cause: Cause | None,
    told: Mapping[str, Any] | None = None,
    **changes: Any,
) -> None:
    """Take the open escalation from where it is and have it placed again, nobody owning it.

    `changes` are of the escalation itself; the decision also tells where and whose it was, and
    what `told` adds.
    """
    state, before = run.state, run.state.open
    if before is None:
        return
    state.owner = "pending"
    state.deadlines = tuple([due for due in state.deadlines if due[0] == "last"])
    after = msgspec.structs.replace(
        before,
        place=None,
        person=None,
        ticket_id=None,
        reply_within=None,
        packet_epoch=None,
        idle_minutes=None,
        on_idle=None,
        update_minutes=None,
        warn_share=None,
        assignee=None,
        **changes,
    )
    state.open = after
    fields = {"place": before.place, "person": before.person, "cause": cause, **(told or {})}
    placing = run.emit(action, after, **fields)
    state.open = msgspec.structs.replace(after, placing=placing)


def raise_level(
    run: StepContext, cause: Cause, target: str | None = None, told: Mapping[str, Any] | None = None
) -> None:
    """Move the open escalation to the level above, or to `target`, where all rungs are open again.

    At the top it keeps its target and level, and the queue that missed it is not tried again.
    """
    escalation = run.state.open
    if escalation is None:
        return
    above = target or run.policy.above(escalation.target)
    if above is None:
        place_anew(run, "move", cause, told, tried=with_tried(escalation))
    else:
        place_anew(run, "move", cause, told, **at_level_above(run.policy, escalation, above))


def at_level_above(policy: Policy, escalation: Escalation, queue: str) -> dict[str, Any]:
    """Return the changes that take an escalation up to `queue`, a level, and its own limits."""
    return sent_to(queue) | reached(policy, escalation, queue)


def reached(policy: Policy, escalation: Escalation, queue: str) -> dict[str, Any]:
    """Return the level of an escalation that comes to `queue`: the highest that it has reached."""
    levels = policy.levels
    level = levels.index(queue) if queue in levels else 0
    return {"level": max(escalation.level, level)}


def await_person(run: StepContext) -> None:
    """Set the deadline for a word of the person who owns the conversation, from now on."""
    escalation = run.state.open
    if escalation is not None and run.state.owner == "person":
        minutes = escalation.idle_minutes or run.policy.idle_minutes
        set_due(run.state, "idle", run.state.clock + round(minutes * MINUTE))


def await_update(run: StepContext) -> None:
    """Set the time of the next look at the wait, unless there were enough."""
    escalation = run.state.open
    if escalation is not None and escalation.update_minutes and escalation.updates < UPDATES:
        set_due(run.state, "update", run.state.clock + round(escalation.update_minutes * MINUTE))


def await_warning(run: StepContext, due: int) -> None:
    """Set the time at which the team is warned of a claim or reply that is `due`, if it wants."""
    escalation, clock = run.state.open, run.state.clock
    if escalation is not None and escalation.warn_share is not None and due > clock:
        set_due(run.state, "warn", clock + round((due - clock) * escalation.warn_share))


def sent_to(queue: str) -> dict[str, Any]:
    """Return the changes that send an escalation to another queue, by that queue's own limits."""
    return {"target": queue, "tried": (), "claim_minutes": None, "reply_minutes": None}


def with_tried(escalation: Escalation, person: str | None = None) -> tuple[str, ...]:
    """Return the rungs that were tried, the one where it waits or waited included.

    With `person` that is their own rung, and the queue's is still open.
    """
    rung = "ticket" if escalation.place == "ticket" else escalation.queue
    if rung is not None and person is not None:
        rung = person_rung(rung, person)
    if rung is None or rung in escalation.tried:
        return escalation.tried
    return (*escalation.tried[1 - TRIED :], rung)
