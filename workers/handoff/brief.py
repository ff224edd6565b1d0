"""The brief on a person's work for the AI agent when the conversation comes back to it."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from workers.contracts.control import Brief
from workers.contracts.decisions import Closing, Decision, Turn
from workers.contracts.time import to_ms
from workers.handoff.wording import READ_LIMIT, one_line
from workers.redaction.redact import redact

SAID: Final = 2
"""Turns of the person that are given whole, and of the customer without an answer."""
SAID_LIMIT: Final = 500
PROMISES: Final = 4
PROMISE_LIMIT: Final = 200
_BACK: Final = frozenset({"returned", "resolved"})
_SENTENCE: Final = re.compile(r"[^.!?\n]+[.!?]?")
_COMMITMENTS: Final = re.compile(
    "|".join(
        (
            # English
            r"\b(?:i|we)(?:['\u2019]ll| will| shall| promise| am going to| are going to)\b",
            r"\byou(?:['\u2019]ll| will) (?:get|receive|hear|have|be)\b",
            # German
            r"\b(?:ich|wir) (?:werden?|schicken?|senden?|melden?|erstatten?|rufen?)\b",
            r"\b(?:werde|schicke|sende|melde|erstatte|k\u00fcmmere|rufe) ich\b",
            r"\bsie (?:bekommen|erhalten|h\u00f6ren von)\b",
            # Spanish and Portuguese
            r"\b(?:le|les|se|lhe|lhes) \w+(?:remos|r\u00e9|r\u00e1|rei)\b",
            r"\b(?:recibir\u00e1|receber\u00e1|enviar(?:emos|\u00e9|ei)|devolver(?:emos|\u00e9|ei))\b",
            r"\b(?:voy|vamos) a \w+r\b|\b(?:vou|vamos) \w+r\b",
            # French
            r"\b(?:je|nous) (?:vous )?(?:vais|allons|\w+rai|\w+rons)\b|\bvous (?:recevrez|aurez)\b",
            # Italian
            r"\b(?:ricever\u00e0|richiamer(?:\u00f2|emo)|invier(?:\u00f2|emo)|rimborser(?:\u00f2|emo))\b",
            # Dutch
            r"\b(?:ik|wij|we) (?:zal|zullen|ga|gaan|stuur|sturen|bel|bellen|regelen?)\b",
            r"\bu (?:krijgt|ontvangt|hoort)\b",
        )
    ),
    re.IGNORECASE,
)


def is_briefed(decision: Decision) -> bool:
    """Return whether the AI agent goes on after a person, and should know what they did."""
    return decision.outcome in _BACK and not decision.observe


def brief(decision: Decision, transcript: Sequence[Turn]) -> Brief | None:
    """Return the brief for the AI agent when a person has ended an escalation, else None.

    `transcript` is the conversation's up to the decision. Everything passes the redaction
    `standard`; promises are whole sentences of the person that speak of what will be done.
    """
    if not is_briefed(decision):
        return None
    since = to_ms(decision.opened_at or decision.decided_at)
    turns = [turn for turn in transcript if turn.at >= since and turn.content]
    spoken = [turn for turn in turns if turn.role == "human_agent"][-SAID:]
    last = turns.index(spoken[-1]) if spoken else -1
    unanswered = [turn for turn in turns[last + 1 :] if turn.role == "customer"][-SAID:]
    closing = decision.closing or Closing()
    return Brief(
        person=decision.person,
        reason=closing.reason,
        note=closing.note,
        resolution=closing.resolution,
        said=tuple(map(_shown, spoken)),
        promises=tuple(_promises(spoken))[-PROMISES:],
        open=tuple(map(_shown, unanswered)),
    )


def _shown(turn: Turn) -> str:
    return one_line(redact(turn.content, "standard", SAID_LIMIT))[:SAID_LIMIT]


def _promises(turns: Sequence[Turn]) -> Iterator[str]:
    for turn in turns:
        for sentence in _SENTENCE.findall(redact(turn.content, "standard", READ_LIMIT)):
            if _COMMITMENTS.search(sentence):
                yield one_line(sentence)[:PROMISE_LIMIT]
