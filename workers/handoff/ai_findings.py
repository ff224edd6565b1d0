"""Findings about the customer's matter, as the AI told them."""

import re
from collections.abc import Iterator
from typing import Final

from workers.handoff.issues import Issue
from workers.handoff.sentences import CONDITIONAL, INSTRUCTS, OTHERWISE, PLANS
from workers.handoff.told import CODES, TORN, AiSentence
from workers.handoff.view import AI, CUSTOMER, PacketView
from workers.handoff.whole_sentences import LEANS
from workers.handoff.wording import content, is_courtesy, says_something

_TURNS: Final = 12
_SENTENCES: Final = 16
_PIECES: Final = 4
_LEAST: Final = 4
_ENOUGH: Final = 1.5
_NEWER: Final = 0.5
"""Worth that what the AI told last has more than what it told first."""
_BRIEF: Final = 8
_LONG: Final = 20
"""Words of a sentence that a line has no room for."""
_TOO_LONG: Final = 26
_CUT: Final = 0.6
_FACT: Final = re.compile(
    r"(?<![a-z])(?:none of|there (?:is|are) no|not (?:listed|found|included)|you have|"
    r"status|created|booked on|insurance|eligib\w+|balance|total|paid|overdue|cheap(?:er|est)|"
    r"suspend\w+|limit|used|active|locked|delivered|pending|member|allow(?:ed|ance)|difference|"
    r"free|fees?|price|available|cancelled|delayed|shows?|expire[sd]?|charged|refunded|"
    r"tracking|because|due to|held|registered|rejected|removed|opened|confirmed|scheduled|blocked|"
    r"valid until|expired|"
    r"versand\w*|bezahlt|fällig|gesperrt|solde|saldo|pagad[oa]|betaald)(?![a-z])",
    re.IGNORECASE,
)
_SINCE: Final = re.compile(r"(?:since|because|as|while|although|given)\b", re.IGNORECASE)
"""The point of such a sentence comes after where it would be cut."""
_OPENS: Final = "“\"'#$€£("
"""Signs with which a sentence begins; another stands for a yes or no that words would say."""
FIGURE: Final = re.compile(
    r"[$€£]\s?\d|\b\d{4}-\d\d-\d\d|\b\d+(?:\.\d+)?\s?(?:gb|mbps|%|free|days?|hours?)\b",
    re.IGNORECASE,
)
_SUM: Final = re.compile(
    r"\b(?:total|refund\w*|difference|save)\b[^.]{0,40}[$€£]\s?\d", re.IGNORECASE
)
"""A sum that decides."""
_OF_CASE: Final = re.compile(
    r"\b(?:you|your|it|its|this|ihre?n?|sie|votre|vos|vous|su|sus|suo|sua|seu|sua|uw|u)\b",
    re.IGNORECASE,
)
"""Words by which a sentence is about this customer; one without may tell a rule."""
_RULE: Final = re.compile(
    r"\b(?:if|unless|whether|policy|policies|rules?|can be|may be|must be|would be|will need|"
    r"i(?:['\u2019]ll| will|['\u2019]d| would| need| can)|okay to|depend\w*|comparing|usually|"
    r"generally|wenn|falls|richtlinie\w*|siempre que|indien)\b|\b(?:OR|AND)$",
    re.IGNORECASE,
)
"""In a sentence: it tells a rule or a plan, and nothing that was found."""
_HEADING: Final = re.compile(r"(?<=[\w).%]) (?=[A-Z]\w{2,20}(?: [A-Z]\w{2,20}){0,2}: )")
"""Place before a heading that stands in the middle of a line."""


def ai_findings(view: PacketView, issue: Issue | None, since: int) -> list[AiSentence]:
    """Return what the AI told of what it found, closest to the request first.

    `since` is the place in the episode of the last change by a tool: what was told before it may
    not be so any more. Nor is what the AI said of a fault before the customer's next report.
    """
    acts = issue.acts if issue else None
    if acts and acts <= {"fix", "access"}:
        reported = view.last(CUSTOMER)
        since = max(since, view.places.get(reported.event_id, -1) if reported else -1)
    wanted = content(issue.now.text) if issue else set()
    wanted |= content(issue.began.text) if issue and issue.began else set()
    found: list[tuple[float, AiSentence]] = []
    turns = [turn for turn in view.spoken if turn.role == AI and view.places[turn.event_id] > since]
    for at, turn in enumerate(turns[-_TURNS:]):
        for text in _told(view.sentences(turn)[:_SENTENCES], view.refusals(turn)):
            worth = 0.6 * min(3, len(wanted & content(text))) + _NEWER * at / len(turns)
            worth += (FIGURE.search(text) is not None) + 0.5 * (_SUM.search(text) is not None)
            worth += 0.5 * len(set(_facts(text)))
            # A sentence that has to be cut tells less.
            worth -= _CUT * (len(text.split()) > _LONG)
            found.append((worth, AiSentence(turn, text)))
    found.sort(key=lambda one: -one[0])
    return [one for worth, one in found if worth >= _ENOUGH]


def _told(parts: list[str], refusals: list[str]) -> Iterator[str]:
    leaning = [part for part in parts if LEANS.match(part)]
    for part in parts:
        if part in refusals or INSTRUCTS.match(part):
            continue
        if part in leaning and len(leaning) > 1 and len(part.split()) <= _BRIEF:
            # One of several prices: of what only the sentence before it says.
            continue
        for text in _pieces(part) if ": " in part else (part,):
            if _tells(text) and len(text.split()) <= (_LONG if _SINCE.match(text) else _TOO_LONG):
                yield text


def _pieces(part: str) -> list[str]:
    """Return a line in which several things are told under headings, one by one."""
    pieces, start = [], 0
    for heading in _HEADING.finditer(part):
        before = part[start : heading.start()].rsplit(" ", 1)[-1]
        # A capital before it belongs to the heading itself.
        if not before[:1].isupper():
            pieces.append(part[start : heading.start()])
            start = heading.end()
    return [*pieces[: _PIECES - 1], part[start:]]


def _tells(text: str) -> bool:
    """Return whether a sentence tells a fact of the case, and not a rule, a plan or a list."""
    few = len(text.split()) < _LEAST or not says_something(text) or is_courtesy(text)
    # A sentence that begins in lower case was torn from the thing that it is about.
    if few or text.endswith("?") or not (text[0].isalnum() or text[0] in _OPENS):
        return False
    tells_fact = _FACT.search(text) or _SUM.search(text)
    if text[0].islower() or not tells_fact or PLANS.match(text):
        return False
    if ": " in text and TORN.search(text):
        return False
    if CONDITIONAL.match(text) or OTHERWISE.search(text) or _RULE.search(text):
        return False
    about = _OF_CASE.search(text) or CODES.search(text) or FIGURE.search(text)
    return about is not None


def _facts(text: str) -> Iterator[str]:
    for found in _FACT.finditer(text):
        yield found.group().lower()
