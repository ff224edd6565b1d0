"""Finds one-time codes by the words before or after them, in seven languages."""

from typing import Final

from workers.redaction.patterns import Detector, pattern

_ONE_TIME: Final = (
    r"(?<![A-Za-z])(?:pin|otp|totp|(?-i:m?TAN)|passcode|cvv2?|cvc2?|csc|"
    r"(?:verification|security|card|log[- ]?in|"
    r"sign[- ]?in|one[- ]time|sms|sec|auth\w{0,12}|2fa|mfa|access|unlock|recovery|backup|"
    r"confirmation)"
    r"[ _-]?(?:code|pin|passcode|password)|"
    r"(?:sicherheits|kontroll)(?:nr|nummer|zahl)|"
    r"(?:bestätigungs|sicherheits|einmal|zugangs|freischalt|sms-?|verifizierungs)code|"
    r"einmalpasswort|prüf(?:nummer|ziffer|zahl)|crypto(?:gramme)?|"
    r"c[oó]d\.? (?:de )?(?:seguran[cç]a|seguridad|sicurezza)|kaartcode|"
    r"code (?:de|du|secret|sms|à usage unique)(?: (?:la )?(?:vérification|sécurité|confirmation"
    r"|sms|"
    r"validation|connexion))?|c[oó]digo (?:de |del )?(?:verificaci[oó]n|seguridad|confirmaci[oó]n|"
    r"acceso|sms|verificação|segurança|confirmação|acesso)|clave (?:din[aá]mica|de un solo uso)|"
    r"codice (?:di )?(?:verifica|sicurezza|conferma|accesso|sms|otp)|"
    r"(?:verificatie|beveiligings|bevestigings|inlog|sms-?)code)s?(?![A-Za-z])"
)

_OTHER_CODE: Final = (
    r"zip|post(?:al|code|leitzahl)|area|error|fehler|promo|discount|voucher|coupon|gutschein|rabatt|"
    r"descuento|gift|booking|order|tracking|product|qr|country|status"
)

_ONE_TIME_NEEDS: Final = "pin otp tan code cod cód crypto códi codi cvv cvc csc password prüf"

