"""Questions of an AI agent that offer a person in wordings which the grammar does not hold."""

from __future__ import annotations

import re
from typing import NamedTuple


class _Language(NamedTuple):
    """The parts of such a question on folded text: how it asks, what would be done, and by whom."""

    asks: re.Pattern[str]
    does: re.Pattern[str]
    whom: re.Pattern[str]


def _language(asks: str, does: str, whom: str) -> _Language:
    return _Language(
        re.compile(rf"\b(?:{asks})\b"),
        re.compile(rf"\b(?:{does})\b"),
        # The customer's own people are not offered to them.
        re.compile(rf"(?<!your )(?<!ihren )(?<!ihre )(?<!votre )(?<!uw )\b(?:{whom})\b"),
    )


_LANGUAGES = (
    _language(
        "want me to|want us to|would you like|do you want|shall i|shall we|should i|should we|can i"
        "|may i|would it help|would you prefer",
        "loop in|bring in|call in|involve|talk to|speak to|speak with|chat with"
        "|(?:have|ask) (?:someone|somebody|an? (?:[a-z]+ )?(?:agent|colleague|person|specialist)"
        "|one of our [a-z]+) (?:to )?(?:call|phone|contact|ring) you",
        "teammate|team mate|colleague|human|one of our (?:agents|advisers|advisors|specialists"
        "|people)|an? (?:[a-z]+ )?(?:agent|person|specialist|adviser|advisor|representative)"
        "|someone|somebody",
    ),
    _language(
        "soll ich|sollen wir|soll sie|soll dich|darf ich|mochten sie|mochtest du|wollen sie"
        "|willst du|kann ich|wunschen sie",
        "verbinden?|weiterverbinden?|weiterleiten?|dazuholen?|hinzuziehen?|zuruckrufen|zuruckruft"
        "|anrufen|anruft|sprechen|reden|ubergeben?|einschalten?|holen",
        "kolleg(?:e|en|in)|mitarbeiter(?:in)?|mensch(?:en)?|berater(?:in)?|jemand(?:en|em)?"
        "|kundenservice|ich sie (?:weiter)?verbinde",
    ),
    _language(
        "voulez vous|souhaitez vous|puis je|preferez vous|dois je|je peux|desirez vous|veux tu",
        "mett(?:e|re) en (?:relation|contact)|mise? en (?:relation|contact)|rappelle|appelle"
        "|echanger|parler|transmett(?:e|re)|vous passer?|transfer(?:e|er)|contacte",
        "collegue|conseill(?:er|ere)|personne|humain|quelqu un|agent|operateur|technicien",
    ),
    _language(
        "quiere|quieres|desea|deseas|le gustaria|te gustaria|prefiere|prefieres|le paso|te paso"
        "|le pongo|te pongo|puedo|le conecto|te conecto",
        "llame|contacte|hablar con|pase|paso|pongo|ponga|transfiera|transferirle|conecte|conecto"
        "|comunique|derive",
        "agente|asesora?|persona|companer[oa]|alguien|humano|operadora?|especialista",
    ),
    _language(
        "vuole|vuoi|desidera|preferisce|posso|la metto|la passo|devo",
        "passarla|passarti|passi|metta|metto|richiamat[oa]|richiami|chiami|trasferi\\w*"
        "|parlare con|contattat[oa]",
        "operatore|collega|consulente|persona|umano|qualcuno|tecnico|addetto",
    ),
    _language(
        "wilt u|wil je|zal ik|zullen we|kan ik|mag ik|wenst u",
        "doorverbind(?:en)?|inschakelen|in contact brengen?|verbinden|terugbel(?:t|len)"
        "|bel(?:t|len)|praten|spreken|erbij halen",
        "collega|medewerker|mens|specialist|adviseur|iemand|klantenservice",
    ),
    _language(
        "quer|gostaria|posso|deseja|prefere|devo",
        "(?:entrasse|entre) em contato|ligue|transfira|transferir|encaminhar|encaminhe|chame"
        "|falar com|pass(?:e|ar) (?:voce|para um|para uma)",
        "atendente|pessoa|colega|humano|alguem|especialista|consultor|operador",
    ),
)
PARTS = tuple([part for language in _LANGUAGES for part in language])
OFFERED = frozenset("teammate mate agents advisers advisors specialists personne".split())
"""Words for people in these questions that are no sign of a handover elsewhere."""
_QUESTION = re.compile(r"[^.!?;]{1,400}\?")


def find_offer(parts: str) -> tuple[int, int] | None:
    """Return the question of a folded text that offers a person, if one does."""
    for question in _QUESTION.finditer(parts):
        for asks, does, whom in _LANGUAGES:
            begun = asks.search(parts, *question.span())
            if begun is None:
                continue
            after = (begun.start(), question.end())
            if does.search(parts, *after) and whom.search(parts, *after):
                return after
    return None
