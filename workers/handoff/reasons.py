"""The reason for which a person is asked, the one fact behind it, and the words that carry it."""

import re
from typing import Final

from workers.contracts.decisions import Evidence, Reason, Turn
from workers.contracts.handoffs import Statement
from workers.detection import read_agent, read_customer
from workers.handoff.sentences import ASKS, CONDITIONAL, DID, PERSON
from workers.handoff.splitting import sentences
from workers.handoff.tool_work import ToolWork
from workers.handoff.view import AI, CUSTOMER, PacketView
from workers.handoff.wording import clip, one_line, trim, word_count

WHY_WORDS: Final = 16
_LONGER: Final = 26
"""Words of a quote that says after the request for a person what for."""
_OBJECT: Final = 4
NOTE_WORDS: Final = 48
_NOTE_ALONE: Final = 58
"""As many where no tool changed anything that has to be told, too."""
"""Words of the AI's note, which stands in place of the words that caused it."""
_PARTS: Final = 3
"""Sentences from which on a note is cut in its middle."""
_LEAST: Final = 8
"""Words of a sentence that was cut, so that it still says something."""
_HOLLOW: Final = re.compile(
    r"^(?=(?:\S+\s+){0,9}\S+$).*\b(?:transferr?\w*|hand(?:ing|ed) over|escalat\w+|"
    r"(?:further|technical|human|advanced) (?:\w+ )?(?:assistance|support|help|agent))\b",
    re.IGNORECASE,
)
"""A short sentence that says no more than that a person takes over."""
_READ: Final = 8
"""Sentences of a turn."""
_REASON_WORDS: Final = 12
_CLAUSES: Final = (", ", "—", "; ", " and ")
_FEW: Final = 6
_UNDER: Final = re.compile(
    r"\b(?:if|unless|wenn|falls|si|se|als|indien)\b[^,;.]{3,70}, $", re.IGNORECASE
)
"""A condition right before a request."""
_PREFERS: Final = re.compile(
    r"\b(?:prefer|rather|speak|talk|transfer|connect)\b|\b(?:lieber|sprechen|parler|hablar|parlare|"
    r"falar|spreken)\b",
    re.IGNORECASE,
)
_GIVES: Final = re.compile(r"\b(?=\w*[a-z_])(?=\w*\d)\w{6,}\b", re.IGNORECASE)
"""An identifier: it answers the question for it, whatever else was offered."""
_SURE: Final = 0.75
"""Score of a request from which on no second look at its words is needed."""
_ALONE: Final = 0.7
"""Score of the same words without what the AI had asked."""
_WORDLESS: Final = ("tool_unavailable", "context_window_exceeded", "stalled", "unproductive_loop")


def accepted_for_mood(view: PacketView) -> bool:
    """Return whether a person was offered for a mood: the customer's yes is why they come."""
    decision = view.decision
    return decision.reason == "customer_frustration" and decision.cause == "offer_accepted"


def has_words(view: PacketView) -> bool:
    """Return whether words of the conversation, and not only the reason, can say why."""
    return view.decision.reason not in (*_WORDLESS, "human_initiative", "lead_request")


def why(view: PacketView, works: tuple[ToolWork, ...]) -> Statement:
    """Say why a person is asked: the reason and the words that caused it."""
    decision = view.decision
    reason = decision.reason or "explicit_request"
    if (noted := note_for_why(view)) is not None:
        acted = any(work.kind == "action" for work in works)
        note = _note(noted[1], NOTE_WORDS if acted else _NOTE_ALONE)
        text = f"{view.frame('reason', 'agent_request')}: {view.quote(note)}"
        return Statement(text=text, events=(noted[0],))
    turn = _cause(view, reason)
    found = strongest(view)
    shown = view.text(turn) if turn else found.quote if found else None
    words, start = _telling(shown) if shown else ("", 0)
    text = _reason(view, reason, turn, words, works)
    if words and not view.is_quoted(words):
        asked = PERSON.search(words)
        goes_on = asked is not None and len(words[asked.end() :].split()) >= _OBJECT
        # A request under a condition is another one without it.
        under = _UNDER.search(words[:start])
        condition = under is not None or CONDITIONAL.match(words) is not None
        start = under.start() if under is not None else 0 if condition else start
        room = max(6, (_LONGER if goes_on or condition else WHY_WORDS) - word_count(text))
        if shorter := trim(words, room, start):
            text = f"{text}: {view.quote(shorter, words)}"
    cited = [evidence.event_id for evidence in decision.evidence]
    cited = cited or [decision.opened_by or view.cause]
    said = [turn.event_id] if turn else []
    return Statement(text=text, events=tuple(dict.fromkeys(cited + said)))


