"""Sensitive data: detectors, and how one is made from a pattern.

Every detector takes time linear in the text: patterns repeat within fixed bounds or start only
where a word starts.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

_BEFORE: Final = 16
"""Characters before a match that may say that it is something else."""

Found = tuple[int, int, str]
Finder = Callable[[str], Iterator[Found]]
PLACEHOLDERS: Final = frozenset(
    "[card] [iban] [expiry] [bank] [password] [secret] [code] [id] [email] [phone] [address] [ip] "
    "[birthdate] [number]".split()
)


class Detector(NamedTuple):
    """Finds one kind; there is none in a text without one of `needs`, or with fewer digits."""

    find: Finder
    needs: tuple[str, ...] = ()
    """Words in small letters, looked for in the text in small letters: cheaper than a pattern."""
    digits: int = 0


def pattern(
    regex: str,
    placeholder: str,
    needs: str = "",
    *,
    flags: int = re.IGNORECASE,
    digits: int = 1,
    unless: str | None = None,
) -> Detector:
    """Return a detector of the pattern's group `value` (or `other`), or of the whole match.

    `unless` is what makes a match, or the words just before it, mean something else.
    """
    compiled = re.compile(regex, flags)
    groups = [name for name in ("value", "other") if name in compiled.groupindex]
    harmless = None if unless is None else re.compile(unless, re.IGNORECASE)

    def find(text: str) -> Iterator[Found]:
        for match in compiled.finditer(text):
            group = next((name for name in groups if match[name] is not None), 0)
            if match[group].rstrip(",.;!?}") in PLACEHOLDERS:
                continue
            if harmless and harmless.search(text, max(0, match.start() - _BEFORE), match.end()):
                continue
            yield *match.span(group), placeholder

    return Detector(find, tuple(needs.split()), digits)
