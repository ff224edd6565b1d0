"""Rules over word classes: regular expressions over one character per word."""

from __future__ import annotations

import re
from typing import NamedTuple

# A pattern's parts, one after another: a group, a set or a character, and how often.
_PART = re.compile(r"(\((?:[^()]|\([^()]*\))*\)|\[[^]]*\]|\\.|.)([?*]|\{0[^}]*\}|\{[^}]*\})?")
# In nearly every turn, so that their absence rules nothing out.
_FREQUENT = frozenset("dpkil_.,?!")


class Rule(NamedTuple):
    """A way to say something and how sure it is.

    Without one of the classes ``needs`` it can't match (none: it always may); ``guarded`` says
    that what stands before it may turn it round.
    """

    pattern: re.Pattern[str]
    score: float
    needs: frozenset[str]
    guarded: bool


def class_codes(text: str) -> dict[str, str]:
    """Read "name=c" pairs into class name → its character."""
    return dict(pair.split("=") for pair in text.split())


def _needs(pattern: str) -> frozenset[str]:
    """Of the parts that a match must contain the one that is least often found."""
    best: frozenset[str] = frozenset()
    for part, often in _PART.findall(pattern):
        if part == "|":
            return frozenset()
        if often[:1] in ("?", "*") or often.startswith("{0") or part[0] in "(^$\\":
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
        found.append(Rule(re.compile(pattern), float(score), _needs(pattern), guarded))
    return found
