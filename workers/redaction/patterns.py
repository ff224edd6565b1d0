"""Sensitive data: what a detector of it is, and how one is made of a pattern.

Every detector takes time linear in the text: patterns repeat within fixed bounds or start only
where a word starts.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

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
    regex: str, placeholder: str, needs: str = "", *, flags: int = re.IGNORECASE, digits: int = 1
) -> Detector:
    """Return a detector of the pattern's group `value`, or of the whole match."""
    compiled = re.compile(regex, flags)
    group = "value" if "value" in compiled.groupindex else 0

    def find(text: str) -> Iterator[Found]:
        for match in compiled.finditer(text):
            if match[group].rstrip(",.;!?}") not in PLACEHOLDERS:
                yield *match.span(group), placeholder

    return Detector(find, tuple(needs.split()), digits)
