"""The words by which a sentence asks, refuses, promises or offers.

Seven languages; each pattern is linear.
"""

import re
from typing import Final


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


ASKS: Final = _any(
    r"\bi(?:['\u2019]d| would|['\u2019]ll| will)? "
    r"(?:really |just |still |also |actually |now |then ){0,2}"
    r"(?:need(?:ed)?|want(?:ed)?|like(?: you)? to|love to|prefer|wish|insist|ask)\b",
    r"\bi(?:['\u2019]m| am) (?:asking|looking|having|hoping|unable|trying|calling|writing)\b",
    r"\bi(?:['\u2019]ve| have)? decided (?:to|on)\b",
    r"\bi was (?:hoping|wondering)\b|\bi(?:['\u2019]d| would) (?:also |really )?like\b|"
    r"\blet['\u2019]s (?!see\b)|\bi can(?:['\u2019]t|not)\b|"
    r"\bi have a (?:problem|question)\b",
    r"\b(?:can|could|would|will) (?:you|i|we|someone)\b|"
    r"\bplease\b(?! (?:do not|don['\u2019]t|note|find|see)\b)|"
    r"(?<!would )\bhelp me\b|\bi insist\b|\bthere should be\b|\bi (?:expect|deserve)\b",
    r"\b(?:what|how) about\b|\bis there (?:any|some|a|no)\b",
    r"\b(?:not|n['\u2019]t|never) (?:(?:work|arriv|receiv|connect(?!ed)|show)\w*|go(?:es|ing)?\b)|"
    r"\bno service\b|\bmy \w+ (?:has|have) been\b",
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
    r"|what (?:else )?would you like me to.{0,30}"
    r"|what (?:information|details|else)?\s?do you need.{0,60}|please (?:go ahead|proceed|"
    r"do)(?: (?:and )?(?:with )?(?:\w+ )?(?:it|that|this|them))?(?: for me)?"
    r"|is (?:there|that|this) (?:something|anything|normal|ok|okay|right).{0,40}|"
    r"what does (?:that|this|it) mean"
    r"|please (?:let me know|double-check|check)(?: (?:it|that|this))?|i (?:really )?(?:need|"
    r"want) (?:to know|your help|help)"
    r"|how can i help you(?: today)?|can you help me get it back to normal"
    r"|i(?:['\u2019]d| would|['\u2019]m trying to)? (?:really |just )?"
    r"(?:need|want|could use|like|get) (?:some |your |"
    r"a little |a bit of )?(?:help|assistance|support) with (?:an?|my|some|this|the) "
    r"(?:\w+ ){0,2}(?:issues?|problems?|questions?|orders?|bookings?|accounts?|reservations?|"
    r"phone|things?))[\s.!?]*$"
)
HELPS: Final = _any(
    r"\b(?:can|could|would|will) you (?:please )?(?:help|assist)\b|"
    r"\b(?:können|könnten) sie (?:mir )?(?:dabei )?helfen|"
    r"\bpo(?:uvez|urriez)[- ]vous m['\u2019]aider|\bpuede[ns]? ayudarme|"
    r"\bpuò aiutarmi|\bpode(?:m|ria)? (?:me )?ajudar|\bkunt u (?:mij |me )?(?:daarbij )?helpen"
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
    r"not (?:be )?(?:able|eligible|possible|allowed|"
    r"permitted|authori[sz]ed|available)|isn['\u2019]t (?:eligible|possible|allowed|available|"
    r"covered)|(?:doesn['\u2019]t|does not|do not|don['\u2019]t) "
    r"(?:qualify|meet|allow|offer|include|support|have (?:an?(?:other)? )?(?:tool|option|way|"
    r"access))|no (?:exception|option|way)s?|unfortunately|"
    r"won['\u2019]t be able|not something (?:i|we) can|is beyond|outside (?:of )?(?:the|"
    r"our) policy|(?:has|have|needs?) to be \w+ by (?:our|the|an?|another) (?:\w+ ){0,3}"
    r"(?:team|department|specialists?|colleagues?)|(?:is|are) not (?:\w+ )?(?:covered|"
    r"refund(?:ed|able)|paid out|reimbursed|accepted|transferable)|"
    r"needs? (?:an? )?(?:\w+ )?(?:review|approval) (?:by|from|of))\b",
    r"\b(?:leider|nicht (?:möglich|erlaubt|berechtigt|vorgesehen)|"
    r"(?:kann|darf) (?:ich )?\w* ?\w* ?nicht|geht nicht|ausgeschlossen)\b",
    r"\b(?:malheureusement|impossible|ne (?:peux|peut|pouvons|permet) |ne suis pas (?:en mesure|"
    r"autorisée?|habilitée?))|\bpas (?:possible|éligible|autorisé)",
    r"\b(?:lamentablemente|no (?:puedo|podemos|es posible|se puede|cumple|está permitido)|"
    r"s[oó]lo (?:se )?puede[ns]?|purtroppo|non (?:posso|possiamo|è (?:possibile|previst[oa]|"
    r"consentit[oa])|sono autorizzat[oa]))\b",
    r"\b(?:infelizmente|não (?:posso|podemos|é possível|consigo|tenho como)|s[óo] podem? ser|"
    r"helaas|niet (?:mogelijk|toegestaan)|(?:kan|mag) \w* ?\w* ?niet)\b",
)
PROMISES: Final = _any(
    r"\b(?:we|i|they|it|you|refund|credit|label|e-?mail|replacement|amount|package|"
    r"order)(?:['\u2019]ll| will) (?:also |now |then )?"
    r"(?:be (?:processed|issued|sent|refunded|credited|shipped|emailed|replaced|delivered|"
    r"contacted)|receive|get (?:a|an|the|your)|"
    r"send|email|refund|credit|call|ship|follow|paste|issue|contact|replace)",
    r"\b(?:will|should) [^.]{0,60}\b(?:within|in) \d{1,3}(?:[-\u2013]\d{1,3}| to \d{1,3})? "
    r"(?:business |working )?(?:minutes|hours|days|weeks)\b(?! of (?:the )?(?:booking|purchas))",
    r"\b(?:sie (?:erhalten|bekommen)|(?:ich|wir) (?:werde|werden|schicken|senden|erstatten))\b",
    r"\b(?:vous recevrez|nous (?:vous )?(?:enverrons|rembourserons))\b",
    r"\b(?:recibirá|le enviaremos|riceverà|le invieremo|receberá|enviaremos|u ontvangt|"
    r"wij sturen)\b",
)
UNDONE: Final = _any(
    r"\bno \w+ (?:will|can)\b|\b(?:won['\u2019]t|will not|not be)\b|"
    r"\b(?:kein\w*|aucun\w*|ningún\w*|nessun\w*|nenhum\w*|geen)\b"
)
CONFIRM: Final = _any(
    r"\b(?:confirm\w*|go ahead|proceed|would you like|do you want|let me know|reply|"
    r"bestätig\w*|möchten sie|soll ich|confirme[zr]?|souhaitez|conferm\w*|desea|deseja|"
    r"bevestig\w*)\b"
)
STILL: Final = _any(
    r"\bstill\b|\b(?:no|without) (?:signal|connection|service|internet|change)\b|"
    r"\bfail(?:ed|s|ing)\b|"
    r"\bsame (?:issue|problem|error)\b|\bkeeps? \w+ing\b|\b(?:does|did|is|has)(?:n['\u2019]t| not) "
    r"(?:work|help|fix|chang|solve|arriv)\w*|\b(?:says?|shows?|reads?|get(?:ting)?) (?:an? |the )?"
    r"(?:\w+ )?error\b",
    r"\b(?:immer noch|weiterhin|nach wie vor|toujours (?:pas)?|encore|sigue|todavía|aún|"
    r"continua|ancora|ainda|nog (?:steeds|altijd))\b",
)
INFORMS: Final = re.compile(
    r"(?:\W*\b(?:hi|hello|and|also|so|but|ok(?:ay)?|thanks|then|wait|now)\b\W*)*"
    r"(?!is there (?:any|some|a|no) (?:way|chance|possib|exception|option))"
    r"(?:i(?:['\u2019]d| would)? (?:just |also |really )?(?:need|want|like)(?: to (?:know|"
    r"understand|clarify)|(?=:))|"
    r"what|how|when|where|which|why|who|is|are|does|do|did|should|shall|"
    r"i can(?:['\u2019]t|not)(?=[^.!]*\?)|"
    r"(?:could|can|would|will) you (?:please |also )*(?:tell|share|confirm|check|quote|explain|"
    r"clarify|advise|summari[sz]e|pull up|look up|give|show|provide|let me know|"
    r"guide me|walk me|remind me|list)|"
    r"please (?:confirm|tell|share|clarify|explain|summari[sz]e|provide|"
    r"let me know)|"
    r"was|wie|wann|wo|warum|ist|sind|quel\w*|comment|quand|où|pourquoi|est-ce|qué|cómo|"
    r"cuándo|dónde|cuál|che|cosa|come|quando|dove|quale|como|onde|qual|wat|hoe|wanneer|waar|"
    r"waarom|zijn)\b",
    re.IGNORECASE,
)
_ASIDE: Final = re.compile(r"\([^()]{0,200}(?:\)|$)")
_CONDITION: Final = re.compile(
    r"(?:if|when|unless|once|in case|wenn|falls|sobald|si|cuando|se|quando|als|indien)\b",
    re.IGNORECASE,
)


