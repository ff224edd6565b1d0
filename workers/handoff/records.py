"""Records that tools found, one line for each, and which of them are not the customer's."""

import re
from typing import Final, NamedTuple

from workers.contracts.handoffs import Claim
from workers.handoff.packet_findings import PacketFindings, last_change
from workers.handoff.tool_results import Finding
from workers.handoff.tool_work import ToolWork
from workers.handoff.view import PacketView
from workers.handoff.wording import READ_LIMIT, clip, word_count

RECORD_WORDS: Final = 40
_LINE_WORDS: Final = 16
_UNNAMED: Final = 2
"""Things that are told of where none was spoken of."""
_NAMED: Final = 3
"""Things without a line of their own that are named; the others are counted."""
_LAST: Final = 8
"""Turns in which the thing at hand is looked for."""
_VERBS: Final = frozenset(
    "get find search look lookup check read fetch query retrieve show view list by id ids details "
    "info for all of".split()
)
_SAME_DIGITS: Final = 7
"""Of two phone numbers, the last digits by which they are the same line."""
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_DIGITS: Final = re.compile(r"\d")


class _Thing(NamedTuple):
    name: str
    noun: str
    finding: Finding
    rank: int


def records(view: PacketView, found: PacketFindings) -> tuple[Claim, ...]:
    """Say what was found of each thing that was looked up, the ones spoken of last first."""
    things = sorted(_things(view, found), key=lambda one: -one.rank)
    spoken_of = [one for one in things if one.rank >= 0] or things[:_UNNAMED]
    room = RECORD_WORDS
    claims: list[Claim] = []
    rest: list[_Thing] = []
    for thing in things:
        text = _line(view, thing, min(room, _LINE_WORDS)) if thing in spoken_of else ""
        if not text:
            rest += [thing] if thing.name and not _DATE.match(thing.name) else []
            continue
        room -= word_count(text)
        claims.append(Claim(text=text, events=(thing.finding.event_id,), kind="check"))
    if rest:
        known = list(dict.fromkeys(one.name for one in rest))
        names = ", ".join(known[:_NAMED])
        names += f" +{len(known) - _NAMED}" if len(known) > _NAMED else ""
        text = view.frame("work", "more", count=names)
        if word_count(text) <= room:
            events = tuple(dict.fromkeys(one.finding.event_id for one in rest[:_LAST]))
            claims.append(Claim(text=text, events=events, kind="check"))
    return tuple(claims)


def _things(view: PacketView, found: PacketFindings) -> list[_Thing]:
    """Return each thing that was looked up, with what was found last of it."""
    said = [turn.content for turn in view.spoken[-_LAST:]]
    lowered = [text[:READ_LIMIT].lower() for text in said]
    things: dict[tuple[str, str], _Thing] = {}
    for work in found.works:
        if work.kind != "check" or work.status != "ok" or work.profile:
            continue
        noun = clip(view.hide(_noun(work)), 3)
        if not work.found:
            things[noun, ""] = _Thing("", noun, Finding(work.values, work.events[-1]), -1)
        for name, finding in work.found.items():
            items = finding.items.lower().rstrip("…").split(", ") if finding.items else []
            rank = next(
                (
                    at
                    for at in range(len(said) - 1, -1, -1)
                    if name in said[at] or any(item in lowered[at] for item in items)
                ),
                -1,
            )
            stale = last_change(view, found, name) > view.places.get(finding.event_id, -1)
            # After a change it may be otherwise.
            known = finding._replace(values=()) if stale else finding
            things[noun, name] = _Thing(clip(name, 2), noun, known, rank)
    phones = [one.value for one in found.identifiers if one.kind == "phone"]
    own = [one for one in things.values() if _is_of(one.finding, phones)]
    # Beside the customer's own line another one tells nothing.
    kept = [one for one in things.values() if not own or not one.finding.phone or one in own]
    return [*own, *(one for one in reversed(kept) if one not in own)]


def _is_of(finding: Finding, phones: list[str]) -> bool:
    return bool(finding.phone) and any(_same(finding.phone, one) for one in phones)


def _noun(work: ToolWork) -> str:
    return " ".join(word for word in work.words.split() if word not in _VERBS)


def _line(view: PacketView, thing: _Thing, room: int) -> str:
    """Return what was found of a thing in so many words; nothing where nothing was."""
    name = f"{thing.noun} {thing.name}".strip()
    values = [
        view.frame("work", "results", count=value) if value.isdecimal() else value
        for value in thing.finding.values
    ]
    for count in range(len(values), 0, -1):
        text = f"{name}: {', '.join(values[:count])}"
        if name and word_count(text) <= room:
            return text
    return ""


def mismatch(view: PacketView, found: PacketFindings) -> Claim | None:
    """Say that what was looked up or worked on has another number than the customer gave.

    Nothing is said where one of the things has their number, unless another was changed.
    """
    given = [one for one in found.identifiers if one.kind in ("phone", "email")]
    acted = {
        what
        for work in found.works
        if work.kind == "action" and work.status == "ok"
        for what in work.what
    }
    for own in given:
        others: list[tuple[str, str, Finding]] = []
        mine: set[str] = set()
        for work in found.works:
            if work.kind != "check" or work.status != "ok" or work.profile != (own.kind == "email"):
                continue
            for name, finding in work.found.items():
                theirs = finding.phone if own.kind == "phone" else finding.email
                if not theirs or "[" in theirs:
                    continue
                if any(_same(theirs, one.value) for one in given):
                    mine.add(name)
                else:
                    others.append((name, theirs, finding))
        others.sort(key=lambda one: one[0] in acted)
        if others and (not mine or others[-1][0] in acted) and not mine & acted:
            name, theirs, finding = others[-1]
            words = {"name": clip(name, 2), "theirs": clip(theirs, 3), "given": own.value}
            text = view.frame("work", "other", **words)
            return Claim(text=text, events=(finding.event_id, own.event_id), kind="mismatch")
    return None


def _same(one: str, other: str) -> bool:
    if "@" in one:
        return one.lower() == other.lower()
    first, second = ("".join(_DIGITS.findall(text))[-_SAME_DIGITS:] for text in (one, other))
    return first == second
