"""The first thing to do: by the reason, by the conversation, by the playbook."""

from collections.abc import Collection, Sequence
from typing import Final

from workers.contracts.decisions import Reason, Turn
from workers.contracts.handoffs import Statement
from workers.handoff.acts import ACTS, BESIDE, acts_of, acts_wanted
from workers.handoff.issues import Issue
from workers.handoff.objects import objects_in_words, objects_meant
from workers.handoff.packet_findings import (
    PacketFindings,
    changed_since,
    go_together,
    moved_on,
    refusal,
)
from workers.handoff.person_requests import asks_for_person
from workers.handoff.phrases import ENDS, LEAST, phrase_of
from workers.handoff.playbook import Advice
from workers.handoff.reasons import accepted_for_mood, note_of
from workers.handoff.request_state import asks_to_know, done_ever, done_of, is_for_another
from workers.handoff.sentences import (
    ASKS,
    EXCEPTION,
    FAILED,
    NOTE_ASKS,
    PERSON,
    REFUSES,
    disputes,
)
from workers.handoff.told import CODES
from workers.handoff.view import CUSTOMER, PacketView
from workers.handoff.wording import clip, content, has_details, trim, word_count

NEXT_WORDS: Final = 24
_BRIEF: Final = 5
_ACTS: Final = 3
_REFUSED: Final = 12
_SAYS: Final = 3
"""Content words of a dispute that says what it is about."""
_HOLLOW: Final = content(
    "really definitely certain sure positive convinced believe think thought there might should "
    "could would please mistake error wrong incorrect right correct true check double know"
)
"""Words of a dispute that do not say what it is about."""
_WHY_FAILED: Final = 8
_CONTESTED: Final = 3
"""Messages of the customer, the last, in which they may say that something is not so."""
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


def next_step(
    view: PacketView, found: PacketFindings, advice: Advice | None, room: int
) -> Statement:
    """Say what to do first, by the reason, by the facts and by the playbook."""
    reason = view.decision.reason or "explicit_request"
    last = view.last(CUSTOMER)
    cited = last.event_id if last else view.facts.last_request or view.cause
    refined = _refined(view, found, reason)
    says_first = reason in _FIRST and not accepted_for_mood(view)
    steps = [view.frame("next", reason)] if says_first else []
    if refined is not None:
        steps.append(refined.text)
        cited = refined.events[0]
    is_of_use = advice is not None and (not advice.general or _is_general(found, refined))
    if advice is not None and advice.next and is_of_use:
        steps.append(advice.next)
    if not steps:
        steps = [
            view.frame("next", reason if view.frame.has("next", reason) else "explicit_request")
        ]
    if refined is not None and sum(map(word_count, steps[:2])) > room:
        # The need of this conversation says more than the advice for its reason.
        steps = [refined.text]
    text = steps[0]
    for step in steps[1:]:
        if word_count(text) + word_count(step) <= room:
            text = f"{text} {step}"
    return Statement(text=clip(text, room), events=(cited,))


def _is_general(found: PacketFindings, refined: Statement | None) -> bool:
    """Return whether nothing better can be said than to look for the cause of a fault."""
    issue = found.issue
    of_fault = issue is None or not issue.now.acts or issue.now.acts & {"fix", "access"}
    return refined is None and bool(of_fault) and not found.last.said


def _refined(view: PacketView, found: PacketFindings, reason: Reason) -> Statement | None:
    """Say what this conversation asks for: the act that failed, an exception, a dispute."""
    if found.closing is not None:
        return Statement(text=view.frame("next", "closing"), events=(found.closing.event_id,))
    if (claim := _agreed(view, found)) is not None:
        return claim
    if reason == "tool_unavailable" and (claim := _by_hand(view, found)) is not None:
        return claim
    if reason == "policy_exception":
        return Statement(text=view.frame("next", "policy_exception"), events=(view.cause,))
    if (claim := _contested(view, found)) is not None:
        return claim
    if (claim := _after_refusal(view, found)) is not None:
        return claim
    if reason == "agent_request" and (claim := _of_note(view, found)) is not None:
        return claim
    claim = _by_hand_last(view, found) or _open(view, found)
    if claim is None and reason == "agent_request" and (noted := note_of(view)) is not None:
        # Such a note asks for nothing that could be done.
        objects = objects_in_words(view, found, noted[1])
        claim = Statement(text=view.frame("next", "problem", objects=objects), events=(noted[0],))
    return claim


