"""Sentences with which a customer asks for a person, and for nothing besides."""

import re
from typing import Final

from workers.handoff.acts import acts_of
from workers.handoff.sentences import PERSON

_WITH_MATTER: Final = 8
"""Words from which on a request for a person may say what for."""
_MATTER: Final = re.compile(
    r"\b(?!(?:please|about|anything|something|actually|really|right|further|instead|someone|"
    r"person|human|agent|team|issue|problem|matter|situation|situations|case|help|with|this|that|"
    r"these|those|assist\w*|handle|resolve|solve|able|more|from|your|would|could|there|here|"
    r"look|into|else|have|make|take|find|know|understand\w*|option|options|since|because|access|"
    r"authority|exception|exceptions|directly|immediately|today|escalation|process|talk|speak\w*|"
    r"another|verify|might|possible|anyone|somebody|everyone|when|what|which|then|they|them|were|"
    r"was|supervisor|manager|some|chat|call|phone)\b)[^\W\d_]{4,}",
    re.IGNORECASE,
)
"""Words after a person that say what the person is for."""
_SEVERAL: Final = 4
_OF_PERSON: Final = re.compile(
    r"\b(?:they|he|she) (?:can|could|might|may|will|would)(?: be able to)? "
    r"(?:help|do|make|assist|look|find)\b",
    re.IGNORECASE,
)
"""A word on the person who was just asked for."""
_CONNECTS: Final = re.compile(
    r"\b(?:connect|transfer|pass|put) (?:me|us) (?:on|through|to|with|over)\b|"
    r"\b(?:sachbearbeiter\w*|ansprechpartner\w*)\b",
    re.IGNORECASE,
)
"""Words for a person, or for the way to one, that stand for nothing else in a customer's words."""


def asks_for_person(sentence: str) -> bool:
    """Return whether a customer's sentence is about having a person, and about nothing besides."""
    found = PERSON.search(sentence) or _CONNECTS.search(sentence)
    if _OF_PERSON.search(sentence):
        return True
    if found is None:
        return False
    after = sentence[found.end() :]
    few = len(sentence.split()) < _WITH_MATTER
    return few or not (acts_of(after) or len(_MATTER.findall(after)) >= _SEVERAL)