_OTHER_WAY: Final = _any(
    r"\b(?:but|however|instead),? (?:you|we|i) (?:do |still |also |now )?"
    r"(?:can|could|may|have the (?:option|choice)|are able)\b",
    r"\baber (?:sie|ich|wir) (?:können|kann)\b|\bmais (?:vous pouvez|je peux|nous pouvons)\b|"
    r"\bpero (?:puede|puedo|podemos)\b|\bma (?:può|posso|possiamo)\b|"
    r"\bmas (?:pode|posso|podemos)\b|\bmaar (?:u|ik|we) kunt?\b",
)
"""Another way to the same end: a refusal that this follows is none."""


_AFTER: Final = _any(
    r"\blet['\u2019]s\b",
    r"\breminder\b|\bafter (?:this|that|item|the (?:change|modification|exchange))\b[^.]{0,30}"
    r"\b(?:cannot|can['\u2019]t|not)\b|\b(?:danach|après cela|después|dopo|depois|daarna)\b",
)
"""Words on afterwards: a thing that cannot be done then is not refused now."""
_HANDS_OVER: Final = _any(
    r"\binvestigat\w+\b[^.]{0,40}\b(?:not able|unable|cannot|can['\u2019]t)\b|"
    r"\b(?:not able|unable|cannot|can['\u2019]t)\b[^.]{0,30}\binvestigat\w+"
)
"""An AI that cannot look into something refuses nothing."""
_OF_KIND: Final = _any(
    r"(?:for )?(?:processed|delivered|cancell?ed|pending|shipped|completed)"
    r"(?: (?:or|and|/) \w+){0,3} (?:orders?|items?|bookings?|reservations?)\b[^.]{0,3}:"
)
"""A line of a list of rules by status, which is about no order in particular."""
_NOT_KNOWN: Final = _any(
    r"\b(?:data|records?|systems?|listings?|pages?|information|descriptions?|notes)\b[^.,]{0,24}"
    r"\b(?:does|do|did)(?:n['\u2019]t| not) (?:\w+ )?(?:include|show|have|list|specify|say|mention|"
    r"support|offer)"
)
"""Data without an answer: nothing is refused by them."""