def _by_hand_last(view: PacketView, found: PacketFindings) -> Statement | None:
    """Name the change that the last call did not make."""
    last = found.works[-1] if found.works else None
    if last is None or last.kind != "action" or last.status in ("ok", "called"):
        return None
    return _by_hand(view, found)


def _by_hand(view: PacketView, found: PacketFindings) -> Statement | None:
    """Name the change that a tool did not make."""
    failed = [
        work
        for work in found.works
        if work.status not in ("ok", "called") and work.kind == "action"
    ]
    if not failed:
        return None
    objects = objects_in_words(view, found, " ".join(failed[-1].what))
    why = clip(failed[-1].errors[-1], _WHY_FAILED) if failed[-1].errors else ""
    tool = clip(failed[-1].words, 4) + objects + (f" ({why})" if why and not objects else "")
    text = view.frame("next", "tool", tool=tool)
    return Statement(text=text, events=failed[-1].events[-1:])


def _contested(view: PacketView, found: PacketFindings) -> Statement | None:
    """Name the exception for which the last messages ask, or what they say is not so."""
    disputed: list[tuple[Turn, str]] = []
    for turn in view.said_by(CUSTOMER)[: -_CONTESTED - 1 : -1]:
        for part in view.sentences(turn):
            if EXCEPTION.search(part) and not disputed:
                refused = found.told.refused.text if found.told.refused is not None else ""
                of = objects_in_words(view, found, part)
                if not of and CODES.search(refused):
                    of = objects_in_words(view, found, refused)
                text = view.frame("next", "exception", acts=_acts(view, found, part) + of)
                return Statement(text=text, events=(turn.event_id,))
            if disputes(part) is not None and not changed_since(view, found, turn):
                disputed.append((turn, part))
    if not disputed:
        return None
    # “Check that” says less than what is said not to be so.
    disputed.sort(key=lambda one: 2 * one[1].endswith("?") + _leans(one[1]))
    return _disputed(view, found, *disputed[0])


def _leans(part: str) -> bool:
    """Return whether a dispute says nothing without the sentence before it."""
    said = content(part) - _HOLLOW
    return len(said) < _SAYS and not has_details(part)


def _disputed(view: PacketView, found: PacketFindings, turn: Turn, part: str) -> Statement:
    """Name what a message says is not so."""
    cue = disputes(part)
    at = cue.start() if cue is not None else 0
    claimed = part[at:] if len(part[at:].split()) > _BRIEF else part
    if _asked_in(found, part):
        # Wants has the whole of it.
        first = ENDS.split(claimed, maxsplit=1)[0]
        words = f"“{first}…”" if len(first.split()) >= LEAST and first != part else ""
    else:
        words = view.quote(trim(claimed, 14), part)
    words = words or f"{_acts(view, found, part)}."
    return Statement(text=view.frame("next", "disputed", words=words), events=(turn.event_id,))


def _agreed(view: PacketView, found: PacketFindings) -> Statement | None:
    """Say that what the customer agreed to is to be done."""
    agreed = found.last.agreed
    if agreed is None or changed_since(view, found, agreed.reply):
        return None
    told, reply = agreed.acts, agreed.yes
    asked = found.asked - BESIDE
    acts = (told & acts_wanted(reply)) - BESIDE
    acts = acts or (told & asked) or (told - BESIDE) or asked or told
    several = len(set(CODES.findall(" ".join(agreed.summary)))) > 1
    of = agreed.summary if several else [*filter(acts_of, agreed.summary)]
    objects = objects_in_words(view, found, reply if CODES.search(reply) else " ".join(of))
    text = view.frame("next", "agreed", acts=_named(view, acts) + objects)
    if any(part.endswith("?") and not asks_for_person(part) for part in found.last.said):
        text = f"{text} {view.frame('next', 'answer')}"
    return Statement(text=text, events=(agreed.reply.event_id,))


