"""Records that tools found, one line for each, and which of them are not the customer's."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from workers.contracts.handoffs import Statement
from workers.handoff.mismatch import is_of, other_number
from workers.handoff.packet_findings import PacketFindings
from workers.handoff.things import PARTS, Thing, chosen_from, items_of, meant, with_parts
from workers.handoff.tool_results import ToolFinding, Value, lasting, part_of
from workers.handoff.tool_work import ToolWork
from workers.handoff.view import AI, PacketView
from workers.handoff.wording import READ_LIMIT, clip, word_count

RECORD_WORDS: Final = 44
_LINE_WORDS: Final = 16
_MORE: Final = 8
"""Words more, where a line tells of what is in a thing."""
_DETAILS: Final = 8
"""Words of one item's details."""
_VALUES: Final = 4
"""Values of one thing."""
_ITEMS: Final = 3
"""Names that tell one thing from another."""
_LAST: Final = 8
"""Turns in which the thing at hand is looked for."""
_THINGS: Final = 40
"""Things that are looked at, and of one tool."""
_WORKS: Final = 40
_UNNAMED: Final = 2
"""Things that are told of where none was spoken of."""
_EXCHANGE: Final = 3
"""The last of them: what they speak of is asked now."""
_LEAST_RANK: Final = -2
"""Rank of what another thing only points to."""
_ON_DEMAND: Final = re.compile(r"end_date|contract|expir|phone|city")
"""Keys of values that tell nothing, unless they are spoken of."""
_CALLED: Final = {
    "city": tuple(f"{which} address" for which in "the default shipping delivery my new".split()),
    "date": (),
}
"""Words for what a key names, where they are others than its own."""
_VERBS: Final = frozenset(
    "get find search look lookup check read fetch query retrieve show view list by id ids details "
    "info for all of".split()
)
_CREATES: Final = re.compile(
    r"(?:open|create|start|submit|request|report|raise|file|trace|send|schedule|book)\b"
)
"""The beginning of a tool's name that makes something new, and leaves the thing as it is."""
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_DIGITS: Final = re.compile(r"\d")
_WORD: Final = re.compile(r"[a-z]{4,}")
_CODE: Final = re.compile(r"\b(?=\w*\d)[\w-]{5,24}\b")
_STATES: Final = re.compile(
    r"[^.!?;#\n]{0,50}?"
    r"(?:\b(?:is|are|was|(?:has|have)(?: \w+)? been|status|marked as|status is)|[(:])"
    r"(?: (?:already|currently|still|now|in|also))*[ \"“'*:]{0,4}"
    r"\b(?P<state>pending|processed|shipped|in transit|out for delivery|delivered|"
    r"cancell?ed|suspended|overdue|refunded)\b"
)
"""A status that the AI told of a thing that it has just named."""
_NO_STATE: Final = re.compile(
    r"\b(?:if|once|when|until|unless|not|neither|nor|none|whether|cannot|only|no|never|after|"
    r"before|would|will|can|could|be|and|or|another|other|request\w*)\b|n['\u2019]t\b",
    re.IGNORECASE,
)
_OF_ITEMS: Final = frozenset({"return", "exchange", "refund", "change"})
"""Acts that may be asked of one thing in an order."""
_LEGS: Final = ("flight", "train", "bus")
"""Things of which one is chosen of several."""
_LEG: Final = re.compile(r"\b[A-Z]{2,3} ?\d{2,4}\b")
_SENTENCE: Final = 80
"""Characters before a name in which a condition is looked for."""


class _Said(NamedTuple):
    text: str
    lower: str


class _Change(NamedTuple):
    words: str
    """The tool's name."""
    place: int
    """Place of its result in the episode."""


