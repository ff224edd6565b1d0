"""The statements of a packet, each in a few words and with the events that it rests on."""

from typing import Final

from workers.contracts.decisions import Evidence, Mood, Reason, ToolFact, Turn
from workers.contracts.handoffs import Claim
from workers.contracts.time import to_ms
from workers.detection import read_agent, read_customer
from workers.detection.handover_tools import is_handover
from workers.handoff.view import AI, CUSTOMER, PERSON, PacketView
from workers.handoff.wording import (
    clip,
    duration,
    focus,
    gist,
    one_line,
    says_something,
    word_count,
)

# Together these leave at least 15 of the 120 words to the key messages, usually 40.
WHO_WORDS: Final = 8
WANTS_WORDS: Final = 16
TRIED_WORDS: Final = 22
_FAILURE_WORDS: Final = 9
_REASON_WORDS: Final = 10
_CALM: Final = 0.3
STANDS_WORDS: Final = 10
MOOD_WORDS: Final = 8
WHY_WORDS: Final = 15
NOTE_WORDS: Final = 24
"""Of the AI's note, which stands in place of the words that caused it."""
NEXT_WORDS: Final = 13

_WHY: Final[dict[Reason, str]] = {
    "explicit_request": "Asked for a person",
    "agent_uncertainty": "The AI is not sure of its answers",
    "agent_request": "The AI asked for a person",
    "priority_escalation": "A topic for people",
    "policy_exception": "Needs a decision the AI may not take",
    "context_window_exceeded": "Too long for the AI",
    "tool_unavailable": "A tool the AI needs keeps failing",
    "unproductive_loop": "Going in circles",
    "customer_frustration": "Frustrated",
    "unkept_promise": "The AI promised a person",
    "stalled": "Left without an answer",
    "human_initiative": "A person stepped in",
}
_NEXT: Final[dict[Reason, str]] = {
    "explicit_request": "Say you are a person and go on from the last message.",
    "agent_uncertainty": "Check the AI's last answer; correct it if it is wrong.",
    "agent_request": "Read what the AI asks of you, and go on from there.",
    "priority_escalation": "Follow the procedure for this topic before anything else.",
    "policy_exception": "Decide: grant it or refuse it, and tell the customer why.",
    "context_window_exceeded": "Sum up what is open, have the customer confirm, and finish it.",
    "tool_unavailable": "Do by hand what the tool could not do.",
    "unproductive_loop": "Try something other than what is listed under tried.",
    "customer_frustration": "Acknowledge the trouble first, then offer one concrete step.",
    "unkept_promise": "Answer now: the customer was told that a person comes.",
    "stalled": "Answer now; begin with why it took so long.",
    "human_initiative": "Go on; you are already in the conversation.",
}


def who(view: PacketView) -> Claim:
    """Say who the customer is: name, id, tier, language."""
    customer = view.customer
    said = view.find(lambda turn: turn.role == CUSTOMER)
    events = (said.event_id if said else view.facts.first_request or view.cause,)
    if customer is None or not (customer.name or customer.id):
        tier = f", {customer.tier}" if customer and customer.tier else ""
        return Claim(text=clip(f"Unknown customer{tier}", WHO_WORDS), events=events)
    name = clip(view.hide(customer.name or ""), 3)
    identity = clip(view.hide(customer.id or ""), 2)
    known = f"{name} ({identity})" if name and identity else name or identity
    more = [clip(part, 1) for part in (customer.tier, customer.locale) if part]
    return Claim(text=clip(", ".join([known, *more]), WHO_WORDS), events=events)


def first_request(view: PacketView) -> Turn | None:
    """Return the customer turn that says what they want: the first that is more than a greeting."""
    asked = view.by_id.get(view.facts.first_request or "")
    if asked is not None and says_something(view.beginning(asked)):
        return asked
    return view.find(lambda turn: turn.role == CUSTOMER and says_something(turn.content)) or asked


def wants(view: PacketView) -> Claim:
    """Say what the customer wants, in their own words."""
    turn = first_request(view)
    if turn is not None:
        words = gist(view.beginning(turn), WANTS_WORDS)
        return Claim(text=f"“{words}”" if words else "No words yet", events=(turn.event_id,))
    cited = (view.facts.first_request or view.cause,)
    if view.facts.subject:
        return Claim(text=clip(view.hide(view.facts.subject), WANTS_WORDS), events=cited)
    return Claim(text="Said before the part of the transcript shown here", events=cited)


