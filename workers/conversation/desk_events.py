"""Desks' reports about the open escalation: claims, replies, transfers, ends, tickets."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from workers.contracts import ids
from workers.contracts.decisions import Cause, Closing
from workers.contracts.events import Ownership
from workers.contracts.time import DAY, MINUTE, to_ms
from workers.conversation.episodes import changed, end
from workers.conversation.handover_history import note_of
from workers.conversation.lead_events import by_lead
from workers.conversation.placement import (
    at_level_above,
    await_person,
    await_warning,
    place_anew,
    reached,
    sent_to,
    with_tried,
)
from workers.conversation.ratings import rate
from workers.conversation.state import NOTE_LIMIT, Escalation, State, cut, drop_due, set_due, tail
from workers.conversation.step_context import StepContext
from workers.redaction.redact import redact

CLOSING_LIMIT: Final = 500
"""Bytes of each text that an end carries."""
TICKET_LIFE_MS: Final = 30 * DAY
"""A ticket that is still open by then ends its escalation as expired."""


def ownership(run: StepContext, event: Ownership) -> None:
    """Apply a desk's report; one that comes too late is refused or passes without effect."""
    if event.action == "rated":
        rate(run, event)
        return
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


def claim(run: StepContext, person: str | None, queue: str | None = None, **told: Any) -> None:
    """Give the conversation to a person, whose episode begins."""
    state, escalation = run.state, run.state.open
    if escalation is None:
        return
    waited = escalation.placing is not None or escalation.place is not None
    packet_epoch = state.epoch if waited else None
    state.owner = "person"
    state.number += 1
    state.deadlines = ()
    place = escalation.place or (None if queue is None else "queue")
    changed(
        run,
        person=person,
        queue=queue or escalation.queue,
        place=place,
        placing=None,
        packet_epoch=packet_epoch,
        claimed_at=escalation.claimed_at or state.clock,
    )
    await_person(run)
    run.emit("claim", state.open, **told)


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
        begun_at=to_ms(event.occurred_at),
        replied_at=state.clock,
    )
    state.escalated = True
    if not run.observe:
        state.open = escalation
        claim(run, person)
    elif _INITIATIVE not in state.episode.silenced:
        state.episode.silenced = (*state.episode.silenced, _INITIATIVE)
        run.emit("claim", escalation, observe=True)


_INITIATIVE: Final = 0
"""Stands for a rule's key: a person who spoke first was told of in this episode."""


def _objection(state: State, event: Ownership, escalation: Escalation) -> Cause | None:
    """Return the cause for which a desk's request cannot be applied; None if it can.

    While the escalation waits, the request needs the epoch of its packet and its queue, once the
    fold knows the queue: an honest desk may be faster than the router's answer. While a person owns
    the conversation, only that person may act, under the epoch of the claim or of the packet.
    """
    if state.owner == "person":
        if escalation.person is not None and event.agent_id != escalation.person:
            return "not_owner"
        return None if event.epoch in (state.epoch, escalation.packet_epoch) else "wrong_epoch"
    if event.epoch != state.epoch:
        return "wrong_epoch"
    if escalation.place is not None and event.queue != escalation.queue:
        return "wrong_queue"
    return None


def _accepted(run: StepContext, event: Ownership, escalation: Escalation) -> None:
    if event.force:
        _given(run, event, escalation)
    elif run.state.owner == "person":
        refuse(run, event, "already_claimed")
    elif objection := _objection(run.state, event, escalation):
        refuse(run, event, objection)
    else:
        claim(run, event.agent_id, event.queue)
        _await_reply(run, escalation)


def _given(run: StepContext, event: Ownership, escalation: Escalation) -> None:
    """Give it to the person that a lead names, even from another; ignore a stale request."""
    state = run.state
    if state.owner == "person" and event.agent_id == escalation.person:
        refuse(run, event, "already_claimed")
    elif event.epoch not in (state.epoch, escalation.packet_epoch):
        refuse(run, event, "wrong_epoch")
    else:
        claim(run, event.agent_id, escalation.queue or event.queue, **by_lead(event))
        _await_reply(run, escalation)


def _await_reply(run: StepContext, escalation: Escalation) -> None:
    minutes = escalation.reply_within or escalation.reply_minutes
    if minutes is not None:
        due = run.state.clock + round(minutes * MINUTE)
        set_due(run.state, "reply", due)
        await_warning(run, due)


