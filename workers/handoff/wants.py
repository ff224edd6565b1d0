"""The statement on what the customer wants: from before, now, and on which conditions."""

from typing import Final

from workers.contracts.decisions import Turn
from workers.contracts.handoffs import Statement
from workers.handoff.acts import BESIDE, acts_wanted
from workers.handoff.background import conditions
from workers.handoff.issues import is_vague
from workers.handoff.last_exchange import says_of_matter
from workers.handoff.packet_findings import PacketFindings, agreed_on, changed_since, last_change
from workers.handoff.request_state import CLOSED, Ask
from workers.handoff.sentences import ASKS, REFERS, STILL
from workers.handoff.view import CUSTOMER, PacketView
from workers.handoff.whole_sentences import in_words
from workers.handoff.wording import (
    clause_start,
    clip,
    content,
    gist,
    says_something,
    trim,
    without_greeting,
    word_count,
)

WANTS_WORDS: Final = 44
CONDITION_WORDS: Final = 24
"""Words of conditions and reasons, in all."""
_CONDITION: Final = 18
_CONDITIONS: Final = 2
_SAID: Final = 0.7
"""Share of its content words from which on a sentence says nothing new."""
_POINTS: Final = 2
"""Colons of a sentence from which on it reports point by point."""
_LEAST: Final = 5
_NAMED: Final = 3
"""Content words of a request that can stand for itself."""