def tried(view: PacketView) -> tuple[Claim, ...]:
    """Say what was tried: the AI's own note, the tools that failed, the tools that worked."""
    # What the AI tells the person who takes over is said first, where it asked for one.
    note = None if view.decision.reason == "agent_request" else _ai_note(view)
    tools = [tool for tool in view.facts.tools if not is_handover(tool.name)]
    failed = [tool for tool in tools if tool.failures]
    failed.sort(key=lambda tool: tool.failures, reverse=True)
    detailed = failed[: 1 if note else 2]
    claims = [note] if note else []
    claims += [Claim(text=_failure(view, tool), events=(tool.event_id,)) for tool in detailed]
    others = [tool for tool in tools if tool not in detailed]
    if others:
        room = TRIED_WORDS - sum(word_count(claim.text) for claim in claims)
        text = clip(", ".join(map(_use, others)), room)
        claims.append(Claim(text=text, events=tuple(tool.event_id for tool in others)))
    elif not claims and (answer := view.last(AI)):
        count = view.facts.ai_turns
        text = f"{count} AI answers, no tools" if count != 1 else "One AI answer, no tools"
        claims.append(Claim(text=text, events=(answer.event_id,)))
    return tuple(claims)


def _ai_note(view: PacketView) -> Claim | None:
    found = _handover_note(view)
    if found is None:
        return None
    event, note = found
    return Claim(text=f"AI: “{clip(note, _FAILURE_WORDS)}”", events=(event,))


def _handover_note(view: PacketView) -> tuple[str, str] | None:
    """Return what the AI tells the person who takes over, whole, and the turn in which it did."""
    turn = view.last_that(lambda turn: turn.role == AI and turn.handover is not None)
    if turn is not None:
        return turn.event_id, one_line(view.hide(turn.handover or ""))
    if not view.facts.ai_note:
        return None
    cause = view.by_id.get(view.cause)
    spoke = cause if cause is not None and cause.role == AI else view.last(AI)
    return spoke.event_id if spoke else view.cause, one_line(view.hide(view.facts.ai_note))


def _failure(view: PacketView, tool: ToolFact) -> str:
    times = f"failed {tool.failures} of {tool.calls}" if tool.calls > 1 else "failed"
    text = f"{tool.name} {times}" + (", then worked" if tool.status == "ok" else "")
    error = view.hide(tool.error or "") or (tool.status if tool.status != "ok" else "")
    error = error.removeprefix("Error:").removeprefix("error:").strip()
    room = _FAILURE_WORDS - word_count(text)
    return f"{text}: {clip(error, room)}" if error and room > 0 else clip(text, _FAILURE_WORDS)


def _use(tool: ToolFact) -> str:
    if tool.failures:
        return f"{tool.name} failed"
    if tool.status == "called":
        return f"{tool.name} (no result yet)"
    return f"{tool.name} ok" + (f" \u00d7{tool.calls}" if tool.calls > 1 else "")


