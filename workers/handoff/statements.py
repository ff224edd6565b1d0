"""The statements of a packet, each in a few words and with the events that it rests on."""

import re
from itertools import takewhile
from typing import Final

from workers.contracts.handoffs import Statement
from workers.contracts.time import to_ms
from workers.handoff.acts import acts_of
from workers.handoff.agreement import summed_up
from workers.handoff.grounds import grounds_of, in_words
from workers.handoff.identifiers import name_of
from workers.handoff.packet_findings import PacketFindings, changed_since, is_before, refusal
from workers.handoff.sentences import CONDITIONAL, FAILED, REFUSES
from workers.handoff.sentiment import FELT, GRAVE, sentiment_of
from workers.handoff.told import CODES, AiSentence, is_declined, waits
from workers.handoff.view import AI, CUSTOMER, PERSON, PacketView
from workers.handoff.wording import (
    clause_start,
    clip,
    duration,
    is_courtesy,
    one_line,
    trim,
    without_greeting,
    word_count,
)

WHO_WORDS: Final = 8
STANDS_WORDS: Final = 40
_REPLIED: Final = 24
"""Words of a sentence of the AI's to which the customer replied."""
_LEAST: Final = 5
_SOON: Final = 60
"""Waits shorter than this many seconds are not mentioned."""
_GROUNDS: Final = 4
"""Sentences before a refusal that are looked at for its reasons."""
_POINTS: Final = 3
_SHORT: Final = 10
_LEAD: Final = 1
"""Characters at the beginning of a sentence that may have been made capital."""
_LEANS: Final = re.compile(
    r"\b(?:these|those|neither|none of|such|therefore|this|conditions?|criteria|"
    r"diese\w*|keine davon|ces|estas?|queste|estas|deze)\b",
    re.IGNORECASE,
)
"""A refusal that makes no sense without the sentences before it."""
_PRONOUN: Final = re.compile(
    r"(?:it|they|them|this|that|these|those|das|es|ça|cela|eso|esto|questo|isso|dat|dit)"
    r"(?=['\u2019]| (?:is|are|was|were|can|could|cannot|will|would|may|might|does|do|has|have|ist|"
    r"est|es|è|é|kan)\b)",
    re.IGNORECASE,
)
"""The beginning of a clause that says nothing without what was before it."""
_CONDITIONAL: Final = re.compile(r"(?:if|unless|wenn|falls|si|se|als|indien)\b", re.IGNORECASE)


def who(view: PacketView, found: PacketFindings) -> Statement:
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
    return Statement(text=clip(", ".join([known, *more]), WHO_WORDS), events=events)


def _looked_up(found: PacketFindings) -> tuple[str, str, str]:
    """Return name, id and event of the customer's record, where a tool looked it up."""
    name = identity = event = ""
    for work in found.works:
        if work.profile and work.status == "ok":
            name, identity = work.person or name, work.identity or identity
            event = work.events[-1]
    return name, identity, event


def stands(view: PacketView, found: PacketFindings, room: int) -> Statement:
    """Say where it stands: how it came here, what the AI refused or said last, who waits."""
    if (agreed := found.last.agreed) is not None and not changed_since(view, found, agreed.reply):
        words = summed_up(agreed, room - 6)
        text = view.frame("stands", "agreed", words=view.quote_of(words, agreed.summary))
        return Statement(text=text, events=(agreed.asked.event_id, agreed.reply.event_id))
    at_rest, cited = _state(view)
    refused = refusal(view, found)
    said = refused or (_still_holds(view, found) if found.closing is None else None)
    # That the AI answered last need not be said twice.
    state = "" if said is not None and said.turn is view.spoken[-1] else at_rest
    parts = [part for part in (_way(view), state) if part]
    if said is not None:
        room -= sum(map(word_count, parts)) + 3
        given = _all_grounds(view, refused, room) if refused is not None else None
        if refused is not None:
            said = given or with_points(view, refused)
        words = said.text if given else trim(said.text, room, _no(said) if refused else 0)
        if words and not view.is_quoted(words):
            more = refused is not None and given is None
            grounds = _grounds(view, said, room - word_count(words)) if more else []
            shown = view.quote_of(" ".join((*grounds, words)), (*grounds, said.text))
            listed = given is not None and not given.text.endswith((".", "…"))
            text = (
                view.frame("work", "grounds", words=shown)
                if listed
                else view.frame("stands", _how(refused or said, refused), words=shown)
            )
            parts.insert(len(parts) - bool(state), text)
            cited = (said.turn.event_id, *cited)
    text = "; ".join(parts) or at_rest or view.frame("stands", "customer_last")
    events = (*cited, *((view.cause,) if _way(view) or not cited else ()))
    return Statement(text=text, events=tuple(dict.fromkeys(events)))


def replied_to(
    view: PacketView,
    found: PacketFindings,
    stands: Statement,
    more: tuple[Statement, ...],
    room: int,
) -> Statement:
    """Return where it stands; with the AI's words to which the customer replied, if they fit.

    That the customer spoke last says nothing, and nothing else tells what the AI had said.
    """
    said = found.told.last
    if said is None or more or stands.text != view.frame("stands", "customer_last"):
        return stands
    # Of a fault the customer has reported again since; a step for later was perhaps taken.
    acts = found.issue.acts if found.issue is not None else frozenset[str]()
    stale = (bool(acts) and acts <= {"fix", "access"}) or CONDITIONAL.match(said.text)
    whole = said.text.endswith((".", "!", "?")) and ": " not in said.text
    words = said.text if word_count(said.text) <= min(room, _REPLIED) else ""
    if not words or not whole or stale or view.is_quoted(said.text):
        return stands
    text = view.frame("stands", "before", words=view.quote(words))
    return Statement(text=text, events=(said.turn.event_id, *stands.events))


