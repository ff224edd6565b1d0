"""Rules over word classes: regular expressions over one character per word."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_QUANTIFIER = re.compile(r"[?*]|\{\d+(?:,\d*)?\}|")
# In nearly every turn, so that their absence rules nothing out.
_FREQUENT = frozenset("i_.,?!")
# So many of them are looked at before a pattern is tried.
_NEEDS = 3


class Wording(NamedTuple):
    """A way to say something, how its first place is found, and how sure it is.

    It can't match without one class of each set in ``needs``; ``guarded`` says that what stands
    before it may turn it round.
    """

    pattern: re.Pattern[str]
    find: Callable[[str], re.Match[str] | None]
    score: float
    needs: list[frozenset[str]]
    guarded: bool


def class_codes(text: str) -> dict[str, str]:
    """Read "name=c" pairs into class name → its character."""
    return dict(pair.split("=") for pair in text.split())


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


def _branches(pattern: str) -> list[str]:
    """Return the alternatives of a pattern."""
    found = [""]
    for part, often in _parts(pattern):
        if part == "|":
            found.append("")
        else:
            found[-1] += part + often
    return found


def _one_of(part: str) -> frozenset[str]:
    """Return the classes of which a part needs one; none when it may do without."""
    if part.startswith("(?:"):
        needs = [_needs(branch) for branch in _branches(part[3:-1])]
        return frozenset().union(*(best[0] for best in needs)) if all(needs) else frozenset()
    classes = frozenset(part.strip("[]"))
    return frozenset() if part[0] in "(^$\\" or "^" in classes else classes


def _needs(pattern: str) -> list[frozenset[str]]:
    """Return, of the parts that a match must contain, those that are least often found."""
    branches = _branches(pattern)
    if len(branches) > 1:
        return [classes] if (classes := _one_of(f"(?:{pattern})")) else []
    parts = [
        _one_of(part)
        for part, often in _parts(pattern)
        if often[:1] not in {"?", "*"} and not often.startswith("{0")
    ]
    telling = {classes for classes in parts if classes and not classes & _FREQUENT}
    return sorted(telling, key=lambda classes: (len(classes), sorted(classes)))[:_NEEDS]


def rules(text: str, macros: dict[str, str], *, guarded: bool = True) -> list[Wording]:
    """Read lines "score pattern", in which "<name>" stands for a macro."""
    found = []
    for line in filter(None, text.splitlines()):
        score, pattern = line.split()
        for name, meaning in macros.items():
            pattern = pattern.replace(f"<{name}>", meaning)
        compiled = re.compile(pattern)
        # Only at the beginning: match fails there at once, search would go on.
        anchored = all(branch.startswith("^") for branch in _branches(pattern))
        find = compiled.match if anchored else compiled.search
        found.append(Wording(compiled, find, float(score), _needs(pattern), guarded))
    return found


class RuleIndex:
    """Rules in their order, and which of them a sentence may match, told from its classes."""

    def __init__(self, found: list[Wording]) -> None:
        self._rules = found
        self._size = size = len(found)
        self._all = (1 << size) - 1
        # For each class, as bits, the rules whose first, second, ... need it meets.
        self._met: dict[str, int] = {}
        self._free = 0
        for at, rule in enumerate(found):
            for slot in range(_NEEDS):
                bit = 1 << (slot * size + at)
                if slot >= len(rule.needs):
                    self._free |= bit
                    continue
                for code in rule.needs[slot]:
                    self._met[code] = self._met.get(code, 0) | bit

    def candidates(self, classes: str) -> list[Wording]:
        """Return the rules that may match, none of the others does."""
        met = self._free
        for code in set(classes):
            met |= self._met.get(code, 0)
        bits = self._all
        for _ in range(_NEEDS):
            bits &= met
            met >>= self._size
        found = []
        while bits:
            low = bits & -bits
            found.append(self._rules[low.bit_length() - 1])
            bits ^= low
        return found
