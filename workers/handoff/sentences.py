"""Messages as sentences, and the words by which a sentence asks, refuses, promises or offers.

Seven languages; each pattern is linear, and only so much of a message is read.
"""

import re
from typing import Final

import orjson

from workers.handoff.wording import READ_LIMIT, one_line

_LONGEST_SENTENCE: Final = 600
_MARKUP: Final = re.compile(r"\*\*|__|`+|^#{1,6} ", re.MULTILINE)
_BREAKS: Final = re.compile(
    r"(?<=[.!?…])[\"”\u2019)]?\s+|\s*\n\s*|\s+[-•\u2013—]\s+|(?<=\s)\d{1,2}[.)]\s+(?=\S)"
)
_SAID_UNDER: Final = ("message", "text", "response", "reply", "answer", "content")


def plain(text: str) -> str:
    """Return what a turn says, where an AI agent wrote its words into JSON."""
    few = text[:READ_LIMIT]
    if few.lstrip().startswith("{"):
        try:
            told = orjson.loads(text)
        except orjson.JSONDecodeError:
            return few
        found = [told.get(key) for key in _SAID_UNDER] if isinstance(told, dict) else []
        said = [one for one in found if isinstance(one, str)]
        return said[0][:READ_LIMIT] if said else few
    return few


def sentences(text: str) -> list[str]:
    """Return the sentences of a message, each on one line; points of a list are sentences."""
    parts = _BREAKS.split(_MARKUP.sub("", plain(text)))
    lines: list[str] = []
    for part in parts:
        line = one_line(part[:_LONGEST_SENTENCE]).strip(' -•*\u2013—"“”') if part else ""
        if lines and line and lines[-1].endswith(":"):
            # What follows a colon is what it leads to.
            lines[-1] = f"{lines[-1]} {line}"
        elif line:
            lines.append(line)
    return lines


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


