"""Folding and splitting of a turn; positions stay those of the text given."""

from __future__ import annotations

import re
import unicodedata
from itertools import compress, count, islice, repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workers.detection.lexicon import Lexicon

# The class of words in no list, and those of the marks, the same in each section of the lists.
UNKNOWN = "_"
MARKS = {".": ".", ";": ".", "!": "!", "?": "?", ",": ",", ":": ",", "(": ",", ")": ",", '"': '"'}
_TOKEN = re.compile(r"[^\W_]+|[.;!?,:()\"]")
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_EDGES = {edge: edge.replace("'", '"') for edge in (" '", "' ", "'.", "',", "'?", "'!")}
_ALIKE = {
    # Quotation marks, apostrophes and dashes of all kinds.
    **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2018\u2019\u00b4`", "'"),
    **dict.fromkeys("\u2013\u2014", ","),
    "\n": ";",
    "…": ".",
    "¿": " ",
    "¡": " ",
}


def _folded_letter(char: str) -> str:
    if char in _ALIKE:
        return _ALIKE[char]
    base = unicodedata.normalize("NFKD", char)[:1].lower()
    if len(base) != 1:
        base = char
    return base if base.isalnum() or base in MARKS or base == "'" else " "


class _Fold(dict[int, str]):
    """A translation table that learns each character when it first appears."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = _folded_letter(chr(code))
        return folded


_FOLD = _Fold()


def _table(codec: str) -> bytes:
    chars = bytes(range(256)).decode(codec, "replace")
    return "".join(_FOLD[ord(char)] for char in chars).encode("latin-1", "replace")


# Most turns are in one of these; a table is ten times as fast as looking at each character.
_WESTERN = _table("cp1252")
_WESTERN_WORDS = bytes(byte if chr(byte).isalnum() else 32 for byte in _WESTERN)


def fold(text: str) -> tuple[str, list[str]]:
    """Fold a text, and give its words, which are parted at apostrophes."""
    return folded(text), first_words(text)[1]


def folded(text: str) -> str:
    """Return a text in lower case without accents and symbols, one character for one."""
    if " - " in text:
        text = text.replace(" - ", " , ")
    encoded = _encoded(text)
    if encoded is None:
        return text.translate(_FOLD)
    return encoded.translate(_WESTERN).decode("latin-1")


def first_words(text: str) -> tuple[str, list[str]]:
    """Return a folded text without its marks, and its words, for a first look."""
    encoded = _encoded(text)
    if encoded is None:
        words = [word for word in _TOKEN.findall(folded(text)) if word not in MARKS]
        return " ".join(words), words
    written = encoded.translate(_WESTERN_WORDS).decode("latin-1")
    return written, written.split()


def _encoded(text: str) -> bytes | None:
    """Return a text in one byte for each character; None where its writing needs more."""
    if text.isascii():
        return text.encode("ascii")
    try:
        return text.encode("cp1252")
    except UnicodeEncodeError:
        plain = _FOREIGN.sub(lambda foreign: _FOLD[ord(foreign[0])], text)
        # It may be only arrows, faces and the like.
        return plain.encode("ascii") if plain.isascii() else None


def parted(folded: str) -> str:
    """Part a folded text at its apostrophes, those at the edge of a word being quotation marks."""
    if "'" in folded:
        for edge, quoted in _EDGES.items():
            folded = folded.replace(edge, quoted)
        folded = folded.replace("'", " ")
    return folded


def tokens(parts: str) -> list[str]:
    """Return the words and marks of a parted text, for the second look."""
    for mark in MARKS:
        if mark in parts:
            parts = parts.replace(mark, f" {mark} ")
    return parts.split()


class ClassifiedTurn:
    """A parted turn in classes; ``classes[i]`` stands for one of its words, phrases or marks."""

    __slots__ = ("_firsts", "_parts", "_words", "classes")

    def __init__(self, parts: str, words: list[str], lexicon: Lexicon) -> None:
        self._parts = parts
        self._words = words
        self.classes, self._firsts = _classify(words, lexicon)

    def word(self, at: int) -> str:
        """Return the first word or mark that the class ``at`` stands for; None after the end."""
        if self._firsts is not None:
            at = self._firsts[at] if at < len(self._firsts) else len(self._words)
        return self._words[at] if at < len(self._words) else ""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the characters that the classes from ``start`` up to ``end`` stand for."""
        last = end - 1
        if self._firsts is not None:
            last = (self._firsts[end] if end < len(self._firsts) else len(self._words)) - 1
            start = self._firsts[start]
        marks = _TOKEN.finditer(self._parts)
        first = next(islice(marks, start, None))
        final = next(islice(marks, last - start - 1, None)) if last > start else first
        return first.start(), final.end()


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
