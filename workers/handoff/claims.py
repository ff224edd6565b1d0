"""The statements of a packet, each in a few words and with the events that it rests on."""

import re
from typing import Final

from workers.contracts.decisions import Turn
from workers.contracts.handoffs import Claim
from workers.contracts.time import to_ms
from workers.handoff.acts import acts_of
from workers.handoff.background import conditions, content
from workers.handoff.identifiers import name_of
from workers.handoff.issues import CLOSED, Ask
from workers.handoff.packet_findings import PacketFindings, refusal
from workers.handoff.sentences import ASKS, CLOSES, FAILED, REFERS, REFUSES, STILL
from workers.handoff.sentences import PERSON as PERSONS
from workers.handoff.sentiment import FELT, GRAVE, sentiment_of
from workers.handoff.told import AiSentence, waits
from workers.handoff.view import AI, CUSTOMER, PERSON, PacketView
from workers.handoff.wording import (
    clause_start,
    clip,
    duration,
    gist,
    one_line,
    says_something,
    trim,
    without_greeting,
    word_count,
)

WHO_WORDS: Final = 8
WANTS_WORDS: Final = 30
STANDS_WORDS: Final = 26
CONDITION_WORDS: Final = 24
"""Of conditions and reasons, in all."""
_CONDITION: Final = 18
_CONDITIONS: Final = 2
_LEAST: Final = 5
_TORN: Final = 8
"""Words of a sentence that was cut, so that it still says something."""
_SOON: Final = 60
"""Seconds that nobody waits for."""
_CONDITIONAL: Final = re.compile(r"(?:if|unless|wenn|falls|si|se|als|indien)\b", re.IGNORECASE)
_POINTS: Final = 2
"""Colons of a sentence from which on it reports point by point."""


def who(view: PacketView, found: PacketFindings) -> Claim:
    """Say who the customer is: name, id, tier, language; else from what they or a tool said."""
    customer = view.customer
    said = view.find(lambda turn: turn.role == CUSTOMER)
    events: tuple[str, ...] = (said.event_id if said else view.facts.first_request or view.cause,)
    name = clip(view.hide(customer.name or ""), 3) if customer else ""
    identity = clip(view.hide(customer.id or ""), 2) if customer else ""
    if not name and (own := name_of(view)) is not None:
        name, events = clip(own[0], 3), (own[1],)
    if not name and not identity:
        user = next((one for one in found.identifiers if one.kind == "user"), None)
        if user is not None:
            identity, events = clip(user.value, 2), (user.event_id,)
    if not name or not identity:
        looked_up, their, event = _looked_up(found)
        name, identity = name or clip(looked_up, 3), identity or clip(their, 2)
        events = (*events, event) if event and event not in events else events
    known = f"{name} ({identity})" if name and identity else name or identity
    more = [clip(part, 1) for part in (customer.tier, customer.locale) if part] if customer else []
    known = known or view.frame("who", "unknown")
    return Claim(text=clip(", ".join([known, *more]), WHO_WORDS), events=events)


def _looked_up(found: PacketFindings) -> tuple[str, str, str]:
    """Return name, id and event of the customer's record, where a tool looked it up."""
    name = identity = event = ""
    for work in found.works:
        if work.profile and work.status == "ok":
            name, identity = work.person or name, work.identity or identity
            event = work.events[-1]
    return name, identity, event


