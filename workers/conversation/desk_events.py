"""What desks report about the open escalation: claims, replies, transfers, ends, tickets."""

from collections.abc import Callable
from typing import Final

import msgspec

from workers.contracts import ids
from workers.contracts.decisions import Cause
from workers.contracts.events import Ownership
from workers.contracts.time import MINUTE
from workers.conversation.episodes import changed, end
from workers.conversation.placement import at_level_above, place_anew, sent_to, with_tried
from workers.conversation.state import NOTE_LIMIT, Escalation, cut, drop_due, set_due
from workers.conversation.step_context import StepContext


def ownership(run: StepContext, event: Ownership) -> None:
    """Apply what a desk reports; what comes too late is refused or passes without effect."""
    escalation = run.state.open
    if escalation is None or escalation.id != event.escalation_id:
        if event.action in ("accepted", "transferred"):
            refuse(run, event, "ended")
    elif handler := _HANDLERS.get(event.action):
        handler(run, event, escalation)


def refuse(run: StepContext, event: Ownership, cause: Cause) -> None:
    """Tell the desk that its request could not be applied."""
    about = run.state.open
    run.emit(
        "refuse",
        about if about is not None and about.id == event.escalation_id else None,
        escalation_id=event.escalation_id,
        cause=cause,
        queue=event.queue,
        person=event.agent_id,
    )


def claim(run: StepContext, person: str | None, queue: str | None = None) -> None:
    """Give the conversation to a person, whose episode begins."""
    state, escalation = run.state, run.state.open
    if escalation is None:
        return
    state.owner = "person"
    state.number += 1
    state.deadlines = ()
    place = escalation.place or (None if queue is None else "queue")
    changed(run, person=person, queue=queue or escalation.queue, place=place, placing=None)
    run.emit("claim", state.open)


def open_claimed(run: StepContext, person: str | None) -> None:
    """Open an escalation for a person who speaks first; while observing, only say so, once."""
    state, event = run.state, run.event
    escalation = Escalation(
        id=ids.escalation_id(event.conversation_id, event.event_id),
        reason="human_initiative",
        rule=None,
        opened_by=event.event_id,
        opened_at=state.clock,
        person=person,
    )
    state.escalated = True
    if not run.observe:
        state.open = escalation
        claim(run, person)
    elif _INITIATIVE not in state.episode.silenced:
        state.episode.silenced = (*state.episode.silenced, _INITIATIVE)
        run.emit("claim", escalation, observe=True)


_INITIATIVE: Final = 0
"""In place of a rule's key: a person who spoke first was told of in this episode."""


def _accepted(run: StepContext, event: Ownership, escalation: Escalation) -> None:
    if run.state.owner == "person":
        refuse(run, event, "already_claimed")
    elif event.epoch < run.state.epoch:
        refuse(run, event, "old_epoch")
    else:
        claim(run, event.agent_id, event.queue)
        minutes = escalation.reply_within or escalation.reply_minutes
        if minutes is not None:
            set_due(run.state, "reply", run.state.clock + round(minutes * MINUTE))


def _replied(run: StepContext, event: Ownership, escalation: Escalation) -> None:  # noqa: ARG001
    if run.state.owner == "person":
        drop_due(run.state, "reply")
    else:
        claim(run, event.agent_id, event.queue)


def _transferred(run: StepContext, event: Ownership, escalation: Escalation) -> None:
    state, policy = run.state, run.policy
    if event.epoch < state.epoch:
        refuse(run, event, "old_epoch")
        return
    if event.to_queue is None:
        refuse(run, event, "unknown_queue")
        return
    _keep_note(run, event)
    hops = escalation.hops + 1
    told = {"person": event.agent_id}
    if hops <= policy.max_hops:
        place_anew(run, "transfer", None, told, hops=hops, **sent_to(event.to_queue))
        return
    above = policy.above(escalation.target)
    changes = sent_to(policy.levels[-1]) if above is None else at_level_above(escalation, above)
    place_anew(run, "transfer", "hop_limit", told, hops=hops, **changes)


def _keep_note(run: StepContext, event: Ownership) -> None:
    note = event.note or event.reason
    if note is not None:
        run.state.desk_note = cut(note, NOTE_LIMIT)


def _returned(run: StepContext, event: Ownership, escalation: Escalation) -> None:  # noqa: ARG001
    _keep_note(run, event)
    end(
        run,
        "returned",
        action="return",
        note=event.note or event.reason,
        person=_person(run, event),
    )


def _resolved(run: StepContext, event: Ownership, escalation: Escalation) -> None:  # noqa: ARG001
    end(run, "resolved", note=event.resolution or event.note, person=_person(run, event))


def _abandoned(run: StepContext, event: Ownership, escalation: Escalation) -> None:  # noqa: ARG001
    end(run, "abandoned", note=event.note, person=_person(run, event))


def _person(run: StepContext, event: Ownership) -> str | None:
    return event.agent_id or (None if run.state.open is None else run.state.open.person)


def _ticketed(run: StepContext, event: Ownership, escalation: Escalation) -> None:
    if _is_late(run, event, escalation):
        return
    changed(run, place="ticket", queue=event.queue, ticket_id=event.ticket_id)
    drop_due(run.state, "claim")
    run.emit("move", run.state.open, cause="ticketed")


def _ticket_refused(run: StepContext, event: Ownership, escalation: Escalation) -> None:
    if _is_late(run, event, escalation):
        return
    ticket = msgspec.structs.replace(escalation, place="ticket")
    changed(run, place="ticket")
    place_anew(run, "move", "ticket_refused", tried=with_tried(ticket))


def _is_late(run: StepContext, event: Ownership, escalation: Escalation) -> bool:
    """Whether a ticket system answers a request that no longer stands; it is then recorded."""
    if run.state.owner == "pending" and event.epoch >= run.state.epoch:
        return False
    run.emit(
        "suppress",
        escalation,
        cause="old_epoch" if event.epoch < run.state.epoch else "already_claimed",
        place="ticket",
        queue=event.queue,
        ticket_id=event.ticket_id,
    )
    return True


_HANDLERS: Final[dict[str, Callable[[StepContext, Ownership, Escalation], None]]] = {
    "accepted": _accepted,
    "replied": _replied,
    "transferred": _transferred,
    "returned": _returned,
    "resolved": _resolved,
    "abandoned": _abandoned,
    "ticketed": _ticketed,
    "ticket_refused": _ticket_refused,
}
"""`rated` tells of work that is done; nothing here depends on it."""
