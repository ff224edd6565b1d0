"""The customer's words for what they ask, without the words around them."""

import re
from typing import Final

from workers.handoff.acts import acts_of
from workers.handoff.sentences import ASKS
from workers.handoff.wording import trim

_BRIEF: Final = 5
_PHRASE: Final = 12
LEAST: Final = 4
_SHORTEST: Final = 3
"""Words of a request that names an act."""
ENDS: Final = re.compile(
    r"[,;—(]|\s(?=(?:because|since|so|before|after|as|weil|damit|bevor|car|avant|porque|antes|"
    r"perché|prima|omdat|voordat)\s)"
)
_THING: Final = re.compile(
    r"(?:it|that|this|the|an?|one|some|my|them|someone|you|us|me|ein\w*|der|die|das|une?|la|le|el|"
    r"il|o|een|het)\b"
)
"""A thing, without the act that is asked for."""
_LIST_GOES_ON: Final = re.compile(r", (?:[A-Z][a-z]|\d)")
_PLEASE: Final = re.compile(
    r",? (?:please|bitte|s['\u2019]il vous plaît|por favor|per favore|alstublieft)$", re.IGNORECASE
)
_WHY: Final = re.compile(
    r"(?:because|since|about|regarding|that|as|if|weil|wegen|parce|porque|perché|omdat)\b",
    re.IGNORECASE,
)
"""The reason of a call, and not what is asked for."""
_TO: Final = re.compile(
    r"^(?:you |please |also |just |kindly |go ahead and |if (?:i|we|you) (?:can|could) )*"
    r"(?:to |help (?:me )?(?:with )?|mit |zu |de |di |te )?",
    re.IGNORECASE,
)
_FOR_PERSON: Final = re.compile(
    r"(?:transfer|connect|escalate|forward|speak|talk|hand)\b[^.?!]{0,24}\b(?:to|with) "
    r"(?:an? |the |your )?(?:\w+ )?(?:agent|human|person|someone|somebody|supervisor|"
    r"manager|representative|colleague|specialist)s?"
    r"(?: (?:now|please|directly|who (?:can|could)|that (?:can|could)|so you can)){0,3},? ",
    re.IGNORECASE,
)
"""A request for a person, before what the person shall do."""


def phrase_of(said: str) -> str:
    """Return what is asked for in the customer's words; nothing where they do not say it there."""
    cue = ASKS.search(said)
    rest = said[cue.end() :].strip(" ,:") if cue is not None else ""
    rest = _TO.sub("", _FOR_PERSON.sub("", _TO.sub("", rest)))
    first, *more = ENDS.split(rest, maxsplit=1)
    # Few words before a comma begin a list of what is wanted.
    of_list = bool(more) and len(first.split()) < _BRIEF and _LIST_GOES_ON.match(rest, len(first))
    rest = (rest if of_list else first).rstrip("?.! ")
    rest = _PLEASE.sub("", rest)
    words = trim(rest, _PHRASE)
    if (
        rest.startswith("be ")
        or len(words.split()) < (_SHORTEST if acts_of(words) else LEAST)
        or not rest[:1].islower()
        or _THING.match(rest)
        or _WHY.match(rest)
        or ":" in words
    ):
        return ""
    return f"“{words}”"
