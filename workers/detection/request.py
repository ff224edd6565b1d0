"""Requests for a person: a grammar over word classes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from workers.detection.findings import Finding
from workers.detection.grammar import RuleIndex
from workers.detection.linear_model import class_features, load
from workers.detection.request_rules import RULES
from workers.detection.tokens import ClassifiedTurn

# A sentence without any of these asks for no person.
CUES = "H1gQAZMSBTXEFYD2/s5';`é"
# Two neighbours of which neither tells anything alone: "call me", "contact us".
CUE_PAIRS = "@C", "m"
_CUE_CLASSES = frozenset(CUES + CUE_PAIRS[0])
# A desk alone may be furniture: rules know better than a likeness.
_LIKENING = _CUE_CLASSES - {"5"}

# From here on a sentence that no rule covers is a request, or a matter for a model.
LIKELY, _PERHAPS = 0.95, 0.5
# A sentence that names a person of the service needs less to be one.
LIKELY_NAMED = 0.85
_NAMED = re.compile(
    "H|R[1AgZ]|y[MAg]|d[AM]|S.{0,8}[TUC@';`]|[TUC@';`].{0,5}[S1AZg5D]|X.{0,5}[mS15D]|[WG].{0,4}[1A]"
)
_MODEL = load("request")

_PLAN = RuleIndex(RULES)

_TURNED_ROUND = re.compile(
    r"(?:[nx][kqbWGJpdRz]{0,4}|n[kqb]{0,2}W[um]p?|N[^.,c&q]{0,8}|(?:z[iu]|7)[WJpk]{0,3}"
    r"|(?<![qko])f[iu][Wkz]{0,2}p?|V[miu]?p?d?|%_p|8[^.,&]{0,6}|zu[_k]{0,2}Wp?|[jfw]z?u|9mp?|d_[q6]|Kl)$"
)
# "I will talk to a manager" tells; "ich will mit einem Menschen sprechen" asks
_TOLD = re.compile(r"(?<!f)i[6#]$")
_OTHERS_DO = re.compile(r"(?:(?<!q)h[kqz6#]{0,2}|:[qz6#]{1,2})$")
# "I had a lovely chat with ..."
_HAD = re.compile(r"V[d_]{1,3}$")
# "you need more agents", "she had to get a supervisor" tell of others
_OTHERS = re.compile(r"(?:(?<![q6eWkb])u[kqz]{0,2}|[h:][kqz6#]{0,2}(?:Wp?)?)$")
_ASKED_HOW = re.compile(r"(?:jnd?|[jw]k{0,2}zn?[iu][WJpk]{0,3}|[jq6]n[u]k?L?)$")


class Asking(NamedTuple):
    """The score with which the classes from `start` to `end` ask for a person."""

    score: float
    start: int
    end: int


def _vetoed(left: str, first: str) -> bool:
    if _ASKED_HOW.search(left):
        return False
    if first == "T" and (_HAD.search(left) or (left.endswith("P") and not left.endswith("XP"))):
        return True
    if first in "TU" and left.endswith(":"):
        return True
    if first in "TC@XE3" and (_TOLD.search(left) or _OTHERS_DO.search(left)):
        return True
    if first == "6" and left.endswith("j"):
        return True
    if first in "WG" and _OTHERS.search(left):
        return True
    return _TURNED_ROUND.search(left) is not None


def _quoted(classes: str, start: int, end: int) -> bool:
    return start > 1 and classes.count('"', 0, start) % 2 == 1 and '"' in classes[end:]


def sentences(classes: str) -> Iterator[tuple[int, str]]:
    """Yield the start and the classes of each sentence that may ask for somebody."""
    start = 0
    for sentence in classes.split("."):
        if not _CUE_CLASSES.isdisjoint(sentence):
            yield start, sentence
        start += len(sentence) + 1


def _surest(classes: str, offset: int, sentence: str) -> Asking | None:
    """Return the surest way in which a sentence asks for a person; score 0 if it denies to ask."""
    denied = None
    for rule in _PLAN.candidates(sentence):
        for match in rule.pattern.finditer(sentence):
            start, end = match.span()
            if (rule.guarded and _vetoed(sentence[:start], sentence[start])) or _quoted(
                classes, offset + start, offset + end
            ):
                denied = Asking(0.0, offset, offset)
                continue
            start += sentence[start] == ","
            return Asking(rule.score, offset + start, offset + end)
    return denied


def by_rules(turn: ClassifiedTurn) -> list[Asking | None]:
    """Return what the rules make of each sentence that may ask; None where no rule covers it."""
    return [_surest(turn.classes, *sentence) for sentence in sentences(turn.classes)]


def features(turn: ClassifiedTurn, offset: int, sentence: str) -> set[str]:
    """Return what the model knows a sentence by."""
    words = [turn.word(at) for at in range(offset, offset + len(sentence))]
    return class_features(sentence, words)


def cut(sentence: str) -> float:
    """Return the least probability at which a sentence counts as a request."""
    return LIKELY_NAMED if _NAMED.search(sentence) else LIKELY


def _by_likeness(turn: ClassifiedTurn, offset: int, sentence: str) -> Asking:
    """Return the same for a sentence that no rule covers, by its likeness to requests."""
    if _LIKENING.isdisjoint(sentence):
        return Asking(0.0, offset, offset)
    likely = _MODEL.probability(features(turn, offset, sentence))
    if likely < _PERHAPS:
        return Asking(0.0, offset, offset)
    end, enough = offset + len(sentence), cut(sentence)
    if likely >= enough:
        return Asking(0.7 + 0.2 * (likely - enough) / (1 - enough), offset, end)
    return Asking(0.5 + 0.19 * (likely - _PERHAPS) / (enough - _PERHAPS), offset, end)


def find_request(turn: ClassifiedTurn) -> Finding | None:
    """Give the surest way in which the turn asks for a person, with its words."""
    surest = Asking(0.0, 0, 0)
    for sentence in sentences(turn.classes):
        asking = _surest(turn.classes, *sentence) or _by_likeness(turn, *sentence)
        if asking.score > surest.score:
            surest = asking
    if not surest.score:
        return None
    return Finding(round(surest.score, 3), *turn.span(surest.start, surest.end))
