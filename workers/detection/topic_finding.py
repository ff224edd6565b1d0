"""Find three topics in a customer's words, for conversations in which the AI agent names none.

An account in other hands, a charge that is wrong, a contract to be ended: each in seven languages,
and each only where the words leave little doubt.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from workers.detection.findings import FoundIntent, FoundTopic

SCORE: Final = 0.8
"""Confidence of such a finding: less than that of an intent which the AI agent names."""
READ: Final = 4_000
"""Characters of a turn that are read for topics: customers name the topic first."""
_DATA: Final = Path(__file__).parent / "data" / "topics.txt"
_MACRO: Final = re.compile(r"<(\w+)>")
_DEFINITION: Final = re.compile(r"(\w+) = (.+)")


class TopicWording(NamedTuple):
    """The wordings of one topic in one language."""

    intent: FoundIntent
    cues: frozenset[str]
    """One of these words stands in each wording,"""
    also: frozenset[str]
    """and one of these, unless there are none."""
    pattern: re.Pattern[str]


def _wordings(text: str) -> Iterator[TopicWording]:
    """Yield the sections of the data file."""
    macros: dict[str, str] = {}
    for section in text.split("\n["):
        name, _, body = section.partition("]\n")
        lines = [line for line in (body or section).splitlines() if line and line[0] != "#"]
        lists = {"cues": "", "also": "", "starts": ""}
        patterns = []
        for line in lines:
            key, _, rest = line.partition(": ")
            if found := _DEFINITION.fullmatch(line):
                macros[found[1]] = found[2]
            elif key in lists:
                lists[key] = rest
            else:
                patterns.append(_MACRO.sub(lambda macro: macros[macro[1]], line))
        if patterns:
            # A look at how a wording starts spares trying all of them at each word.
            whole = rf"\b(?={lists['starts']})(?:{'|'.join(patterns)})"
            cues, also = frozenset(lists["cues"].split()), frozenset(lists["also"].split())
            intent = msgspec.convert(name.split()[0], FoundIntent)
            yield TopicWording(intent, cues, also, re.compile(whole, re.ASCII))


_WORDINGS: Final = tuple(_wordings(_DATA.read_text("utf-8")))
_BY_CUE: Final = {
    cue: tuple(number for number, one in enumerate(_WORDINGS) if cue in one.cues)
    for wording in _WORDINGS
    for cue in wording.cues
}
CUES: Final = frozenset(_BY_CUE)
"""A text without any of these words is about none of the topics."""

# Words that turn the meaning around, a few words before them in the same clause.
_DENIED: Final = re.compile(
    r"\b(?:if|in case|whether|would|will|prevent|avoid|protect|never|not|dont|don t|doesn t|didn t"
    r"|won t|wouldn t|haven t|hasn t|dnt|doesnt|didnt|wont|havent|without|instead of|rather than"
    r"|no need|before|falls|wenn|nicht|ohne|statt|kein|keine|keinen|si|no|sin|evitar|en caso|ne|n"
    r"|pas|sans|eviter|se|non|senza|evitare|nao|sem|als|niet|zonder|geen)(?: \w+){0,3} ?\Z",
    re.ASCII,
)
_BEFORE: Final = 48
_BY_OTHERS: Final = re.compile(
    r"\b(?:they|theyre|he|she|company|bank|are you|you are|you re|you were)(?: \w+)? ?\Z", re.ASCII
)
"""Before a contract is ended: it is not the customer who ends it."""
_KEEPS: Final = re.compile(r"\b(?:not|never|nicht|nie|niet|nooit|no|non|pas|nao)\b", re.ASCII)
"""Within the words that end a contract: it is kept."""
_ABOUT_LETTERS: Final = re.compile(
    r"[^.!?;]{0,24}\b(?:newsletters?|mailing|e ?mails?|notifications?|sms|texts|boletin|infolettre"
    r"|nieuwsbrief)\b",
    re.ASCII,
)
"""To end these is no parting."""


GUARDS: Final = (_DENIED, _BY_OTHERS, _KEEPS, _ABOUT_LETTERS)


def find_topics(parts: str, words: Collection[str]) -> tuple[FoundTopic, ...]:
    """Return the topics of a parted text with these words, each at most once."""
    tried = sorted({number for cue in CUES.intersection(words) for number in _BY_CUE[cue]})
    found: dict[str, FoundTopic] = {}
    for one in map(_WORDINGS.__getitem__, tried):
        if one.intent in found or (one.also and one.also.isdisjoint(words)):
            continue
        for match in one.pattern.finditer(parts):
            if _holds(one.intent, parts, match.start(), match.end()):
                found[one.intent] = FoundTopic(one.intent, match.start(), match.end())
                break
    return tuple(found.values())


def _holds(intent: FoundIntent, parts: str, start: int, end: int) -> bool:
    if _DENIED.search(parts, max(0, start - _BEFORE), start):
        return False
    return intent != "cancellation_intent" or not (
        _KEEPS.search(parts, start, end)
        or _BY_OTHERS.search(parts, max(0, start - _BEFORE), start)
        or _ABOUT_LETTERS.match(parts, end)
        or _ABOUT_LETTERS.search(parts, start, end)
    )
