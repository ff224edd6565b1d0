"""The orders, bookings or the like that a sentence is about, by their numbers."""

import re
from typing import Final

from workers.handoff.identifiers import OF_MATTER
from workers.handoff.packet_findings import PacketFindings
from workers.handoff.told import CODES
from workers.handoff.view import CUSTOMER, PacketView
from workers.handoff.wording import clip

_OBJECTS: Final = 3
_SPOKEN: Final = 9
"""Messages, and one, in which the thing at hand is looked for."""
_FEW_DIGITS: Final = re.compile(r"\d{1,4}")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_IN_PASSING: Final = re.compile(r"\b(?:status|search|list|find)\b", re.IGNORECASE)
"""Look-ups of what is only a part of the matter, as a flight is of a booking."""
_OF_OBJECT: Final = re.compile(
    r"\b(?:it|them|(?:the|my|our|this|that|these|those) (?:\w+ )?(?:orders?|flights?|bookings?|"
    r"reservations?|trips?|returns?|exchanges?|items?|line|plan))\b|"
    r"\b(?:bestellung|buchung|flug|commande|réservation|vol|pedido|reserva|vuelo|ordine|"
    r"prenotazione|volo|encomenda|voo|bestelling|boeking|vlucht)\b",
    re.IGNORECASE,
)
"""An order, booking or the like, or the pronoun for it."""


def _spoken_of(view: PacketView, known: list[str]) -> list[str]:
    """Return the one that was spoken of last; nothing where that were several together."""
    for turn in view.spoken[:-_SPOKEN:-1]:
        text = view.text(turn)
        if named := [one for one in known if one in text]:
            return named if len(named) == 1 else []
    return []


def objects_meant(view: PacketView, found: PacketFindings, phrase: str, part: str) -> str:
    """Name the order, booking or the like of which a phrase speaks without its number."""
    named = CODES.search(phrase) or not _OF_OBJECT.search(phrase)
    return "" if named else objects_in_words(view, found, part)


def objects_in_words(view: PacketView, found: PacketFindings, text: str) -> str:
    """Name the orders, bookings or the like that words are about, or else the only one there is."""
    own = {one.value for one in found.identifiers if one.kind == "user"}
    own |= {view.customer.id} if view.customer is not None and view.customer.id else set()
    known = dict.fromkeys(
        what
        for work in found.works
        for what in work.what
        if not work.profile and what not in own and not _IN_PASSING.search(work.words)
    )
    matters = [one.value for one in found.identifiers if one.kind in OF_MATTER]
    named_so = {one.lstrip("#") for one in known}
    known |= dict.fromkeys(
        one
        for one in matters
        if not _DATE.match(one)
        and not _FEW_DIGITS.fullmatch(one)
        and one.lstrip("#") not in named_so
    )
    last = view.last(CUSTOMER)
    said = (text, view.text(last) if last is not None else "")
    named = next((some for words in said if (some := [one for one in known if one in words])), [])
    if not named:
        matter = {one.lstrip("#") for one in matters}
        named = [one for one in known if one.lstrip("#") in matter] if len(matter) == 1 else []
    if not named:
        named = _spoken_of(view, [one for one in known if one not in own])
    if not named:
        failed = [work for work in found.works if work.status in ("refused", "failed")]
        named = list(failed[-1].what[-1:]) if failed and failed[-1].kind == "action" else []
        named = [one for one in named if one not in own]
    if not named:
        done = [work for work in found.works if work.status == "ok" and work.kind == "action"]
        named = [one for one in done[-1].what if one in known] if done else []
    return f" ({', '.join(clip(one, 2) for one in named[:_OBJECTS])})" if named else ""
