"""The lines of a packet about what was done: by tools, by the customer, and told by the AI."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from workers.contracts.handoffs import Statement
from workers.handoff.agreement import IS_DONE
from workers.handoff.ai_findings import FIGURE, ai_findings
from workers.handoff.background import unable
from workers.handoff.chosen import PAYMENT_ID
from workers.handoff.listed_items import item_names
from workers.handoff.mismatch import mismatch
from workers.handoff.own_steps import Step, last_report
from workers.handoff.packet_findings import (
    PacketFindings,
    changed_since,
    is_before,
    last_change,
    refusal,
    words_of,
)
from workers.handoff.sentences import REFUSES
from workers.handoff.statements import with_points
from workers.handoff.told import CODES, AiSentence
from workers.handoff.tool_work import ToolWork
from workers.handoff.view import AI, CUSTOMER, PacketView
from workers.handoff.wording import (
    CLAUSE_MARKS,
    READ_LIMIT,
    clause_start,
    clip,
    content,
    trim,
    word_count,
)

TRIED_WORDS: Final = 40
STEPS_WORDS: Final = 42
"""Words of what the customer did, which stands in a block."""
TOLD_WORDS: Final = 44
"""Words of what the AI told as found, and of what it cannot do."""
_LINE_WORDS: Final = 14
_MORE: Final = 6
"""Words more, where a line tells of several things."""
_TOLD: Final = 22
"""Words of one of the AI's sentences."""
_LEAST: Final = 8
_SHOWN: Final = 6
"""Orders, bookings or the like that a line names; the others are counted."""
_FEWER: Final = 3
"""As many where there is no room for more."""
_OF_PAYMENT: Final = re.compile(
    r"pay|paid|card|certificate|balance|amount|voucher|method", re.IGNORECASE
)
_SAME_SHARE: Final = 2
"""Of the words of a report, one in so many is enough to have said it."""
_FEW: Final = 2
_SEVERAL: Final = 2
_BETWEEN: Final = (", ", "; ")
"""Separators of values, and of errors."""
_GIVES_BACK: Final = re.compile(r"\b(?:return|refund|cancel|remove)\b")
"""In the name of a tool: each item in its call went the same way."""
_AMOUNT: Final = re.compile(r"total|amount|_due$|price|paid")
_CLAUSES: Final = (*CLAUSE_MARKS, ": ")
_SHARED: Final = 2
"""Words by which what the AI cannot do is known to be what was asked for last."""
_LINES: Final = 2
"""Lines of what was told, and as many of what cannot be done."""


def tried(view: PacketView, found: PacketFindings, room: int) -> tuple[Statement, ...]:
    """Say what tools changed or could not do, in order.

    What was looked up and found stands among the records.
    """
    works = [
        work
        for work in found.works
        if (work.kind == "action" or work.status != "ok") and not _is_idle(view, found, work)
    ]
    other = mismatch(view, found)
    claims = [other] if other is not None else []
    room -= words_of(claims)
    lines: list[Statement] = []
    told: set[str] = set()
    for work in reversed(works):
        work = _with_chosen(view, work, found, told)  # noqa: PLW2901
        words = _LINE_WORDS + _MORE * (len(work.what) > 1 or len(set(work.errors)) > 1)
        words += _MORE * bool(work.chosen)
        if text := _line(view, found, work, min(words, room)):
            room -= word_count(text)
            lines.insert(0, Statement(text=text, events=work.events, kind=_kind(work)))
    claims += lines
    return tuple(claims or _at_all(view, found, room))


def _with_chosen(
    view: PacketView, work: ToolWork, found: PacketFindings, told: set[str]
) -> ToolWork:
    """Return work with what was chosen in its calls, where no other line says it."""
    last = found.last.agreed
    is_open = last is not None and not changed_since(view, found, last.reply)
    agreed = " ".join(last.summary) if last is not None and is_open else ""
    chosen = [one for one in work.chosen if one not in told and one not in agreed]
    if work.status != "ok" and not any(map(_OF_PAYMENT.search, work.errors)):
        chosen = [one for one in chosen if not PAYMENT_ID.search(one)]
    if work.chosen[:1] != tuple(chosen[:1]) and len(work.chosen) > 1:
        # The rest says nothing without the first.
        chosen = []
    told.update(chosen)
    return work._replace(chosen=tuple(chosen))


