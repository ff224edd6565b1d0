"""The customer's requests: the issue at hand, and those before it."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from workers.contracts.decisions import Turn
from workers.handoff.acts import acts_wanted
from workers.handoff.background import FALLS_BACK
from workers.handoff.person_requests import asks_for_person
from workers.handoff.request_state import CLOSED, Ask, AskState, is_for_another, state_of
from workers.handoff.sentences import (
    ASKS,
    DID,
    FILLER,
    HELPS,
    INSTEAD,
    PERSON,
    REFERS,
    STILL,
    UNSURE,
    lacks_number,
)
from workers.handoff.tool_work import ToolWork
from workers.handoff.view import CUSTOMER, PacketView
from workers.handoff.wording import is_courtesy, says_something

FIRST: Final = 3
LAST: Final = 8
"""Turns of the customer, at the beginning and at the end, that are read for requests."""
SENTENCES: Final = 12
"""Sentences of one turn that are read."""
_ENOUGH: Final = 1.5
_LEAST: Final = 4
_POINTS: Final = 2
_TELLS: Final = 5
_WHOLE: Final = 14
"""Words from which on a request is taken to stand for itself."""
_AGREES: Final = re.compile(r"(?:yes|yeah|ok(?:ay)?|sure|ja|oui|s[ií]|sim)\b", re.IGNORECASE)
_RECENT: Final = 3
"""Latest turns of the customer in which they may say how it stands."""
_IDENTITY: Final = re.compile(
    r"\bmy (?:[\w-]+ ){0,3}(?:names?|zip|code|id|number|e-?mail|address|phone|birth)\b"
    r"[^.]{0,12}\bis\b|"
    r"\b(?:mein name|je m['\u2019]appelle|me llamo|mi chiamo|chamo-me|mijn naam)\b",
    re.IGNORECASE,
)
_VAGUE: Final = re.compile(
    r"\b(?:this|the|that|diese[ms]?|das|ce|cette|este|esta|questo|questa|esse|dit|deze) "
    r"(?:issue|problem|matter|situation|problème|problema|probleem|angelegenheit)\b",
    re.IGNORECASE,
)
_ON: Final = re.compile(
    r"(?:(?:and|but|und|et|y|e|en) )?(?:if|wenn|falls|si|se|als|indien)\b", re.IGNORECASE
)
_NEEDED: Final = re.compile(
    r"(?:(?:and|but|so) )?(?:if|in case) (?:i|we) (?:have|need) to\b", re.IGNORECASE
)
"""A request only for the case that another one fails."""
_REASON: Final = re.compile(
    r"(?:\W*(?:and|well|yes|so)\b)*\W*(?:the|my) (?:main )?reason\b", re.IGNORECASE
)
"""An answer to the question why."""
_WISH: Final = re.compile(r"(?:but |and |so |now )?i (?:want|need) (?:an?|the) \w", re.IGNORECASE)
_LATER: Final = re.compile(r"(?:once|when|after|sobald|quand|cuando|quando|zodra)\b", re.IGNORECASE)
_REPORTS: Final = re.compile(r"(?:[\w-]+ ){0,3}[\w-]+: \S")
"""A line of a report, as in Signal: none."""


_OF_GOODS: Final = frozenset({"return", "exchange"})
"""Acts of which one takes the place of another."""


class Issue(NamedTuple):
    """The request now, the one it began with where that is open too, and those before."""

    now: Ask
    began: Ask | None
    before: tuple[tuple[Ask, AskState], ...]
    still: tuple[Turn, str] | None = None
    """The customer's last word on how it is, where they asked for nothing new."""
    state: AskState = "open"
    """State of the request now."""
    began_state: AskState = "open"

    @property
    def acts(self) -> frozenset[str]:
        """Return the acts of the request now, and of the one it began with."""
        return self.now.acts | (self.began.acts if self.began else frozenset())

    @property
    def is_open(self) -> bool:
        """Return whether the request now was neither settled nor answered."""
        return self.state not in CLOSED

    @property
    def refused(self) -> Ask | None:
        """Return the request that the AI refused: the one now, else an earlier one."""
        if self.state == "refused":
            return self.now
        if self.began_state == "refused":
            return self.began
        before = reversed(self.before) if not self.now.worth else ()
        return next((ask for ask, state in before if state == "refused"), None)


