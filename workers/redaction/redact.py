"""Takes payment data, credentials and personal data out of a text before it leaves."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Final, get_args

from workers.contracts.characters import comparable, position
from workers.contracts.decisions import QUOTE_LIMIT
from workers.contracts.topics import Redaction
from workers.redaction.credentials import PAYMENT_AND_CREDENTIALS
from workers.redaction.patterns import Detector, Finder, Found
from workers.redaction.personal import PERSONAL

__all__ = ["REDACTIONS", "Redaction", "quote", "redact"]

REDACTIONS: Final[tuple[Redaction, ...]] = get_args(Redaction)
"""`standard` hides payment data, credentials, one-time codes and national ids; `strict` also
e-mail, telephone and IP addresses, streets, birth dates, account and other long numbers."""

Alike = tuple[tuple[str, ...], int, tuple[Finder, ...]]
"""Detectors with the same needs, which are then looked for once."""


def _alike(detectors: Iterable[Detector]) -> tuple[Alike, ...]:
    """Put neighbours with the same needs together; where nothing is needed, "" is in any text."""
    groups = groupby(detectors, key=attrgetter("needs", "digits"))
    return tuple(
        (needs or ("",), digits, tuple(detector.find for detector in group))
        for (needs, digits), group in groups
    )


_DETECTORS: Final[dict[Redaction, tuple[Alike, ...]]] = {
    "none": (),
    "standard": _alike(PAYMENT_AND_CREDENTIALS),
    "strict": _alike(PAYMENT_AND_CREDENTIALS + PERSONAL),
}
# All that a detector finds is shorter than this on either side of a quote, or found in its parts.
_AROUND: Final = 1024
_DIGITS: Final = re.compile(r"\d+")
_WORD: Final = re.compile(r"\S+")


def redact(text: str, rule: Redaction, limit: int | None = None) -> str:
    """Replace what `rule` hides by placeholders like `[card]`; deterministic, in linear time.

    With a limit only so many characters of the text are kept, and little more than them is read:
    enough to hide whole what begins before the limit.
    """
    if limit is None or limit >= len(text):
        return _without(text, _hidden(text, rule))
    spans = [span for span in _hidden(text[: limit + _AROUND], rule) if span[0] < limit]
    return _without(text[: max(limit, spans[-1][1] if spans else 0)], spans)


def quote(text: str, start: int, end: int) -> str:
    """Return the words around `text[start:end]` in at most 80 characters, strictly redacted.

    Whole words on one line; only a word longer than the limit is cut. Redaction comes first, so
    that a secret at the edge is a placeholder or absent, never a part.
    """
    end = min(end, start + _AROUND)
    low, high = max(0, start - _AROUND), end + _AROUND
    words, first, last = _words_around(text[low:high], start - low, end - low)
    if not words:
        return ""
    chosen = words[first]
    if len(chosen) > QUOTE_LIMIT:
        return chosen[: QUOTE_LIMIT - 1] + "…"
    left, right = first - 1, first + 1
    while right <= last and len(chosen) + 1 + len(words[right]) <= QUOTE_LIMIT:
        chosen = f"{chosen} {words[right]}"
        right += 1
    if right <= last:
        return chosen
    grew = True
    while grew:
        grew = False
        if right < len(words) and len(chosen) + 1 + len(words[right]) <= QUOTE_LIMIT:
            chosen, right, grew = f"{chosen} {words[right]}", right + 1, True
        if left >= 0 and len(chosen) + 1 + len(words[left]) <= QUOTE_LIMIT:
            chosen, left, grew = f"{words[left]} {chosen}", left - 1, True
    return chosen


def _words_around(text: str, start: int, end: int) -> tuple[list[str], int, int]:
    """Return the redacted words and which of them the span covers, first and last."""
    spans = _hidden(text, "strict")
    starts = [span[0] for span in spans]
    redacted = _without(text, spans)

    def moved(position: int) -> int:
        index = bisect_right(starts, position) - 1
        if index < 0:
            return position
        shift = sum(len(mark) - (to - at) for at, to, mark in spans[: index + 1])
        return max(position, spans[index][1]) + shift

    words = list(_WORD.finditer(redacted))
    opens = [word.start() for word in words]
    last_of = len(words) - 1
    first = max(0, min(bisect_right(opens, moved(start)) - 1, last_of))
    last = max(first, min(bisect_right(opens, moved(max(start, end - 1))) - 1, last_of))
    return [word.group() for word in words], first, last


def _without(text: str, spans: list[Found]) -> str:
    if not spans:
        return text
    pieces, at = [], 0
    for start, end, placeholder in spans:
        pieces += [text[at:start], placeholder]
        at = end
    pieces.append(text[at:])
    return "".join(pieces)


def _hidden(text: str, rule: Redaction) -> list[Found]:
    """Return the spans to hide, in order, overlaps joined: each detector's finding stays hidden."""
    merged: list[Found] = []
    plain, moves = (text, []) if text.isascii() and "&" not in text else comparable(text)
    found: Iterable[Found] = _found(plain, rule)
    if moves:
        found = [(position(moves, at), position(moves, to), mark) for at, to, mark in found]
    for start, end, placeholder in sorted(found, key=lambda span: (span[0], -span[1])):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]), merged[-1][2])
        else:
            merged.append((start, end, placeholder))
    return merged


def _found(text: str, rule: Redaction) -> Iterator[Found]:
    lowered, digits = text.lower(), len("".join(_DIGITS.findall(text)))
    for needs, least, finders in _DETECTORS[rule]:
        if digits < least:
            continue
        # A loop, not any(): most texts have none of the hundred words, and each is asked for.
        for word in needs:
            if word in lowered:
                for find in finders:
                    yield from find(text)
                break