def _is_idle(view: PacketView, found: PacketFindings, work: ToolWork) -> bool:
    """Return whether a tool was asked for a thing not spoken of, or found it another way."""
    if not work.missed:
        return False
    if any(one.profile and one.status == "ok" for one in found.works) and work.profile:
        return True
    said = [view.text(turn)[:READ_LIMIT].lower() for turn in view.said_by(CUSTOMER)]
    return not any(what.lower() in text for what in work.what for text in said)


def _at_all(view: PacketView, found: PacketFindings, room: int) -> list[Statement]:
    """Say what the customer's record holds that matters, or how often the AI answered."""
    work = found.works[-1] if found.works else None
    if work is not None and work.values and all(one.profile for one in found.works):
        return [
            Statement(text=_line(view, found, work, room), events=work.events, kind=_kind(work))
        ]
    if not found.works and (answer := view.last(AI)):
        count = view.facts.ai_turns
        text = view.frame("work", "one") if count == 1 else view.frame("work", "none", count=count)
        return [Statement(text=text, events=(answer.event_id,))]
    return []


def steps(view: PacketView, found: PacketFindings) -> tuple[Statement, ...]:
    """Say what the customer did themselves, the latest steps that fit, in their order."""
    kept: list[Step] = []
    room = STEPS_WORDS
    room -= word_count(view.frame("work", "customer", steps=""))
    for said in reversed(found.steps):
        words = word_count(said.text)
        if words > room or view.is_quoted(said.text):
            continue
        room -= words
        kept.insert(0, said)
    if not kept:
        return ()
    done = "; ".join(view.quote(said.text) for said in kept)
    last = last_report(view)
    is_new = last is not None and not any(_says_same(last.text, said.text) for said in kept)
    after = last is not None and not is_before(view, last.turn, kept[-1].turn)
    if last is not None and is_new and after and not view.is_quoted(last.text):
        done = f"{done} \u2192 {view.quote(last.text)}"
        kept.append(last)
    events = tuple(dict.fromkeys(said.turn.event_id for said in kept))
    return (
        Statement(text=view.frame("work", "customer", steps=done), events=events, kind="steps"),
    )


def _says_same(report: str, step: str) -> bool:
    """Return whether a step already tells most of a report on it."""
    words = content(report)
    return len(words & content(step)) * _SAME_SHARE >= len(words)


def _kind(work: ToolWork) -> str:
    if work.status == "ok":
        return work.kind
    return "refused" if work.status in ("refused", "denied") else "failed"


def _line(view: PacketView, found: PacketFindings, work: ToolWork, room: int) -> str:
    """Return what one tool did, in at most so many words; nothing where not even that fits."""
    status: str = work.status
    if status == "ok":
        status = "found" if work.kind == "check" else "done"
    elif work.missed:
        status = "missed"
    subject = next(
        (
            subject
            for subject in _subjects(view, work)
            if word_count(view.frame("work", status, subject=subject)) <= room
        ),
        "",
    )
    if not subject:
        return ""
    text = view.frame("work", status, subject=subject)
    known = _errors(work) if len(set(work.errors)) > 1 else _values(found, work)
    fits = _fitting(known, room - word_count(text), _BETWEEN[bool(work.errors)])
    if not fits and known and work.status != "ok" and (left := room - word_count(text)) > _FEW:
        fits = clip(known[0], left)
    more = _fitting(work.chosen, room - word_count(text) - word_count(fits), ", ")
    if more and len(work.what) < _SEVERAL:
        subject = f"{subject[:-1]}; {more})" if subject.endswith(")") else f"{subject} ({more})"
        text = view.frame("work", status, subject=subject)
    return f"{text}: {fits}" if fits else text


def _fitting(values: Sequence[str], room: int, between: str) -> str:
    """Return as many of some values as fit, the first ones."""
    for count in range(len(values), 0, -1):
        text = between.join(values[:count])
        if word_count(text) <= room:
            return text
    return ""


def _errors(work: ToolWork) -> tuple[str, ...]:
    """Return why a tool failed: the last error first, each once, with how often it came."""
    counts = Counter(work.errors)
    return tuple(
        f"{one} \u00d7{counts[one]}" if counts[one] > 1 else one
        for one in dict.fromkeys(reversed(work.errors))
    )


