"""Further requests, conditions and reasons of the customer's, beside those in the statements."""

from collections.abc import Iterator
from typing import Final

from workers.contracts.handoffs import Statement
from workers.handoff.acts import BESIDE, acts_wanted
from workers.handoff.agreement import only_agrees
from workers.handoff.background import cues_in, is_condition
from workers.handoff.key_messages import Candidate
from workers.handoff.last_exchange import is_answered, says_of_matter
from workers.handoff.packet_findings import PacketFindings, agreed_on, last_change
from workers.handoff.request_state import did
from workers.handoff.sentences import ASKS, DID, DISPUTES, EXCEPTION, OTHERWISE
from workers.handoff.view import CUSTOMER, PacketView
from workers.handoff.wording import content, has_details, trim, word_count

ALSO_WORDS: Final = 56
"""Words of all of them together."""
_SENTENCE: Final = 36
_MOST: Final = 4
_SHORTEST: Final = 16
"""Words of a sentence that was cut, so that it still says something."""
_MESSAGES: Final = 6
"""The customer's last ones that are read."""
_SENTENCES: Final = 24
"""Sentences of one message that are read."""
_LAST: Final = 1.0
"""Added to the worth of what stands in the last message."""
_ENOUGH: Final = 1.5
_OTHER: Final = 1.5
"""Added to the worth of an earlier request for another act."""
_NAMED: Final = 6
"""Content words of a sentence that can stand for itself."""
_SAME: Final = 0.6
"""Share of its content words from which on a sentence repeats another."""


def also_said(view: PacketView, found: PacketFindings) -> tuple[Statement, ...]:
    """Return what else the customer asks and gives as condition or reason, in their order of time.

    To be called when the other statements are written: nothing that these quote is said again.
    """
    if found.closing is not None:
        return ()
    room, told = ALSO_WORDS, list[set[str]]()
    chosen: list[Candidate] = []
    for one in sorted(_candidates(view, found), key=lambda one: (-one.worth, one.place)):
        if one.worth < _ENOUGH or len(chosen) == _MOST:
            break
        words = content(one.text)
        if any(len(words & known) >= _SAME * len(words) for known in told):
            continue
        text = trim(one.text, min(room, _SENTENCE))
        if text.endswith("…") and word_count(text) < _SHORTEST:
            continue
        if view.is_quoted(one.text) or view.says_nothing_new(one.text):
            continue
        room -= word_count(text)
        told.append(words)
        chosen.append(one._replace(text=text))
    chosen.sort(key=lambda one: one.place)
    return tuple(
        Statement(text=view.quote(one.text), events=(one.turn.event_id,)) for one in chosen
    )


def _candidates(view: PacketView, found: PacketFindings) -> Iterator[Candidate]:
    """Yield the sentences about the matter since it was last changed or agreed on."""
    since = max(last_change(view, found), agreed_on(view, found))
    last = view.last(CUSTOMER)
    place = 0
    for turn in view.said_by(CUSTOMER)[-_MESSAGES:]:
        if view.places.get(turn.event_id, -1) <= since:
            continue
        answered = is_answered(view, turn)
        for text in view.asked(turn)[:_SENTENCES]:
            place += 1
            if says_of_matter(text) and not only_agrees(text) and not _asks_otherwise(text):
                worth = _worth(text, last=turn is last, answered=answered)
                if turn is not last and _asks_another(found, text):
                    worth += _OTHER
                yield Candidate(worth, place, turn, text)


def _worth(text: str, *, last: bool, answered: bool) -> float:
    """Return how much a person has to know a sentence; 0 for one that is over."""
    asks = ASKS.search(text) is not None
    if DID.search(text) or (answered and (asks or text.endswith("?"))):
        return 0.0
    cues = len([*cues_in(text)]) if is_condition(text) else 0
    worth = float(cues) + (DISPUTES.search(text) is not None) + (EXCEPTION.search(text) is not None)
    if last:
        worth += _LAST * (worth > 0) + (1.5 if asks and _stands_alone(text) else 0)
    return worth


def _asks_otherwise(text: str) -> bool:
    """Return whether a sentence asks whether anything else is needed."""
    return text.endswith("?") and OTHERWISE.search(text) is not None


def _asks_another(found: PacketFindings, text: str) -> bool:
    """Return whether a sentence asks for an act that the request at hand is not, nor was done."""
    acts = acts_wanted(text) - found.asked - BESIDE
    done = any(did(found.works, act, text) for act in acts)
    return bool(acts) and ASKS.search(text) is not None and not text.endswith("?") and not done


def _stands_alone(text: str) -> bool:
    """Return whether a sentence says what it is about."""
    return bool(acts_wanted(text)) or has_details(text) or len(content(text)) >= _NAMED
