"""Wordings of seven languages that the grammar of classes does not hold."""

from __future__ import annotations

import re

# On folded text, without accents, in which apostrophes are blanks.
_CALLBACK = re.compile(
    r"\b(?:"
    r"me (?:pueden|puede|podrian|podria|podeis)? ?(?:llamar|devolver la llamada|marcar)\b"
    r"|me (?:marcan|llaman)\b(?! (?:de|desde|todos|todo|cada|siempre|mucho))[^.!?]{0,30}"
    r"(?:\?|por favor|luego|mas tarde|manana|hoy)"
    r"|(?:agenda|programa|solicit[ao]|pido|quiero|quisiera)\w* una llamada\b"
    r"|(?:pueden|puede|podrian|podria|podeis) (?:llamarme|devolverme la llamada|marcarme"
    r"|contactarme)"
    r"|(?:llamenme|llamadme|llameme)\b|que (?:alguien )?me (?:llamen|llame|devuelvan la llamada)"
    r"|rappelez[ -]moi|appelez[ -]moi|(?:pouvez|pourriez)[ -]vous m(?:e r?| )appeler"
    r"|(?:peut|pourrait|peuvent)[ -](?:on|il|ils) me rappeler|qu on (?:me r|m )appelle"
    r"|(?:souhaite|voudrais|veux|aimerais|demande|prefere|faut) qu on m(?:e r| )appelle"
    r"|qu (?:on|il|elle|ils|un \w+) me rappellent?\b|merci de (?:bien vouloir )?m(?:e r| )appeler"
    r"|vous (?:pouvez|pourriez) m appeler|un (?:rappel|appel) telephonique"
    r"|etre contactee? par telephone"
    r"|(?:etre|me faire) rappelee?\b|me faire rappeler|vous (?:pouvez|pourriez) me rappeler\b"
    r"|rufen (?:sie|ihr) mich|(?:^|[.,;!?] ?|bitte )ruft (?:ihr )?mich"
    r"|ruf mich (?:bitte )?(?:an|zuruck)"
    r"|(?:melden sie sich|meldet euch|melde dich) (?:bitte )?(?:bei mir )?telefonisch"
    r"|um (?:einen )?(?:ruckruf"
    r"|anruf)"
    r"|(?:konnen|konnten|kann|konnte|wurden) (?:sie|mich|jemand|man|ihr"
    r"|bitte)[a-z ]{0,24}(?:zuruckrufen|anrufen)"
    r"|(?:mochte|will|bitte) (?:ich )?(?:einen )?ruckruf|zuruckgerufen werden"
    r"|(?:ri)?chiamatemi|(?:ri)?chiamami|(?:potete|potreste|puo|potrebbe"
    r"|potresti)[a-z ]{0,16}(?:ri)?chiamarmi"
    r"|mi (?:potete|potreste|puo|puoi)? ?(?:ri)?chiamare\b|mi (?:ri)?chiam(?:ate|i)\b"
    r"|essere (?:ri)?chiamat[oa]|(?:ri)?contattat[oa] (?:telefonicamente|al telefono|per telefono)"
    r"|(?:vorrei|gradirei|chiedo) una (?:telefonata|chiamata)"
    r"|bel(?:t|len)? (?:u |jullie )?(?:me|mij)\b|(?:kunt|kunnen|kan|kun|wilt|willen|wil)"
    r" (?:u|jullie|je|iemand)[a-z ]{0,20}(?:me|mij) (?:even |morgen |straks |vandaag )?"
    r"(?:terug|op)?bellen"
    r"|(?:graag|wil|verzoek) (?:een )?telefoontje(?: terug)?"
    r"|terug ?gebeld (?:te )?worden|(?:graag )?teruggebeld|(?:me|mij) terugbellen"
    r"|(?:me ligu(?:em|e)|liguem para mim|me liga(?:m)?)\b|(?:podem|poderiam|pode|poderia"
    r"|preciso que) (?:me )?(?:ligar|liguem)"
    r"|(?:podem|pode) me (?:ligar|telefonar|retornar)|me retornem|retornar (?:a )?minha ligacao"
    r"|(?:gostaria de|quero|preciso de|aguardo|queria) (?:receber )?(?:um|uma)"
    r" (?:ligacao|retorno por telefone|telefonema)"
    r")"
)
_REQUEST = re.compile(
    r"\b(?:please |pls |can you |could you |just |now )?escalate (?:this|that|it|my (?:case|issue"
    r"|complaint|ticket|problem))\b"
    r"|\b(?:need|want|like) (?:this|it|my \w+) (?:to be )?escalated\b"
    r"|\b(?:never|did ?n t|did not) ask(?:ed)? (?:for|to talk to|to chat with) (?:an? )?(?:ai|bot"
    r"|robot|machine|computer)\b"
    r"|\b(?:traeme|traigame|traiganme|dame|deme|denme|pasame|paseme|pasenme|ponme|pongame"
    r"|ponganme|comunicame|comuniqueme|comuniquenme|conectame|conecteme)"
    r" (?:por favor )?(?:a |con )?(?:un |una |el |la )?(?:human|person|agent|ases|alguien"
    r"|operador|representante|ejecutiv|gerente|supervisor)"
    r"|\b(?:necesito|quiero|busco) (?:a )?(?:alguien|una persona) que me (?:explique|ayude|atienda"
    r"|escuche|resuelva|responda|entienda)"
    r"|\b(?:preciso de|quero) (?:alguem|uma pessoa) que me (?:explique|ajude|atenda|escute"
    r"|responda)"
    r"|\b(?:besoin de|veux) quelqu un qui (?:m |me )(?:explique|aide|reponde|ecoute|comprenne)"
    r"|\b(?:ho bisogno di|voglio|vorrei) (?:qualcuno|una persona) che mi (?:spieghi|aiuti|ascolti"
    r"|risponda)"
    r"|\b(?:brauche|will|mochte) (?:jemanden|einen menschen),? der mir (?:hilft|helfen|zuhort"
    r"|erklart|antwortet|das)"
    r"|\b(?:wil|zoek|heb) iemand (?:nodig )?die (?:me|mij) (?:helpt|kan|uitlegt|antwoordt)"
    r"|\bmi (?:passi|passa|passate|faccia parlare|faccia parlare con|metta in contatto con)"
    r" (?:con )?(?:un |una |il |la |l )?(?:persona|operat|umano|qualcuno|responsabile|consulente"
    r"|tecnico|addett)"
    r"|\b(?:falar|conversar) com (?:o |a |um |uma |algum |alguma )?(?:atendi|atendente|pessoa"
    r"|humano|alguem|gerente|corretor|supervisor|consultor|vendedor|operador)"
    r"|\bme (?:passar?|transferir|transfer[ei]|transferem|encaminhar?|conectar?) (?:para|pra|pro"
    r"|com) (?:um |uma |o |a |algum |alguma )?(?:pessoa|humano|atend|alguem|gerente|corretor"
    r"|supervisor|consultor|vendedor|operador|setor)"
)
_STAFF = (
    r"(?:agent|person|human|colleague|rep(?:resentative)?|advis[eo]r|operator|specialist"
    r"|supervisor|manager|consultant|assistant)s?"
)
_GONE = r"(?:disconnected|cut off|dropped|closed|ended|went dead|died|hung up|lost)"
_RECONNECTION = re.compile(
    r"\b(?:"
    rf"(?:disconnected|cut off|went dead|hung up)\b[^.!?]{{0,30}}\b(?:from|with|while|when)\b"
    rf"[^.!?]{{0,40}}\b{_STAFF}\b"
    rf"|lost (?:the |my )?(?:connection|contact|line) (?:to|with) (?:\w+ ){{0,2}}{_STAFF}\b"
    rf"|(?:chat|call|conversation) with (?:\w+ ){{0,3}}{_STAFF} (?:\w+ )?{_GONE}\b"
    rf"|(?:chatting|talking|speaking|spoke) (?:to|with)\b[^?]{{0,60}}\b{_GONE}\b[^?]{{0,60}}"
    r"\b(?:(?:get|bring|put) (?:her|him|them) back|back (?:to|with|through)|reconnect)\b"
    rf"|{_GONE}\b[^?]{{0,20}}\b(?:talking|speaking|chatting) (?:to|with)\b[^?]{{0,60}}"
    r"\b(?:back (?:to|with|through)|reconnect)\b"
    r"|reconnect me (?:to|with) (?!(?:the|my|your|a) (?:\w+ )?(?:internet|network|server|wi ?fi"
    r"|router|device|app|account|bluetooth|grid)\b)"
    rf"|(?:need|want|get|have|reach|(?:talk|speak|chat) (?:to|with)) the same {_STAFF}\b"
    r")"
)
_MINE = re.compile(
    r"\b(?:can|could|may) i (?:please )?(?:speak|talk) (?:to|with) my "
    r"[a-z]{3,}(?:ist|ian|geon|doctor|lawyer|nurse|agent|adviser|advisor|manager|banker|broker)\b"
)
_DENIED = re.compile(
    r"\b(?:not|no|never|don t|do not|nicht|kein(?:en)?|niet|geen|ne|non|nao|sin|sem|nunca|jamais"
    r"|mai)\b[^.!?]{0,14}$"
)
_DENIED_AFTER = re.compile(r"\w* *(?:bitte |me )?(?:nicht|niet|pas|plus)\b")
_OTHERS = re.compile(
    r"\b(?:someone|somebody|anyone|anybody|a person|people|quelqu un|une personne|alguien"
    r"|una persona|alguem"
    r"|uma pessoa|jemand(?:em|en)?|eine person|qualcuno|iemand|een persoon) "
    r"(?:who|that|which|qui|que|der|die|che|quem) (?:\w+ ){0,2}?"
    r"(?:has|have|had|uses?|used|using|owns?|owned|bought|tried|lives?|a|ont|achete|utilise|ha"
    r"|han|tiene|tienen"
    r"|usa|usan|uso|compro|compra|tem|usou|usam|comprou|amou|hat|haben|nutzt|besitzt|gekauft"
    r"|utilizza|possiede"
    r"|heeft|gebruikt|bezit|kocht)\b"
    r"|\bthere (?:is|was|are|were) (?:a |an |some )?(?:person|people|human|someone|man|woman|guy)\b"
    r"|\b(?:tem|ha|hay|il y a|es gibt|c e) (?:uma|una|une|eine|um|un) (?:pessoa|persona|personne"
    r"|person)\b"
    r"|\bnever again (?:will|would|shall) (?:i|we)\b"
    r"|\b(?:becom(?:e|ing)|be|hired as|work(?:ing)? as|apply (?:as|to be)) an? (?:\w+ )?"
    r"(?:agent|representative|advis[eo]r|operator|supervisor|manager)\b"
    r"|\bbring (?:a|an|one|another|my|along) (?:\w+ )?(?:person|human|someone|guest|friend|agent)\b"
)