def _replied(run: StepContext, event: Ownership, escalation: Escalation) -> None:
    if objection := _objection(run.state, event, escalation):
        refuse(run, event, objection)
        return
    note_reply(run)
    if run.state.owner == "person":
        drop_due(run.state, "reply", "warn")
        await_person(run)
    else:
        claim(run, event.agent_id, event.queue)


def note_reply(run: StepContext) -> None:
    """Keep when a person first wrote to the customer in the open escalation.

    A reply is told by its message and by its desk, in no order: the earlier of their times holds.
    """
    escalation = run.state.open
    if escalation is None:
        return
    at = max(to_ms(run.event.occurred_at), escalation.opened_at)
    if not escalation.replied_at or at < escalation.replied_at:
        changed(run, replied_at=at)


def _transferred(run: StepContext, event: Ownership, escalation: Escalation) -> None:
    state, policy = run.state, run.policy
    if objection := _objection(state, event, escalation):
        refuse(run, event, objection)
        return
    if event.to_queue is None:
        refuse(run, event, "unknown_queue")
        return
    _keep_note(run, event)
    hops = escalation.hops + 1
    told = {"person": event.agent_id}
    if hops <= policy.max_hops:
        changes = sent_to(event.to_queue) | reached(policy, escalation, event.to_queue)
        place_anew(run, "transfer", None, told, hops=hops, **changes)
        return
    above = policy.above(escalation.target)
    changes = at_level_above(policy, escalation, above or policy.levels[-1])
    place_anew(run, "transfer", "hop_limit", told, hops=hops, **changes)


def _keep_note(run: StepContext, event: Ownership) -> None:
    note = note_of(event)
    if note is not None:
        # Where it stands now is said last; the transcript's history has it whole.
        run.state.desk_note = tail(note, NOTE_LIMIT)


def _returned(run: StepContext, event: Ownership, escalation: Escalation) -> None:
    _keep_note(run, event)
    end(
        run,
        "returned",
        action="return",
        note=note_of(event),
        **_ender(event, escalation),
    )


def _resolved(run: StepContext, event: Ownership, escalation: Escalation) -> None:
    end(run, "resolved", note=event.resolution or event.note, **_ender(event, escalation))


def _abandoned(run: StepContext, event: Ownership, escalation: Escalation) -> None:
    end(run, "abandoned", note=event.note, **_ender(event, escalation))


def _closing(event: Ownership) -> Closing | None:
    """Return what is left to the AI agent, as far as it may be published."""
    texts = (event.reason, event.note, event.resolution)
    reason, note, resolution = (None if text is None else _hidden(text) for text in texts)
    closing = Closing(reason=reason, note=note, resolution=resolution)
    return None if closing == Closing() else closing


def _hidden(text: str) -> str:
    return cut(redact(text, "strict", CLOSING_LIMIT), CLOSING_LIMIT)


def _ender(event: Ownership, escalation: Escalation) -> dict[str, Any]:
    """Return the fields of an end by any person; one who did not own it is noted as such."""
    owner, person = escalation.person, event.agent_id or escalation.person
    cause = None if owner in (None, person) else "not_owner"
    left = {"justified": event.justified, "closing": _closing(event)}
    return {"person": person, "cause": cause, **left}


def _ticketed(run: StepContext, event: Ownership, escalation: Escalation) -> None:
    if _is_late(run, event, escalation):
        return
    if escalation.place == "ticket" and escalation.ticket_id == event.ticket_id:
        # A ticket that was updated is reported again: the customer knows its number.
        return
    changed(run, place="ticket", queue=event.queue, ticket_id=event.ticket_id)
    drop_due(run.state, "claim", "update", "warn")
    set_due(run.state, "last", run.state.clock + TICKET_LIFE_MS)
    run.emit("move", run.state.open, cause="ticketed", ticket_url=event.ticket_url)


def _ticket_refused(run: StepContext, event: Ownership, escalation: Escalation) -> None:
    if _is_late(run, event, escalation):
        return
    ticket = msgspec.structs.replace(escalation, place="ticket")
    changed(run, place="ticket")
    place_anew(run, "move", "ticket_refused", tried=with_tried(ticket))


def _is_late(run: StepContext, event: Ownership, escalation: Escalation) -> bool:
    """Return True, and record it, if a ticket system answers a request that no longer stands."""
    claimed = run.state.owner == "person"
    cause = "already_claimed" if claimed else _objection(run.state, event, escalation)
    if cause is None and escalation.place == "queue":
        cause = "wrong_queue"
    if cause is None:
        return False
    run.emit(
        "suppress",
        escalation,
        cause=cause,
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
