"""The history of a conversation in words: who had it when, and how it went on."""

from collections.abc import Callable
from typing import Final

from workers.contracts.decisions import Decision, Turn, placed_turn
from workers.contracts.handoffs import PacketTurn
from workers.contracts.ids import routed_event_id
from workers.contracts.ledger import Plan
from workers.contracts.time import to_ms
from workers.handoff.frames import Frame

NOTED: Final = frozenset({"note", "transferred", "returned"})
"""Entries by which a person leaves a note for the next."""


def is_history(turn: Turn | PacketTurn, words: Frame) -> bool:
    """Return whether an entry of a transcript says who had the conversation: it is no message."""
    return turn.role == "system" and words.has("history", turn.status or "")


def history_text(turn: Turn, words: Frame, hide: Callable[[str], str] = str) -> str:
    """Return such an entry as one sentence, with the note that was left; `hide` redacts names."""
    where = hide(turn.to_queue or turn.queue or "?")
    text = words("history", turn.status or "", queue=where)
    if turn.reason is not None:
        text += f": {words('reason', turn.reason)}"
    if turn.level:
        text += f", {words('history', 'level', level=turn.level)}"
    if turn.name:
        text += f" ({hide(turn.name)})"
    note = hide(turn.content)
    return f"{text}: {note}" if note else text


def own_entry(decision: Decision, plan: Plan) -> Turn | None:
    """Return the entry for the placement that a packet comes by, as the fold will append it."""
    if plan.queue is None or plan.place not in ("queue", "ticket"):
        return None
    return placed_turn(
        routed_event_id(decision.decision_id, plan.place, plan.queue),
        to_ms(decision.decided_at),
        decision.episode,
        ticket=plan.place == "ticket",
        queue=plan.queue,
        reason=decision.reason,
        level=decision.level,
    )