def _subjects(view: PacketView, work: ToolWork) -> Iterator[str]:
    """Yield the tool's name with what its calls were about, in ever fewer words."""
    words = clip(view.hide(work.words), 4)
    once = work.calls < _SEVERAL or len(work.what) >= _SEVERAL or len(set(work.errors)) > 1
    times = "" if once else f" \u00d7{work.calls}"
    what = [] if work.of_customer else list(work.what)
    if what:
        names = _item_names(view, work)
        lead = f"{words} "
        if work.kind_of_thing and not set(work.kind_of_thing.split()) & set(work.words.split()):
            lead = f"{words}, {work.kind_of_thing} "
        for most in (_SHOWN, _FEWER):
            more = f" +{len(what) - most}" if len(what) > most else ""
            last = [clip(one, 2) for one in what[-most:]]
            with_names = [
                f"{shown} ({names[one]})" if one in names else shown
                for one, shown in zip(what[-most:], last, strict=True)
            ]
            yield f"{lead}{', '.join(with_names)}{more}{times}"
            yield f"{lead}{', '.join(last)}{more}{times}"
    yield f"{words}{times}"
    yield clip(work.words, 3)


def _item_names(view: PacketView, work: ToolWork) -> dict[str, str]:
    """Return the names of the items in what was changed, as far as a result named them."""
    if work.kind != "action" or not any(work.items.values()):
        return {}
    known: dict[str, str] = {}
    for turn in view.spoken:
        known |= item_names(view.text(turn)[:READ_LIMIT])
    for call in view.calls:
        if call.result is not None:
            known |= item_names(view.text(call.result))
    told = {}
    for what, ids in work.items.items():
        names = list(dict.fromkeys(known[one] for one in ids if one in known))
        if names and _GIVES_BACK.search(work.words):
            # An item that nobody named is one of them, too.
            names += [one for one in ids if one not in known]
        if names and len(names) <= _SHOWN:
            told[what] = ", ".join(names)
    return told


def _values(found: PacketFindings, work: ToolWork) -> tuple[str, ...]:
    """Return the values of what was done last; of several things only the last one's own."""
    if work.values or work.kind != "action" or work.status != "ok" or len(work.what) != 1:
        return work.values if len(work.what) < 2 else ()
    amounts = [
        value.text
        for one in found.works
        for finding in [one.found.get(work.what[0])]
        if finding is not None and one is not work
        for value in finding.values
        if _AMOUNT.search(value.key)
    ]
    return tuple(amounts[-1:])


def told_and_unable(view: PacketView, found: PacketFindings, room: int) -> tuple[Statement, ...]:
    """Say what the AI told as found and what it cannot do, in its words, as far as they fit."""
    claims: list[Statement] = []
    since = last_change(view, found)
    refused = _accepted(view, found)
    others = unable(view, refusal(view, found) or (refused[0] if refused else None))
    cannot = [("unable", said) for said in (*refused, *others)[:_LINES]]
    told = [("told", said) for said in ai_findings(view, found.issue, since)[:_LINES]]
    asked = content(found.issue.now.text) if found.issue else set()
    first = [one for one in cannot if len(content(one[1].text) & asked) >= _SHARED]
    for name, said in (*first, *told[:1], *(one for one in cannot if one not in first), *told[1:]):
        lead = word_count(view.frame("work", name, words=""))
        start = _clause_of(said.text) if name == "unable" else 0
        words = trim(said.text, min(room - lead, _TOLD), start) if room > _LEAST else ""
        # A finding that is cut often lacks what was found.
        torn = words.endswith("…") and (name == "told" or len(words.split()) < _LEAST)
        if not words or torn or view.is_quoted(said.text):
            continue
        if name == "told" and not FIGURE.search(said.text) and view.says_nothing_new(said.text):
            continue
        text = view.frame("work", name, words=f"“{words}”")
        if word_count(text) > room:
            continue
        view.quote(words, said.text)
        room -= word_count(text)
        kind = "refused" if name == "unable" else "check"
        claims.append(Statement(text=text, events=(said.turn.event_id,), kind=kind))
    return tuple(claims)


def _accepted(view: PacketView, found: PacketFindings) -> list[AiSentence]:
    """Return the refusal that the customer took before they said that they need nothing more."""
    said = found.told.refused
    if found.closing is None or said is None:
        return []
    whole = with_points(view, said)
    named = set(CODES.findall(whole.text))
    changed = {what for work in found.works if work.kind == "action" for what in work.what}
    # What was refused before something was changed may well have been changed after all, and
    # what goes with the news of a change only says what will be no more.
    is_left = bool(named) and not named & changed
    tells_done = any(map(IS_DONE.search, view.sentences(said.turn)))
    holds = not tells_done and not changed_since(view, found, said.turn)
    return [whole] if is_left or holds else []


def _clause_of(text: str) -> int:
    """Return where the clause begins in which the AI says what it cannot do."""
    found = REFUSES.search(text)
    return clause_start(text, found.start(), _CLAUSES) if found else 0