# One of these words stands in each of the wordings.
_REQUEST_CUES = frozenset(
    "escalate escalated ai bot robot machine computer traeme traigame traiganme dame deme denme "
    "pasame paseme pasenme ponme pongame ponganme comunicame comuniqueme comuniquenme conectame "
    "conecteme explique ayude atienda escuche resuelva responda entienda ajude atenda escute "
    "aide reponde ecoute comprenne spieghi aiuti ascolti risponda jemanden menschen iemand "
    "passi passate faccia metta falar conversar passar passa transferir transfere transferi "
    "transferem encaminhar "
    "encaminha conectar conecta".split()
)
_CALLBACK_CUES = frozenset(
    "llamar llamarme llamenme llamadme llameme llamada marcar marcarme contactarme devolverme "
    "devuelvan marcan llaman llamen llame rappellent rappelle telephonique telephone telefonisch "
    "telefonicamente telefono telefonata opbellen telefoontje ligacao telefone telefonema "
    "rappelez appelez rappeler appeler appelle rappele rappelee ruft ruf rufen ruckruf anruf "
    "zuruckrufen anrufen zuruckgerufen chiamatemi richiamatemi chiamami richiamami chiamarmi "
    "richiamarmi chiamare richiamare chiamate richiamate chiami richiami chiamato richiamato "
    "chiamata richiamata bel belt bellen terugbellen gebeld teruggebeld ligue liguem liga ligam "
    "ligar telefonar retornar retornem".split()
)
_BROKEN_OFF = frozenset(
    "disconnected cut dropped closed ended dead died hung lost reconnect".split()
)
_STAFF_WORDS = frozenset(
    f"{word}{plural}"
    for word in (
        "agent person human colleague rep representative adviser advisor operator specialist "
        "supervisor manager consultant assistant"
    ).split()
    for plural in ("", "s")
)
CUES = (
    _REQUEST_CUES - {"machine", "computer", "transferi", "transferem", "encaminha", "conecta"}
    | _CALLBACK_CUES - {"devolverme", "devuelvan"}
    | _BROKEN_OFF - {"closed", "ended", "died", "lost"}
    | {"connection", "same"}
)
"""One of these words stands in every text that has such a wording."""
WORDINGS = (_CALLBACK, _REQUEST, _RECONNECTION, _MINE, _DENIED, _DENIED_AFTER, _OTHERS)