def _after_refusal(view: PacketView, found: PacketFindings) -> Statement | None:
    """Say what is to be decided after the AI refused what is asked, or its tool broke."""
    said = refusal(view, found)
    # A repair that failed is no refusal.
    if said is None or acts_of(said.text) == {"fix"} or not _is_asked(found, said.text):
        return _of_refused(view, found)
    now = found.issue.now if found.issue is not None else None
    done = done_ever(found.works, now) if now is not None else frozenset[str]()
    refused = acts_of(said.text)
    last = view.last(CUSTOMER)
    meant = said.text if CODES.search(said.text) else view.text(last) if last is not None else ""
    of = objects_in_words(view, found, meant) if CODES.search(meant) else ""
    if refused and refused <= done and not of:
        # The act itself was done; what was refused of it only the AI's words say.
        acts = view.quote(trim(said.text, _REFUSED), said.text)
    elif not refused and (asked := _asked_before(view, said.turn)):
        acts = asked + (of or objects_in_words(view, found, said.text))
    else:
        acts = _acts(view, found, said.text, without=done)
        acts += of or objects_in_words(view, found, said.text)
    broke = FAILED.search(said.text) is not None
    text = view.frame("next", "tool", tool=acts) if broke else ""
    text = text or view.frame("next", "refused", acts=acts)
    return Statement(text=text, events=(said.turn.event_id,))


def _asked_before(view: PacketView, turn: Turn) -> str:
    """Return what the customer asked for right before a turn of the AI's, in their words."""
    before = view.before(turn.event_id, CUSTOMER)
    parts = view.asked(before) if before is not None else []
    words = next((words for part in parts if (words := phrase_of(part))), "")
    if not words and parts and parts[-1].endswith("?") and word_count(parts[-1]) <= _REFUSED:
        words = view.quote(parts[-1])
    acts = frozenset[str]().union(*map(acts_wanted, parts)) - {"fix"}
    return words or _named(view, acts, _ACTS)


def _of_refused(view: PacketView, found: PacketFindings) -> Statement | None:
    """Name the request that the AI refused at any time, and that is still open."""
    ask = found.issue.refused if found.issue is not None else None
    if ask is None or not (acts := ask.acts - {"fix", "access"}):
        return None
    said = found.told.refused
    if said is not None and moved_on(view, found, said):
        return None
    named = _named(view, acts) + objects_in_words(view, found, ask.text)
    text = view.frame("next", "refused", acts=named)
    return Statement(text=text, events=(ask.turn.event_id,))


def _is_asked(found: PacketFindings, refused: str) -> bool:
    """Return whether what was refused is what is asked for, or goes with it."""
    asked, acts = found.asked, acts_of(refused) - {"fix"}
    return not asked or not acts or bool(acts & asked) or go_together(asked, acts)


def _of_note(view: PacketView, found: PacketFindings) -> Statement | None:
    """Say what the AI's note asks for, or leaves to a person because the AI may not do it."""
    noted = note_of(view)
    if noted is None:
        return None
    event, note = noted
    if NOTE_ASKS.search(note):
        return Statement(text=view.frame("next", "agent_request"), events=(event,))
    asked = found.asked - {"fix", "access"}
    acts = (asked & acts_of(note)) or asked
    if not acts or not REFUSES.search(note):
        return None
    named = _named(view, acts) + objects_in_words(view, found, note)
    return Statement(text=view.frame("next", "may_not", acts=named), events=(event,))