def records(view: PacketView, found: PacketFindings) -> tuple[Statement, ...]:
    """Say what was found of the things worked on or spoken of last, those first."""
    texts = [view.text(turn)[:READ_LIMIT] for turn in view.spoken[-_LAST:]]
    said = [_Said(text, text.lower()) for text in texts]
    lately = "\n".join(one.lower for one in said[-_EXCHANGE:])
    changers = _changers(view, found)
    things = chosen_from(view, _things(view, found, changers, said), len(said))
    things = _at_rest(found, changers, _of_agreed(view, found, things))
    parts = [] if found.closing is not None else [*_parts(view, found, said)]
    parts = _of_agreed(view, found, parts)
    detailed = {part.finding.values[0].text.split(", ")[0] for part in parts}
    ranked = [*with_parts(view, meant(view, things)), *parts]
    ranked.sort(key=lambda one: -one.rank)
    named = False
    of_items = bool(found.asked & _OF_ITEMS)
    at_hand = {one.value for one in found.identifiers if one.by_tools}
    room = RECORD_WORDS
    claims: list[Statement] = []
    for thing in ranked[:_THINGS]:
        if thing.rank == _LEAST_RANK or (thing.rank < 0 and (named or len(claims) >= _UNNAMED)):
            # It was only looked at in passing.
            continue
        told = _told_state(view, changers.get(thing.name), thing)
        holds = thing.finding.items or any(one.key == PARTS for one in thing.finding.values)
        items = ""
        if thing.finding.items:
            items = items_of(view, thing, lately, detailed, _DETAILS, of_items=of_items)
        most = min(room, _LINE_WORDS + _MORE * bool(holds))
        text = _line(view, thing, (told[0], items), lately, most)
        if not text and thing.name in at_hand and thing.rank >= 0:
            # The customer did not name it, and no other line does.
            text = f"{thing.kind} {clip(thing.name, 2)}".strip()
            text = text if word_count(text) <= most else ""
        if text:
            named = named or thing.rank >= 0
            room -= word_count(text)
            events = tuple(filter(None, (thing.finding.event_id, told[1])))
            claims.append(Statement(text=text, events=events, kind="check"))
    return tuple(claims)


def _at_rest(
    found: PacketFindings, changers: dict[str, _Change], things: list[Thing]
) -> list[Thing]:
    """Return of all things only those that were changed, where nothing more is asked."""
    if found.closing is None or not any(thing.name in changers for thing in things):
        return things
    return [thing for thing in things if thing.name in changers]


def _of_agreed(view: PacketView, found: PacketFindings, things: list[Thing]) -> list[Thing]:
    """Return things without those that were not chosen, where others of their kind were."""
    agreed = found.last.agreed
    if agreed is None:
        return things
    said = f"{' '.join(agreed.summary)} {view.text(agreed.reply)[:READ_LIMIT]}"
    chosen = {thing.kind for thing in things if thing.name and thing.name in said}
    chosen |= {word for word in _LEGS if word in said.lower() and _LEG.search(said)}
    return [
        thing
        for thing in things
        if not thing.name or thing.name in said or thing.kind not in chosen
    ]


def _changers(view: PacketView, found: PacketFindings) -> dict[str, _Change]:
    """Return by the name of each thing how and where a tool last changed it."""
    changed: dict[str, _Change] = {}
    for work in found.works:
        if work.kind == "action" and work.status == "ok":
            place = view.places.get(work.events[-1], -1)
            for name in () if _CREATES.match(work.words) else work.what:
                if name not in changed or changed[name].place < place:
                    changed[name] = _Change(work.words, place)
    return changed


def _things(
    view: PacketView, found: PacketFindings, changers: dict[str, _Change], said: Sequence[_Said]
) -> list[Thing]:
    """Return each thing that was looked up or changed, with what is known of it last."""
    things = _looked_up(view, found, changers, said)
    _put_limits(things, changers)
    acted = {
        what: max(0, _rank_of(view, work.events[-1]))
        for work in found.works
        if work.kind == "action"
        for what in work.what[-_THINGS:]
    }
    ranked = [
        one._replace(rank=max(one.rank, acted.get(one.name, _LEAST_RANK)))
        for one in things.values()
    ]
    phones = [one.value for one in found.identifiers if one.kind == "phone"]
    own = [one for one in ranked if is_of(one.finding, phones)]
    wrong = other_number(found)
    # The record of a line that is not the customer's tells nothing.
    kept = [
        one
        for one in ranked
        if one in own or not (one.finding.phone and (own or (wrong and wrong.name == one.name)))
    ]
    first = [one._replace(rank=max(one.rank, 2 * len(said))) for one in own]
    return [*first, *(one for one in reversed(kept) if one not in own)]