def refuses(sentence: str) -> bool:
    """Return whether a sentence refuses something, and not only in a condition at its beginning."""
    sentence = _NOT_KNOWN.sub("", _ASIDE.sub("", sentence))
    if _OF_KIND.match(sentence):
        return False
    found = REFUSES.search(sentence)
    if found is not None and (_HANDS_OVER.search(sentence) or _AFTER.search(sentence)):
        return False
    if found is None or sentence.endswith("?") or _OTHER_WAY.search(sentence, found.end()):
        return False
    return not _CONDITION.match(sentence) or "," in sentence[: found.start()]


OFFERS: Final = _any(
    r"\b(?:would you (?:like|prefer)|do you want|shall i|should i|if you(?:['\u2019]d|"
    r" would) like|alternatively|(?:i|we) can (?:also |instead )?offer|"
    r"(?:i|we|you) (?:can|could) (?:still|instead|alternatively)|what (?:i|we|you) can do|"
    r"instead,? (?:i|we|you) (?:can|could)|(?:your|the) (?:only |other )?(?:options|alternatives?) "
    r"(?:is|are|would be))\b",
    r"\b(?:möchten sie|soll ich|wenn sie möchten|alternativ|(?:ich|wir|sie) (?:kann|können) "
    r"(?:aber |jedoch |ihnen )?(?:stattdessen|dennoch|trotzdem))\b|"
    r"\b(?:je peux|nous pouvons|vous pouvez) (?:toutefois|quand même|cependant|en revanche)\b|"
    r"\b(?:sí puedo|puedo en cambio|en su lugar puedo|posso comunque|posso invece|"
    r"ik kan wel|we kunnen wel)\b|\b(?:souhaitez[- ]vous|"
    r"voulez[- ]vous)\b",
    r"\b(?:¿?(?:quiere|desea|le gustaría)|(?:vuole|desidera) (?:che)?|gostaria|quer que|wilt u|"
    r"zal ik)\b",
)
CONDITIONAL: Final = _any(
    r"\b(?:if|once|when|after|unless|until|wenn|sobald|si|cuando|se|quando|als|zodra)\b"
)
DISPUTES: Final = _any(
    r"\bi(?:['\u2019]m| am) (?:(?!not\b|n['\u2019]t)\w+ )?(?:sure|certain|positive|confident|"
    r"convinced)\b|\bthere (?:should|must) be\b(?! (?:some|any|an? (?:way|option|exception)))",
    r"\b(?:that['\u2019]s|this is|it['\u2019]s) (?:not (?:right|correct|true)|wrong|incorrect|"
    r"a mistake)\b|\bdouble[- ]check\b",
    r"\bi (?:really |still )?(?:believe|think|thought) [^.?!,]{0,60}"
    r"\b(?:mistake|error|wrong|incorrect|i(?:['\u2019]m| am) an? )|"
    r"\bi (?:definitely|clearly|specifically|distinctly) (?:remember|did|bought|purchased|booked|"
    r"paid)\b",
    r"\b(?:ich bin (?:mir )?(?:ganz )?sicher|stimmt nicht|je suis (?:sûre?|certaine?)|"
    r"estoy segur[oa]|sono sicur[oa]|tenho certeza|ik weet zeker)\b",
)
EXCEPTION: Final = _any(
    r"\b(?:exceptions?|goodwill|waive[rd]?|make an? (?:one-time )?allowance|bend the rules|"
    r"ausnahme|kulanz|geste commercial|excepción|eccezione|exceção|uitzondering|coulance)\b"
)
_SOME_WAY: Final = _any(
    r"\b(?:something|anything|(?:some|any|a|another|no) (?:\w+ )?(?:way|option|exception|solution|"
    r"chance))\b"
)