def _open(view: PacketView, found: PacketFindings) -> Statement | None:
    """Say what of the request at hand was not done yet; nothing where that is not known."""
    if found.issue is None:
        return None
    now = found.issue.now
    event = now.turn.event_id
    asked_last = any(part.endswith("?") for part in found.last.said)
    left = now.acts - done_of(view, found.works, now)
    if now.acts == {"fix"} or (now.acts <= {"fix", "access"} and now.acts and found.steps):
        return Statement(text=view.frame("next", "repair"), events=(event,))
    asks = asks_to_know(now) or (not now.acts and now.text.endswith("?"))
    asked = now.text if now.worth and found.issue.is_open else ""
    said = [(phrase_of(part), part) for part in (*found.last.said, asked)]
    of_matter = [one for one in said if one[0] and acts_of(one[0]) - BESIDE]
    matter = _of_matter(view, found)
    # A question without an act is to be answered, whatever is to be done besides.
    questions = [part for part in found.last.said if part.endswith("?") and not acts_of(part)]
    if asked_last and (asks or (now.acts and not left) or (questions and (of_matter or matter))):
        return _to_answer(view, found, found.issue, of_matter, matter)
    told = [one for one in said if one[0]]
    if matter and not of_matter:
        # How it is to be paid, say, is not what is asked for.
        told = [one for one in told if not acts_of(one[0])]
    named = [*of_matter, *(one for one in told if acts_of(one[0])), *told]
    acts = named[0][0] + objects_meant(view, found, *named[0]) if named else ""
    if acts and matter and not acts_of(named[0][0]):
        # An answer to the AI's question says how, not what.
        acts = f"{_named(view, matter)}{objects_in_words(view, found, asked)}: {named[0][0]}"
    if not found.issue.is_open and not acts:
        # What they want of a person is not done by what was done before.
        left_over = found.last.turn is view.last(CUSTOMER) and any(
            map(ASKS.search, found.last.said)
        )
        of_person = left_over and any(map(PERSON.search, found.last.said))
        name = "answer" if of_person else "settled"
        return Statement(text=view.frame("next", name), events=(event,))
    if now.worth and not left and not acts:
        return None
    if not now.worth and not acts:
        # They told what is wrong, and asked for nothing in so many words.
        text = view.frame("next", "problem", objects=objects_in_words(view, found, now.text))
        return Statement(text=text, events=(event,))
    if not acts:
        of_now = now.acts - BESIDE or not matter
        acts = _acts(view, found, now.text, now.acts - left) if of_now else _named(view, matter)
        acts += objects_in_words(view, found, now.text)
    return Statement(text=view.frame("next", "open", acts=acts), events=(event,))


def _of_matter(view: PacketView, found: PacketFindings) -> frozenset[str]:
    """Return the acts asked for, now and from the beginning, that no tool did."""
    issue = found.issue
    asks = [ask for ask in (issue.now, issue.began) if ask is not None] if issue else []
    open_acts = (ask.acts - BESIDE - done_of(view, found.works, ask) for ask in asks)
    return frozenset[str]().union(*open_acts)


def _to_answer(
    view: PacketView,
    found: PacketFindings,
    issue: Issue,
    of_matter: Sequence[tuple[str, str]],
    matter: frozenset[str],
) -> Statement:
    """Say that a question is to be answered, and what else is asked for beside it."""
    text = view.frame("next", "answer")
    beside = [one for one in of_matter if not one[1].endswith("?")]
    acts = beside[0][0] + objects_meant(view, found, *beside[0]) if beside else ""
    if not acts and matter:
        another = is_for_another(issue.began or issue.now)
        acts = _named(view, matter) + ("" if another else objects_in_words(view, found, ""))
    if acts:
        text = f"{text} {view.frame('next', 'open', acts=acts)}"
    return Statement(text=text, events=(issue.now.turn.event_id,))


def _asked_in(found: PacketFindings, part: str) -> bool:
    """Return whether a sentence is the one that the packet quotes as the request."""
    issue = found.issue
    return issue is not None and part in (issue.now.text, issue.began.text if issue.began else "")


def _acts(
    view: PacketView, found: PacketFindings, text: str, without: frozenset[str] = frozenset()
) -> str:
    """Return what a sentence is about in a word or three: those acts of it that were asked for."""
    asked, told = found.asked, acts_wanted(text)
    acts = (told & asked) or told - {"fix"} or asked or told
    acts = ((acts - without) or acts) - ({"cancel"} if "undo" in acts else set())
    # A delivered thing is returned or exchanged, not delivered.
    acts = (acts - {"deliver"}) or acts
    return _named(view, acts, _ACTS) or view.frame("next", "request")


def _named(view: PacketView, acts: Collection[str], most: int | None = None) -> str:
    """Return acts in words, at most so many."""
    return ", ".join([view.frame("acts", act) for act in ACTS if act in acts][:most])