def wants(view: PacketView, found: PacketFindings, room: int) -> Claim:
    """Say what the customer wants now, in their own words, and what is open from before."""
    issue, closing = found.issue, closes(view)
    if issue is None:
        return _wants_at_all(view, room)
    now, began = issue.now, issue.began
    if closing is not None:
        asked = began or now
        quoted = view.quote(_asked(asked, room - 6), asked.text)
        text = f"{quoted} {view.frame('wants', 'nothing')}"
        return Claim(text=text, events=(asked.turn.event_id, closing.event_id))
    if issue.still is not None and began is None:
        return _still(view, now, *issue.still, room)
    if began is None or view.is_quoted(began.text):
        return Claim(text=view.quote(_asked(now, room), now.text), events=(now.turn.event_id,))
    last = _asked(now, room - min(word_count(began.text), room * 9 // 20) - 1)
    first = _asked(began, room - word_count(last) - 1)
    text = view.frame(
        "wants", "then", began=view.quote(first, began.text), now=view.quote(last, now.text)
    )
    return Claim(text=text, events=(began.turn.event_id, now.turn.event_id))


def closes(view: PacketView) -> Turn | None:
    """Return the customer's last turn, if it says that they need nothing more."""
    turn = view.last(CUSTOMER)
    if turn is None or turn is not view.spoken[-1]:
        return None
    said = view.sentences(turn)
    wants_person = any(PERSONS.search(part) and ASKS.search(part) for part in said)
    return turn if any(map(CLOSES.search, said)) and not wants_person else None


def with_conditions(view: PacketView, found: PacketFindings, wanted: Claim, room: int) -> Claim:
    """Add to what is wanted the conditions and reasons that the customer gave, if they fit."""
    issue = found.issue
    asked = [ask.text for ask in (issue.now, issue.began) if ask] if issue else []
    # What is done or answered is no condition of what is open.
    asked += [ask.text for ask, state in issue.before if state in CLOSED] if issue else []
    text, events = wanted.text, wanted.events
    left, told = _CONDITIONS, set[str]()
    for turn, said, start in conditions(view, asked):
        if not left or room < _LEAST:
            break
        words = trim(said, min(room, _CONDITION), clause_start(said, start))
        few = words.endswith("…") and len(words.split()) < _TORN
        same = content(said) & told
        if few or view.is_quoted(said) or len(same) > len(content(said)) // 2:
            continue
        left -= 1
        told |= content(said)
        room -= word_count(f"“{words}”")
        text = f"{text} {view.quote(words, said)}"
        events = (*events, *((turn.event_id,) if turn.event_id not in events else ()))
    return wanted if text == wanted.text else Claim(text=text, events=events, kind=wanted.kind)


def _still(view: PacketView, now: Ask, turn: Turn, told: str, room: int) -> Claim:
    """Say what is asked and, where nothing else was asked since, how the customer says it is."""
    asked = _asked(now, room * 11 // 20)
    left = trim(told, room - word_count(asked) - 1, _point_of(told))
    if not left or view.is_quoted(told):
        return Claim(text=view.quote(asked, now.text), events=(now.turn.event_id,))
    text = view.frame(
        "wants", "then", began=view.quote(asked, now.text), now=view.quote(left, told)
    )
    return Claim(text=text, events=(now.turn.event_id, turn.event_id))


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


def _wants_at_all(view: PacketView, room: int) -> Claim:
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
        return Claim(text=said, events=(turn.event_id,))
    cited = (view.facts.first_request or view.cause,)
    if view.facts.subject:
        return Claim(text=clip(view.hide(view.facts.subject), room), events=cited)
    return Claim(text=view.frame("wants", "before"), events=cited)


def stands(view: PacketView, found: PacketFindings, room: int) -> Claim:
    """Say where it stands: how it came here, what the AI refused or said last, who waits."""
    state, cited = _state(view)
    refused = refusal(view, found)
    said = refused or _still_holds(view, found)
    if said is not None and said.turn is view.spoken[-1]:
        # That the AI answered last need not be said twice.
        state = ""
    parts = [part for part in (_way(view), state) if part]
    if said is not None:
        room -= sum(map(word_count, parts)) + 3
        words = trim(said.text, room, _no(said) if refused else 0)
        if words and not view.is_quoted(words):
            text = view.frame("stands", _how(said, refused), words=view.quote(words, said.text))
            parts.insert(len(parts) - bool(state), text)
            cited = (said.turn.event_id, *cited)
    text = "; ".join(parts) or view.frame("stands", "customer_last")
    events = (*cited, *((view.cause,) if _way(view) or not cited else ()))
    return Claim(text=text, events=tuple(dict.fromkeys(events)))


def _still_holds(view: PacketView, found: PacketFindings) -> AiSentence | None:
    """Return what the AI told last, unless the customer has reported since how it went."""
    said = found.told.last
    if said is None or said.turn is not view.last(AI):
        return None
    issue = found.issue
    repaired = issue is not None and issue.now.acts <= {"fix", "access"} and found.steps
    return None if repaired and said.turn is not view.spoken[-1] else said


def _how(said: AiSentence, refused: AiSentence | None) -> str:
    """Return whether the AI refused, did not succeed, asked or told."""
    if refused is None:
        return "asked" if said.text.endswith("?") else "told"
    # What it could not repair it did not refuse.
    return "failed" if FAILED.search(said.text) or acts_of(said.text) == {"fix"} else "refused"


def _no(said: AiSentence) -> int:
    """Return where the clause begins in which something is refused; a condition goes with it."""
    found = REFUSES.search(said.text)
    in_condition = _CONDITIONAL.match(said.text) is not None
    start = clause_start(said.text, found.start()) if found and not in_condition else 0
    clause = said.text[start:]
    return start if len(clause.split()) > _LEAST and not REFERS.match(clause) else 0


def _state(view: PacketView) -> tuple[str, tuple[str, ...]]:
    last = view.spoken[-1] if view.spoken else None
    cited = (last.event_id,) if last else ()
    if last is not None and last.role in (PERSON, AI):
        return view.frame("stands", "person_last" if last.role == PERSON else "ai_last"), cited
    since = last.at if last else to_ms(view.facts.episode_started_at)
    waited = max(0, (to_ms(view.decision.decided_at) - since) // 1000)
    asked_by_ai = view.decision.reason in ("agent_request", "unproductive_loop")
    if not waited or not waits(view) or (asked_by_ai and waited < _SOON):
        return "", cited
    return view.frame("stands", "waits", duration=duration(waited)), cited


def _way(view: PacketView) -> str:
    """Say how the escalation came to this place, when it is not its first."""
    decision, frame = view.decision, view.frame
    if decision.action == "transfer":
        return frame("stands", "transferred", name=clip(decision.person or "?", 1))
    cause = decision.cause or ""
    if cause == "claim_missed":
        missed = clip(decision.tried[-1], 1) if decision.tried else "?"
        return frame("stands", cause, queue=missed)
    if cause == "mandatory_rule":
        return frame("stands", cause, level=decision.level)
    return frame("stands", cause) if frame.has("stands", cause) else ""


def mood(view: PacketView) -> Claim | None:
    """Say how the customer feels and whether it gets worse; nothing where nobody can say."""
    said = [(turn, view.text(turn)) for turn in view.spoken if turn.role == CUSTOMER]
    found = sentiment_of(view.facts.mood, said)
    if found.feeling == "neutral" and any(GRAVE.search(text) for _, text in said[-FELT:]):
        return None
    text = view.frame("mood", "slightly" if found.slightly else found.feeling)
    if found.course != "steady":
        text = f"{text}, {view.frame('mood', found.course)}"
    return Claim(text=text, events=(found.event_id or view.cause,), kind=found.feeling)


def promised(view: PacketView, found: PacketFindings, room: int) -> tuple[Claim, ...]:
    """Say what the AI promised and offered, each in its words, as far as there is room."""
    claims = []
    promises = [(said, "promise") for said in found.told.promised]
    for said, kind in (*promises, *((said, "offer") for said in found.told.offered)):
        words = said.text
        if view.is_quoted(words) or word_count(words) > room:
            continue
        room -= word_count(words)
        claims.append(Claim(text=view.quote(words), events=(said.turn.event_id,), kind=kind))
    return tuple(claims)


def subject(packet_who: Claim, found: PacketFindings, view: PacketView) -> str:
    """Return who and what in ten words."""
    name = clip(packet_who.text, 3)
    if view.facts.subject:
        what = clip(view.hide(view.facts.subject), 7)
    elif found.issue is not None:
        ask = found.issue.began or found.issue.now
        said = trim(ask.text, 7, ask.start) if ask.start else trim(without_greeting(ask.text), 7)
        what = said.lstrip("…")
    else:
        what = view.frame("reason", view.decision.reason or "explicit_request")
    return one_line(view.frame.line("subject", who=name.rstrip(",…"), what=what))
