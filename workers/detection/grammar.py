"""Rules over word classes: regular expressions over one character per word."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

_QUANTIFIER = re.compile(r"[?*]|\{\d+(?:,\d*)?\}|")
# In nearly every turn, so that their absence rules nothing out.
_FREQUENT = frozenset("i_.,?!")


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


def _branches(pattern: str) -> list[str]:
    """The alternatives of a pattern."""
    found = [""]
    for part, often in _parts(pattern):
        if part == "|":
            found.append("")
        else:
            found[-1] += part + often
    return found


def _one_of(part: str) -> frozenset[str]:
    """The classes of which a part needs one; none when it may do without."""
    if part.startswith("(?:"):
        needs = [_needs(branch) for branch in _branches(part[3:-1])]
        return frozenset().union(*needs) if all(needs) else frozenset()
    classes = frozenset(part.strip("[]"))
    return frozenset() if part[0] in "(^$\\" or "^" in classes else classes


def _needs(pattern: str) -> frozenset[str]:
    """Of the parts that a match must contain the one that is least often found."""
    branches = _branches(pattern)
    if len(branches) > 1:
        return _one_of(f"(?:{pattern})")
    best: frozenset[str] = frozenset()
    for part, often in _parts(pattern):
        if often[:1] in {"?", "*"} or often.startswith("{0"):
            continue
        classes = _one_of(part)
        if classes and not classes & _FREQUENT and (not best or len(classes) < len(best)):
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
        anchored = all(branch.startswith("^") for branch in _branches(pattern))
        find = compiled.match if anchored else compiled.search
        found.append(Rule(compiled, find, float(score), mask(_needs(pattern)), guarded))
    return found


def plan(found: list[Rule]) -> list[tuple[int, Rule]]:
    """Rules with the classes they need, of which -1 stands for any."""
    return [(rule.needs or -1, rule) for rule in found]
