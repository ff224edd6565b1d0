"""Rules over word classes: regular expressions over one character per word."""

from __future__ import annotations

import re
from typing import NamedTuple


class Rule(NamedTuple):
    """A way to say something, how sure it is, and whether what precedes it may turn it round."""

    pattern: re.Pattern[str]
    score: float
    guarded: bool = True


def class_codes(text: str) -> dict[str, str]:
    """Read "name=c" pairs into class name → its character."""
    return dict(pair.split("=") for pair in text.split())


def rules(text: str, macros: dict[str, str], *, guarded: bool = True) -> list[Rule]:
    """Read lines "score pattern", in which "<name>" stands for a macro."""
    found = []
    for line in filter(None, text.splitlines()):
        score, pattern = line.split()
        for name, meaning in macros.items():
            pattern = pattern.replace(f"<{name}>", meaning)
        found.append(Rule(re.compile(pattern), float(score), guarded))
    return found
