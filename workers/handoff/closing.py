"""Messages by which a customer says that they need nothing more."""

import re
from typing import Final

from workers.contracts.decisions import Turn
from workers.handoff.acts import acts_wanted
from workers.handoff.agreement import IS_DONE, asks_consent
from workers.handoff.sentences import (
    ALL_NEEDED,
    ASKS,
    CLOSES,
    DECLINES,
    FAILED,
    OTHERWISE,
    PERSON,
    REFUSES,
    STILL,
    needs_no_more,
)
from workers.handoff.view import AI, CUSTOMER, PacketView
from workers.handoff.wording import is_courtesy

_THANKS_FOR_HELP: Final = re.compile(
    r"\b(?:thanks|thank you|appreciate)\b[^.!?]{0,30}\b(?:your help|the help|all your|helping|"
    r"assistance|support|quick|taking care|sorting|everything)\b|"
    r"\b(?:danke für|merci pour|gracias por|grazie per|obrigad[oa] p|bedankt voor)\b",
    re.IGNORECASE,
)
_BYE: Final = r"goodbye|bye|take care|auf wiedersehen|au revoir|adiós|arrivederci|tchau|tot ziens"
_FAREWELL: Final = re.compile(
    r"\b(?:have an? (?:\w+ )?(?:great|good|nice|lovely)|see you|tschüss|"
    rf"{_BYE})\b",
    re.IGNORECASE,
)
_PLEASED: Final = re.compile(
    r"\b(?:really helps|that helps|very helpful|have a (?:great|good|nice|lovely)|"
    r"looks? (?:good|great)|sounds? (?:good|great)|perfect|exactly what i|"
    r"i(?:['\u2019]ll| will) (?:wait|watch|look out|keep an eye|be waiting)|"
    rf"works? (?:perfectly|great|fine)|{_BYE})\b|"
    r"^(?:finally,? )?(?:all )?done\b|^that(?:['\u2019]s| is) it\W*$|"
    r"\bi(?:['\u2019]m| am) (?:all )?done\b|\beverything i need(?:ed)?\b",
    re.IGNORECASE,
)


def closes(view: PacketView) -> Turn | None:
    """Return the customer's last turn, if it says that they need nothing more."""
    turn = view.last(CUSTOMER)
    if turn is None or turn is not view.spoken[-1]:
        return None
    said = view.sentences(turn)
    if any(PERSON.search(part) and ASKS.search(part) for part in said):
        return None
    if not _is_answer(view, turn) and not DECLINES.match(view.text(turn).strip()):
        return None
    if any(map(needs_no_more, said)):
        return None if any(map(_goes_on, said)) else turn
    grateful = any(map(_THANKS_FOR_HELP.search, said))
    if grateful and said and _FAREWELL.search(said[-1]):
        # Small talk before it may well be a question.
        return None if any(acts_wanted(part) and _goes_on(part) for part in said) else turn
    thanks = grateful or all(map(_is_thanks, said))
    # A word of praise closes where the AI has just told that it is done.
    before = view.before(turn.event_id, AI)
    done = before is not None and any(map(IS_DONE.search, view.sentences(before)))
    thanks = thanks or (done and any(map(_PLEASED.search, said)))
    wants_more = any(_goes_on(part) or PERSON.search(part) for part in said)
    return turn if thanks and not wants_more else None


def _is_thanks(part: str) -> bool:
    return is_courtesy(part) or _PLEASED.search(part) is not None


def _is_answer(view: PacketView, turn: Turn) -> bool:
    """Return whether the AI told something before, and asked nothing that is still to be done."""
    before = view.before(turn.event_id, AI)
    said = view.sentences(before) if before is not None else []
    asks = [part for part in said if part.endswith("?") and not OTHERWISE.search(part)]
    return not asks and not any(map(asks_consent, said))


def _goes_on(part: str) -> bool:
    """Return whether a sentence asks for something, or says that something is not well."""
    # The no of “No, that's all” answers whether anything is left.
    cues = (ASKS, STILL, REFUSES, FAILED, *(() if CLOSES.search(part) else (DECLINES,)))
    part = ALL_NEEDED.sub("", part)
    return any(words.search(part) is not None for words in cues) and not OTHERWISE.search(part)