ASKS: Final = _any(
    r"\bi(?:['\u2019]d| would)? (?:really |just |still |also )?(?:need|want|like to|wish|insist|"
    r"ask)\b",
    r"\bi(?:['\u2019]m| am) (?:asking|looking|having|hoping|unable|trying|calling|writing)\b",
    r"\bi was hoping\b|\bi(?:['\u2019]d| would) like\b|\bi can(?:['\u2019]t|not)\b|"
    r"\bi have a (?:problem|question)\b",
    r"\b(?:can|could|would|will) (?:you|i|we|someone)\b|\bplease\b|\bhelp me\b|\bi insist\b",
    r"\b(?:what|how) about\b|\bis there (?:any|some|a|no)\b",
    r"\b(?:not|n['\u2019]t|never) (?:work|arriv|receiv|go|connect|show)\w*|\bno service\b|"
    r"\bmy \w+ (?:has|have) been\b",
    r"\b(?:ich|wir) (?:möchte|will|wollen|brauche|hätte|würde|kann|suche)\w*|\bbitte\b",
    r"\b(?:können|könnten|kannst) (?:sie|du|ich)\b",
    r"\b(?:je|j['\u2019])\s?(?:veux|voudrais|souhaite|aimerais|ai besoin|n['\u2019]arrive)|"
    r"\bpo(?:uvez|urriez)[- ]vous",
    r"\bs['\u2019]il (?:vous|te) pla[iî]t",
    r"\b(?:quiero|quisiera|necesito|me gustaría|puede[ns]?|podría[ns]?|por favor)\b",
    r"\b(?:vorrei|voglio|ho bisogno|può|potete|potrebbe|per favore)\b",
    r"\b(?:quero|queria|gostaria|preciso|pode[m]?|poderia)\b",
    r"\bik (?:wil|zou|heb|kan|wens)\b|\b(?:kunt|kun) (?:u|je)\b|\b(?:alstublieft|graag)\b",
    r"\?",
)
FILLER: Final = _any(
    r"^(?:hi|hello|hey|so|yes|ok(?:ay)?|sure|thanks?|and|but|also|well|then)*[\s,.!—-]*"
    r"(?:(?:can|could|would) you (?:please )?(?:help|assist|fix|check|double-check|do|confirm|"
    r"look)(?: me)?"
    r"(?: (?:out|with|into))?(?: (?:this|that|it|an? \w+(?: issue)?|"
    r"something))?(?: for me)?(?: (?:please|now|too))?"
    r"|what (?:should|do|can|else can|else should|would) (?:i|we|you) (?:need to )?(?:do|try|"
    r"check)?(?: (?:next|now|else|here))*"
    r"|what (?:information|details|else)?\s?do you need.{0,60}|please (?:go ahead|proceed|"
    r"do)(?: (?:and )?(?:with )?(?:\w+ )?(?:it|that|this|them))?(?: for me)?"
    r"|is (?:there|that|this) (?:something|anything|normal|ok|okay|right).{0,40}|"
    r"what does (?:that|this|it) mean"
    r"|please (?:let me know|double-check|check)(?: (?:it|that|this))?|i (?:really )?(?:need|"
    r"want) (?:to know|your help|help)"
    r"|how can i help you(?: today)?|can you help me get it back to normal)[\s.!?]*$"
)
PERSON: Final = _any(
    r"\b(?:humans?|agents?|representatives?|supervisors?|managers?|real person|a person|someone|"
    r"somebody|"
    r"escalat\w+|higher[- ]up|operator|live (?:chat|support)|transfer (?:me|us)|people)\b",
    r"\b(?:mensch\w*|mitarbeiter\w*|vorgesetzt\w*|jemand\w*|kolleg\w*|berater\w*)\b",
    r"\b(?:humain\w*|conseill\w*|quelqu['\u2019]un|responsable|personne)\b|\b(?:persona|humano|"
    r"alguien|agente|encargad\w+)\b",
    r"\b(?:operatore|qualcuno|umano)\b|\b(?:pessoa|atendente|alguém)\b|\b(?:medewerker|iemand|"
    r"mens)\b",
)
REFUSES: Final = _any(
    r"\b(?:unable to|can(?:no|['\u2019])t|cannot|could ?n['\u2019]?o?t (?:be|find|locate|process)|"
    r"not (?:able|eligible|possible|allowed|"
    r"permitted|authori[sz]ed|available)|isn['\u2019]t (?:eligible|possible|allowed|available|"
    r"covered)|(?:doesn['\u2019]t|does not|do not|don['\u2019]t) "
    r"(?:qualify|meet|allow|offer|include|support|have (?:an?(?:other)? )?(?:tool|option|way|"
    r"access))|no (?:exception|option|way)s?|unfortunately|"
    r"won['\u2019]t be able|not something (?:i|we) can|is beyond|outside (?:of )?(?:the|"
    r"our) policy)\b",
    r"\b(?:leider|nicht (?:möglich|erlaubt|berechtigt)|kann (?:ich )?\w* ?\w* ?nicht|geht nicht)\b",
    r"\b(?:malheureusement|impossible|ne (?:peux|peut|pouvons|permet) )|\bpas (?:possible|"
    r"éligible|autorisé)",
    r"\b(?:lamentablemente|no (?:puedo|podemos|es posible|se puede|cumple)|purtroppo|non (?:posso|"
    r"possiamo|è possibile))\b",
    r"\b(?:infelizmente|não (?:posso|podemos|é possível)|helaas|niet mogelijk|"
    r"kan \w* ?\w* ?niet)\b",
)
PROMISES: Final = _any(
    r"\b(?:we|i|they|it|you|refund|credit|label|e-?mail|replacement|amount|package|"
    r"order)(?:['\u2019]ll| will) (?:also |now |then )?"
    r"(?:be (?:processed|issued|sent|refunded|credited|shipped|emailed|replaced|delivered|"
    r"contacted)|receive|get (?:a|an|the|your)|"
    r"send|email|refund|credit|call|ship|follow|paste|issue|contact|replace)",
    r"\b(?:within|in) \d{1,3}(?:[-\u2013]\d{1,3}| to \d{1,3})? (?:business |working )?(?:minutes|"
    r"hours|days|weeks)\b",
    r"\b(?:sie (?:erhalten|bekommen)|(?:ich|wir) (?:werde|werden|schicken|senden|erstatten)|"
    r"innerhalb von \d+)\b",
    r"\b(?:vous recevrez|nous (?:vous )?(?:enverrons|rembourserons)|sous \d+ (?:jours|heures))\b",
    r"\b(?:recibirá|le enviaremos|en un plazo de|riceverà|le invieremo|entro \d+|receberá|"
    r"enviaremos|u ontvangt|wij sturen|binnen \d+)\b",
)
OFFERS: Final = _any(
    r"\b(?:would you (?:like|prefer)|do you want|shall i|should i|if you(?:['\u2019]d|"
    r" would) like|alternatively|(?:i|we) can (?:also |instead )?offer)\b",
    r"\b(?:möchten sie|soll ich|wenn sie möchten|alternativ)\b|\b(?:souhaitez[- ]vous|"
    r"voulez[- ]vous)\b",
    r"\b(?:¿?(?:quiere|desea|le gustaría)|(?:vuole|desidera) (?:che)?|gostaria|quer que|wilt u|"
    r"zal ik)\b",
)
CONDITIONAL: Final = _any(
    r"\b(?:if|once|when|after|unless|until|wenn|sobald|si|cuando|se|quando|als|zodra)\b"
)
DISPUTES: Final = _any(
    r"\bi(?:['\u2019]m| am) (?:(?!not\b|n['\u2019]t)\w+ )?(?:sure|certain|positive|confident|"
    r"convinced)\b|\bthere (?:should|must) be\b",
    r"\b(?:that['\u2019]s|this is|it['\u2019]s) (?:not (?:right|correct|true)|wrong|incorrect|"
    r"a mistake)\b|\bdouble[- ]check\b",
    r"\bi (?:definitely|clearly|specifically|distinctly) (?:remember|did|bought|purchased|booked|"
    r"paid)\b",
    r"\b(?:ich bin (?:mir )?(?:ganz )?sicher|stimmt nicht|je suis (?:sûre?|certaine?)|"
    r"estoy segur[oa]|sono sicur[oa]|tenho certeza|ik weet zeker)\b",
)
EXCEPTION: Final = _any(
    r"\b(?:exceptions?|goodwill|waive[rd]?|make an? (?:one-time )?allowance|bend the rules|"
    r"ausnahme|kulanz|geste commercial|excepción|eccezione|exceção|uitzondering|coulance)\b"
)
DID: Final = _any(
    r"\bi(?:['\u2019]ve| have)? (?:just |already |also |now )?(?:restarted|rebooted|reset|"
    r"re-?seated|tried|turned|switched|checked|changed|"
    r"reinstalled|uninstalled|updated|cleared|enabled|disabled|granted|ran|removed|reconnected|"
    r"unplugged|sent|paid|made the payment|followed|logged|"
    r"signed|called|emailed|uploaded|returned)\b",
    r"\b(?:habe ich|ich habe)\b.{0,60}\b(?:neu gestartet|zurückgesetzt|versucht|geprüft|"
    r"ausgeschaltet|eingeschaltet|bezahlt|geschickt)\b",
    r"\b(?:j['\u2019]ai|he|ho|já|heb)\b.{0,20}\b(?:redémarré|essayé|vérifié|payé|reiniciado|"
    r"probado|comprobado|pagado|riavviato|provato|controllato|pagato|reiniciei|tentei|paguei|"
    r"herstart|geprobeerd|betaald)\b",
)
UNSURE: Final = _any(
    r"\bnot (?:\w+ )?sure (?:\w+ )?(?:if|what|whether|which|how)\b|\bdon['\u2019]t (?:know|"
    r"remember|recall)\b|\bcan(?:['\u2019]t|not) (?:recall|remember)\b"
    r"|\b(?:do not|don['\u2019]t) (?:have|need|want) (?:\w+ ){0,2}anything\b|\bnothing else\b|"
    r"\bthat['\u2019]s all\b",
    r"\b(?:weiß (?:ich )?nicht|ne sais pas|no (?:sé|recuerdo)|non (?:so|ricordo)|não (?:sei|"
    r"lembro)|weet (?:ik )?niet)\b",
)
REFERS: Final = _any(
    r"\b(?:it|that|this|them|these|those|one|das|dies\w*|ça|cela|eso|esto|questo|ciò|isso|isto|"
    r"dat|dit)\b"
)
LEADS_IN: Final = re.compile(
    r"(?:(?:however|unfortunately|but|and|so|also|please note that|i (?:need|have) to (?:inform|"
    r"tell) you that|thanks|thank you)[ ,.]+"
    r"|i(?:['\u2019]m| am) (?:very |so )?sorry[^,.]{0,30}[,.] (?:but )?|i (?:completely |"
    r"fully )?(?:understand|appreciate)[^,.]{0,60}[,.] (?:but )?"
    r"|(?:based on|according to|per|under) [^,]{3,60}, )+",
    re.IGNORECASE,
)
OTHERWISE: Final = _any(
    r"\b(?:anything else|let me know|further (?:assistance|questions|help)|feel free|sonst noch|"
    r"autre chose|algo más|altro|mais alguma|verder)\b"
)


def point(sentence: str) -> str:
    """Return a sentence without what only leads in to its point."""
    lead = LEADS_IN.match(sentence)
    rest = sentence[lead.end() :] if lead else sentence
    return rest[:1].upper() + rest[1:] if len(rest.split()) > 3 else sentence
