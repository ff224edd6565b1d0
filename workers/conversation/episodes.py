"""Beginnings of episodes and ends of escalations."""

from typing import Any, Final

import msgspec

from workers.contracts.decisions import Action, Outcome, PredictedWait
from workers.contracts.time import from_ms, to_ms
from workers.conversation.state import (
    EARLIER,
    EARLIER_NOTE_LIMIT,
    Ended,
    Episode,
    Escalation,
    State,
    noted,
)
from workers.conversation.step_context import StepContext

_LASTING: Final = 0.5
"""Share of the frustration before a customer's message that is left with it."""


def begin_episode(state: State) -> None:
    """Hand the conversation to the AI agent with nothing counted against it."""
    state.number += 1
    state.owner = "ai"
    state.episode = Episode(started_at=state.clock)
    state.deadlines = ()


def note_mood(episode: Episode, frustrated: float) -> None:
    """Take the frustration in a customer's message, 0 to 1, as that of the last one."""
    episode.earlier_mood = round(_LASTING * mood_of(episode), 3)
    episode.frustrated = frustrated


def mood_of(episode: Episode) -> float:
    """Return the frustration of the episode's messages, 0 to 1; each earlier one counts by half.

    So the third complaint weighs more than the first, and a calm message halves what was before.
    """
    return round(1 - (1 - episode.earlier_mood) * (1 - episode.frustrated), 3)


def end(
    run: StepContext,
    outcome: Outcome,
    *,
    action: Action = "outcome",
    note: str | None = None,
    leaves: bool = False,
    **fields: Any,
) -> None:
    """End the open escalation, whose outcome this is; the AI agent goes on unless it is closed.

    With `leaves` the customer has closed the conversation, with any outcome; so they have when
    they left while a ticket waited.
    """
    state, escalation = run.state, run.state.open
    if escalation is None:
        return
    closed = leaves or state.left or outcome == "closed"
    state.left, state.deadlines = False, ()
    state.owner = "closed" if closed else "ai"
    state.open = None
    predicted = predicted_wait(escalation)
    run.emit(action, escalation, outcome=outcome, predicted_wait=predicted, **fields)
    kept = None if note is None else noted(note, EARLIER_NOTE_LIMIT)
    own_at = to_ms(run.event.occurred_at)
    ended = Ended(escalation.id, escalation.reason, outcome, state.clock, kept, own_at)
    state.earlier = (*state.earlier[1 - EARLIER :], ended)
    if escalation.person is not None:
        state.last_person, state.last_person_at = escalation.person, state.clock
    if not closed:
        begin_episode(state)
        # A customer who did not want the person after all need not be asked again.
        state.episode.declined = outcome == "withdrawn"


def predicted_wait(escalation: Escalation) -> PredictedWait | None:
    """Return what was estimated where an escalation was first claimed, if anything was."""
    found = escalation.estimate
    if found is None or not escalation.claimed_at:
        return None
    placed_at = from_ms(found.placed_at)
    return PredictedWait(
        queue=found.queue, placed_at=placed_at, low_s=found.low_s, high_s=found.high_s
    )


def changed(run: StepContext, **fields: Any) -> None:
    """Change fields of the open escalation."""
    if run.state.open is not None:
        run.state.open = msgspec.structs.replace(run.state.open, **fields)
