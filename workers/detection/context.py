"""Context of an answer: the AI agent's last turn as a code, and its effect on the reading."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from workers.detection.findings import AgentFindings, CustomerFindings, Finding

NOTHING: Final = 0
ABOUT_PEOPLE: Final = 1
"""It asked about people, or for a fact that people may be, as in "which colleague was it?"."""
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
# It asks for one fact of the customer's; "how can I help" asks for anything.
_ABOUT_A_FACT = re.compile(
    r"\b(?:(?:what|which|whose) (?:is|was|are|\w+) ?(?:your|you|the)? ?(?:\w+ )?(?:job|role|title"
    r"|position|occupation|profession|department|team|channel|relation(?:ship)?|capacity)"
    r"|which (?:department|team|channel|branch|store|office)"
    r"|how did you (?:hear|learn|find|order|place|book|buy|pay|reach|contact|get)"
    r"|(?:did|have|were) you (?:already )?(?:speak|spoken|spoke|talk|talked"
    r"|book|order|been|buy|bought)"
    r"|welche (?:position|rolle|abteilung|funktion)|was (?:ist|sind) (?:ihr|sie von) beruf"
    r"|wie haben sie (?:gebucht|bestellt|davon)"
    r"|quel(?:le)? est votre (?:fonction|métier|poste|profession|rôle)|quel service"
    r"|comment avez-vous (?:réservé|commandé|connu)"
    r"|cuál es su (?:cargo|puesto|profesión|ocupación)|en qué departamento"
    r"|cómo (?:reservó|nos conoció)"
    r"|qual è il suo (?:ruolo|lavoro)|come ha (?:prenotato|ordinato)|in quale reparto"
    r"|wat is uw (?:functie|beroep|rol)|welke afdeling|hoe heeft u (?:geboekt|besteld)"
    r"|qual (?:é|e) (?:o )?seu (?:cargo|trabalho)|em qual departamento"
    r"|como (?:reservou|comprou))\b",
    re.IGNORECASE,
)
# It asks with whom the customer wants to talk: the answer is a wish.
_WISH = re.compile(
    r"\b(?:(?:would|do) you (?:like|want|prefer|rather)|möchten|wollen|voulez|souhaitez|préférez"
    r"|quiere|prefiere|desea|vuole|preferisce|wilt|quer|prefere|deseja)\b.{0,60}\b(?:talk|speak|chat"
    r"|sprechen|reden|parler|discuter|hablar|chatear|parlare|spreken|praten|falar|conversar)\b",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"\W*(?:(?:yes|yeah|no|ja|nein|oui|non|sí|si|sì|nee|sim|não)\b[ ,]+)?"
    r"(?:(?:by phone|online|per telefon|par téléphone|por teléfono|telefonisch|por telefone)\s+)?"
    r"(?:(?:through|via|with|by|from|for|to|over|it was|durch|über|mit|von|per|con|por|da|par"
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
    "[\\s\ufe0f\U0001f3fb-\U0001f3ff]*(?:[\U0001f44d\u2705\U0001f44c\u2714\u2611\U0001f197]"
    "[\\s\ufe0f\U0001f3fb-\U0001f3ff]*){1,5}[!.\\s]*\\Z"
)


def said_last(text: str, findings: AgentFindings) -> int:
    """Return the code of an AI turn, given what `read_agent` found in it."""
    end = text.rfind("?")
    question = None
    if end >= 0:
        begin = max(text.rfind(mark, 0, end) for mark in ".!?\n") + 1
        question = text[max(begin, end - _READ) : end]
        if _ABOUT_A_FACT.search(question):
            return ABOUT_PEOPLE
    offered = findings.offers_person
    if offered is not None:
        direct = _asks_for_a_yes(text, offered)
        if question is None:
            return STANDING_OFFER if direct else NOTHING
        if direct:
            return DIRECT_OFFER
    if question is None:
        return NOTHING
    if _WISH.search(question):
        return OTHER_QUESTION
    return ABOUT_PEOPLE if _PEOPLE.search(question) else OTHER_QUESTION


def _asks_for_a_yes(text: str, offered: Finding) -> bool:
    """Return whether a plain yes to this turn accepts the offer in it, and nothing else."""
    asked, mark, ending = text[offered.start :].partition("?")
    if not mark:
        # Offered without a question: then nothing else may have been asked.
        return "?" not in text and len(text) - offered.end <= _ENDING
    # A yes to the last question of several is a yes to that one only.
    return "?" not in ending and asked.count(". ") <= 1 and len(ending) <= _ENDING


def is_thumb(text: str) -> bool:
    """Return True if a message is a thumb up, a check mark or the like, and nothing else."""
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
