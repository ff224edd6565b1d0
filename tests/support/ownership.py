"""Conversations that wait for a person, or that a person has claimed."""

import msgspec

from tests.support.fold_history import ASKS, History
from workers.contracts.decisions import Turn


def waiting() -> History:
    """Return a conversation whose escalation waits on tier 2."""
    h = History()
    h.customer(ASKS)
    h.route()
    return h


def claimed() -> History:
    h = waiting()
    h.desk("accepted")
    return h


def statuses(h: History) -> list[str | None]:
    return [msgspec.msgpack.decode(turn, type=Turn).status for turn in h.turns]
