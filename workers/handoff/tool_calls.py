"""Pairs the calls of the AI's tools with their results."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from workers.contracts.decisions import Turn

_AI: Final = "ai_agent"


class PairedCall(NamedTuple):
    """A call of a tool and its result, as far as the transcript has both."""

    name: str
    arguments: str
    """JSON, as it was written."""
    call: Turn | None
    result: Turn | None

    @property
    def event_id(self) -> str:
        """The event of the result, else of the call."""
        turn = self.result or self.call
        return turn.event_id if turn is not None else ""


def calls_in(turns: Sequence[Turn]) -> tuple[PairedCall, ...]:
    """Return the calls of some turns with their results: paired by id, else in order per name.

    Calls that nothing answered come last.
    """
    waiting: list[tuple[str, str, str, Turn]] = []
    found: list[PairedCall] = []
    for turn in turns:
        if turn.role == _AI and turn.calls:
            for at, name in enumerate(turn.calls):
                written = turn.arguments[at] if at < len(turn.arguments) else ""
                call_id = turn.call_ids[at] if at < len(turn.call_ids) else ""
                waiting.append((name, call_id, written, turn))
        elif turn.role == "tool" and turn.name:
            answered = turn.call_ids[0] if turn.call_ids else ""
            index = next(
                (
                    at
                    for at, (name, call_id, *_) in enumerate(waiting)
                    if (answered == call_id if answered and call_id else name == turn.name)
                ),
                None,
            )
            if index is None:
                found.append(PairedCall(turn.name, "", None, turn))
            else:
                name, _, written, call = waiting.pop(index)
                found.append(PairedCall(name, written, call, turn))
    found += [PairedCall(name, written, call, None) for name, _, written, call in waiting]
    return tuple(found)
