"""Rules over word classes: regular expressions over one character per word."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

_QUANTIFIER = re.compile(r"[?*]|\{\d+(?:,\d*)?\}|")
# In nearly every turn, so that their absence rules nothing out.
_FREQUENT = frozenset("dpkil_.,?!")


class Rule(NamedTuple):
    """A way to say something, how its first place is found, and how sure it is.

    Without one of the classes in the mask ``needs`` it can't match (0: it always may);
    ``guarded`` says that what stands before it may turn it round.
    """

    pattern: re.Pattern[str]
    find: Callable[[str], re.Match[str] | None]
    score: float
    needs: int
    guarded: bool


def class_codes(text: str) -> dict[str, str]:
    """Read "name=c" pairs into class name → its character."""
    return dict(pair.split("=") for pair in text.split())


def mask(classes: Iterable[str]) -> int:
    """The set of these classes as the bits of a number."""
    bits = 0
    for code in set(classes):
        bits |= 1 << ord(code)
    return bits


def _parts(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of a pattern (groups whole), each with its quantifier."""
    at = 0
    while at < len(pattern):
        start = at
        if pattern[at] == "[":
            at = pattern.index("]", at)
        elif pattern[at] == "\\":
            at += 1
        elif pattern[at] == "(":
            depth = 1
            while depth:
                at += 1
                depth += {"(": 1, ")": -1}.get(pattern[at], 0)
        at += 1
        quantifier = _QUANTIFIER.match(pattern, at)
        often = quantifier[0] if quantifier else ""
        yield pattern[start:at], often
        at += len(often)


def _branches(pattern: str) -> bool:
    return any(part == "|" for part, _ in _parts(pattern))


def _needs(pattern: str) -> frozenset[str]:
    """Of the parts that a match must contain the one that is least often found."""
    best: frozenset[str] = frozenset()
    if _branches(pattern):
        return best
    for part, often in _parts(pattern):
        if often[:1] in {"?", "*"} or often.startswith("{0") or part[0] in "(^$\\":
            continue
        classes = frozenset(part.strip("[]"))
        if "^" in classes or classes & _FREQUENT:
            continue
        if not best or len(classes) < len(best):
            best = classes
    return best


def rules(text: str, macros: dict[str, str], *, guarded: bool = True) -> list[Rule]:
    """Read lines "score pattern", in which "<name>" stands for a macro."""
    found = []
    for line in filter(None, text.splitlines()):
        score, pattern = line.split()
        for name, meaning in macros.items():
            pattern = pattern.replace(f"<{name}>", meaning)
        compiled = re.compile(pattern)
        # Only at the beginning: match fails there at once, search would go on.
        anchored = pattern.startswith("^") and not _branches(pattern)
        find = compiled.match if anchored else compiled.search
        found.append(Rule(compiled, find, float(score), mask(_needs(pattern)), guarded))
    return found
