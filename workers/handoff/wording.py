"""Shortens texts to what a person can take in at a glance; pure, on one line, whole words."""

import re
from collections.abc import Sequence
from typing import Final

# Longer words than this count as several, so that no "word" of a thousand letters gets through.
WORD_LENGTH: Final = 14
READ_LIMIT: Final = 4000
"""Characters of a text that are read to say it in a few words."""
CLAUSE_MARKS: Final = (", ", "; ", "—", " but ")
"""Marks after which another clause of a sentence begins."""
_SENTENCE_END: Final = re.compile(r"(?<=[.!?…])\s+")
_DANGLING: Final = frozenset(
    "a an and are as at but for from i i'd i'm if in is it my of on or so that the this to was "
    "what with you your because since except before after until if when than using via about into "
    "onto over under between per by some any no not each another his her their our who which whose "
    "where while although though unless can could will would should may might must have has had be "
    "been do does did get isn't doesn't und der die das et le la de que y".split()
)
_MARKUP: Final = re.compile(r"[*#_]{2,}|`+")
_GREETING: Final = re.compile(
    r"(?:(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening|day)|dear \w+|hallo|guten (?:tag|"
    r"morgen|abend)|moin|bonjour|bonsoir|hola|buenos días|buenas(?: tardes| noches)?|ciao|salve|"
    r"buongiorno|buonasera|olá|oi|bom dia|boa tarde|boa noite|goedemorgen|goedemiddag|hoi)"
    r"(?: there| team| all| everyone| zusammen)?(?:[\s,.!:\u2013-]+|$)){1,3}",
    re.IGNORECASE,
)
_COURTESY: Final = re.compile(
    r"(?:i'?m (?:so |very |really )?sorry|sorry|i (?:sincerely )?apologi[sz]e|my apologies|i "
    r"(?:completely |fully )?understand|thank(?:s| you)|sure|of course|certainly|absolutely|great|"
    r"perfect|have a (?:great|good|nice|wonderful|safe)|safe travels|enjoy|"
    r"i(?:['\u2019]d| would) be happy|es tut mir leid|entschuldig|vielen dank|danke|"
    r"ich verstehe|désolée?|je suis désolée?|"
    r"merci|lo siento|gracias|mi dispiace|grazie|lamento|obrigad[oa]|het spijt me|bedankt)\b",
    re.IGNORECASE,
)
_CONTENT: Final = re.compile(r"[^\W_]{4,}")
_DETAIL: Final = re.compile(r"\d|\b[A-Z]{2,}\b")


_CONTROLS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e"
    "\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0001\U000e0020-\U000e007f]+"
)
"""Unicode's categories Cc, Cf and Cs, but for line breaks and tabs."""


def counted(number: int, thing: str) -> str:
    """Return a number with the thing it counts, as in 1 event and 2 events."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def one_line(text: str) -> str:
    """Return `text` without line breaks, control characters and marks that reorder it."""
    return " ".join(without_controls(text).split())


def without_controls(text: str) -> str:
    """Return `text` without what could move a terminal's cursor or reverse its letters."""
    if text.isascii() and text.isprintable():
        return text
    return _CONTROLS.sub("", text)