def _all_grounds(view: PacketView, refused: AiSentence, room: int) -> AiSentence | None:
    """Return the grounds of a refusal in at most `room` words, where more were given than in it."""
    whole = trim(with_points(view, refused).text, room, _no(refused))
    shown = " ".join((*_grounds(view, refused, room - word_count(whole)), whole))
    given = grounds_of(view, refused, shown)
    words = in_words(given.points, room) if given is not None else ""
    return AiSentence(given.turn, words) if given is not None and words else None


def with_points(view: PacketView, refused: AiSentence) -> AiSentence:
    """Return a refusal with all points of the list to which it leads."""
    told = view.asked(refused.turn) if ": " in refused.text else []
    lead = refused.text[_LEAD:].split(": ")[0]
    whole = next((part[part.index(lead) :] for part in told if lead in part), "")
    if whole and whole != refused.text[_LEAD:]:
        return AiSentence(refused.turn, refused.text[:_LEAD] + whole)
    parts = view.sentences(refused.turn) if ": " in refused.text else []
    at = next((at for at, part in enumerate(parts, 1) if refused.text[_LEAD:] in part), len(parts))
    points = [*takewhile(_is_point, parts[at:])][:_POINTS]
    return AiSentence(refused.turn, "; ".join((refused.text, *points)))


def _is_point(part: str) -> bool:
    """Return whether a sentence is one more thing of a numbered list."""
    return CODES.match(part) is not None and word_count(part) < _SHORT and part[-1] not in ".?"


def _grounds(view: PacketView, refused: AiSentence, room: int) -> list[str]:
    """Return the sentences before a refusal that speaks of them as its reasons, if they fit."""
    parts = view.sentences(refused.turn)
    at = next((at for at, part in enumerate(parts) if refused.text[_LEAD:] in part), 0)
    grounds: list[str] = []
    if _LEANS.search(refused.text):
        for part in reversed(parts[max(0, at - _GROUNDS) : at]):
            # The points of a list, torn from what leads to them, would be taken for facts.
            if word_count(part) > room or is_courtesy(part) or not part.endswith("."):
                break
            room -= word_count(part)
            grounds.insert(0, part)
    return grounds


def _still_holds(view: PacketView, found: PacketFindings) -> AiSentence | None:
    """Return what the AI told last, unless the customer has said more on the matter since."""
    said, turn = found.told.last, found.last.turn
    if said is None or said.turn is not view.last(AI):
        return None
    return said if turn is None or is_before(view, turn, said.turn) else None


def _how(said: AiSentence, refused: AiSentence | None) -> str:
    """Return whether the AI refused, did not succeed, asked or told."""
    if refused is None:
        return "asked" if said.text.endswith("?") else "told"
    # A repair that failed is no refusal.
    return "failed" if FAILED.search(said.text) or acts_of(said.text) == {"fix"} else "refused"


def _no(said: AiSentence) -> int:
    """Return where the clause begins in which something is refused; a condition goes with it."""
    found = REFUSES.search(said.text)
    in_condition = _CONDITIONAL.match(said.text) is not None
    start = clause_start(said.text, found.start()) if found and not in_condition else 0
    clause = said.text[start:]
    return start if len(clause.split()) > _LEAST and not _PRONOUN.match(clause) else 0


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


def mood(view: PacketView) -> Statement | None:
    """Say how the customer feels and whether it gets worse; nothing where nobody can say."""
    said = [(turn, view.text(turn)) for turn in view.said_by(CUSTOMER)]
    found = sentiment_of(view.facts.mood, said)
    if found.feeling == "neutral" and any(GRAVE.search(text) for _, text in said[-FELT:]):
        return None
    text = view.frame("mood", "slightly" if found.slightly else found.feeling)
    if found.course != "steady":
        text = f"{text}, {view.frame('mood', found.course)}"
    return Statement(text=text, events=(found.event_id or view.cause,), kind=found.feeling)


def promised(view: PacketView, found: PacketFindings, room: int) -> tuple[Statement, ...]:
    """Say what the AI promised, each in its words, as far as there is room."""
    claims = []
    for said in found.told.promised:
        words = said.text
        if view.is_quoted(words) or word_count(words) > room:
            continue
        room -= word_count(words)
        claims.append(
            Statement(text=view.quote(words), events=(said.turn.event_id,), kind="promise")
        )
    return tuple(claims)


def offered(view: PacketView, found: PacketFindings, room: int) -> tuple[Statement, ...]:
    """Say what the AI offered, in its words, and whether the customer declined it."""
    if found.last.agreed is not None or found.closing is not None:
        return ()
    claims = []
    for said in found.told.offered:
        declined = f" ({view.frame('state', 'declined')})" if is_declined(view, said) else ""
        if view.is_quoted(said.text) or word_count(said.text + declined) > room:
            continue
        text = view.quote(said.text) + declined
        room -= word_count(text)
        claims.append(Statement(text=text, events=(said.turn.event_id,), kind="offer"))
    return tuple(claims)


def subject(packet_who: Statement, found: PacketFindings, view: PacketView) -> str:
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
