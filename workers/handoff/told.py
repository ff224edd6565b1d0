"""The AI's refusals, promises and offers to the customer, and its last words."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from workers.contracts.decisions import Turn
from workers.handoff.acts import acts_of
from workers.handoff.sentences import (
    CONDITIONAL,
    CONFIRM,
    DECLINES,
    INSTRUCTS,
    OFFERS,
    OTHERWISE,
    PERSON,
    PLANS,
    PROMISES,
    REFUSES,
    UNDONE,
    point,
)
from workers.handoff.tool_work import ToolWork
from workers.handoff.view import AI, CUSTOMER, PacketView
from workers.handoff.wording import READ_LIMIT, is_courtesy, says_something

LAST: Final = 6
"""AI turns that are read, the last of the episode."""
_SENTENCES: Final = 24
EMPTY: Final = re.compile(r"\b(?:that|the|this) (?:check|test|step)s?$|\bwhat you\b")
"""A step that says nothing without the message before it."""
LEADS: Final = re.compile(
    r"(?:here (?:are|is|['\u2019]s)|let['\u2019]s|let me|i(?:['\u2019]d| would) be (?:happy|glad)|"
    r"i(?:['\u2019]ve| have) (?:located|found)|first)\b",
    re.IGNORECASE,
)
"""A sentence that only leads in to what is told."""
TORN: Final = re.compile(
    r"\b(?:two|three|four|five|several|these|following|both|\d|options|orders|items|"
    r"details?|summary|here\b[^:]{0,20}|update)\b[^:]{0,60}:\s",
    re.IGNORECASE,
)
"""Words that lead to a list of which only the first point is left."""
_READ: Final = 6
"""Sentences of a reply that are read for a no."""
_SHORT: Final = 4
_BRIEF: Final = 6
_POINTS: Final = re.compile(r"\b(?:this|these|those)\b", re.IGNORECASE)
_SUBSTANTIAL: Final = 9
_SAYS_WHY: Final = re.compile(
    r"\b(?:because|since|as|only|must|policy|weil|car|porque|perché|omdat)\b", re.IGNORECASE
)
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
CODES: Final = re.compile(r"\b(?=\w*\d)\w{5,24}\b|\b[A-Z]{6}\b")
_RATHER: Final = re.compile(
    r"\b(?:actually|instead|rather|prefer|lieber|stattdessen|plutôt|mejor|prefiero|preferisco|"
    r"invece|prefiro|liever)\b|^(?:no|nope|nein|non|não|nee)\b(?! problem)",
    re.IGNORECASE,
)


class AiSentence(NamedTuple):
    """One sentence of the AI's."""

    turn: Turn
    text: str


class Told(NamedTuple):
    """The AI's statements to the customer, each the latest of its kind."""

    last: AiSentence | None
    refused: AiSentence | None
    """None also where the AI did it after all."""
    promised: tuple[AiSentence, ...]
    offered: tuple[AiSentence, ...]


def told_to(view: PacketView, works: Sequence[ToolWork]) -> Told:
    """Return what the AI told the customer in its last turns, in which `works` were done."""
    turns = view.said_by(AI)[-LAST:]
    last = refused = None
    promised: dict[str, AiSentence] = {}
    offered: tuple[AiSentence, ...] = ()
    done = [work.events[-1] for work in works if work.kind == "action" and work.status == "ok"]
    places = view.places
    first = min((places[event] for event in done if event in places), default=len(places))
    codes = _codes(view.last(CUSTOMER), view)
    for turn in turns:
        # Where tools do the work, nothing follows by itself before one did something.
        acted, tools = places[turn.event_id] > first, bool(works)
        parts = view.sentences(turn)[:_SENTENCES]
        no = [part for part in view.refusals(turn) if _tells(part)]
        if turn is not view.spoken[-1]:
            # To a condition the customer has said yes or no since.
            no = [part for part in no if not CONDITIONAL.match(part)]
        if no:
            refused = AiSentence(turn, point(_tightest(no, codes)))
        # An act that waits for the customer's word is not promised yet.
        awaits = any(_asks(part) and CONFIRM.search(part) for part in parts)
        for part in [] if awaits or _is_answered(view, turn, _RATHER) else parts:
            if _promises(part) and (acted or not tools):
                promised[part] = AiSentence(turn, part)
        offers = [part for part in parts if _offers(part) and not PERSON.search(part)]
        # A question on “this” names nothing that could be offered again.
        offers = [part for part in offers if not (_asks(part) and _POINTS.search(part))]
        if offers or turn is turns[-1]:
            offered = tuple(AiSentence(turn, part) for part in offers[-1:])
        telling = no[:1] or [part for part in parts if _tells(part) and _is_said(part)]
        if telling:
            last = AiSentence(turn, point(_tightest(no, codes) if no else _telling(telling)))
    if offered and places[offered[0].turn.event_id] < max(
        map(places.__getitem__, done), default=-1
    ):
        # Something was done since.
        offered = ()
    return Told(last, refused, tuple(promised.values())[-2:], offered)


def is_declined(view: PacketView, offer: AiSentence) -> bool:
    """Return whether the customer's next message says no to an offer."""
    return _is_answered(view, offer.turn, DECLINES)


def _is_answered(view: PacketView, told: Turn, words: re.Pattern[str]) -> bool:
    """Return whether the customer's next message after one of the AI's has such words."""
    after = view.spoken[view.spoken.index(told) + 1 :]
    reply = next((turn for turn in after if turn.role == CUSTOMER), None)
    return reply is not None and any(map(words.search, view.sentences(reply)[:_READ]))


def _tells(part: str) -> bool:
    return len(_WORD.findall(part)) >= _SHORT and says_something(part)


def _is_said(part: str) -> bool:
    """Return whether a sentence tells something, and does not ask, instruct or lead in to it."""
    leads = INSTRUCTS.match(part) or PLANS.match(part) or LEADS.match(part) or is_courtesy(part)
    return not (_asks(part) or leads or (": " in part and TORN.search(part)))


def _asks(part: str) -> bool:
    return part.endswith("?")


def _codes(turn: Turn | None, view: PacketView) -> list[str]:
    """Return the orders, bookings and the like that a turn names."""
    return CODES.findall(view.text(turn)[:READ_LIMIT]) if turn is not None else []


def _tightest(parts: Sequence[str], codes: Sequence[str]) -> str:
    """Return the refusal that says most about the matter: with a reason, and not too long.

    One about what the customer named last goes before all others.
    """

    def worth(part: str) -> tuple[bool, bool, bool, bool, int]:
        return (
            any(code in part for code in codes),
            not PERSON.search(part),
            bool(acts_of(part)),
            _SAYS_WHY.search(part) is not None,
            -abs(len(part) - 120),
        )

    return max(parts, key=worth)


def _telling(parts: Sequence[str]) -> str:
    """Return the first sentence that is more than a courtesy."""
    told = [part for part in parts if not is_courtesy(part) and not OTHERWISE.search(part)]
    return next((part for part in told if len(part.split()) > _BRIEF), (told or parts)[0])


def _offers(part: str) -> bool:
    few = len(part.split()) < _SUBSTANTIAL
    return OFFERS.search(part) is not None and not few and not OTHERWISE.search(part)


def _promises(part: str) -> bool:
    return (
        PROMISES.search(part) is not None
        and not part.endswith("?")
        and not CONDITIONAL.search(part)
        and not REFUSES.search(part)
        and not UNDONE.search(part)
        and not PERSON.search(part)
    )


def waits(view: PacketView) -> bool:
    """Return whether the customer spoke last."""
    return not view.spoken or view.spoken[-1].role == CUSTOMER