def word_count(text: str) -> int:
    """Return how many words a reader meets: words between spaces, very long ones as several."""
    return sum(-(-len(word) // WORD_LENGTH) for word in text.split())


def clip(text: str, words: int) -> str:
    """Return the beginning of `text` in at most `words` words, with … where it was cut."""
    all_words = one_line(text[:READ_LIMIT]).split()
    kept = _fitting(all_words, words)
    if len(kept) == len(all_words):
        return " ".join(kept)
    while len(kept) > 3 and kept[-1].lower() in _DANGLING:
        kept.pop()
    if not kept:
        return all_words[0][: words * WORD_LENGTH - 1] + "…" if words > 0 else ""
    last = kept[-1].rstrip(",;:.\u2013-") or kept[-1]
    room = -(-len(last) // WORD_LENGTH) * WORD_LENGTH - len(last)
    return " ".join([*kept[:-1], last + "…" if room else last])


def focus(text: str, start: int, words: int) -> str:
    """Return `text` from `start` in at most `words` words, with those before it that fit."""
    whole = one_line(text)
    if word_count(whole) <= words:
        return whole
    core = clip(text[start:], words)
    before = one_line(text[:start]).split()
    kept = [] if core.endswith("…") else _fitting(before[::-1], words - word_count(core))[::-1]
    chosen = " ".join([*kept, core]).strip()
    marked = f"…{chosen}" if chosen and len(kept) < len(before) else chosen
    return marked if word_count(marked) <= words else chosen


_CLAUSE_END: Final = re.compile(
    r"[,;:—]\s|\s(?=(?:and|but|so|because|und|aber|weil|y|pero|et|mais|e|ma|mas|en|maar)\s)"
)


def clause_start(text: str, place: int, marks: Sequence[str] = CLAUSE_MARKS) -> int:
    """Return where the clause begins in which a place of a sentence lies."""
    found = ((text.rfind(mark, 0, place), len(mark)) for mark in marks)
    return max((at + length for at, length in found if at >= 0), default=0)


def trim(text: str, words: int, start: int = 0) -> str:
    """Return a sentence in at most `words` words: whole, or cut where a clause ends.

    What stands before `start`, where its point begins, is given up first.
    """
    whole = one_line(text)
    if word_count(whole) <= words:
        return whole
    later = one_line(text[start:])
    if start and word_count(later) <= words:
        return f"…{later}"
    mark = "…" if start else ""
    cut = clip(later, words)
    kept = cut.rstrip("…")
    if kept != cut and kept.count("(") > kept.count(")") and kept.rindex("(") > len(kept) // 2:
        # Half an aside tells nothing.
        kept = kept[: kept.rindex("(")].rstrip(" ,;:—")
        cut = f"{kept}…"
    ends = [found.start() for found in _CLAUSE_END.finditer(kept)]
    if ends and len(kept[: ends[-1]].split()) >= max(4, len(kept.split()) * 3 // 5):
        return f"{mark}{kept[: ends[-1]].rstrip(' ,;:—')}…"
    return f"{mark}{cut}"


def _fitting(all_words: list[str], room: int) -> list[str]:
    kept: list[str] = []
    for word in all_words:
        room -= -(-len(word) // WORD_LENGTH)
        if room < 0:
            break
        kept.append(word)
    return kept


def gist(text: str, words: int, *, details: bool = False) -> str:
    """Return the part of a message that says most, verbatim, in at most `words` words.

    Greetings and courtesies in front are skipped; with `details` a sentence with numbers or
    codes goes before one without.
    """
    sentences = _sentences(text)
    if not sentences:
        return clip(text, words)
    if details:
        telling = [i for i, s in enumerate(sentences) if _DETAIL.search(s)]
        start = telling[0] if telling else 0
    else:
        start = 0
    return clip(" ".join(sentences[start:]), words)


def is_courtesy(text: str) -> bool:
    """Tell a sentence that only thanks, apologises or agrees, by how it begins."""
    return _COURTESY.match(text) is not None


def says_something(text: str) -> bool:
    """Tell a message with content from a greeting."""
    return bool(without_greeting(text))


def has_details(text: str) -> bool:
    """Tell whether numbers or codes occur, which a person would otherwise ask for again."""
    return bool(_DETAIL.search(text[:READ_LIMIT]))


def without_greeting(text: str) -> str:
    """Return a message on one line without the greeting that it begins with."""
    line = one_line(_MARKUP.sub("", text[:READ_LIMIT]))
    greeting = _GREETING.match(line)
    return line[greeting.end() :] if greeting else line


def _sentences(text: str) -> list[str]:
    sentences = [part for part in _SENTENCE_END.split(without_greeting(text)) if part]
    substantial = [sentence for sentence in sentences if not _COURTESY.match(sentence)]
    if substantial:
        return sentences[sentences.index(substantial[0]) :]
    return sentences


def duration(seconds: int) -> str:
    """Return a length of time in the unit a person would use."""
    if seconds < 90:
        return f"{seconds} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    if seconds < 48 * 3600:
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{hours} h {minutes} min" if minutes and hours < 10 else f"{hours} h"
    return f"{round(seconds / 86400)} days"


def content(text: str) -> set[str]:
    """Return the words of a text that say what it is about, by their beginnings."""
    return {word.lower()[:6] for word in _CONTENT.findall(text)}