def _looked_up(
    view: PacketView, found: PacketFindings, changers: dict[str, _Change], said: Sequence[_Said]
) -> dict[str, Thing]:
    things: dict[str, Thing] = {}
    for work in [work for work in found.works if work.status == "ok"][-_WORKS:]:
        noun = clip(view.hide(_noun(work)), 3) if work.kind == "check" else ""
        if work.kind == "check" and not work.found and work.values and not work.profile:
            values = tuple(Value("", value) for value in work.values)
            rank = _rank_of(view, work.events[-1])
            things[noun] = Thing("", noun, ToolFinding(values, work.events[-1]), rank)
        for name, finding in [*work.found.items()][-_THINGS:]:
            if (work.profile or work.of_customer) and (not finding.values or work.kind == "action"):
                continue
            kind = finding.kind or work.kind_of_thing or noun
            new = Thing(name, kind, finding, _rank(name, finding.items, said))
            changer = changers.get(name)
            things[name.lower()] = _merged(view, changer, new, things.get(name.lower()))
    return things


def _put_limits(things: dict[str, Thing], changers: dict[str, _Change]) -> None:
    """Put the limit that a line's plan sets beside what is used of it.

    The plan is no matter of its own then.
    """
    for key in [*things]:
        for other in things[key].finding.of:
            plan = things.get(other.lower())
            if plan is None or other.lower() == key:
                continue
            changer = changers.get(things[key].name)
            if changer is None or plan.kind not in changer.words:
                things[key] = _with_limit(things[key], plan)
            if plan.rank < 0:
                things[other.lower()] = plan._replace(rank=_LEAST_RANK)


def _merged(view: PacketView, changer: _Change | None, new: Thing, known: Thing | None) -> Thing:
    """Return what is known of a thing after a further look or a change."""
    if known is not None and _at(view, known) > _at(view, new):
        new, known = known, new
    values = new.finding.values
    if changer is not None and changer.place > _at(view, new):
        # After a change it may be otherwise.
        values = lasting(values, changer.words)
    if known is None:
        return new._replace(finding=new.finding._replace(values=values))
    before = known.finding.values
    if changer is not None and changer.place >= _at(view, known):
        before = lasting(before, changer.words)
    keys = {value.key for value in values}
    finding = new.finding._replace(
        values=(*values, *(value for value in before if value.key not in keys)),
        items=new.finding.items or known.finding.items,
        more=new.finding.more if new.finding.items else known.finding.more,
        phone=new.finding.phone or known.finding.phone,
        of=new.finding.of or known.finding.of,
    )
    return Thing(new.name, new.kind or known.kind, finding, max(new.rank, known.rank))


def _at(view: PacketView, thing: Thing) -> int:
    return view.places.get(thing.finding.event_id, -1)


def _with_limit(thing: Thing, plan: Thing) -> Thing:
    """Return a thing with the limit that its plan sets beside what is used of it."""
    limits = {value.key.replace("_limit", "_used"): value for value in plan.finding.values}
    values = []
    for value in thing.finding.values:
        limit = limits.get(value.key) if "_used" in value.key else None
        if limit is not None and " of " not in value.text:
            unit = value.key.partition("_used")[2].replace("_", " ").upper()
            most = limit.text.rsplit(" ", 1)[-1]
            text = f"{value.text.removesuffix(unit)} of {most}{unit}"
            value = value._replace(text=text)  # noqa: PLW2901
        values.append(value)
    return thing._replace(finding=thing.finding._replace(values=tuple(values)))


