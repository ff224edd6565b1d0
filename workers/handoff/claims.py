"""The statements of a packet, each in a few words and with the events that it rests on."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from workers.contracts.decisions import Reason
from workers.contracts.handoffs import Claim
from workers.contracts.time import to_ms
from workers.handoff.acts import ACTS, acts_of
from workers.handoff.identifiers import Identifier, name_of
from workers.handoff.issues import Ask, Issue
from workers.handoff.playbook import Advice
from workers.handoff.sentences import DISPUTES, EXCEPTION, sentences
from workers.handoff.sentiment import sentiment_of
from workers.handoff.told import Told, waits
from workers.handoff.tool_work import ToolWork
from workers.handoff.view import AI, CUSTOMER, PERSON, PacketView
from workers.handoff.wording import clip, duration, gist, one_line, says_something, trim, word_count

WHO_WORDS: Final = 8
WANTS_WORDS: Final = 30
TRIED_WORDS: Final = 34
STANDS_WORDS: Final = 26
NEXT_WORDS: Final = 24
_LINE_WORDS: Final = 14
_CHECKS: Final = 2
_MANY: Final = 3
"""Lookups without a line of their own from which on they are counted."""


class PacketFindings(NamedTuple):
    """What was found in a conversation, from which the statements are made."""

    works: tuple[ToolWork, ...]
    issue: Issue | None
    told: Told
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
    issue = found.issue
    if issue is None:
        return _wants_at_all(view, room)
    now, began = issue.now, issue.began
    if began is None or view.is_quoted(began.text):
        return Claim(text=view.quote(_asked(now, room), now.text), events=(now.turn.event_id,))
    last = _asked(now, room - min(word_count(began.text), room * 9 // 20) - 1)
    first = _asked(began, room - word_count(last) - 1)
    text = view.frame(
        "wants", "then", began=view.quote(first, began.text), now=view.quote(last, now.text)
    )
    return Claim(text=text, events=(began.turn.event_id, now.turn.event_id))


def _asked(ask: Ask, room: int) -> str:
    """Return a request in at most so many words: whole, else from where it begins to ask."""
    if word_count(ask.text) <= room:
        return ask.text
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
    return tuple(claims)


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
    if len(work.what) > 1 and work.kind == "check":
        return text
    for count in range(len(work.values), 0, -1):
        values = ", ".join(work.values[:count])
        if word_count(text) + word_count(values) <= room:
            return f"{text}: {values}"
    if work.values and status not in ("found", "done") and (left := room - word_count(text)) > 2:
        return f"{text}: {clip(work.values[0], left)}"
    return text


def stands(view: PacketView, found: PacketFindings, room: int) -> Claim:
    """Say where it stands: how it came here, what the AI refused or said last, who waits."""
    state, cited = _state(view)
    parts = [part for part in (_way(view), state) if part]
    said = found.told.refused or found.told.last
    if said is not None and said.turn is view.last(AI):
        key = "refused" if said is found.told.refused else "told"
        key = "asked" if said.text.endswith("?") else key
        words = trim(said.text, room - sum(map(word_count, parts)) - 3)
        if words and not view.is_quoted(words):
            parts.insert(
                len(parts) - bool(state),
                view.frame("stands", key, words=view.quote(words, said.text)),
            )
            cited = (said.turn.event_id, *cited)
    text = "; ".join(parts) or view.frame("stands", "customer_last")
    events = (*cited, *((view.cause,) if _way(view) or not cited else ()))
    return Claim(text=text, events=tuple(dict.fromkeys(events)))


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
    last = view.last(CUSTOMER)
    found = sentiment_of(view.facts.mood, last, view.text(last) if last else "")
    text = view.frame("mood", found.feeling)
    if found.course != "steady":
        text = f"{text}, {view.frame('mood', found.course)}"
    return Claim(text=text, events=(found.event_id or view.cause,), kind=found.feeling)


_FIRST: Final[frozenset[Reason]] = frozenset(
    {
        "customer_frustration",
        "unkept_promise",
        "stalled",
        "human_initiative",
        "context_window_exceeded",
    }
)
"""Reasons that ask for something before anything else."""


def next_step(view: PacketView, found: PacketFindings, advice: Advice | None, room: int) -> Claim:
    """Say what to do first: what the reason asks, what the facts ask, what the playbook says."""
    reason = view.decision.reason or "explicit_request"
    last = view.last(CUSTOMER)
    cited = last.event_id if last else view.facts.last_request or view.cause
    refined = _refined(view, found, reason)
    steps = [view.frame("next", reason)] if reason in _FIRST else []
    if refined is not None:
        steps.append(refined.text)
        cited = refined.events[0]
    if advice is not None and advice.next:
        steps.append(advice.next)
    if not steps:
        steps = [
            view.frame("next", reason if view.frame.has("next", reason) else "explicit_request")
        ]
    text = steps[0]
    for step in steps[1:]:
        if word_count(text) + word_count(step) <= room:
            text = f"{text} {step}"
    return Claim(text=clip(text, room), events=(cited,))


def _refined(view: PacketView, found: PacketFindings, reason: Reason) -> Claim | None:
    """Say what this conversation asks for: the act that failed, an exception, a dispute."""
    failed = [
        work
        for work in found.works
        if work.status not in ("ok", "called") and work.kind == "action"
    ]
    if failed and reason == "tool_unavailable":
        text = view.frame("next", "tool", tool=clip(failed[-1].words, 4))
        return Claim(text=text, events=failed[-1].events[-1:])
    if reason == "policy_exception":
        return Claim(text=view.frame("next", "policy_exception"), events=(view.cause,))
    for turn in [one for one in view.spoken if one.role == CUSTOMER][:-4:-1]:
        for part in sentences(view.text(turn)):
            if EXCEPTION.search(part):
                text = view.frame("next", "exception", acts=_acts(view, found, part))
                return Claim(text=text, events=(turn.event_id,))
            if (cue := DISPUTES.search(part)) is not None:
                asked = _asked_in(found, part)
                words = "" if asked else view.quote(trim(part, 14, cue.start()), part)
                words = words or f"{_acts(view, found, part)}."
                text = view.frame("next", "disputed", words=words)
                return Claim(text=text, events=(turn.event_id,))
    if found.told.refused is not None and found.told.refused.turn is view.last(AI):
        acts = _acts(view, found, found.told.refused.text)
        text = view.frame("next", "refused", acts=acts)
        return Claim(text=text, events=(found.told.refused.turn.event_id,))
    if reason == "agent_request" and view.last_that(lambda turn: turn.handover is not None):
        return Claim(text=view.frame("next", "agent_request"), events=(view.cause,))
    if found.issue is not None and found.issue.now.acts:
        acts = _acts(view, found, found.issue.now.text)
        event = found.issue.now.turn.event_id
        return Claim(text=view.frame("next", "open", acts=acts), events=(event,))
    return None


def _asked_in(found: PacketFindings, part: str) -> bool:
    """Whether a sentence is what the packet quotes as the request."""
    issue = found.issue
    return issue is not None and part in (issue.now.text, issue.began.text if issue.began else "")


def _acts(view: PacketView, found: PacketFindings, text: str) -> str:
    """Return what a sentence is about in a word or three: those acts of it that were asked for."""
    issue = found.issue
    asked: frozenset[str] = frozenset()
    if issue is not None:
        asked = issue.now.acts | (issue.began.acts if issue.began else frozenset())
    acts = (acts_of(text) & asked) or asked or acts_of(text)
    acts -= {"cancel"} if "undo" in acts else set()
    named = [view.frame("acts", act) for act in ACTS if act in acts][:3]
    return ", ".join(named) or view.frame("next", "request")


def promised(view: PacketView, found: PacketFindings, room: int) -> tuple[Claim, ...]:
    """Say what the AI promised and offered, each in its words, as far as there is room."""
    claims = []
    for said in (*found.told.promised, *found.told.offered):
        words = said.text
        if view.is_quoted(words) or word_count(words) > room:
            continue
        room -= word_count(words)
        claims.append(Claim(text=view.quote(words), events=(said.turn.event_id,)))
    return tuple(claims)


def subject(packet_who: Claim, found: PacketFindings, view: PacketView) -> str:
    """Return who and what in ten words."""
    name = clip(packet_who.text, 3)
    if view.facts.subject:
        what = clip(view.hide(view.facts.subject), 7)
    elif found.issue is not None:
        ask = found.issue.began or found.issue.now
        what = trim(ask.text, 7, ask.start).lstrip("…")
    else:
        what = view.frame("reason", view.decision.reason or "explicit_request")
    return one_line(view.frame.line("subject", who=name.rstrip(",…"), what=what))


def words_of(claims: Iterable[Claim]) -> int:
    """Count the words of some statements."""
    return sum(word_count(claim.text) for claim in claims)