def find_mine(folded: str) -> tuple[int, int] | None:
    """Return where a text asks for a person of the service that the customer calls theirs."""
    return _found(_MINE, folded)


def find_other(folded: str, words: list[str]) -> tuple[int, int] | None:
    """Return where a text with a word of CUES asks for a person in a wording of its own.

    In any language it may ask to be called back, or to go on with a talk that broke off.
    """
    found = None
    if not _REQUEST_CUES.isdisjoint(words):
        found = _found(_REQUEST, folded)
    if found is None and not _CALLBACK_CUES.isdisjoint(words):
        found = _found(_CALLBACK, folded)
    if found is None and _may_be_broken_off(words):
        found = _found(_RECONNECTION, folded)
    return found


def _may_be_broken_off(words: list[str]) -> bool:
    return not _BROKEN_OFF.isdisjoint(words) or (
        "same" in words and not _STAFF_WORDS.isdisjoint(words)
    )


def is_about_others(folded: str, start: int, end: int) -> bool:
    """Return True if the words from `start` to `end` speak of people outside the service."""
    around = folded[max(0, start - 40) : end + 80]
    return _OTHERS.search(around) is not None


def _found(pattern: re.Pattern[str], folded: str) -> tuple[int, int] | None:
    match = pattern.search(folded)
    if match is None or _DENIED.search(folded[max(0, match.start() - 40) : match.start()]):
        return None
    if _DENIED_AFTER.match(folded[match.end() : match.end() + 20]):
        return None
    return match.span()