def issue_of(view: PacketView, done: Sequence[ToolWork]) -> Issue | None:
    """Return the issue at hand; None where no message asks for anything."""
    asks = _asks(view)
    if not asks:
        return None
    states = [state_of(view, ask, asks, done) for ask in asks]
    asks, states = _in_force(asks, states)
    current = next(
        (at for at in reversed(range(len(asks))) if states[at] not in CLOSED), len(asks) - 1
    )
    now = asks[current]
    before = [
        (ask, state) for ask, state in zip(asks, states, strict=True) if ask.turn is not now.turn
    ]
    before = _distinct(before, now)
    opening = next(
        (ask for ask, state in before if state not in CLOSED and ask.position < now.position),
        None,
    )
    if opening is not None and _only_refers(now) and (not now.acts or now.acts <= opening.acts):
        now, opening = opening, None
    vague = is_vague(now.text) and now.acts <= {"fix"}
    meant = [
        ask
        for ask, state in zip(asks, states, strict=True)
        if ask.turn is not now.turn and state not in CLOSED and ask.acts - {"fix"}
    ]
    if vague and meant:
        # This issue is what was asked for last.
        now, opening = meant[-1], meant[0] if meant[0] is not meant[-1] else None
    still = (_list_reported(view) if now.acts <= {"fix"} else None) or _still(view)
    if opening is not None and STILL.search(now.text) and now.acts <= opening.acts | {"fix"}:
        # It tells how it stands with what was asked in the beginning.
        recent = view.said_by(CUSTOMER)[-_RECENT:]
        still = still or _report(view) or ((now.turn, now.text) if now.turn in recent else None)
        now, opening = opening, None
    if still is not None and still[0] is now.turn:
        still = None
    rest = tuple(
        (ask, state)
        for ask, state in before
        if ask not in (opening, now)
        and ask.acts
        and not PERSON.search(ask.text)
        and not (_only_refers(ask) and ask.acts <= {"fix"})
    )
    states_of = {id(ask): state for ask, state in zip(asks, states, strict=True)}
    began_state = states_of[id(opening)] if opening is not None else "open"
    return Issue(now, opening, rest, still, states_of[id(now)], began_state)


def _in_force(asks: list[Ask], states: list[AskState]) -> tuple[list[Ask], list[AskState]]:
    """Return the requests that none took the place of; what was refused took none."""
    since = max(
        (
            at
            for at, ask in enumerate(asks)
            if at
            and INSTEAD.search(ask.text)
            and ask.acts
            and states[at] != "refused"
            and asks[at - 1].acts & _OF_GOODS
            and ask.acts & _OF_GOODS
        ),
        default=0,
    )
    return (
        [ask for at, ask in enumerate(asks) if at >= since or states[at] != "open"],
        [state for at, state in enumerate(states) if at >= since or state != "open"],
    )


def is_vague(text: str) -> bool:
    """Return whether a request only speaks of “this issue”."""
    return _VAGUE.search(text) is not None


def _still(view: PacketView) -> tuple[Turn, str] | None:
    """Return the latest of the customer's last words of what does not work yet."""
    said = view.said_by(CUSTOMER)[-_RECENT:]
    for turn in reversed(said):
        parts = view.sentences(turn)[:SENTENCES]
        for part in parts:
            tells = STILL.search(part) and not part.endswith("?") and not PERSON.search(part)
            if tells and not _ON.match(part) and len(part.split()) >= _LEAST:
                return turn, part
    return None


def _report(view: PacketView) -> tuple[Turn, str] | None:
    """Return the last thing that the customer reports in their last message."""
    turn = view.last(CUSTOMER)
    said = view.asked(turn)[:SENTENCES] if turn is not None else []
    for part in said:
        few = len(part.split()) < _LEAST or part.endswith("?")
        if turn is not None and not few and not PERSON.search(part) and not is_courtesy(part):
            return turn, part
    return None


