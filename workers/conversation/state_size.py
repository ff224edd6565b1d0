"""Keeps a stored state at two kilobytes: gives up explanations before facts that decide."""

from collections.abc import Callable
from typing import Final

import msgspec

from workers.contracts.events import Event, Message
from workers.conversation.state import State, encode_state

STATE_LIMIT: Final = 2_000
"""Bytes of a stored state from which on it is made smaller."""

# Growth by one event, with ids and names of usual length. Counting high only means that the
# state is measured sooner.
_TURN: Final = 160
NOTED_INTENT: Final = 120
_CUSTOMER: Final = 550
_CALLS: Final = 300
_OTHER: Final = 400
_DECIDED: Final = 500


def keep_small(state: State, event: Event, decided: bool) -> None:
    """Make a state smaller once it may have become too large; called at the end of each step.

    It depends on the events alone, not on when the state is stored.
    """
    state.weight += _growth(event) + (_DECIDED if decided else 0)
    if state.weight <= STATE_LIMIT:
        return
    state.weight = 0
    size = len(encode_state(state))
    for give_up in _STEPS:
        if size <= STATE_LIMIT:
            break
        give_up(state)
        size = len(encode_state(state))
    state.weight = size


def _growth(event: Event) -> int:
    if type(event) is not Message:
        return _OTHER
    growth = _TURN
    if event.customer is not None or event.subject is not None:
        growth += _CUSTOMER
    agent = event.agent
    if agent is not None and (agent.tool_calls or agent.intents or agent.requested_escalation):
        growth += _CALLS
    return growth


def _tool_errors(state: State) -> None:
    replace = msgspec.structs.replace
    state.episode.tools = tuple([replace(tool, error=None) for tool in state.episode.tools])


def _found_words(state: State) -> None:
    noted = state.episode.noted_intents
    state.episode.noted_intents = tuple([msgspec.structs.replace(one, words=None) for one in noted])


def _older_notes(state: State) -> None:
    older = [msgspec.structs.replace(one, note=None) for one in state.earlier[:-1]]
    state.earlier = (*older, *state.earlier[-1:])


def _moods(state: State) -> None:
    state.episode.mood = state.episode.mood[-1:]


def _ai_note(state: State) -> None:
    state.episode.ai_note = None


def _older_ends(state: State) -> None:
    state.earlier = state.earlier[-2:]


def _tools_that_work(state: State) -> None:
    state.episode.tools = tuple([tool for tool in state.episode.tools if tool.failing][-2:])


def _notes(state: State) -> None:
    state.desk_note = None
    state.earlier = tuple([msgspec.structs.replace(one, note=None) for one in state.earlier])


_STEPS: Final[tuple[Callable[[State], None], ...]] = (
    _tool_errors,
    _found_words,
    _older_notes,
    _moods,
    _ai_note,
    _older_ends,
    _tools_that_work,
    _notes,
)
"""Reductions of a state, tried in this order until it is small enough."""