def stands(view: PacketView) -> Claim:
    """Say where it stands: how it came to this place, who spoke last and who waits."""
    last = view.spoken[-1] if view.spoken else None
    way = _way(view)
    if last is not None and last.role == PERSON:
        state = "a person answered last"
    elif last is not None and last.role == AI:
        state = "the AI answered last"
    else:
        since = last.at if last else to_ms(view.facts.episode_started_at)
        waits = max(0, (to_ms(view.decision.decided_at) - since) // 1000)
        state = f"unanswered for {duration(waits)}" if waits else "customer spoke last"
    text = clip(f"{way}; {state}" if way else state, STANDS_WORDS)
    cited = ((last.event_id,) if last else ()) + ((view.cause,) if way or not last else ())
    return Claim(text=text[:1].upper() + text[1:], events=tuple(dict.fromkeys(cited)))


def _way(view: PacketView) -> str:
    """Say how the escalation came to this place, when it is not its first."""
    decision = view.decision
    missed = clip(decision.tried[-1], 1) if decision.tried else "the last queue"
    if decision.action == "transfer":
        return f"passed on by {clip(decision.person or 'a colleague', 1)}"
    ways = {
        "claim_missed": f"nobody took it on {missed}",
        "reply_missed": "taken, but not answered in time",
        "ticket_unanswered": "no answer from the ticket system",
        "ticket_refused": "refused by the ticket system",
        "mandatory_rule": f"raised to level {decision.level}",
        "hop_limit": "passed on too often",
        "offer_accepted": "accepted a person",
    }
    return ways.get(decision.cause or "", "")


def mood(view: PacketView) -> Claim | None:
    """Say how the customer feels, from which words, and whether it gets worse; None when calm."""
    course, worst = view.facts.mood, _worst(view)
    if worst is None or worst.score < _CALM:
        return None
    word = "Impatient" if worst.score < 0.5 else "Frustrated"
    word = "Very frustrated" if worst.score >= 0.8 else word
    change = course[-1].score - course[0].score
    course_word = ", rising" if change >= 0.2 else ", calmer now" if change <= -0.2 else ""
    events = tuple(dict.fromkeys((worst.event_id, course[-1].event_id)))
    label = f"{word}{course_word}"
    turn = view.by_id.get(worst.event_id)
    if turn is None or view.decision.reason == "customer_frustration":
        # The reason has said these words already.
        return Claim(text=label, events=events)
    said = view.text(turn)
    found = read_customer(said).frustrated
    room = MOOD_WORDS - len(label.split())
    words = focus(said, found.start, room) if found else gist(said, room)
    return Claim(text=f"{label}: “{words}”" if words else label, events=events)


def _worst(view: PacketView) -> Mood | None:
    return max(view.facts.mood, key=lambda entry: entry.score, default=None)


def _telling(text: str, words: int) -> str:
    """Return the words that asked or promised, or else complained, with as many around as fit."""
    said = read_customer(text)
    found = said.requested_human or read_agent(text).promises_person or said.frustrated
    return focus(text, found.start, words) if found else gist(text, words)


def strongest(view: PacketView) -> Evidence | None:
    """Return the evidence that says most: with words before without, then by score."""
    return max(view.decision.evidence, key=lambda e: (e.quote is not None, e.score), default=None)


def why(view: PacketView) -> Claim:
    """Say why a person is asked: the reason and the words that caused it."""
    decision = view.decision
    text = _reason(view, decision.reason or "explicit_request")
    if decision.reason == "agent_request" and (noted := _handover_note(view)) is not None:
        return Claim(text=f"{text}: “{clip(noted[1], NOTE_WORDS)}”", events=(noted[0],))
    turn = _cause(view)
    found = strongest(view)
    shown = view.text(turn) if turn else found.quote if found else None
    if words := _telling(shown or "", WHY_WORDS - word_count(text)):
        text = f"{text}: “{words}”"
    cited = [evidence.event_id for evidence in decision.evidence]
    cited = cited or [decision.opened_by or view.cause]
    said = [turn.event_id] if turn else []
    return Claim(text=text, events=tuple(dict.fromkeys(cited + said)))


def _reason(view: PacketView, reason: Reason) -> str:
    """Return the reason with the one fact that tells it from others of its kind."""
    text, facts = _WHY[reason], view.facts
    if reason == "priority_escalation" and facts.intents:
        return clip(f"{text}: {one_line(view.hide(facts.intents[-1]))}", _REASON_WORDS)
    if reason == "agent_uncertainty" and facts.confidence:
        return f"{text} (confidence {facts.confidence[-1]:.2f})"
    if reason == "context_window_exceeded":
        return f"{text} ({view.decision.score:.0%} of its memory used)"
    if reason == "tool_unavailable" and (failed := [tool for tool in facts.tools if tool.failures]):
        return clip(f"{text}: {max(failed, key=_failures).name}", _REASON_WORDS)
    return text


def _failures(tool: ToolFact) -> int:
    return tool.failures


def _cause(view: PacketView) -> Turn | None:
    """Return the turn whose words say why; None when only the evidence's quote does, or nothing."""
    reason, found = view.decision.reason, strongest(view)
    if reason in ("tool_unavailable", "context_window_exceeded", "stalled"):
        # Nobody's words caused it.
        return None
    if reason == "customer_frustration" and (worst := _worst(view)) is not None:
        return view.by_id.get(worst.event_id)
    if reason == "priority_escalation":
        return view.last(CUSTOMER)
    if found is not None and found.quote:
        return None
    opening = view.by_id.get(view.decision.opened_by or "")
    return opening if opening is not None and opening.role in (CUSTOMER, AI) else None


def next_step(view: PacketView) -> Claim:
    """Say what to do first, by the reason."""
    reason = view.decision.reason or "explicit_request"
    text = _NEXT[reason]
    failed = [tool for tool in view.facts.tools if tool.failures and not is_handover(tool.name)]
    if reason == "tool_unavailable" and failed:
        worst = max(failed, key=lambda tool: tool.failures)
        name = clip(worst.name.replace("_", " "), 3)
        return Claim(text=f"Do by hand what {name} could not do.", events=(worst.event_id,))
    last = view.last(CUSTOMER)
    cited = last.event_id if last else view.facts.last_request or view.cause
    return Claim(text=clip(text, NEXT_WORDS), events=(cited,))
