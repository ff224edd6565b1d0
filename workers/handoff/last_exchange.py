"""The last exchange: the customer's last words, and the act to which they agreed in them."""

import re
from typing import Final, NamedTuple

from workers.contracts.decisions import Turn
from workers.handoff.acts import acts_of
from workers.handoff.agreement import Agreement, agreement_of, only_agrees
from workers.handoff.person_requests import asks_for_person
from workers.handoff.sentences import (
    ASKS,
    FILLER,
    IDENTIFIES,
    INFORMS,
    THANKS,
    lacks_number,
    needs_no_more,
)
from workers.handoff.view import AI, CUSTOMER, PacketView
from workers.handoff.wording import has_details, is_courtesy, says_something

_SENTENCES: Final = 12
"""Sentences of one message that are read."""
_FINDS: Final = re.compile(
    r"\b(?:find|look|pull|locate)\b[^?]{0,16}\b(?:it|them|that|up)\b", re.IGNORECASE
)
_FEW: Final = 4
_LEAST: Final = 3


class LastExchange(NamedTuple):
    """The customer's last message that says more than that they want a person."""

    turn: Turn | None
    said: tuple[str, ...]
    """Its sentences that say something, in their order."""
    agreed: Agreement | None


def last_exchange(view: PacketView) -> LastExchange:
    """Return the customer's last words that are about their matter.

    Greetings, thanks, names and numbers alone, requests for a person and a bare yes are left out;
    the numbers stand among the identifiers.
    """
    for turn in view.said_by(CUSTOMER)[: -_LEAST - 1 : -1]:
        agreed = agreement_of(view, turn)
        answered = is_answered(view, turn)
        said = tuple(
            part
            for part in view.asked(turn)[:_SENTENCES]
            if says_of_matter(part)
            and not ((agreed or not acts_of(part)) and only_agrees(part))
            and not (answered and part.endswith("?") and INFORMS.match(part))
            and not (lacks_number(part) and _looked_up(view, turn))
            and not (part.endswith("?") and _FINDS.search(part) and _looked_up(view, turn))
        )
        if said or agreed:
            return LastExchange(turn, said, agreed)
    return LastExchange(None, (), None)


def _looked_up(view: PacketView, turn: Turn) -> bool:
    """Return whether a tool found something after a message."""
    at = view.places.get(turn.event_id, -1)
    return any(
        call.result is not None
        and call.result.status in (None, "ok")
        and view.places.get(call.event_id, -1) > at
        for call in view.calls
    )


def is_answered(view: PacketView, turn: Turn) -> bool:
    """Return whether the AI said something after a message, and refused nothing in it.

    To hand over is no answer.
    """
    rest = view.spoken[view.spoken.index(turn) + 1 :]
    after = [one for one in rest if one.role == AI and one.handover is None]
    said = [one for one in after if len(view.text(one).split()) >= _FEW]
    return bool(said) and not any(map(view.refusals, said))


def says_of_matter(part: str) -> bool:
    """Return whether a sentence of the customer's is about their matter.

    Greetings, thanks, names and numbers alone and requests for a person are not.
    """
    few = len(part.split()) < _FEW and not has_details(part)
    # A question of two words names the matter, as in: and compensation?
    few = few and not (part.endswith("?") and acts_of(part))
    if few or not says_something(part) or FILLER.match(part) or asks_for_person(part):
        return False
    if THANKS.match(part) or (is_courtesy(part) and not ASKS.search(part) and len(part) < 80):
        return False
    return not IDENTIFIES.search(part) and not needs_no_more(part)
