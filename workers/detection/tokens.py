"""Folding and splitting of a turn; positions stay those of the text given."""

from __future__ import annotations

import re
import unicodedata
from itertools import compress, count, islice, repeat

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workers.detection.lexicon import Lexicon

UNKNOWN = "_"
_TOKEN = re.compile(
    r"[^\W_]+|[.!?;:,\n\"()\u2013\u2014]|(?<= )-(?= )|(?<!\w)'(?=\w)|(?<=\w)'(?=[\s.,!?]|$)"
)
# The classes of punctuation marks, the same in each section of the word lists.
MARKS = {
    **dict.fromkeys(".\n;", "."),
    "!": "!",
    "?": "?",
    **dict.fromkeys(",:-()\u2013\u2014", ","),
    **dict.fromkeys("\"'", '"'),
}
_QUOTES = (
    {ord(mark): '"' for mark in "“”„«»"}
    | {ord(mark): "'" for mark in "‘’´`"}
    | {ord(mark): "-" for mark in "–—"}
)


def _folded_letter(char: str) -> str:
    base = unicodedata.normalize("NFKD", char)[:1].lower()
    return base if len(base) == 1 else char


class _Fold(dict[int, str]):
    """A translation table that learns each letter when it first appears; bounded by Unicode."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = _folded_letter(chr(code))
        return folded


_FOLD = _Fold(_QUOTES)


def _table(codec: str) -> bytes:
    chars = bytes(range(256)).decode(codec, "replace")
    return "".join(_FOLD[ord(char)] for char in chars).encode("latin-1", "replace")


# Most turns are in one of these; a table is ten times as fast as looking at each character.
_CODECS = (("latin-1", _table("latin-1")), ("cp1252", _table("cp1252")))
_SPACES = bytes(byte if chr(byte).isalnum() else 32 for byte in range(256))


class Turn:
    """A turn in classes; ``classes[i]`` stands for one word, phrase or mark of ``folded``."""

    __slots__ = ("_firsts", "classes", "folded", "words")

    def __init__(self, folded: str, words: list[str], lexicon: Lexicon) -> None:
        self.folded = folded
        self.words = words
        self.classes, self._firsts = _classify(words, lexicon)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The characters that the classes from ``start`` up to ``end`` stand for."""
        last = end - 1
        if self._firsts is not None:
            last = (self._firsts[end] if end < len(self._firsts) else len(self.words)) - 1
            start = self._firsts[start]
        marks = _TOKEN.finditer(self.folded)
        first = next(islice(marks, start, None))
        final = next(islice(marks, last - start - 1, None)) if last > start else first
        return first.start(), final.end()


def fold(text: str) -> tuple[str, list[str]]:
    """Fold a text and give its words, for the first look.

    Folded is lower case without accents, one character for one, so that positions stay.
    """
    for codec, table in _CODECS:
        try:
            folded = text.encode(codec).translate(table)
        except UnicodeEncodeError:
            continue
        return folded.decode("latin-1"), folded.translate(_SPACES).decode("latin-1").split()
    slowly = text.translate(_FOLD)
    return slowly, [word for word in _TOKEN.findall(slowly) if word not in MARKS]


def tokens(folded: str) -> list[str]:
    """The words and punctuation marks of a folded text, for the second look."""
    return _TOKEN.findall(folded)


def _classify(words: list[str], lexicon: Lexicon) -> tuple[str, list[int] | None]:
    phrases = lexicon.phrases
    found = map(lexicon.words.get, words, repeat(UNKNOWN))
    merged: list[tuple[int, int, str]] = []
    free, last = 0, len(words) - 1
    for at in compress(count(), map(phrases.__contains__, words)):
        if at < free or at == last:
            continue
        for rest, code in phrases[words[at]].get(words[at + 1], ()):
            end = at + 2 + len(rest)
            if words[at + 2 : end] == rest:
                merged.append((at, end, code))
                free = end
                break
    if not merged:
        return "".join(found), None
    codes, firsts = list(found), list(range(last + 1))
    for at, end, code in reversed(merged):
        codes[at:end] = [code]
        firsts[at:end] = [at]
    return "".join(codes), firsts
