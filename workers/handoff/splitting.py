"""Splits messages into sentences; each function is linear, and reads only so much of a message."""

import re
from collections.abc import Iterator
from typing import Any, Final

import orjson

from workers.handoff.wording import READ_LIMIT, one_line

_LONGEST_SENTENCE: Final = 600
_SENTENCE: Final = 4
"""Words from which on a value in JSON is taken for a sentence."""
_MARKUP: Final = re.compile(r"\*\*|__|`+|^#{1,6} |\\(?=[$_*#])", re.MULTILINE)
_BREAKS: Final = re.compile(
    r"(?<=[.!?…])[\"”\u2019)]?\s+|\s*\n\s*|\s+[-•\u2013—]\s+"
    # Where a point of a list without an end is followed by prose.
    r"|(?<=[\w)])\s(?=(?:So you|Please|Would you|The refunds?|To (?:proceed|confirm)|Regarding|"
    r"If you|Let me|Since (?:you|your|the|I['\u2019]m|I can|we)|Here (?:is|are)|Next step)\b)"
    r"|\s(?=(?:Unfortunately|However|Leider|Malheureusement|Lamentablemente|Purtroppo|"
    r"Infelizmente|Helaas)\b)"
)
_BLANKS: Final = re.compile(r"[^\S\n]{2,}")
"""One blank is enough, and each more would be tried as the beginning of a break."""
_NO_END: Final = re.compile(
    r"(?<!\S)(?:(?:z\. B|d\. h|u\. a|o\. Ä|p\. ex|bzw|ca|inkl|zzgl|evtl|ggf|max|min|Hr|Fr|Dr|"
    r"Prof|Mr|Mrs|Ms|St|approx|incl|vs|Sr|Sra|Srta|Sig|Mme|env|dhr|mevr|"
    r"(?:[a-z]\.){1,3}[a-z])\. (?=[\w(])|(?:Nr|Tel|No|no|núm|Art|art|Ref|ref|p|n)\. (?=[#\d]))"
    r"|(?<=\s)[0-3]?\d\. (?=[a-zäöü]|(?:Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez))"
)
"""Points that end no sentence: of an abbreviation, or of a day."""
_HELD: Final = "\ue000"
"""Stands for the blank after such a point."""
_NUMBERED: Final = re.compile(r"(?<!\S)(\d{1,2})[.)]\s+(?=\S)")
_POINT: Final = re.compile(r"(?<=\S)[^\S\n]+[-•*\u2013] (?=\S)|\n[^\S\n]*[-•*\u2013] ")
_SAID_UNDER: Final = ("message", "text", "response", "reply", "answer", "content")
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.){8,2000})"')
_DEEPEST: Final = 4
"""Levels of JSON that are read for words."""


def plain(text: str) -> str:
    """Return what a turn says, where an AI agent wrote its words into JSON."""
    few = text[:READ_LIMIT]
    if few.lstrip().startswith("{"):
        try:
            told = orjson.loads(text)
        except orjson.JSONDecodeError:
            # It was cut, or is only like JSON.
            said = [one for one in _STRING.findall(few) if len(one.split()) >= _SENTENCE]
            return "\n".join(said) or few
        found = [told.get(key) for key in _SAID_UNDER] if isinstance(told, dict) else []
        said = [one for one in found if isinstance(one, str)] or ["\n".join(_words_in(told))]
        return said[0][:READ_LIMIT] or few
    return few


def _words_in(told: Any, depth: int = 0) -> Iterator[str]:
    """Yield the sentences that stand anywhere in what was written as JSON."""
    if isinstance(told, str):
        if len(told.split()) >= _SENTENCE:
            yield told
    elif isinstance(told, dict | list) and depth < _DEEPEST:
        for value in told.values() if isinstance(told, dict) else told:
            yield from _words_in(value, depth + 1)


def without_markup(text: str) -> str:
    """Return the words of a turn without Markdown's marks."""
    return _MARKUP.sub("", plain(text))


def _listed(text: str) -> str:
    """Put each point of a numbered list on a line of its own; a date keeps its number."""
    due = 1

    def placed(found: re.Match[str]) -> str:
        nonlocal due
        number = int(found[1])
        before = text[max(0, found.start() - 3) : found.start()].rstrip()[-1:]
        if (number == 1 and before in ("", *":.;?!)")) or (number == due > 1):
            due = number + 1
            return "\n"
        return found.group()

    return _NUMBERED.sub(placed, text)


def _joined(text: str) -> str:
    """Put the points of a list that a colon leads to on its line, as in I need: this; that."""
    lines: list[list[str]] = []
    for line in map(str.strip, _POINT.sub("\n- ", text).split("\n")):
        before = lines[-1][-1] if lines else ""
        leads = before.endswith(":")
        if line.startswith("- ") and (leads or (lines and len(lines[-1]) > 1)):
            lines[-1].append(line[2:].rstrip("."))
        elif line:
            lines.append([line])
    return "\n".join(map(_in_one_line, lines))


def _in_one_line(points: list[str]) -> str:
    """Return a line and the points below it; what ends with a colon leads to the next."""
    whole = points[0]
    for at, point in enumerate(points[1:]):
        whole += f" {point}" if not at or whole.endswith(":") else f"; {point}"
    return whole


def asked_in(text: str) -> list[str]:
    """Return the sentences of a customer's message; a list that a colon leads to is one."""
    return sentences(_joined(without_markup(text)))


def sentences(text: str) -> list[str]:
    """Return the sentences of a message, each on one line; points of a list are sentences."""
    listed = _listed(_BLANKS.sub(" ", without_markup(text)))
    parts = _BREAKS.split(_NO_END.sub(lambda found: found.group().replace(" ", _HELD), listed))
    lines: list[str] = []
    for part in parts:
        whole = part[:_LONGEST_SENTENCE].replace(_HELD, " ") if part else ""
        line = one_line(whole).strip(' -•*\u2013—"“”')
        if lines and line and lines[-1].endswith(":"):
            # A colon leads to the next line.
            lines[-1] = f"{lines[-1]} {line}"
        elif line:
            lines.append(line)
    return lines