one_time_codes: Final = pattern(
    _ONE_TIME
    + r"[^\d\n\[]{0,20}?(?P<value>\b\d{3}[ -]\d{3,5}\b|\b\d\d[ -]\d\d[ -]\d\d\b|\b\d{3,8}\b)",
    "[code]",
    _ONE_TIME_NEEDS,
)
one_time_words: Final = pattern(
    _ONE_TIME
    + r"\s?(?:is|ist|est|es|é|è|:|=)\s{0,3}(?P<value>(?=[A-Z-]{0,11}\d)[A-Z0-9-]{4,12})\b",
    "[code]",
    _ONE_TIME_NEEDS,
)
codes_named_after: Final = pattern(
    r"(?<![\w#-])(?P<value>\d{4,8}|\d{3}[ -]\d{3})\b.{0,8}(?:\b(?:is|ist|est|es|era|was)\b|[éè])"
    r"(?!.{0,24}\b(?:zip|post|area|error|promo|discount|voucher|booking|order|tracking)).{0,24}?"
    r"(?:code|\botp\b|\bpin\b|\btan\b|c[oó]digo|codice)",
    "[code]",
    _ONE_TIME_NEEDS,
)
_MINE: Final = (
    r"(?:my|your|mein|ihr|dein|mon|votre|ton|mi|tu|su|il (?:mio|tuo|suo)|o (?:meu|teu|seu)"
    r"|mijn|uw|je)"
)
codes_of_somebody: Final = pattern(
    r"(?<![A-Za-z])" + _MINE + r" (?:code|codice|c[oó]digo)\s?(?:is|ist|est|es|é|è|:|=)\s{0,3}"
    r"(?P<value>\d{4,8}|\d{3}[ -]\d{3})\b",
    "[code]",
    "code codi códi",
)
codes_beside: Final = pattern(
    r"\b(?:2fa|mfa|otp)\s?[:=]?\s?(?P<value>\d{3}[ -]?\d{3,5})\b", "[code]", "2fa mfa otp"
)
transaction_numbers: Final = pattern(
    r"(?<![^\W\d_])m?tan(?:-?nummer|-?nr\.?)?(?: (?:ist|lautet|war)|"
    r"\s?[:=])?\s{1,3}(?P<value>\d{6}|\d{3} \d{3})\b",
    "[code]",
    "tan",
)
_CODE: Final = r"(?:c[oó]d(?:e|igo|ice)s?|pin|otp)"
_RECEIVED: Final = (
    r"(?:got|get|received|sent|texted|sms|texto|text|e?mail(?:ed)?|says|bekommen|erhalten|gekriegt|"
    r"reçus?|envoyé|recib[ií]|lleg[oó]|enviaron|mandaron|ricevut[oi]|arrivato|recebi|chegou|"
    r"mandaram|entered|typed|eingegeben|entré|saisi|introduje|ingres[eé]|inserito|digitei|"
    r"ingevoerd|ingevuld|kreeg|gekregen|ontvangen|gestuurd)"
)
_SIX: Final = r"(?P<value>\d{4,8}|\d{3}[ -]\d{3}|\d\d[ -]\d\d[ -]\d\d)(?![\w-])"
codes_received: Final = pattern(
    rf"(?<![^\W\d_])(?:{_CODE}\b[^\d\n]{{0,24}}\b{_RECEIVED}|{_RECEIVED}\b[^\d\n]{{0,32}}\b{_CODE})"
    rf"\b(?![^\d\n]{{0,20}}(?:{_OTHER_CODE}))[^\d\n]{{0,16}}?{_SIX}",
    "[code]",
    _ONE_TIME_NEEDS,
    unless=_OTHER_CODE,
)
codes_told_of: Final = pattern(
    rf"(?<![^\W\d_])(?:{_RECEIVED}|authenticator|authy)\b[^\d\n]{{0,20}}{_SIX}[^\d\n]{{0,40}}\b{_CODE}\b",
    "[code]",
    _ONE_TIME_NEEDS,
    unless=_OTHER_CODE,
)
codes_arrived: Final = pattern(
    rf"(?<![^\W\d_]){_CODE} {_SIX} (?:has |is |ist |est |ha |è )?(?:came|come|arrived|arrivé|"
    rf"angekommen|"
    r"gekommen|lleg[oó]|arrivato|chegou|binnen)",
    "[code]",
    _ONE_TIME_NEEDS,
    unless=_OTHER_CODE,
)
codes_named: Final = pattern(
    r"(?<![^\W\d_])(?:the|der|le|el|il|o|de|this|dieser|este) (?:code|c[oó]digo|codice) "
    r"(?:is|ist|lautet|est(?: le)?|es|era|was|[èé])\s(?P<value>\d{4,8})(?![\w-])",
    "[code]",
    _ONE_TIME_NEEDS,
    unless=_OTHER_CODE,
)
codes_shown: Final = pattern(rf"\b(?:authenticator|authy)\b[^\d\n]{{0,20}}{_SIX}", "[code]", "auth")
codes_in_groups: Final = pattern(
    rf"(?<![^\W\d_]){_CODE}\b[^\d\n]{{0,14}}"
    r"(?P<value>\d{3}[ -]\d{3}|\d\d[ -]\d\d[ -]\d\d)(?![\d-])",
    "[code]",
    _ONE_TIME_NEEDS,
    unless=_OTHER_CODE,
)
codes_on_the_back: Final = pattern(
    r"\b(?:digits?|three|3|chiffres|ziffern|zahlen|cifras|cifre|dígitos|números|cijfers|code|nummer)\b"
    r"[^\d\n]{0,16}\b(?:back|dos|verso|hinten|rückseite|detrás|atrás|dietro|retro|achterop|"
    r"achterkant)\b[^\d\n]{0,20}(?P<value>\d{3,4})(?!\d)",
    "[code]",
    "back dos verso hinten rückseite detrás atrás dietro retro achter",
)
codes_with_a_letter: Final = pattern(r"(?<![\w-])G-\d{6}(?![\w-])", "[code]", "g-", digits=6)

ONE_TIME_CODES: Final[tuple[Detector, ...]] = (
    one_time_codes,
    one_time_words,
    codes_named_after,
    codes_of_somebody,
    codes_beside,
    codes_with_a_letter,
    transaction_numbers,
    codes_received,
    codes_told_of,
    codes_arrived,
    codes_named,
    codes_shown,
    codes_in_groups,
    codes_on_the_back,
)
