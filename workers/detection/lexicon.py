"""The word lists: each word of any language stands for one class, written as one character."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import msgspec
from rapidfuzz.distance import OSA

from workers.detection.tokens import MARKS, fold

LANGUAGES = ("en", "es", "de", "fr", "pt", "it", "nl")
OWN_LIST = "#list "
"""Begins a list in the text of a deployment's own ones; the rest of the line is its name."""
_DATA = Path(__file__).parent / "data"
_KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_VOWELS = "aeiou"
_TYPO_MIN_LENGTH = 5


class LexiconEntry(msgspec.Struct, frozen=True):
    """One line of a word list: ``words`` of a class, and whether a slip in them is accepted."""

    section: str
    name: str
    typos: bool
    words: list[str]
    where: str


Rest = tuple[list[str], str]


class Lexicon(msgspec.Struct, frozen=True):
    """Classes of words, and of phrases by their first and second word, the longest first."""

    words: dict[str, str]
    phrases: dict[str, dict[str, list[Rest]]]

    def openings(self, codes: str) -> frozenset[str]:
        """Return the words of these classes, and of their phrases the first two."""
        words = {word for word, code in self.words.items() if code in codes}
        for first, followers in self.phrases.items():
            for second, choices in followers.items():
                if any(code in codes for _, code in choices):
                    words.add(f"{first} {second}")
        return frozenset(words)

    def cues(self, codes: str) -> tuple[set[str], list[tuple[str, ...]]]:
        """Return the words of these classes and of their phrases that contain none of them."""
        words = {word for word, code in self.words.items() if code in codes}
        phrases = [
            (first, second, *rest)
            for first, followers in self.phrases.items()
            for second, choices in followers.items()
            for rest, code in choices
            if code in codes and words.isdisjoint((first, second, *rest))
        ]
        return words, phrases


class Cues:
    """The first look: which of several kinds of words and phrases a turn contains, as flags."""

    def __init__(self) -> None:
        self._words: dict[str, int] = {}
        # Phrases by two neighbouring words of theirs, the rarest.
        self._phrases: dict[tuple[str, str], list[tuple[str, int]]] = {}
        self._known: frozenset[str] = frozenset()
        self._pairs: frozenset[tuple[str, str]] = frozenset()

    def add(self, lexicon: Lexicon, codes: str, flag: int) -> None:
        """Raise ``flag`` for turns with a word or phrase of these classes."""
        words, phrases = lexicon.cues(codes)
        self.add_words(words, flag)
        for phrase in phrases:
            pair = max(pairwise(phrase), key=lambda pair: len(pair[0]) + len(pair[1]))
            self._phrases.setdefault(pair, []).append((" ".join(phrase), flag))
        self._pairs = frozenset(self._phrases)

    def add_words(self, words: Iterable[str], flag: int) -> None:
        """Raise ``flag`` for turns with one of these words."""
        for word in words:
            self._words[word] = self._words.get(word, 0) | flag
        self._known = frozenset(self._words)

    def add_pairs(self, lexicon: Lexicon, first: str, second: str, flag: int) -> None:
        """Raise ``flag`` for turns with a word of one class next to one of another."""
        followers = [word for word, code in lexicon.words.items() if code in second]
        for word, code in lexicon.words.items():
            if code in first:
                for follower in followers:
                    for pair in ((word, follower), (follower, word)):
                        self._phrases.setdefault(pair, []).append((" ".join(pair), flag))
        self._pairs = frozenset(self._phrases)

    def look(self, words: list[str]) -> list[int]:
        """Give the flags of each word or phrase found."""
        flags = [self._words[word] for word in self._known.intersection(words)]
        pairs = self._pairs.intersection(pairwise(words))
        if pairs:
            text = f" {' '.join(words)} "
            flags += [
                flag
                for pair in pairs
                for phrase, flag in self._phrases[pair]
                if f" {phrase} " in text
            ]
        return flags


def parse(text: str, source: str) -> Iterator[LexiconEntry]:
    """Yield the lines of a word list; a line that is none is a ValueError naming it."""
    section = ""
    for number, raw in enumerate(text.splitlines(), 1):
        line, where = raw.strip(), f"{source}:{number}"
        if not line or line.startswith("#"):
            continue
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            continue
        name, colon, words = line.partition(":")
        if not colon or not name.rstrip("~").replace("_", "").isalpha() or not section:
            raise ValueError(
                f"{where}: expected '[section]' or 'class: words' in one, found {line[:40]!r}"
            )
        folded = ["_".join(fold(part)[0] for part in word.split("_")) for word in words.split()]
        yield LexiconEntry(section, name.rstrip("~"), name.endswith("~"), folded, where)