def wants_of(view: PacketView, found: PacketFindings, room: int) -> Statement:
    """Say what the customer wants now, in their own words, and what is open from before."""
    issue, closing = found.issue, found.closing
    if issue is None:
        return _wants_at_all(view, room)
    now, began = issue.now, issue.began
    if closing is not None:
        asks = [*(ask for ask, _ in issue.before), *((began,) if began else ()), now]
        of_matter = [ask for ask in asks if _names_matter(ask.text)]
        of_matter.sort(key=lambda ask: not ask.acts - BESIDE)
        asked = (of_matter or [_told(view) or asks[0]])[0]
        quoted = view.quote(_asked(asked, room - 6), asked.text)
        text = f"{quoted} {view.frame('wants', 'nothing')}"
        return Statement(text=text, events=(asked.turn.event_id, closing.event_id))
    last = found.last
    if last.turn is not None and last.said and not _was_met(view, found):
        return _with_last_words(view, found, last.turn, room)
    if issue.still is not None and began is None:
        return _still(view, now, *issue.still, room)
    if began is None or view.is_quoted(began.text):
        return Statement(text=view.quote(_asked(now, room), now.text), events=(now.turn.event_id,))
    later = _asked(now, room - min(word_count(began.text), room * 9 // 20) - 1)
    first = _asked(began, room - word_count(later) - 1)
    text = view.frame(
        "wants", "then", began=view.quote(first, began.text), now=view.quote(later, now.text)
    )
    return Statement(text=text, events=(began.turn.event_id, now.turn.event_id))


def _names_matter(text: str) -> bool:
    """Return whether a request says what it is about."""
    return len(content(text)) >= _NAMED and not is_vague(text)


def _told(view: PacketView) -> Ask | None:
    """Return the first of the customer's sentences that says what their matter is."""
    for at, turn in enumerate(view.spoken):
        for part in view.asked(turn) if turn.role == CUSTOMER else ():
            if says_of_matter(part) and _names_matter(part):
                return Ask(turn, at, part, 0, frozenset(), 0.0)
    return None


def _was_met(view: PacketView, found: PacketFindings) -> bool:
    """Return whether something was done after the customer's last words."""
    turn = found.last.turn
    return turn is not None and changed_since(view, found, turn)


def _with_last_words(view: PacketView, found: PacketFindings, turn: Turn, room: int) -> Statement:
    """Say what is open from before, and the customer's last words."""
    issue = found.issue
    asks = any(
        ASKS.search(part) and (acts_wanted(part) or part.endswith("?")) for part in found.last.said
    )
    before = [ask for ask in (issue.began, issue.now) if ask] if issue else []
    latest = issue.now if issue is not None and issue.is_open and issue.now.worth else None
    if not asks and latest is not None and latest.turn is not turn:
        # What was asked for last says more than the words after it.
        before = [latest]
    elif not asks:
        # Only the request before says what they are about.
        before.reverse()
    elif issue is not None and not issue.is_open:
        before = []
    now = set[str]().union(*map(content, found.last.said))
    first = next((ask for ask in before if ask.turn is not turn and _adds(ask.text, now)), None)
    if first is None:
        words = in_words(found.last.said, room)
        return Statement(text=view.quote_of(words, found.last.said), events=(turn.event_id,))
    kept = min(word_count(first.text), room * 2 // 5)
    words = in_words(found.last.said, room - kept)
    began = view.quote(_asked(first, room - word_count(words)), first.text)
    text = view.frame("wants", "then", began=began, now=view.quote_of(words, found.last.said))
    return Statement(text=text, events=(first.turn.event_id, turn.event_id))


def _adds(text: str, said: set[str]) -> bool:
    """Return whether a sentence says more than was said with such words."""
    words = content(text)
    return len(words & said) <= _SAID * len(words)


def with_conditions(
    view: PacketView, found: PacketFindings, wanted: Statement, room: int
) -> Statement:
    """Add to what is wanted the conditions and reasons that the customer gave, if they fit."""
    issue = found.issue
    if found.closing is not None:
        return wanted
    asked = [ask.text for ask in (issue.now, issue.began) if ask] if issue else []
    # A request that is done or answered is no condition of an open one.
    asked += [ask.text for ask, state in issue.before if state in CLOSED] if issue else []
    text, events = wanted.text, wanted.events
    left, told = _CONDITIONS, set[str]()
    for turn, said, start in conditions(view, asked, _considered(view, found)):
        if not left or room < _LEAST:
            break
        words = trim(said, min(room, _CONDITION), clause_start(said, start))
        if words.startswith("…") and REFERS.search(words):
            words = trim(said, min(room, _CONDITION))
        same = content(said) & told
        # The end of a condition is its point.
        if words.endswith("…") or view.is_quoted(said) or len(same) > len(content(said)) // 2:
            continue
        left -= 1
        told |= content(said)
        room -= word_count(f"“{words}”")
        text = f"{text} {view.quote(words, said)}"
        events = (*events, *((turn.event_id,) if turn.event_id not in events else ()))
    return wanted if text == wanted.text else Statement(text=text, events=events, kind=wanted.kind)


def _considered(view: PacketView, found: PacketFindings) -> int:
    """Return the place in the episode up to which conditions were heard, or are over; else -1."""
    if found.last.agreed is not None:
        return agreed_on(view, found)
    issue, done = found.issue, last_change(view, found)
    if issue is None or issue.began is not None:
        return -1
    return done if view.places.get(issue.now.turn.event_id, -1) > done else -1


def _still(view: PacketView, now: Ask, turn: Turn, told: str, room: int) -> Statement:
    """Say what is asked and, where nothing else was asked since, how the customer says it is."""
    asked = _asked(now, room * 11 // 20)
    left = trim(told, room - word_count(asked) - 1, _point_of(told))
    if not left or view.is_quoted(told):
        return Statement(text=view.quote(asked, now.text), events=(now.turn.event_id,))
    text = view.frame(
        "wants", "then", began=view.quote(asked, now.text), now=view.quote(left, told)
    )
    return Statement(text=text, events=(now.turn.event_id, turn.event_id))


def _point_of(told: str) -> int:
    """Return where the clause begins that says what does not work, or where a report begins."""
    if told.count(": ") > _POINTS:
        lead = told.index(": ") + 2
        return lead if ": " in told[lead : told.find(";", lead)] else 0
    found = STILL.search(told)
    return clause_start(told, found.start()) if found else 0


def _asked(ask: Ask, room: int) -> str:
    """Return a request in at most so many words: whole, else from where it begins to ask."""
    text = without_greeting(ask.text)
    if word_count(text) <= room:
        return text
    return trim(ask.text, room, ask.start)


def _wants_at_all(view: PacketView, room: int) -> Statement:
    asked = view.by_id.get(view.facts.first_request or "")
    turn = asked if asked is not None and says_something(view.beginning(asked)) else None
    turn = turn or view.find(lambda one: one.role == CUSTOMER and says_something(one.content))
    turn = turn or asked
    if turn is not None:
        words = gist(view.beginning(turn), room)
        if not words and turn.attachments:
            said = view.frame("wants", "attached", count=len(turn.attachments))
        else:
            said = view.quote(words) if words else view.frame("wants", "none")
        return Statement(text=said, events=(turn.event_id,))
    cited = (view.facts.first_request or view.cause,)
    if view.facts.subject:
        return Statement(text=clip(view.hide(view.facts.subject), room), events=cited)
    return Statement(text=view.frame("wants", "before"), events=cited)