def disputes(sentence: str) -> re.Match[str] | None:
    """Return where a customer's sentence says that what they were told is not so."""
    found = DISPUTES.search(sentence)
    return None if found is None or _SOME_WAY.search(sentence, found.end()) else found


DID: Final = _any(
    r"\bi(?:['\u2019]ve| have)? (?:just |already |also |now )?(?:restarted|rebooted|reset|"
    r"disconnected|reinserted|powered|confirmed|plugged|toggled|swapped|cleaned|re-?seated|tried|"
    r"turned|switched|checked|changed|"
    r"reinstalled|uninstalled|updated|cleared|enabled|disabled|granted|ran|removed|reconnected|"
    r"unplugged|completed|entered|installed|went ahead and \w+|"
    r"sent|paid|made the payment|followed|logged|"
    r"signed|called|emailed|uploaded|returned)\b",
    r"\b(?:habe ich|ich habe)\b.{0,60}\b(?:neu gestartet|zurückgesetzt|versucht|geprüft|"
    r"ausgeschaltet|eingeschaltet|bezahlt|geschickt)\b",
    r"\b(?:j['\u2019]ai|he|ho|já|heb)\b.{0,20}\b(?:redémarré|essayé|vérifié|payé|reiniciado|"
    r"probado|comprobado|pagado|riavviato|provato|controllato|pagato|reiniciei|tentei|paguei|"
    r"herstart|geprobeerd|betaald)\b",
)
FAILED: Final = _any(
    r"\b(?:technical|system|temporary) (?:issue|problem|error|limitation|difficult\w+|glitch)|"
    r"\b(?:an|the) (?:unexpected )?error\b|\btry (?:it |this |that )?again\b|\bkeeps? failing\b",
    r"\b(?:technisch\w*|systemfehler|fehlermeldung|problème technique|erreur|problema técnico|"
    r"problema tecnico|errore|erro|technisch probleem|storing)\b",
)
"""The words of an AI agent that failed because something broke; it refused nothing."""
NOTE_ASKS: Final = _any(
    r"\b(?:please|needs?(?! (?:further|more|additional|advanced|technical|human|specialist))|"
    r"requests?|requested|requesting|asks?|asking|"
    r"investigat\w+|review|offer|should|must|insists?|bitte|"
    r"braucht|möchte|wünscht|"
    r"demande|souhaite|besoin|pide|quiere|necesita|chiede|vuole|pede|quer|precisa|vraagt|wil)\b"
)
"""A note that asks for something."""
INSTEAD: Final = re.compile(
    r"\binstead\b(?! of\b)|\b(?:stattdessen|à la place|en su lugar|invece|em vez disso|"
    r"in plaats daarvan)\b",
    re.IGNORECASE,
)
CLOSES: Final = _any(
    r"\b(?:do not|don['\u2019]t) (?:have|need|want) (?:\w+ ){0,2}anything (?:else|more|further)|"
    r"\bnothing (?:else|more|further)\b|\ball set\b|"
    r"\bno further (?:help|assistance)\b|\bthat(?:['\u2019]s| is| was| will be|['\u2019]ll be) "
    r"(?:all|everything)\b(?! (?:i|we) (?:know|have|remember))",
    r"\b(?:das (?:war|wäre|ist) alles|sonst nichts|c['\u2019]est tout|eso es todo|nada más|"
    r"è tutto|nient['\u2019]altro|é tudo|mais nada|dat (?:is|was) alles|verder niets)\b",
)
ALL_NEEDED: Final = re.compile(
    r"\b(?:everything|anything else|all) (?:that )?i (?:need(?:ed)?|want(?:ed)?)\b|"
    r"\b(?:alles, was|tout ce (?:qu(?:e |['\u2019])|dont )|todo lo que|"
    r"tutto (?:ciò|quello) (?:che|di cui)|"
    r"tudo (?:o )?(?:que|de que)|alles wat) \w+ (?:\w+ )?(?:wollte|brauche|voulais|besoin|quería|"
    r"necesitaba|volevo|bisogno|queria|precisava|wilde|nodig)\b",
    re.IGNORECASE,
)


