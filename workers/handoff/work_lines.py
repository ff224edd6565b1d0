"""The lines of a packet about what was done: by tools, by the customer, and told by the AI."""

from typing import Final

from workers.contracts.handoffs import Claim
from workers.handoff.background import results, unable
from workers.handoff.packet_findings import PacketFindings, last_change, refusal, words_of
from workers.handoff.records import mismatch
from workers.handoff.sentences import REFUSES
from workers.handoff.told import AiSentence
from workers.handoff.tool_work import ToolWork
from workers.handoff.view import AI, PacketView
from workers.handoff.wording import CLAUSE_MARKS, clause_start, clip, content, trim, word_count

TRIED_WORDS: Final = 40
STEPS_WORDS: Final = 36
"""Of what the customer did, which stands in a block."""
TOLD_WORDS: Final = 44
"""Of what the AI told as found, and of what it cannot do."""
_STEP_WORDS: Final = 14
_LINE_WORDS: Final = 14
_TOLD: Final = 22
"""Of one of the AI's sentences."""
_LEAST: Final = 8
_SHOWN: Final = 3
"""Orders, bookings or the like that a line names; the others are counted."""
_CLAUSES: Final = (*CLAUSE_MARKS, ": ")
_SHARED: Final = 2
"""Words by which what the AI cannot do is known to be what was asked for last."""
_LINES: Final = 2
"""Of what was told, and of what cannot be done."""


def tried(view: PacketView, found: PacketFindings, room: int) -> tuple[Claim, ...]:
    """Say what tools changed or could not do, in order.

    What was looked up and found stands among the records.
    """
    works = [work for work in found.works if work.kind == "action" or work.status != "ok"]
    other = mismatch(view, found)
    claims = [other] if other is not None else []
    room -= words_of(claims)
    lines: list[Claim] = []
    for work in reversed(works):
        if text := _line(view, work, min(_LINE_WORDS, room)):
            room -= word_count(text)
            lines.insert(0, Claim(text=text, events=work.events, kind=_kind(work)))
    claims += lines
    return tuple(claims or _at_all(view, found, room))


def _at_all(view: PacketView, found: PacketFindings, room: int) -> list[Claim]:
    """Say who was looked up, or how often the AI answered."""
    if found.works and all(work.profile for work in found.works):
        work = found.works[-1]
        return [Claim(text=_line(view, work, room), events=work.events, kind=_kind(work))]
    if not found.works and (answer := view.last(AI)):
        count = view.facts.ai_turns
        text = view.frame("work", "one") if count == 1 else view.frame("work", "none", count=count)
        return [Claim(text=text, events=(answer.event_id,))]
    return []


def steps(view: PacketView, found: PacketFindings) -> tuple[Claim, ...]:
    """Say what the customer did themselves, the latest steps that fit, in their order."""
    kept: list[AiSentence] = []
    room = STEPS_WORDS
    room -= word_count(view.frame("work", "customer", steps=""))
    for said in reversed(found.steps):
        words = word_count(said.text)
        if words > min(room, _STEP_WORDS) or view.is_quoted(said.text):
            continue
        room -= words
        kept.insert(0, said)
    if not kept:
        return ()
    done = "; ".join(view.quote(said.text) for said in kept)
    events = tuple(dict.fromkeys(said.turn.event_id for said in kept))
    return (Claim(text=view.frame("work", "customer", steps=done), events=events, kind="steps"),)


def _kind(work: ToolWork) -> str:
    if work.status == "ok":
        return work.kind
    return "refused" if work.status in ("refused", "denied") else "failed"


def _line(view: PacketView, work: ToolWork, room: int) -> str:
    """Return what one tool did, in at most so many words; nothing where not even that fits."""
    status: str = work.status
    if status == "ok":
        status = "found" if work.kind == "check" else "done"
    last = " ".join(turn.content for turn in view.spoken[-4:])
    what = [one for one in work.what if one in last] or list(work.what)
    shown = ", ".join(clip(one, 2) for one in what[-_SHOWN:])
    shown += f" +{len(what) - _SHOWN}" if len(what) > _SHOWN else ""
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
        known = work.found[what[-1]].values if len(what) == 1 and what[-1] in work.found else ()
    for count in range(len(known), 0, -1):
        values = ", ".join(known[:count])
        if word_count(text) + word_count(values) <= room:
            return f"{text}: {values}"
    if work.values and status not in ("found", "done") and (left := room - word_count(text)) > 2:
        return f"{text}: {clip(work.values[0], left)}"
    return text


def told_and_unable(view: PacketView, found: PacketFindings, room: int) -> tuple[Claim, ...]:
    """Say what the AI told as found and what it cannot do, in its words, as far as they fit."""
    claims: list[Claim] = []
    since = last_change(view, found)
    cannot = [("unable", said) for said in unable(view, refusal(view, found))[:_LINES]]
    told = [("told", said) for said in results(view, found.issue, since)[:_LINES]]
    asked = content(found.issue.now.text) if found.issue else set()
    first = [one for one in cannot if len(content(one[1].text) & asked) >= _SHARED]
    for name, said in (*first, *told[:1], *(one for one in cannot if one not in first), *told[1:]):
        lead = word_count(view.frame("work", name, words=""))
        start = _clause_of(said.text) if name == "unable" else 0
        words = trim(said.text, min(room - lead, _TOLD), start) if room > _LEAST else ""
        torn = words.endswith("…") and len(words.split()) < _LEAST
        if not words or torn or view.is_quoted(said.text):
            continue
        text = view.frame("work", name, words=f"“{words}”")
        if word_count(text) > room:
            continue
        view.quote(words, said.text)
        room -= word_count(text)
        kind = "refused" if name == "unable" else "check"
        claims.append(Claim(text=text, events=(said.turn.event_id,), kind=kind))
    return tuple(claims)


def _clause_of(text: str) -> int:
    """Return where the clause begins in which the AI says what it cannot do."""
    found = REFUSES.search(text)
    return clause_start(text, found.start(), _CLAUSES) if found else 0
