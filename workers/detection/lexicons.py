"""The word lists as the readers of turns take them: the shipped ones, and a deployment's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final, TypeVar

from workers.detection import (
    frustration,
    other_wordings,
    replies,
    request,
    request_rules,
    topic_finding,
)
from workers.detection.lexicon import Cues, LexiconEntry, build, own_lists, shipped_lists

ASKS, FEELS, FAINT, HINTS, TURNS, CLOSES, OTHERWISE, TOPICAL = 1, 2, 4, 8, 16, 32, 64, 128
"""The findings of a first look at a customer's words, as flags."""
T = TypeVar("T")
_HANDOVER_CUES = "HAMSXEYFDBI31"
_REMEMBERED: Final = 4_096


class Vocabulary:
    """Lexicons of requests, replies and moods, and the first looks that are made from them."""

    __slots__ = (
        "agent_cues",
        "customer_cues",
        "mood",
        "openings",
        "remembered",
        "reply",
        "request",
        "yes",
    )

    def __init__(self, lists: list[LexiconEntry]) -> None:
        """Build it from word lists; of a word that stands in several the first holds."""
        self.remembered: dict[object, Any] | None = None
        """Findings of turns that were read within `remembering`."""
        self.request = build(lists, request_rules.SECTION, request_rules.CODES)
        self.reply = build(lists, replies.SECTION, replies.CODES)
        self.mood = build(lists, frustration.SECTION, frustration.CODES)
        self.yes = self.reply.openings(replies.YES)
        self.openings = self.reply.openings(replies.OPENINGS)
        self.agent_cues = Cues()
        self.agent_cues.add(self.request, _HANDOVER_CUES, 1)
        self.customer_cues = cues = Cues()
        cues.add(self.request, request.CUES, ASKS)
        cues.add_pairs(self.request, *request.CUE_PAIRS, ASKS)
        cues.add(self.mood, frustration.TELLING, FEELS)
        cues.add(self.mood, frustration.FAINT, FAINT)
        cues.add(self.reply, replies.TURNING, TURNS)
        cues.add(self.reply, replies.CLOSING, CLOSES)
        cues.add(self.reply, replies.HINTS, HINTS)
        cues.add_words(other_wordings.CUES, OTHERWISE)
        cues.add_words(topic_finding.CUES, TOPICAL)


@contextmanager
def remembering(lists: Vocabulary) -> Iterator[None]:
    """Keep what was found in the last turns, for a caller who reads each of them many times."""
    lists.remembered = {}
    try:
        yield
    finally:
        lists.remembered = None


def remember(lists: Vocabulary, key: object, found: T) -> T:
    """Keep a finding under a key if findings are kept, and return it."""
    known = lists.remembered
    if known is not None:
        if len(known) >= _REMEMBERED:
            known.clear()
        known[key] = found
    return found


@lru_cache(maxsize=8)
def vocabulary(own: str = "") -> Vocabulary:
    """Return the shipped vocabulary, after the lists in `own` as a policy carries them.

    ValueError names the list and the line that cannot be read.
    """
    return Vocabulary([*own_lists(own), *shipped_lists()])


SHIPPED = vocabulary()
REQUEST, REPLY, MOOD = SHIPPED.request, SHIPPED.reply, SHIPPED.mood
