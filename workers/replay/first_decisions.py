"""The first escalation and the first offer of every conversation under each policy, on disk."""

import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from workers.contracts.decisions import Decision
from workers.redaction.redact import quote
from workers.replay.conversation_cache import CachedConversation

FlipKind = Literal["gained", "lost", "earlier", "later", "queue", "reason", "offer"]
KINDS: Final[tuple[FlipKind, ...]] = (
    "gained", "lost", "earlier", "later", "queue", "reason", "offer",
)  # fmt: skip
"""The ways in which a conversation differs: escalated by the tried policy only, by the other only,
at an earlier or a later turn; at the same one to another queue, or for another reason; or only by
an offer."""


class First(msgspec.Struct, frozen=True, kw_only=True):
    """The first escalation of a conversation under one policy: where, why and to whom."""

    turn: int
    event_id: str
    at: str
    rule: str | None = None
    reason: str | None = None
    queue: str | None = None
    words: str | None = None
    """The customer's, redacted; at most 80 characters."""
    hypothetical: bool = False
    """The log would not have gone on like this: it counts in no rate."""


class FirstOffer(msgspec.Struct, frozen=True, kw_only=True):
    """The first offer of a person under one policy: where, and by which rule."""

    turn: int
    rule: str | None = None


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation that two policies decide differently: the tried one, and the other."""

    conversation_id: str
    kind: FlipKind
    tried: First | None = None
    other: First | None = None
    turns_earlier: int | None = None
    """The number of turns before the other at which the tried policy calls; negative: after it."""
    tried_offer: FirstOffer | None = None
    other_offer: FirstOffer | None = None


_FIRST: Final = (
    "turn INT, event TEXT, at TEXT, rule TEXT, reason TEXT, queue TEXT, words TEXT, hyp INT"
)
_DIFFERENCE: Final = """
SELECT ids.id,
  a.turn, a.event, a.at, a.rule, a.reason, a.queue, a.words, a.hyp,
  b.turn, b.event, b.at, b.rule, b.reason, b.queue, b.words, b.hyp,
  oa.turn, oa.rule, ob.turn, ob.rule
FROM (SELECT id, began FROM lane0 UNION SELECT id, began FROM lane1
      UNION SELECT id, began FROM offers0 UNION SELECT id, began FROM offers1) ids
LEFT JOIN lane0 a ON a.id = ids.id AND a.began = ids.began
LEFT JOIN lane1 b ON b.id = ids.id AND b.began = ids.began
LEFT JOIN offers0 oa ON oa.id = ids.id AND oa.began = ids.began
LEFT JOIN offers1 ob ON ob.id = ids.id AND ob.began = ids.began
ORDER BY ids.id, ids.began
"""
_COLUMNS: Final = 8
_OF_THE_AI: Final = "promised_person"
"""The one signal that quotes the AI agent."""


class FirstDecisions:
    """The first decisions of two lanes about each conversation, to be compared."""

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / "firsts.sqlite", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("PRAGMA synchronous=OFF")
        key = "id TEXT, began INT"
        for lane in (0, 1):
            for table, columns in (
                (f"lane{lane}", _FIRST),
                (f"offers{lane}", "turn INT, rule TEXT"),
            ):
                self._db.execute(
                    f"CREATE TABLE {table} ({key}, {columns}, PRIMARY KEY (id, began))"
                    " WITHOUT ROWID"
                )
        self._db.execute("BEGIN")

    def close(self) -> None:
        """Close the file; the folder is the caller's."""
        self._db.close()

    def note(
        self, lane: int, decision: Decision, track: CachedConversation, *, hypothetical: bool
    ) -> None:
        """Keep an escalation of a lane, if it is the conversation's first there."""
        quotes = (one.quote for one in decision.evidence if one.signal != _OF_THE_AI)
        words = next(filter(None, quotes), None)
        row = (
            decision.conversation_id, track.began, max(1, decision.facts.turns),
            decision.trigger_event_id, f"{decision.decided_at:%Y-%m-%dT%H:%M:%SZ}",
            decision.rule, decision.reason, decision.target_queue,
            words or quote(track.said, 0, len(track.said)) or None, hypothetical,
        )  # fmt: skip
        self._db.execute(
            f"INSERT OR IGNORE INTO lane{lane} VALUES (?,?,?,?,?,?,?,?,?,?)",  # noqa: S608 - 0 or 1
            row,
        )

    def note_offer(self, lane: int, decision: Decision, track: CachedConversation) -> None:
        """Keep the first offer of a lane in a conversation."""
        row = (decision.conversation_id, track.began, max(1, decision.facts.turns), decision.rule)
        self._db.execute(
            f"INSERT OR IGNORE INTO offers{lane} VALUES (?,?,?,?)",  # noqa: S608 - 0 or 1
            row,
        )

    def difference(self, listed: int) -> tuple[Counter[str], Counter[int], list[Flip]]:
        """Return how many conversations differ in which way, and the first of them by their ids.

        The second are conversations by the turns that the tried policy calls earlier.
        """
        kinds: Counter[str] = Counter()
        turns: Counter[int] = Counter()
        flips: list[Flip] = []
        for row in self._db.execute(_DIFFERENCE):
            flip = _flip(row)
            if flip is not None:
                kinds[flip.kind] += 1
                if flip.turns_earlier:
                    turns[flip.turns_earlier] += 1
                if len(flips) < listed:
                    flips.append(flip)
        return kinds, turns, flips


def _flip(row: tuple[Any, ...]) -> Flip | None:
    tried, other = _first(row[1 : 1 + _COLUMNS]), _first(row[1 + _COLUMNS : 1 + 2 * _COLUMNS])
    offers = row[1 + 2 * _COLUMNS :]
    tried_offer, other_offer = _offer(offers[:2]), _offer(offers[2:])
    kind = _kind(_counted(tried), _counted(other))
    if kind is None and tried_offer != other_offer:
        kind = "offer"
    if kind is None:
        return None
    earlier = None
    if kind in ("earlier", "later") and tried is not None and other is not None:
        earlier = other.turn - tried.turn
    return Flip(
        conversation_id=row[0],
        kind=kind,
        tried=tried,
        other=other,
        turns_earlier=earlier,
        tried_offer=tried_offer,
        other_offer=other_offer,
    )


def _kind(tried: First | None, other: First | None) -> FlipKind | None:
    if tried is None or other is None:
        return None if tried is other else "lost" if tried is None else "gained"
    if tried.turn != other.turn:
        return "earlier" if tried.turn < other.turn else "later"
    if tried.queue != other.queue:
        return "queue"
    return None if (tried.rule, tried.reason) == (other.rule, other.reason) else "reason"


def _counted(first: First | None) -> First | None:
    return None if first is None or first.hypothetical else first


def _first(row: tuple[Any, ...]) -> First | None:
    if row[0] is None:
        return None
    *fields, hypothetical = row
    names = First.__struct_fields__
    return First(**dict(zip(names, fields, strict=False)), hypothetical=bool(hypothetical))


def _offer(row: tuple[Any, ...]) -> FirstOffer | None:
    return None if row[0] is None else FirstOffer(turn=row[0], rule=row[1])
