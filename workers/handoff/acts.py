"""The act that a request is about: to cancel, to refund, to repair; in seven languages."""

import re
from functools import lru_cache
from typing import Final

ACTS: Final[dict[str, str]] = {
    "undo": (
        r"undo\w*|reinstat\w*|revers\w*|revert\w*|roll\w* (?:[\w#-]+ ){1,5}back|"
        r"rückgängig|annuler l['\u2019]annulation|deshacer|"
        r"ripristin\w*|desfazer|terugdraai\w*"
    ),
    "cancel": (
        r"cancel\w*|storn\w*|kündig\w*|annull?\w*|cancell\w*|disdi\w*|dar de baja|résili\w*|"
        r"opzeg\w*"
    ),
    "refund": (
        r"refund\w*|reimburs\w*|money back|rückerstatt\w*|erstatt\w*|geld zurück|rembours\w*|"
        r"reembols\w*|rimbors\w*|terugbetal\w*"
    ),
    "compensate": (
        r"compensat\w*|vouchers?|(?:courtesy|store|travel|account|flight) credits?|"
        r"goodwill|certificates?|gift cards?|entschädig\w*|"
        r"gutschein\w*|dédommag\w*|bon d['\u2019]achat|indemniz\w*|buono|vale|vergoeding|"
        r"tegoedbon"
    ),
    "exchange": (
        r"exchang\w*|swap\w*|replac\w*|umtausch\w*|ersatz|échang\w*|remplac\w*|cambiar? por|"
        r"sostitu\w*|trocar?|ruil\w*|vervang\w*"
    ),
    "return": (
        r"return\w*(?! (?:flight|trip|ticket|leg|journey|on\b|home\b|the same))|"
        r"send (?:it |them )?back|rma|zurück(?:schick|send|geb)\w*|retour\w*|"
        r"renvoy\w*|devolv\w*|devoluci\w*|restitu\w*|reso"
    ),
    "book": (
        r"(?:re)?book(?: a| an|ing a)?|make an? (?:reservation|booking)|"
        r"rebook\w*|new (?:flight|order|appointment)|buchen|"
        r"réserver|reservar|(?:ri)?prenotare|prenotarmi|(?:om)?boeken|remarcar"
    ),
    "change": (
        r"chang\w*(?! (?:of|in) (?:my )?plans?)|modif\w*|updat\w*|(?:up|down)grad\w*|"
        r"edit\w*|remov\w*|"
        r"switch(?:ing)? (?:to|from|my|your|the)|"
        r"add (?:a|an|the|my|one|two|\d+(?:\.\d)? ?gb)|reschedul\w*|postpon\w*|"
        r"mov(?:e|ing) (?:my|the|our|this|that) (?:\w+ ){0,2}(?:flights?|trip|date|appointment|"
        r"booking|reservation|delivery)|verschieb\w*|umbuch\w*|déplacer|reprogramar|aplazar|"
        r"spostare|adiar|verplaats\w*|verzetten|"
        r"änder\w*|aktualis\w*|cambi(?:ar|o)|modific\w*|changer|alterar|wijzig\w*"
    ),
    "deliver": (
        r"track\w*|deliver\w*|arriv\w*|shipp(?:ed|ing|ment)|parcel|package|liefer\w*|paket\w*|"
        r"livr\w*|colis|entrega\w*|paquete|consegn\w*|pacco|encomenda|bezorg\w*|pakket\w*"
    ),
    "pay": (
        r"pay(?:ment|ing|ments|outs?)?|paid (?:out|back)|bills?|billing|"
        r"invoice\w*|charged?|overcharg\w*|rechnung\w*|"
        r"zahl\w*|abgebucht|factur\w*|cobr\w*|pagament\w*|addebit\w*|fatur\w*|factuur|betal\w*"
    ),
    "access": (
        r"log ?in|sign in|password|locked|passwort|gesperrt|mot de passe|contraseña|accesso|"
        r"senha|wachtwoord|sim card|pin"
    ),
    "fix": (
        r"not work\w*|isn['\u2019]t working|no service|no signal|trouble|problem|issues?|"
        r"broken|errors?|slow|defekt|kaputt|funktioniert|panne|marche pas|roto|no funciona|"
        r"guasto|non funziona|avaria|não funciona|kapot|werkt niet|leak\w*"
    ),
    "bags": r"bags?|baggage|luggage|suitcases?|gepäck|bagages?|equipaje|bagagli\w*|bagagem|bagage",
}
_ACT: Final = re.compile(
    r"\b(?:" + "|".join(f"(?P<{act}>{words})" for act, words in ACTS.items()) + r")\b",
    re.IGNORECASE,
)
_TOOL_STEMS: Final[dict[str, tuple[str, ...]]] = {
    "undo": ("undo", "reinstate", "restore"),
    "cancel": ("cancel", "storn", "annul"),
    "refund": ("refund", "reimburse"),
    "compensate": ("certificate", "compens", "voucher", "credit", "gift"),
    "exchange": ("exchange", "replace", "swap"),
    "return": ("return",),
    "book": ("book", "reserve", "create_order"),
    "change": ("modify", "update", "change", "edit", "add", "remove", "refuel"),
    "pay": ("pay", "charge", "bill"),
    "access": ("reset", "unlock", "password"),
    "fix": ("reset", "enable", "resume", "refuel", "repair", "restart"),
    "deliver": ("reship", "resend"),
}


