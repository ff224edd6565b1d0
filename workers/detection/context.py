"""What the AI agent said last, as one code, and what it makes of the customer's answer."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from workers.detection.findings import AgentFindings, CustomerFindings, Finding

NOTHING: Final = 0
ABOUT_PEOPLE: Final = 1
"""It asked about people: who it was, or which of several."""
OTHER_QUESTION: Final = 2
DIRECT_OFFER: Final = 3
"""It asked whether the customer wants a person."""
STANDING_OFFER: Final = 4
"""It said that a person may be had, and asked nothing."""

_ENDING: Final = 80
"""Characters that may follow an offer, or its question, for a yes to mean it."""
_READ: Final = 400
"""Characters of a question, and of the answer to it, that are looked at."""
_PEOPLE = re.compile(
    r"\b(?:who|whom|whose|wer|wem|wen|qui|quién|quien|quem|chi|wie"
    r"|(?:agent|person|people|human|representative|rep|manager|supervisor|advis[eo]r|colleague"
    r"|operator"
    r"|broker|dealer|seller|someone|somebody|mitarbeiter|berater|makler|vertreter|kolleg|händler"
    r"|agente|persona|asesor|gerente|representante|personne|conseiller|représentant|courtier"
    r"|vendeur"
    r"|consulente|operatore|responsabile|medewerker|persoon|adviseur|makelaar|vertegenwoordiger"
    r"|pessoa|atendente|corretor|vendedor)\w{0,4})\b",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"\W*(?:(?:through|via|with|by|from|for|to|over|it was|durch|über|mit|von|per|con|por|da|par"
    r"|avec"
    r"|door|via|met|com|pelo|pela)\s+)?"
    r"(?:(?:an?|the|my|our|your|one of your|ein(?:e[nmr]?)?|der|die|den|dem|un[ao]?|el|la|le|les"
    r"|il|lo"
    r"|een|de|het|um|uma|o|a)\s+)?(?:[^\W\d_]+[ -]?){1,3}\W*\Z",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"\b(?:please|pls|talk|speak|chat|get|give|need|want|connect|transfer|call|now|bitte|sprechen"
    r"|por favor"
    r"|hablar|parler|s'il|parlare|per favore|spreken|alsjeblieft|falar|humano?|human)\b|[!]",
    re.IGNORECASE,
)
_CLEAR_YES = re.compile(
    r"\W*(?:yes|yeah|yep|yup|please|go ahead|do (?:it|that|so)|ja|bitte|gern|oui|volontiers|s'il"
    r"|sí|si|por favor|claro|sì|volentieri|per favore|graag|sim|por favor|pode ser)\b",
    re.IGNORECASE,
)
_THUMBS = re.compile(
    "[\\s\ufe0f\U0001f3fb-\U0001f3ff]*(?:[\U0001f44d\u2705\U0001f44c\u2714\u2611]"
    "[\\s\ufe0f\U0001f3fb-\U0001f3ff]*){1,5}\\Z"
)


def said_last(text: str, findings: AgentFindings) -> int:
    """Return the code of an AI turn, given what `read_agent` found in it."""
    offered = findings.offers_person
    if offered is not None:
        direct = _asks_for_a_yes(text, offered)
        if "?" not in text:
            return STANDING_OFFER if direct else NOTHING
        if direct:
            return DIRECT_OFFER
    end = text.rfind("?")
    if end < 0:
        return NOTHING
    begin = max(text.rfind(mark, 0, end) for mark in ".!?\n") + 1
    return ABOUT_PEOPLE if _PEOPLE.search(text[max(begin, end - _READ) : end]) else OTHER_QUESTION


def _asks_for_a_yes(text: str, offered: Finding) -> bool:
    """Return whether a plain yes to this turn accepts the offer in it, and nothing else."""
    asked, mark, ending = text[offered.start :].partition("?")
    if not mark:
        # Offered without a question: then nothing else may have been asked.
        return "?" not in text and len(text) - offered.end <= _ENDING
    # A yes to the last question of several is a yes to that one only.
    return "?" not in ending and asked.count(". ") <= 1 and len(ending) <= _ENDING


def is_thumb(text: str) -> bool:
    """Whether a message is a thumb up, a check mark or the like, and nothing else."""
    return len(text) <= 20 and not text.isascii() and _THUMBS.match(text) is not None


def in_context(findings: CustomerFindings, text: str, code: int) -> CustomerFindings:
    """Return what a customer's message means after what the AI agent said last.

    A bare noun that answers a question about people is no request. A standing offer is accepted
    by a clear yes: "ok, thanks" to it only takes note.
    """
    few = text[:_READ]
    if (
        code == ABOUT_PEOPLE
        and findings.requested_human is not None
        and len(text) <= _READ
        and _BARE.match(few)
        and not _ASKING.search(few)
    ):
        return msgspec.structs.replace(findings, requested_human=None, doubtful=False)
    if code == STANDING_OFFER and findings.accepts is not None and not _CLEAR_YES.match(few):
        return msgspec.structs.replace(findings, accepts=None)
    return findings