def needs_no_more(sentence: str) -> bool:
    """Return whether a customer's sentence says that they need nothing more, and asks nothing."""
    return CLOSES.search(sentence) is not None and not ASKS.search(ALL_NEEDED.sub("", sentence))


DECLINES: Final = _any(
    r"^(?:no|nope|nein|non|não|nee)\b(?! (?:problem|worries))|"
    r"\bi (?:really )?(?:can(?:no|['\u2019])t|"
    r"don['\u2019]t want to|won['\u2019]t|(?:['\u2019]d )?prefer not to) |"
    r"\bnot interested\b|\brather not\b|\bnowhere near\b|\bnot (?:\w+ )?(?:enough|acceptable)\b|"
    r"\btoo (?:little|low)\b|\bunacceptable\b|"
    r"\bich (?:möchte|will) (?:das |lieber )?nicht\b|\bje ne veux pas\b|\bno quiero\b|"
    r"\bnon voglio\b|\bnão quero\b|\bliever niet\b"
)
UNSURE: Final = _any(
    r"\bnot (?:\w+ )?sure (?:\w+ )?(?:if|what|whether|which|how)\b|\bdon['\u2019]t (?:know|"
    r"remember|recall)\b|\bcan(?:['\u2019]t|not) (?:recall|remember)\b"
    r"|\b(?:do not|don['\u2019]t) (?:have|need|want) (?:\w+ ){0,2}anything\b|\bnothing else\b|"
    r"\bthat['\u2019]s all\b",
    r"\b(?:weiß (?:ich )?nicht|ne sais pas|no (?:sé|recuerdo)|non (?:so|ricordo)|não (?:sei|"
    r"lembro)|weet (?:ik )?niet)\b",
)
_NUMBERS: Final = re.compile(r"\b(?:ids?|numbers?|codes?|locator|handy)\b", re.IGNORECASE)