def _note(text: str, most: int) -> str:
    """Return the AI's note in `most` words, of a long one its beginning and its end.

    The end says what fails and what is asked; that it hands over it need not say.
    """
    if word_count(text) <= most:
        return text
    parts = [part for part in sentences(text) if not _HOLLOW.search(part)]
    if len(parts) < _PARTS:
        return trim(" ".join(parts) or text, most)
    room = most - min(word_count(parts[-1]), most // 2) - 1
    first = trim(parts[0], room * 2 // 3)
    last = [trim(parts[-1], most // 2)]
    room -= word_count(first)
    left = parts[1:-1]
    while left and room >= _LEAST:
        part = trim(left.pop(), room)
        room -= word_count(part)
        last.insert(0, part)
    cut = " …" if left and not first.endswith("…") else ""
    return f"{first}{cut} {' '.join(last)}"


def note_for_why(view: PacketView) -> tuple[str, str] | None:
    """Return the note that says why a person is asked: of an AI that asked for one by its tool.

    It did so, too, where it promised a person in the same breath.
    """
    reason = view.decision.reason
    noted = note_of(view) if reason in ("agent_request", "unkept_promise") else None
    if noted is not None and reason == "unkept_promise" and noted[0] != view.cause:
        return None
    return noted


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
    if accepted_for_mood(view):
        return view.frame("reason", "explicit_request" if _is_sure(view, words) else "accepted")
    text = _true_reason(view, reason, works)
    fact = _fact(view, reason, works)
    return clip(f"{text}: {fact}", _REASON_WORDS) if fact else text


def _true_reason(view: PacketView, reason: Reason, works: tuple[ToolWork, ...]) -> str:
    """Return the reason; in narrower words where what happened does not carry the usual ones."""
    failed = _failures(works)
    if reason == "tool_unavailable" and failed:
        if all(work.missed for work in failed):
            return view.frame("work", "absent")
        if all(work.status in ("refused", "denied") for work in failed):
            return view.frame("work", "declined")
    if reason == "unproductive_loop" and _brings_news(view):
        return view.frame("work", "unsolved", count=view.facts.customer_turns)
    return view.frame("reason", reason)


def _failures(works: tuple[ToolWork, ...]) -> list[ToolWork]:
    return [work for work in works if work.status in ("failed", "timeout", "denied", "refused")]


def _repeated(view: PacketView) -> Turn | None:
    """Return the turn that is said to repeat an earlier one."""
    source = next((one for one in view.decision.evidence if one.signal == "repetition"), None)
    return view.by_id.get(source.event_id) if source is not None else None


def _brings_news(view: PacketView) -> bool:
    """Return whether the customer's turn that repeats a question tells of a further step."""
    turn = _repeated(view)
    if turn is None or turn.role != CUSTOMER:
        return False
    return any(DID.search(part) for part in view.sentences(turn)[:_READ])


def _is_sure(view: PacketView, words: str) -> bool:
    """Return whether these words ask for a person by themselves, and did so beyond doubt."""
    asked = (one.score for one in view.decision.evidence if one.signal == "requested_human")
    alone = read_customer(words).requested_human if max(asked, default=0.0) >= _SURE else None
    return alone is not None and alone.score >= _ALONE


def _asked(view: PacketView, turn: Turn | None, words: str) -> str:
    """Tell a request for a person from a yes to the AI's offer, and from what was only taken so."""
    if _is_sure(view, words) and view.decision.cause != "offer_accepted":
        return "explicit_request"
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
        failed = _failures(works)
        return failed[-1].words if failed else ""
    if reason == "unproductive_loop":
        return _loop(view)
    return ""


def _loop(view: PacketView) -> str:
    turn = _repeated(view)
    if turn is None or _brings_news(view):
        return ""
    if turn.role == CUSTOMER:
        return view.frame("fact", "customer_repeats")
    return view.frame("fact", "tool_repeats" if turn.calls else "ai_repeats")


def _cause(view: PacketView, reason: Reason) -> Turn | None:
    """Return the turn whose words say why; None when only the evidence's quote does, or nothing."""
    found = strongest(view)
    if reason in _WORDLESS:
        # No words caused it.
        return None
    if accepted_for_mood(view):
        return view.by_id.get(view.decision.opened_by or view.cause)
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
