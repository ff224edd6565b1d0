"""The first thing to do: by the reason, by the conversation, by the playbook."""

from typing import Final

from workers.contracts.decisions import Reason
from workers.contracts.handoffs import Claim
from workers.handoff.acts import ACTS, acts_of
from workers.handoff.claims import PacketFindings, closes, refusal
from workers.handoff.issues import asks_to_know, did_any
from workers.handoff.playbook import Advice
from workers.handoff.reasons import note_of
from workers.handoff.sentences import DISPUTES, EXCEPTION, FAILED, NOTE_ASKS, sentences
from workers.handoff.view import CUSTOMER, PacketView
from workers.handoff.wording import clip, trim, word_count

NEXT_WORDS: Final = 24
_BRIEF: Final = 5
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
    if advice is not None and advice.next and not (advice.general and refined is not None):
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
    if (last := closes(view)) is not None:
        return Claim(text=view.frame("next", "closing"), events=(last.event_id,))
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
                claimed = part[cue.start() :] if len(part[cue.start() :].split()) > _BRIEF else part
                words = "" if asked else view.quote(trim(claimed, 14), part)
                words = words or f"{_acts(view, found, part)}."
                text = view.frame("next", "disputed", words=words)
                return Claim(text=text, events=(turn.event_id,))
    said = refusal(view, found)
    if said is not None and acts_of(said.text) != {"fix"}:
        # What it could not repair it did not refuse.
        acts = _acts(view, found, said.text)
        broke = FAILED.search(said.text) is not None
        text = view.frame("next", "tool", tool=acts) if broke else ""
        text = text or view.frame("next", "refused", acts=acts)
        return Claim(text=text, events=(said.turn.event_id,))
    if reason == "agent_request" and _note_asks(view):
        return Claim(text=view.frame("next", "agent_request"), events=(view.cause,))
    return _open(view, found)


def _note_asks(view: PacketView) -> bool:
    """Return whether the AI's note asks for something, and does not only tell how it stands."""
    noted = note_of(view)
    return noted is not None and NOTE_ASKS.search(noted[1]) is not None


def _open(view: PacketView, found: PacketFindings) -> Claim | None:
    """Say what of the request at hand was not done yet; nothing where that is not known."""
    if found.issue is None:
        return None
    now = found.issue.now
    event = now.turn.event_id
    left = now.acts - {act for act in now.acts if did_any(found.works, act, now)}
    if now.acts == {"fix"} and found.steps:
        return Claim(text=view.frame("next", "repair"), events=(event,))
    if (now.acts and not left) or asks_to_know(now):
        return Claim(text=view.frame("next", "answer"), events=(event,))
    if not left:
        return None
    acts = _acts(view, found, now.text, without=now.acts - left)
    return Claim(text=view.frame("next", "open", acts=acts), events=(event,))


def _asked_in(found: PacketFindings, part: str) -> bool:
    """Return whether a sentence is the one that the packet quotes as the request."""
    issue = found.issue
    return issue is not None and part in (issue.now.text, issue.began.text if issue.began else "")


def _acts(
    view: PacketView, found: PacketFindings, text: str, without: frozenset[str] = frozenset()
) -> str:
    """Return what a sentence is about in a word or three: those acts of it that were asked for."""
    issue = found.issue
    asked: frozenset[str] = frozenset()
    if issue is not None:
        asked = issue.now.acts | (issue.began.acts if issue.began else frozenset())
    acts = (acts_of(text) & asked) or acts_of(text) - {"fix"} or asked or acts_of(text)
    acts = (acts - without) - ({"cancel"} if "undo" in acts else set())
    named = [view.frame("acts", act) for act in ACTS if act in acts][:3]
    return ", ".join(named) or view.frame("next", "request")