def _list_reported(view: PacketView) -> tuple[Turn, str] | None:
    """Return what the last message reports point by point: it is newer than all before."""
    turn = view.last(CUSTOMER)
    said = view.asked(turn)[:SENTENCES] if turn is not None else []
    for part in said:
        if turn is not None and part.count(": ") > _POINTS:
            return turn, part
    return None


def _only_refers(ask: Ask) -> bool:
    """Return whether a request makes no sense without an earlier one."""
    return len(ask.text.split()) < _WHOLE and REFERS.search(ask.text) is not None


def _asks(view: PacketView) -> list[Ask]:
    """Return each turn's best request, in order; a mere call for a person is none."""
    said = [(at, turn) for at, turn in enumerate(view.spoken) if turn.role == CUSTOMER]
    read = said if len(said) <= FIRST + LAST else [*said[:FIRST], *said[-LAST:]]
    asks: list[Ask] = []
    for position, turn in read:
        parts = view.asked(turn)[:SENTENCES]
        found = [
            ask
            for number, text in enumerate(parts)
            if (ask := _ask(turn, position, text, number)) is not None
        ]
        worth = [ask for ask in found if ask.worth >= _ENOUGH]
        if worth:
            # A first message begins with its matter; later the clearest request counts.
            asks.append(max(worth, key=lambda ask: ask.worth) if asks else worth[0])
        elif not asks or any(HELPS.search(part) for part in parts):
            told = _told(turn, position, parts)
            if told is not None and (not asks or not DID.search(told.text)):
                asks.append(told)
    return asks


def _told(turn: Turn, position: int, parts: Sequence[str]) -> Ask | None:
    """Return what a first message tells, where it asks for nothing in so many words."""
    for text in parts:
        few = len(text.split()) < _TELLS or not says_something(text)
        other = FILLER.match(text) or _IDENTITY.search(text)
        if not few and not other and not lacks_number(text):
            return Ask(turn, position, text, 0, acts_wanted(text), 0.0)
    return None


def _ask(turn: Turn, position: int, text: str, number: int) -> Ask | None:
    cue = ASKS.search(text)
    words = len(text.split())
    if cue is None or words < _LEAST or not says_something(text) or FILLER.match(text):
        return None
    if (
        UNSURE.search(text)
        or _LATER.match(text)
        or _NEEDED.match(text)
        or _REASON.match(text)
        or FALLS_BACK.match(text)
        or (_REPORTS.match(text) and text.index(":") < cue.start())
        or text.count(": ") > _POINTS
    ):
        return None
    acts = acts_wanted(text)
    person = PERSON.search(text)
    if person is not None:
        if asks_for_person(text):
            return None
        acts = acts_wanted(text[person.end() :])
    worth = 1 + (0.6 if acts else 0) + min(words, 12) / 20 - 0.02 * number
    worth += 0.1 * (_WISH.match(text) is not None)
    worth -= 0.3 * (person is not None) + 0.5 * (_AGREES.match(text) is not None)
    worth += 0.2 * ("?" in text) - (_ON.match(text) is not None and "?" in text)
    start = 0 if cue.group() == "?" else cue.start()
    return Ask(turn, position, text, start, acts, worth)


def _distinct(asks: Sequence[tuple[Ask, AskState]], now: Ask) -> list[tuple[Ask, AskState]]:
    """Return of several requests for the same acts the first, but none for those of now."""
    seen: set[tuple[frozenset[str], bool]] = set()
    kept = []
    for number, (ask, state) in enumerate(asks):
        known = {(ask.acts, state in CLOSED)}
        # What was done once may be asked for again, for another thing.
        known |= set() if is_for_another(ask) else {(ask.acts, state not in CLOSED)}
        if known & seen or (number and (not ask.acts or ask.acts <= now.acts)):
            continue
        seen.add((ask.acts, state in CLOSED))
        kept.append((ask, state))
    return kept