def lacks_number(sentence: str) -> bool:
    """Return whether a customer's sentence says that they do not have a number at hand."""
    return UNSURE.search(sentence) is not None and _NUMBERS.search(sentence) is not None


REFERS: Final = _any(
    r"\b(?:its?|that|this|they|their|them|these|those|one|das|dies\w*|ça|cela|eso|esto|questo|ciò|isso|isto|"
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
IDENTIFIES: Final = re.compile(
    r"\b(?:my|the) (?:[\w-]+ ){0,3}(?:names?|zip|code|id|number|e-?mail|phone|birth)\b"
    r"[^.]{0,12}(?:\bis\b|:)|^(?:user|order|account|reservation|booking)? ?(?:id|name|zip|e-?mail)"
    r"[^.]{0,12}:|"
    r"\b(?:mein name|je m['\u2019]appelle|me llamo|mi chiamo|chamo-me|mijn naam)\b",
    re.IGNORECASE,
)
"""The words with which a customer names themselves or gives a number."""
THANKS: Final = re.compile(
    r"\W*(?:and |also |again |so )*(?:thank|thanks|i (?:really )?appreciate|please let me know|"
    r"let me know|take your time|danke|merci|gracias|grazie|obrigad|bedankt)\b",
    re.IGNORECASE,
)
INSTRUCTS: Final = re.compile(
    r"^(?:\W*(?:yes|great|next|first|then|now|ok(?:ay)?|also|once|after)\W+)*(?:please|let['\u2019]s|"
    r"let me|try|check|go to|run|look for|open|tap|select|navigate|"
    r"could you|would you|if you|you can|confirm|to (?:proceed|confirm|help)|thank|bitte)\b",
    re.IGNORECASE,
)
"""Instructions to the customer, and what only leads in to them."""
PLANS: Final = re.compile(
    r"(?:i|we)(?:['\u2019]ll| can| will|['\u2019]m| am| need)\b|status:|however\b|here\b|"
    r"(?:looking at|before (?:proceeding|i|we)|seeing|given|based on)\b|"
    r".*\b(?:please|make sure|next step|this will|i need to confirm|bitte)\b",
    re.IGNORECASE,
)
"""Plans of the AI, and words that say nothing in particular."""
OTHERWISE: Final = _any(
    r"\b(?:anything else|another (?:order|change|request)|let me know|"
    r"further (?:assistance|questions|help)|feel free|sonst noch|autre chose|"
    r"algo más|altro|mais alguma|verder)\b"
)


IF_ANOTHER: Final = _any(
    r"if (?:the|it|this|your|they|you)\b[^.?]{0,60}\b(?:different|another|other)\b|"
    r"falls\b[^.?]{0,60}\bander\w*|si\b[^.?]{0,60}\b(?:autre|otr[oa]s?)\b|"
    r"se\b[^.?]{0,60}\b(?:altr[oaie]|outr[oa]s?)\b|als\b[^.?]{0,60}\bander\w*"
)
"""A question for the case that another thing is meant than the one refused."""


def point(sentence: str) -> str:
    """Return a sentence without what only leads in to its point."""
    lead = LEADS_IN.match(sentence)
    rest = sentence[lead.end() :] if lead else sentence
    return rest[:1].upper() + rest[1:] if len(rest.split()) > 3 else sentence
