"""The transcript's own entries: who had the conversation when, and how it went on."""

from collections.abc import Iterable
from typing import Final

from workers.contracts.decisions import Decision, Turn, placed_turn
from workers.contracts.events import Event, Lead, Message, Ownership, Routed
from workers.contracts.time import to_ms
from workers.conversation.state import State
from workers.conversation.step_context import TOLD, Effect

NOTE_LIMIT: Final = 2_048
"""Characters of a person's note."""
_STATUS: Final = {"claim": "claimed", "transfer": "transferred"}
"""Status of an entry for a decision without an outcome."""


def history_of(
    event: Event, before: State, after: State, effects: Iterable[Effect]
) -> tuple[Turn, ...]:
    """Return the entries for what `event` changed: placed, claimed, passed on, given back, ended.

    There are as many as `State.history` grew by. None is the customer's or the AI agent's.
    """
    if type(event) is Routed and event.place != "contact":
        return _placed(event, after) if after.history > before.history else ()
    return _told(event, effects)


def _placed(event: Routed, after: State) -> tuple[Turn, ...]:
    escalation = after.open
    if escalation is None:
        return ()
    return (
        placed_turn(
            event.event_id,
            to_ms(event.occurred_at),
            after.number,
            ticket=event.place == "ticket",
            queue=event.queue,
            reason=escalation.reason,
            level=escalation.level,
        ),
    )


def _told(event: Event, effects: Iterable[Effect]) -> tuple[Turn, ...]:
    told = [one for one in effects if type(one) is Decision and one.action in TOLD]
    taken = type(event) is Message
    turns = []
    for decision in told:
        if decision.observe:
            continue
        # A message has its own entry, and ids stand for one entry each.
        event_id = decision.decision_id if taken else event.event_id
        turns.append(_entry(event, event_id, decision))
        taken = True
    return tuple(turns)


def _entry(event: Event, event_id: str, decision: Decision) -> Turn:
    moved = decision.action == "transfer"
    return Turn(
        event_id,
        to_ms(event.occurred_at),
        "system",
        _note(event),
        decision.episode,
        _name(event, decision),
        decision.outcome or _STATUS[decision.action],
        queue=decision.queue,
        to_queue=decision.target_queue if moved else None,
    )


def note_of(event: Ownership) -> str | None:
    """Return what a person who hands the conversation on wants the next to know, if anything."""
    return event.note or event.reason


def _note(event: Event) -> str:
    """Return the reason that a person gave by hand; a claim needs none."""
    if type(event) is Ownership and event.action != "accepted":
        return (event.resolution or note_of(event) or "")[:NOTE_LIMIT]
    return event.reason[:NOTE_LIMIT] if type(event) is Lead else ""


def _name(event: Event, decision: Decision) -> str | None:
    """Return who did it, if anybody did it by hand."""
    if type(event) is Ownership:
        return event.agent_name or event.agent_id or decision.person
    if type(event) is Lead:
        return event.lead
    if type(event) is Message and event.role == "human_agent" and event.agent is not None:
        return event.agent.name or event.agent.id
    return None
