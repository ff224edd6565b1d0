"""The statements of a packet, each in a few words and with the events that it rests on."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from workers.contracts.decisions import Turn
from workers.contracts.handoffs import Claim
from workers.contracts.time import to_ms
from workers.handoff.acts import acts_of
from workers.handoff.identifiers import Identifier, name_of
from workers.handoff.issues import Ask, Issue
from workers.handoff.sentences import ASKS, CLOSES, FAILED, REFUSES, STILL, sentences
from workers.handoff.sentences import PERSON as PERSONS
from workers.handoff.sentiment import sentiment_of
from workers.handoff.told import AiSentence, Told, waits
from workers.handoff.tool_work import ToolWork
from workers.handoff.view import AI, CUSTOMER, PERSON, PacketView
from workers.handoff.wording import (
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
TRIED_WORDS: Final = 40
STEPS_WORDS: Final = 26
"""Of these, of what the customer did."""
_STEP_WORDS: Final = 14
STANDS_WORDS: Final = 26
_LINE_WORDS: Final = 14
_CHECKS: Final = 2
_CLAUSES: Final = (", ", "; ", "—", " but ")
_MANY: Final = 3
"""Lookups without a line of their own from which on they are counted."""


class PacketFindings(NamedTuple):
    """The findings in a conversation, from which the statements are made."""

    works: tuple[ToolWork, ...]
    issue: Issue | None
    told: Told
    steps: tuple[AiSentence, ...]
    """The customer's own steps."""
    identifiers: tuple[Identifier, ...]


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
    said = sentences(view.text(turn))
    wants_person = any(PERSONS.search(part) and ASKS.search(part) for part in said)
    return turn if any(map(CLOSES.search, said)) and not wants_person else None


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
    """Return where the clause begins that says what does not work."""
    found = STILL.search(told)
    before = told[: found.start()] if found else ""
    return max((before.rfind(mark) + len(mark) for mark in _CLAUSES if mark in before), default=0)


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


def tried(view: PacketView, found: PacketFindings, room: int) -> tuple[Claim, ...]:
    """Say what the tools did: what was refused or changed first, then what was looked up."""
    actions = [
        work for work in found.works if work.kind == "action" or work.status not in ("ok", "called")
    ]
    checks = [work for work in found.works if work not in actions and not work.profile]
    chosen = [*reversed(actions), *_relevant(view, checks)[:_CHECKS]]
    claims: list[Claim] = []
    left = 0
    steps = _steps(view, found, min(STEPS_WORDS, room - (_LINE_WORDS if chosen else 0)))
    room -= words_of(steps)
    for work in chosen:
        text = _line(view, work, min(_LINE_WORDS, room))
        if not text:
            left += work.calls
            continue
        room -= word_count(text)
        claims.append(Claim(text=text, events=work.events, kind=_kind(work)))
    left += sum(work.calls for work in found.works if work not in chosen and not work.profile)
    if left >= _MANY and room >= 3:
        others = [work for work in found.works if work not in chosen] or chosen[-1:]
        text = view.frame("work", "more", count=left)
        claims.append(Claim(text=text, events=others[-1].events, kind="check"))
    if not claims and found.works:
        text = _line(view, found.works[-1], room)
        claims.append(Claim(text=text, events=found.works[-1].events, kind=_kind(found.works[-1])))
    elif not claims and (answer := view.last(AI)):
        count = view.facts.ai_turns
        text = view.frame("work", "one") if count == 1 else view.frame("work", "none", count=count)
        claims.append(Claim(text=text, events=(answer.event_id,)))
    return (*claims, *steps)


def _steps(view: PacketView, found: PacketFindings, room: int) -> tuple[Claim, ...]:
    """Say what the customer did themselves, the latest steps that fit, in their order."""
    kept: list[AiSentence] = []
    room -= word_count(view.frame("work", "customer", steps=""))
    for said in reversed(found.steps):
        words = word_count(said.text)
        if words > min(room, _STEP_WORDS) or view.is_quoted(said.text):
            continue
        room -= words
        kept.insert(0, said)
    if not kept:
        return ()
    steps = "; ".join(view.quote(said.text) for said in kept)
    events = tuple(dict.fromkeys(said.turn.event_id for said in kept))
    return (Claim(text=view.frame("work", "customer", steps=steps), events=events, kind="steps"),)


def _kind(work: ToolWork) -> str:
    if work.status == "ok":
        return work.kind
    return "refused" if work.status in ("refused", "denied") else "failed"


