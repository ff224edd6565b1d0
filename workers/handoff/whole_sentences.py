"""Whole sentences of a message in few words."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from workers.handoff.acts import acts_of
from workers.handoff.sentences import ASKS, STILL
from workers.handoff.wording import clause_start, has_details, trim, word_count

_BESIDE: Final = re.compile(
    r"(?:since|because|as|if|when|while|although|weil|wenn|da|comme|parce|si|porque|como|se|"
    r"perché|quando|omdat|als)\b",
    re.IGNORECASE,
)
"""The beginning of a clause that only goes with what is asked."""


LEANS: Final = re.compile(
    r"(?:the|this|that|its|these|der|das|le|la|el|il|o|a|de|het) (?:\w+ )?(?:price|difference|cost|"
    r"fee|amount|unterschied|preis|prix|différence|precio|diferencia|prezzo|differenza|preço|"
    r"diferença|prijs|verschil)\w*\b|"
    r"(?:refund|price|fare|fee|difference|cost|new (?:price|fare|total))\w*(?: \w+)?: ",
    re.IGNORECASE,
)
"""The beginning of a sentence on what the one before it names."""


def with_what_leans(said: Sequence[str], room: int) -> tuple[str, ...]:
    """Return sentences, those on a price or the like joined to the one that names its thing.

    Where there are several prices, and one has no room beside its thing, it is left out.
    """
    joined: list[str] = []
    several = sum(LEANS.match(part) is not None for part in said) > 1
    for part in said:
        if not joined or not LEANS.match(part) or not has_details(joined[-1]):
            joined.append(part)
        elif word_count(f"{joined[-1]} {part}") <= room:
            joined[-1] = f"{joined[-1]} {part}"
        elif not several:
            joined.append(part)
    return tuple(joined)


def in_words(said: Sequence[str], room: int, worth: Callable[[str], float] | None = None) -> str:
    """Return whole sentences of a message in at most `room` words, those of most `worth` first.

    Without one those that ask go first. What was left out between two of them is marked; a single
    sentence that is too long is cut.
    """
    of = worth or _wanted
    ranked = sorted(range(len(said)), key=lambda at: (-of(said[at]), at))
    chosen: list[int] = []
    for at in ranked:
        if (words := word_count(said[at])) <= room:
            chosen.append(at)
            room -= words
        elif not chosen:
            return trim(said[at], room, 0 if worth else _start(said[at]))
    text = ""
    for number, at in enumerate(sorted(chosen)):
        between = "" if not number else " " if at - 1 in chosen else " … "
        text += between + said[at]
    return text


def _wanted(part: str) -> float:
    return (
        2.0 * (ASKS.search(part) is not None)
        + (acts_of(part) != frozenset())
        + (STILL.search(part) is not None)
        + 0.5 * has_details(part)
    )


def _start(part: str) -> int:
    """Return where a sentence says how it is, or begins to ask; a report is read from its start."""
    if part.count(": ") > 1:
        return 0
    asks = [one for one in ASKS.finditer(part) if one.group() != "?"]
    starts = [clause_start(part, one.start()) for one in asks]
    main = [start for start in starts if not _BESIDE.match(part[start:])]
    found = STILL.search(part)
    return clause_start(part, found.start()) if found else next(iter(main or starts), 0)