def _near(letter: str) -> str:
    """Return the letters that stand for another by ear, or by a slip to a neighbouring key."""
    near = set(_VOWELS if letter in _VOWELS else "")
    for row, keys in enumerate(_KEYBOARD):
        at = keys.find(letter)
        if at >= 0:
            for beside in _KEYBOARD[max(0, row - 1) : row + 2]:
                near.update(beside[max(0, at - 1) : at + 2])
    return "".join(sorted(near - {" "}))


_NEAR = {letter: _near(letter) for row in _KEYBOARD for letter in row}


def slips(word: str) -> Iterator[str]:
    """Yield what one slip of the finger makes of a word: a letter less, more, other or swapped."""
    for at, letter in enumerate(word):
        before, after = word[:at], word[at + 1 :]
        yield before + after
        if after:
            yield before + after[0] + letter + after[1:]
        yield before + letter + letter + after
        for other in _NEAR.get(letter, ""):
            yield before + other + after
            yield before + other + letter + after
            yield before + letter + other + after


_LONG = ("representative", "representatives", "supervisor", "supervisors")
_LONG_BEGINNINGS = ("rep", "sup")
_LONG_LETTERS = range(8, 18)
_NO_LONG = frozenset(
    "representation representations representational presentative preventative preventatives "
    "supervision supervisions supervise supervised supervises supervising supervisory "
    "superior superiors supervene".split()
)


def mend(folded: str, words: list[str]) -> list[str]:
    """Return the words of a folded text with up to two slips taken out of the longest of ours."""
    if not any(map(folded.__contains__, _LONG_BEGINNINGS)):
        return words
    return [_mended(word) if word[:3] in _LONG_BEGINNINGS else word for word in words]


def _mended(word: str) -> str:
    if len(word) not in _LONG_LETTERS or word in _NO_LONG:
        return word
    for meant in _LONG:
        if OSA.distance(word, meant, score_cutoff=2) <= 2:
            return meant
    return word


def shipped_lists() -> list[LexiconEntry]:
    """Read the shipped word lists."""
    paths = [_DATA / f"{language}.txt" for language in LANGUAGES]
    return [entry for path in paths for entry in parse(path.read_text("utf-8"), str(path))]


def own_lists(text: str) -> list[LexiconEntry]:
    """Read lists that stand in one text, each begun by a line `#list NAME`."""
    found: list[LexiconEntry] = []
    name, lines = "words", list[str]()
    for line in [*text.splitlines(), OWN_LIST]:
        if not line.startswith(OWN_LIST):
            lines.append(line)
            continue
        found += parse("\n".join(lines), name)
        name, lines = line.removeprefix(OWN_LIST).strip(), []
    return found


def _real_words() -> frozenset[str]:
    lines = (_DATA / "not_typos.txt").read_text("utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def build(entries: list[LexiconEntry], section: str, codes: dict[str, str]) -> Lexicon:
    """Make the lexicon of one section; the first line that names a word has it, slips come last."""
    # A section may take marks together by giving them a code.
    words = {mark: codes.get(code, code) for mark, code in MARKS.items()}
    phrases: dict[str, dict[str, list[Rest]]] = {}
    misspelt: dict[str, str] = {}
    for entry in entries:
        if entry.section == section:
            _enter(entry, _code(entry, codes), words, phrases, misspelt)
    real_words = _real_words()
    for slip, code in misspelt.items():
        if slip not in real_words:
            words.setdefault(slip, code)
    for followers in phrases.values():
        for choices in followers.values():
            choices.sort(key=lambda choice: -len(choice[0]))
    return Lexicon(words=words, phrases=phrases)


def _code(entry: LexiconEntry, codes: dict[str, str]) -> str:
    if entry.name not in codes:
        known = ", ".join(sorted(name for name in codes if name.isidentifier()))
        raise ValueError(f"{entry.where}: unknown class {entry.name!r}; known are: {known}")
    return codes[entry.name]


def _enter(
    entry: LexiconEntry,
    code: str,
    words: dict[str, str],
    phrases: dict[str, dict[str, list[Rest]]],
    misspelt: dict[str, str],
) -> None:
    for item in entry.words:
        first, *rest = item.split("_")
        if rest:
            phrases.setdefault(first, {}).setdefault(rest[0], []).append((rest[1:], code))
            continue
        words.setdefault(item, code)
        if entry.typos and len(item) >= _TYPO_MIN_LENGTH:
            for slip in slips(item):
                misspelt.setdefault(slip, code)
