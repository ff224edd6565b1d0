"""The reason for which a person is asked, the one fact behind it, and the words that carry it."""

import re
from typing import Final

from workers.contracts.decisions import Evidence, Reason, Turn
from workers.contracts.handoffs import Claim
from workers.detection import read_agent, read_customer
from workers.handoff.sentences import ASKS, PERSON
from workers.handoff.splitting import sentences
from workers.handoff.tool_work import ToolWork
from workers.handoff.view import AI, CUSTOMER, PacketView
from workers.handoff.wording import clip, one_line, trim, word_count

WHY_WORDS: Final = 16
_LONGER: Final = 26
"""Of words that say after the request for a person what for."""
_OBJECT: Final = 4
NOTE_WORDS: Final = 48
"""Of the AI's note, which stands in place of the words that caused it."""
_REASON_WORDS: Final = 10
_CLAUSES: Final = (", ", "—", "; ", " and ")
_FEW: Final = 6
_PREFERS: Final = re.compile(
    r"\b(?:prefer|rather|speak|talk|transfer|connect)\b|\b(?:lieber|sprechen|parler|hablar|parlare|"
    r"falar|spreken)\b",
    re.IGNORECASE,
)
_GIVES: Final = re.compile(r"\b(?=\w*[a-z_])(?=\w*\d)\w{6,}\b", re.IGNORECASE)
"""An identifier: it answers the question for it, whatever else was offered."""
_WORDLESS: Final = ("tool_unavailable", "context_window_exceeded", "stalled", "unproductive_loop")


def has_words(view: PacketView) -> bool:
    """Return whether words of the conversation, and not only the reason, can say why."""
    return view.decision.reason not in (*_WORDLESS, "human_initiative", "lead_request")


def why(view: PacketView, works: tuple[ToolWork, ...]) -> Claim:
    """Say why a person is asked: the reason and the words that caused it."""
    decision = view.decision
    reason = decision.reason or "explicit_request"
    noted = note_of(view)
    if reason == "agent_request" and noted is not None:
        text = f"{view.frame('reason', reason)}: {view.quote(trim(noted[1], NOTE_WORDS))}"
        return Claim(text=text, events=(noted[0],))
    turn = _cause(view, reason)
    found = strongest(view)
    shown = view.text(turn) if turn else found.quote if found else None
    words, start = _telling(shown) if shown else ("", 0)
    text = _reason(view, reason, turn, words, works)
    if words and not view.is_quoted(words):
        asked = PERSON.search(words)
        goes_on = asked is not None and len(words[asked.end() :].split()) >= _OBJECT
        room = max(6, (_LONGER if goes_on else WHY_WORDS) - word_count(text))
        if shorter := trim(words, room, start):
            text = f"{text}: {view.quote(shorter, words)}"
    cited = [evidence.event_id for evidence in decision.evidence]
    cited = cited or [decision.opened_by or view.cause]
    said = [turn.event_id] if turn else []
    return Claim(text=text, events=tuple(dict.fromkeys(cited + said)))


def note_of(view: PacketView) -> tuple[str, str] | None:
    """Return what the AI tells the person who takes over, whole, and the turn in which it did."""
    turn = view.last_that(lambda turn: turn.role == AI and turn.handover is not None)
    if turn is not None:
        return turn.event_id, one_line(view.hide(turn.handover or ""))
    if not view.facts.ai_note:
        return None
    cause = view.by_id.get(view.cause)
    spoke = cause if cause is not None and cause.role == AI else view.last(AI)
    return spoke.event_id if spoke else view.cause, one_line(view.hide(view.facts.ai_note))


def strongest(view: PacketView) -> Evidence | None:
    """Return the evidence that says most: with words before without, then by score.

    What led to a queue only says more than nothing.
    """
    return max(
        view.decision.evidence,
        key=lambda e: (e.signal != "found_intents", e.quote is not None, e.score),
        default=None,
    )


def _reason(
    view: PacketView, reason: Reason, turn: Turn | None, words: str, works: tuple[ToolWork, ...]
) -> str:
    """Return the reason, as its evidence carries it, with the one fact behind it."""
    if reason == "explicit_request":
        return view.frame("reason", _asked(view, turn, words))
    text = view.frame("reason", reason)
    fact = _fact(view, reason, works)
    return clip(f"{text}: {fact}", _REASON_WORDS) if fact else text


def _asked(view: PacketView, turn: Turn | None, words: str) -> str:
    """Tell a request for a person from a yes to the AI's offer, and from what was only taken so."""
    wants = ASKS.search(words) or _PREFERS.search(words) or len(words.split()) < _FEW
    if not words or (PERSON.search(words) and wants):
        return "explicit_request"
    asked = view.before(turn.event_id, AI) if turn is not None else None
    if _GIVES.search(words):
        return "perhaps"
    if asked is not None and read_agent(view.text(asked)).offers_person is not None:
        return "accepted"
    return "explicit_request" if view.decision.cause == "offer_accepted" else "perhaps"


def _fact(view: PacketView, reason: Reason, works: tuple[ToolWork, ...]) -> str:
    facts, frame = view.facts, view.frame
    if reason == "priority_escalation" and facts.intents:
        return one_line(view.hide(facts.intents[-1])).replace("_", " ")
    if reason == "agent_uncertainty" and facts.confidence:
        return frame("fact", "confidence", value=f"{facts.confidence[-1]:.2f}")
    if reason == "context_window_exceeded":
        return frame("fact", "memory", value=f"{view.decision.score:.0%}")
    if reason == "tool_unavailable":
        failed = [
            work for work in works if work.status in ("failed", "timeout", "denied", "refused")
        ]
        return failed[-1].words if failed else ""
    if reason == "unproductive_loop":
        return _loop(view)
    return ""


def _loop(view: PacketView) -> str:
    source = next((one for one in view.decision.evidence if one.signal == "repetition"), None)
    turn = view.by_id.get(source.event_id) if source is not None else None
    if turn is None:
        return ""
    if turn.role == CUSTOMER:
        return view.frame("fact", "customer_repeats")
    return view.frame("fact", "tool_repeats" if turn.calls else "ai_repeats")


def _cause(view: PacketView, reason: Reason) -> Turn | None:
    """Return the turn whose words say why; None when only the evidence's quote does, or nothing."""
    found = strongest(view)
    if reason in _WORDLESS:
        # Nobody's words caused it.
        return None
    if reason == "customer_frustration" and view.facts.mood:
        return view.by_id.get(max(view.facts.mood, key=lambda mood: mood.score).event_id)
    if found is not None and found.quote:
        return view.by_id.get(found.event_id)
    if reason == "priority_escalation":
        return view.last(CUSTOMER)
    opening = view.by_id.get(view.decision.opened_by or "")
    return opening if opening is not None and opening.role in (CUSTOMER, AI) else None


def _telling(text: str) -> tuple[str, int]:
    """Return the sentence that asked or promised, or else complained, and where in it."""
    said = read_customer(text)
    found = said.requested_human or read_agent(text).promises_person or said.frustrated
    parts = sentences(text)
    if found is None or not parts:
        return (parts[0], 0) if parts else ("", 0)
    core = one_line(text[found.start : found.end])
    for part in parts:
        at = part.find(core[:20])
        if at >= 0:
            ends = [part.rfind(mark, 0, at) + len(mark) for mark in _CLAUSES if mark in part[:at]]
            return part, max(ends, default=0)
        if len(part) > 12 and part in core:
            return part, 0
    return core, 0