def _parts(view: PacketView, found: PacketFindings, said: Sequence[_Said]) -> Iterator[Thing]:
    """Yield the items and the like that were named last, from the record that holds them."""
    named = [code for one in said[-_EXCHANGE:] for code in _CODE.findall(one.text)]
    named += [
        code
        for work in found.works
        if work.kind == "action" and work.status == "ok"
        for ids in work.items.values()
        for code in ids[-1:]
    ]
    known = {what.lower() for work in found.works for what in work.what}
    results = [call.result for call in view.calls if call.result is not None]
    for code in [one for one in dict.fromkeys(reversed(named)) if one.lower() not in known][:_LAST]:
        for turn in reversed(results):
            text = view.text(turn)
            if f'"{code}"' not in text or turn.status not in (None, "ok"):
                continue
            kind, told = part_of(text, code)
            if kind and told:
                values = (Value("", ", ".join(told)),)
                yield Thing(code, kind, ToolFinding(values, turn.event_id), _rank(code, (), said))
                break


def _rank(name: str, items: tuple[str, ...], said: Sequence[_Said]) -> int:
    """Return how late a thing was spoken of, by its name before that of something in it."""
    for at in range(len(said) - 1, -1, -1):
        if name in said[at].text:
            return 2 * at + 1
        if any(item.lower() in said[at].lower for item in items):
            return 2 * at
    return -1


def _rank_of(view: PacketView, event_id: str) -> int:
    """Return how late a tool's result came, among what was said."""
    at = view.places.get(event_id, -1)
    turns = view.spoken[-_LAST:]
    before = sum(view.places[turn.event_id] < at for turn in turns)
    return 2 * before - 1 if before else -1


def _noun(work: ToolWork) -> str:
    return " ".join(word for word in work.words.split() if word not in _VERBS)


def _told_state(view: PacketView, changer: _Change | None, thing: Thing) -> tuple[str, str]:
    """Return the status that the AI told of a thing whose record was cut before it."""
    known = any("status" in value.key for value in thing.finding.values)
    known = known or not (thing.finding.values or thing.finding.items)
    # A result that is one word is the status itself.
    known = known or any(
        not value.key or " " not in value.text for value in thing.finding.values[:1]
    )
    if known or not thing.name or not _DIGITS.search(thing.name):
        return "", ""
    since = changer.place if changer is not None else -1
    for turn in reversed(view.spoken[-_LAST:]):
        text = view.text(turn)[:READ_LIMIT] if turn.role == AI else ""
        at = text.rfind(thing.name)
        if at < 0 or view.places[turn.event_id] < since:
            continue
        state = _STATES.match(text, at + len(thing.name))
        began = max(text.rfind(mark, max(0, at - _SENTENCE), at) for mark in ".!?\n")
        if state is None or _NO_STATE.search(text, max(began, at - _SENTENCE, 0), state.end()):
            return "", ""
        return f"status {state['state']}", turn.event_id
    return "", ""


def _line(view: PacketView, thing: Thing, more: tuple[str, str], lately: str, room: int) -> str:
    """Return what was found of a thing in so many words; nothing where nothing was.

    With its status, where only the AI told it, and what is in it.
    """
    state, items = more
    name = f"{thing.kind} {clip(thing.name, 2)}".strip()
    if not name or _DATE.match(thing.name):
        return ""
    spoken_of = {
        one: any(
            word in lately for part in _WORD.findall(one.key) for word in _CALLED.get(part, (part,))
        )
        for one in thing.finding.values
    }
    values = [one for one, is_so in spoken_of.items() if is_so or not _ON_DEMAND.search(one.key)]
    # The last words name the thing that is asked about.
    values.sort(key=lambda one: not spoken_of[one])
    shown = [
        view.frame("work", "results", count=one.text) if one.text.isdecimal() else one.text
        for one in values[:_VALUES]
    ]
    shown = [state, *shown] if state else shown
    if items:
        first = len(shown[:1]) if shown and shown[0].startswith("status") else 0
        shown.insert(first, items)
    while shown:
        text = f"{name}: {', '.join(shown)}"
        if word_count(text) <= room:
            return text
        shown.pop()
    return ""