def _relevant(view: PacketView, checks: Sequence[ToolWork]) -> list[ToolWork]:
    """Put those lookups first whose subject was spoken of last, then the latest."""
    last = " ".join(view.text(turn) for turn in view.spoken[-4:])

    def worth(entry: tuple[int, ToolWork]) -> tuple[bool, bool, int]:
        at, work = entry
        return any(what in last for what in work.what), bool(work.values), at

    return [work for _, work in sorted(enumerate(checks), key=worth, reverse=True)]


def _line(view: PacketView, work: ToolWork, room: int) -> str:
    """Return what one tool did, in at most so many words; nothing where not even that fits."""
    status: str = work.status
    if status == "ok":
        status = "found" if work.kind == "check" else "done"
    last = " ".join(turn.content for turn in view.spoken[-4:])
    what = [one for one in work.what if one in last] or list(work.what)
    shown = ", ".join(clip(one, 2) for one in what[-3:])
    times = f" \u00d7{work.calls}" if work.calls > 1 and len(work.what) < 2 else ""
    subject = f"{clip(view.hide(work.words), 4)} {shown}".strip() + times
    text = view.frame("work", status, subject=subject)
    if word_count(text) > room:
        text = view.frame("work", status, subject=clip(work.words, 3))
        if word_count(text) > room:
            return ""
    known = work.values
    if len(work.what) > 1:
        # Of several only those of the one that was spoken of last; else it is not clear whose.
        known = work.found.get(what[-1], ()) if len(what) == 1 else ()
    for count in range(len(known), 0, -1):
        values = ", ".join(known[:count])
        if word_count(text) + word_count(values) <= room:
            return f"{text}: {values}"
    if work.values and status not in ("found", "done") and (left := room - word_count(text)) > 2:
        return f"{text}: {clip(work.values[0], left)}"
    return text


def stands(view: PacketView, found: PacketFindings, room: int) -> Claim:
    """Say where it stands: how it came here, what the AI refused or said last, who waits."""
    state, cited = _state(view)
    refused = refusal(view, found)
    said = refused or found.told.last
    quoted = said is not None and (refused or said.turn is view.last(AI))
    if quoted and said is not None and said.turn is view.spoken[-1]:
        # That the AI answered last need not be said twice.
        state = ""
    parts = [part for part in (_way(view), state) if part]
    if said is not None and quoted:
        key = ("failed" if FAILED.search(said.text) else "refused") if refused else "told"
        key = "asked" if said.text.endswith("?") else key
        words = trim(said.text, room - sum(map(word_count, parts)) - 3, _no(said) if refused else 0)
        if words and not view.is_quoted(words):
            parts.insert(
                len(parts) - bool(state),
                view.frame("stands", key, words=view.quote(words, said.text)),
            )
            cited = (said.turn.event_id, *cited)
    text = "; ".join(parts) or view.frame("stands", "customer_last")
    events = (*cited, *((view.cause,) if _way(view) or not cited else ()))
    return Claim(text=text, events=tuple(dict.fromkeys(events)))


def _no(said: AiSentence) -> int:
    """Return where the clause begins in which something is refused."""
    found = REFUSES.search(said.text)
    before = said.text[: found.start()] if found else ""
    return max((before.rfind(mark) + len(mark) for mark in _CLAUSES if mark in before), default=0)


def refusal(view: PacketView, found: PacketFindings) -> AiSentence | None:
    """Return what the AI refused last of what is asked, unless something was done since."""
    said = found.told.refused
    if said is None or said.turn is view.last(AI):
        return said
    issue = found.issue
    asked = issue.now.acts | (issue.began.acts if issue.began else frozenset()) if issue else ()
    if not acts_of(said.text) & frozenset(asked):
        return None
    order = {turn.event_id: at for at, turn in enumerate(view.episode)}
    since = order.get(said.turn.event_id, 0)
    done = any(
        work.kind == "action" and work.status == "ok" and order.get(work.events[-1], 0) > since
        for work in found.works
    )
    return None if done else said


def _state(view: PacketView) -> tuple[str, tuple[str, ...]]:
    last = view.spoken[-1] if view.spoken else None
    cited = (last.event_id,) if last else ()
    if last is not None and last.role in (PERSON, AI):
        return view.frame("stands", "person_last" if last.role == PERSON else "ai_last"), cited
    since = last.at if last else to_ms(view.facts.episode_started_at)
    waited = max(0, (to_ms(view.decision.decided_at) - since) // 1000)
    if not waited or not waits(view):
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


def mood(view: PacketView) -> Claim:
    """Say how the customer feels and whether it gets worse."""
    said = [(turn, view.text(turn)) for turn in view.spoken if turn.role == CUSTOMER]
    found = sentiment_of(view.facts.mood, said)
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


def words_of(claims: Iterable[Claim]) -> int:
    """Count the words of some statements."""
    return sum(word_count(claim.text) for claim in claims)
