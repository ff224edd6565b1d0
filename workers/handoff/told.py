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
    DID,
    OFFERS,
    OTHERWISE,
    PERSON,
    PROMISES,
    REFUSES,
    UNDONE,
    point,
    refuses,
    sentences,
)
from workers.handoff.view import AI, CUSTOMER, PacketView
from workers.handoff.wording import is_courtesy, says_something

LAST: Final = 6
"""AI turns that are read, the last of the episode."""
_SENTENCES: Final = 24
_READ: Final = 6
"""Sentences of a reply that are read for a no."""
_SHORT: Final = 4
_BRIEF: Final = 6
_SUBSTANTIAL: Final = 9


_CLAUSE_END: Final = re.compile(
    r"[;:—(]|\.\s|,|\s(?=(?:but|so|as|because|since|aber|weil|mais|car|pero|porque|ma|perché|mas|"
    r"maar|omdat)\s)"
    r"|\sand\s(?=(?:it|the|my|now|they|there|nothing|still|everything)\b)"
)
_HANGS: Final = re.compile(
    r"\b(?:once|if|when|after|before|until|as soon as|what|that|which|than|how|where|wenn|sobald|"
    r"was|quand|que|cuando|si|se|quando|als|wat)\b[^,;]*$",
    re.IGNORECASE,
)
"""Before what was done: it was not, or is only spoken of."""
_SAYS_WHY: Final = re.compile(
    r"\b(?:because|since|as|only|must|policy|weil|car|porque|perché|omdat)\b", re.IGNORECASE
)
_LEAST: Final = 12
"""Characters of a clause, so that it says something."""


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


def told_to(view: PacketView) -> Told:
    """Return what the AI told the customer in its last turns."""
    turns = [turn for turn in view.spoken if turn.role == AI][-LAST:]
    last = refused = None
    promised: dict[str, AiSentence] = {}
    offered: tuple[AiSentence, ...] = ()
    for turn in turns:
        parts = sentences(view.text(turn))[:_SENTENCES]
        no = [part for part in parts if _tells(part) and refuses(part)]
        if no:
            refused = AiSentence(turn, point(_tightest(no)))
        # What hangs on the customer's word is not promised yet.
        awaits = any(_asks(part) and CONFIRM.search(part) for part in parts)
        for part in [] if awaits else parts:
            if _promises(part):
                promised[part] = AiSentence(turn, part)
        offers = [] if any(map(PERSON.search, parts)) else [*filter(_offers, parts)]
        offered = tuple(AiSentence(turn, part) for part in offers[-1:])
        telling = no[:1] or [part for part in parts if _tells(part) and not _asks(part)]
        if telling:
            last = AiSentence(turn, point(_tightest(no) if no else _telling(telling)))
    if offered and _declined(view, offered[0].turn):
        offered = ()
    return Told(last, refused, tuple(promised.values())[-2:], offered)


def _declined(view: PacketView, offer: Turn) -> bool:
    """Return whether the customer turned an offer down in their next words."""
    after = view.spoken[view.spoken.index(offer) + 1 :]
    reply = next((turn for turn in after if turn.role == CUSTOMER), None)
    return reply is not None and any(map(DECLINES.search, sentences(view.text(reply))[:_READ]))


def _tells(part: str) -> bool:
    return len(part.split()) >= _SHORT and says_something(part)


def _asks(part: str) -> bool:
    return part.endswith("?")


def _tightest(parts: Sequence[str]) -> str:
    """Return the refusal that says most about the matter: with a reason, and not too long."""

    def worth(part: str) -> tuple[bool, bool, bool, int]:
        return (
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


def steps_of(view: PacketView) -> tuple[AiSentence, ...]:
    """Return what the customers say they did themselves, one clause a step, each once."""
    steps: dict[str, AiSentence] = {}
    for turn in view.spoken:
        if turn.role != CUSTOMER:
            continue
        for part in sentences(view.text(turn))[:_SENTENCES]:
            found = DID.search(part)
            if found is None or part.endswith("?") or _HANGS.search(part[: found.start()]):
                continue
            clause = _clause(part, found.start())
            if len(clause.split()) < _SHORT:
                continue
            steps.setdefault(clause.lower(), AiSentence(turn, clause))
    return tuple(steps.values())


def _clause(part: str, start: int) -> str:
    """Return a sentence from where it says what was done, to the end of that clause."""
    rest = part[start:]
    end = next((one.start() for one in _CLAUSE_END.finditer(rest) if one.start() > _LEAST), None)
    return rest[:end].rstrip(" ,;.")


def waits(view: PacketView) -> bool:
    """Return whether the customer spoke last."""
    return not view.spoken or view.spoken[-1].role == CUSTOMER
