"""The things that records are about: the parts of one, and which of several are meant."""

import re
from collections.abc import Sequence, Set
from typing import Final, NamedTuple

from workers.handoff.listed_items import products_in
from workers.handoff.tool_results import ToolFinding, Value, details_of
from workers.handoff.view import AI, CUSTOMER, PacketView
from workers.handoff.wording import READ_LIMIT

PARTS: Final = "parts"
"""Key of the states of what is in a thing."""
_ITEMS: Final = 3
"""Names that tell one thing from another."""
_DETAILED: Final = 1
"""Items whose details are told."""
_LISTED: Final = 3
"""Things in one message from which on it is a list to choose from."""
_AFTER: Final = 160
"""Characters after a name in which the AI says what is in it."""
_STATE: Final = re.compile(r"^(?:\w+ )?status ")
_WORDS: Final = 3
"""Words of a state."""
_NAME: Final = re.compile(r"#?(?=\w*[A-Za-z])[\w-]{3,24}")
_PLACE: Final = re.compile(r"\b[A-Z]{3}\b")
"""An airport in the way of a booking."""
_NEGATES: Final = re.compile(r"\b(?:not?|none|neither|without|kein\w*|nicht)\b|n['\u2019]t\b")
_CODE: Final = re.compile(r"[#\w-]*\d[\w-]{3,}|[A-Z]{6}\b")


class Thing(NamedTuple):
    """A thing that a record is about."""

    name: str
    kind: str
    finding: ToolFinding
    rank: int
    """The place at which it was spoken of last: greater is later, negative for never."""


def with_parts(view: PacketView, things: Sequence[Thing]) -> list[Thing]:
    """Put the states of parts, as of the flights of a booking, beside the thing that holds them."""
    parts = {thing.name: thing for thing in things if _is_state(thing)}
    whole = [thing for thing in things if thing.name not in parts]
    found: list[Thing] = []
    placed: set[str] = set()
    for thing in whole:
        turn = view.by_id.get(thing.finding.event_id)
        holds = turn is not None and parts and _NAME.fullmatch(thing.name)
        text = view.text(turn) if turn is not None and holds else ""
        own = [
            (text.index(f'"{name}"'), part)
            for name, part in parts.items()
            if name not in placed and f'"{name}"' in text
        ]
        if not own:
            found.append(thing)
            continue
        placed.update(part.name for _, part in own)
        told = _states([part for _, part in sorted(own, key=lambda one: one[0])])
        way = [one for one in thing.finding.values[1:] if one.key == "route"]
        rest = [one for one in thing.finding.values[1:] if one.key != "route"]
        # The way of all of it is not that of the part whose state is told.
        values = (*thing.finding.values[:1], *way, told, *rest)
        rank = max(thing.rank, *(part.rank for _, part in own))
        found.append(thing._replace(finding=thing.finding._replace(values=values), rank=rank))
    return [*found, *(part for name, part in parts.items() if name not in placed)]


def _is_state(thing: Thing) -> bool:
    """Return whether nothing but its state is known of a thing."""
    values = thing.finding.values
    if len(values) != 1 or thing.finding.items or not _NAME.fullmatch(thing.name):
        return False
    told = values[0]
    few = len(told.text.split()) <= _WORDS and not told.text.isdecimal()
    return few and (not told.key or "status" in told.key)


def _states(parts: Sequence[Thing]) -> Value:
    """Return the states of several parts: those with the same state together."""
    by_state: dict[str, list[str]] = {}
    for part in parts:
        by_state.setdefault(_STATE.sub("", part.finding.values[0].text), []).append(part.name)
    told = [f"{', '.join(names)}: {state}" for state, names in by_state.items()]
    return Value(PARTS, f"{parts[0].kind} {'; '.join(told)}")


def chosen_from(view: PacketView, things: Sequence[Thing], last: int) -> list[Thing]:
    """Rank what was only one of a list of the AI's as never spoken of, where one was chosen since.

    `last` counts the messages to which ranks refer.
    """
    turns = view.spoken[-last:]
    at = [thing.rank // 2 for thing in things]
    latest = max(at, default=-1)
    kept = []
    for thing, place in zip(things, at, strict=True):
        is_list = 0 <= place < latest and turns[place].role == AI and at.count(place) >= _LISTED
        text = view.text(turns[place]) if is_list else ""
        is_chosen = any(
            other.name and other.name in text and when > place
            for other, when in zip(things, at, strict=True)
        )
        kept.append(thing._replace(rank=-1) if is_chosen else thing)
    return kept


def meant(view: PacketView, things: Sequence[Thing]) -> list[Thing]:
    """Rank as never spoken of what goes another way than the one booking the customer means."""
    said = " ".join(view.text(turn)[:READ_LIMIT] for turn in view.said_by(CUSTOMER))
    places = set(_PLACE.findall(said))
    kinds: dict[str, list[Thing]] = {}
    for thing in things:
        if _way(thing):
            kinds.setdefault(thing.kind, []).append(thing)
    others: set[str] = set()
    for alike in kinds.values():
        named = [thing for thing in alike if thing.name in said]
        on_way = [thing for thing in alike if _way(thing) & places]
        if len(on_way) == 1 and not named:
            others.update(thing.name for thing in alike if thing not in on_way)
    return [thing._replace(rank=-1) if thing.name in others else thing for thing in things]


def _way(thing: Thing) -> set[str]:
    ways = [value.text for value in thing.finding.values if value.key == "route"]
    return set(_PLACE.findall(ways[0])) if ways else set()


def items_of(
    view: PacketView,
    thing: Thing,
    lately: str,
    detailed: Set[str],
    room: int,
    *,
    of_items: bool,
) -> str:
    """Return the names of what is in a thing, those that were spoken of last first.

    The one that is at issue has its details in at most `room` words, unless it is one of those
    that are `detailed` elsewhere. With `of_items`, where some of them are at issue, the others
    are not told for them.
    """
    finding = thing.finding
    named = [item for item in finding.items if item.lower() in lately]
    if finding.more and not named:
        named = _told_in(view, thing)
        if not named and of_items:
            # The one at issue may be among those that were cut.
            return ""
    shown = [*named, *(item for item in finding.items if item not in named)]
    shown = shown[: max(_ITEMS - 1, min(len(named), _ITEMS))] if finding.more else shown[:_ITEMS]
    more = finding.more or len(shown) < len({*finding.items, *named})
    turn = view.by_id.get(finding.event_id)
    is_one = len(named) == _DETAILED and not finding.more and named[0] not in detailed
    if is_one and turn is not None:
        details = details_of(view.text(turn), named[0])
        if details and len(" ".join(details).split()) <= room:
            shown[0] = f"{shown[0]} ({', '.join(details)})"
    return f"{', '.join(shown)}…" if more else ", ".join(shown)


def _told_in(view: PacketView, thing: Thing) -> list[str]:
    """Return the items that the AI named right after a thing whose record was cut."""
    known = {
        item
        for call in view.calls
        if call.result is not None
        for item in products_in(view.text(call.result))
    }
    for turn in reversed(view.spoken):
        text = view.text(turn)[:READ_LIMIT] if turn.role == AI else ""
        at = text.find(thing.name) if thing.name else -1
        if at >= 0:
            rest = text[at + len(thing.name) :][:_AFTER]
            cut = _CODE.search(rest)
            rest = rest[: cut.start()] if cut else rest
            if _NEGATES.search(rest):
                return []
            rest = rest.lower()
            told = (item for item in known if item.lower() in rest)
            return sorted(told, key=lambda item: rest.index(item.lower()))[:_ITEMS]
    return []