BESIDE: Final = frozenset({"refund", "compensate", "pay", "deliver", "fix", "access", "bags"})
"""Acts that go with another one, and are seldom the matter where another one is named."""


@lru_cache(maxsize=512)
def acts_of(text: str) -> frozenset[str]:
    """Return the acts that a sentence speaks of."""
    return frozenset(match.lastgroup or "" for match in _ACT.finditer(text))


_UNWANTED: Final = re.compile(
    r"\b(?:(?:do not|don['\u2019]?t|didn['\u2019]?t|never|won['\u2019]?t) (?:\w+ )?"
    r"(?:want|need|wish|plan|intend|ask(?:ed)?|like)|"
    r"not (?:\w+ )?(?:looking|asking|trying|interested|planning|here|going)|no need|rather not|"
    r"(?:i['\u2019]m|i am|we['\u2019]re|we are) not (?=\w+ing\b)|"
    r"(?:please )?(?:do not|don['\u2019]t) (?=cancel|return|refund|change|exchange|book|charge)|"
    r"(?:will|möchte|brauche) (?:k|nicht)\w*|je ne (?:veux|souhaite) pas|no (?:quiero|necesito)|"
    r"non (?:voglio|mi serve)|não (?:quero|preciso)|wil (?:geen|niet))\b"
    r"(?:(?! but\b| just\b| aber\b| mais\b| pero\b| ma\b| mas\b| maar\b)[^,.;:!?—]){0,80}"
    r"|\b(?:instead of|rather than|without|statt|au lieu d[e']|en lugar de|invece di|"
    r"em vez de|in plaats van)(?: [\w'\u2019]+){1,6}",
    re.IGNORECASE,
)


_HAPPENED: Final = re.compile(
    r"\b(?:was|were|been|got|gets?) (?:\w+ )?(?:cancell?ed|replaced|returned)\b|"
    r"\b(?:i|we|they|you|airline|company)(?:['\u2019]ve| have| had)? (?:\w+ )?"
    r"(?:cancell?ed|returned)\b|"
    r"\b(?:wurden?|worden|habe|hat|haben)\b[^,.;!?]{0,60}\b(?:storniert|gekündigt|annulliert)\b|"
    r"\b(?:storniert|gekündigt|annulliert) (?:wurden?|worden)\b|"
    r"\b(?:a été|ont été|est|j['\u2019]ai|ai|avez|ont|a) (?:\w+ )?(?:annulée?s?|résiliée?s?)\b|"
    r"\b(?:ha sido|fue|fueron|está|he|han|ha) (?:\w+ )?cancelad[oa]s?\b|\bcancel(?:é|aron|ó)\b|"
    r"\b(?:è stat[oa]|sono stat[ie]|hanno|ho|ha|avete) (?:\w+ )?(?:cancellat|annullat)[oaie]\b|"
    r"\b(?:foi|foram|está|tinha|já) (?:\w+ )?cancelad[oa]s?\b|\bcancel(?:ei|aram|ou)\b|"
    r"\b(?:is|zijn|werd|heb|hebben|heeft)\b[^,.;!?]{0,60}\bgeannuleerd\b",
    re.IGNORECASE,
)
"""Acts that a sentence tells as done: nobody asks for them."""


def acts_wanted(text: str) -> frozenset[str]:
    """Return the acts that a customer's sentence asks for.

    Those that it says not to do, and those that were done already, are none.
    """
    return acts_of(_HAPPENED.sub(" ", _UNWANTED.sub(" ", text)))


_COMMON: Final = frozenset(
    "modify update change edit add remove set pending delivered order user my the to of".split()
)
_MODIFIES_ITEMS: Final = re.compile(r"(?:modify|update|change|edit)_\w*items?\b")
"""The way in which a thing that was not sent yet is exchanged."""
_GIGABYTES: Final = re.compile(r"\d ?gb\b")
SETTLED_BY_TOOLS: Final = frozenset(
    "undo cancel refund compensate exchange return book change pay".split()
)
"""The others are settled only when the customer says so."""


def does(tool: str, act: str, asked: str) -> bool:
    """Return whether a tool of this name does an act of a request in these words."""
    name = tool.lower()
    if act == "exchange" and _MODIFIES_ITEMS.match(name):
        return True
    if not any(stem in name for stem in _TOOL_STEMS.get(act, ())):
        return False
    if act != "change":
        return True
    # Many things can be changed: the tool's name must speak of what was asked.
    told = set(name.replace("-", "_").split("_")) - _COMMON
    said = asked.lower()
    return not told or any(word.rstrip("s") in said for word in told) or _is_volume(told, said)


def _is_volume(tool: set[str], asked: str) -> bool:
    """Return whether a tool for data does what is asked in gigabytes."""
    return "data" in tool and _GIGABYTES.search(asked) is not None
