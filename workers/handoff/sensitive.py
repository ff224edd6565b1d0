"""Finds payment data, credentials and personal data in a text, by form and by the words before it.

Every detector yields `(start, end, placeholder)` and takes time linear in the text: patterns repeat
within fixed bounds or start only where a word starts. Names of people are not found: without a
model that would hide as many ordinary words as names.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

Found = tuple[int, int, str]
PLACEHOLDERS: Final = frozenset(
    "[card] [iban] [expiry] [bank] [password] [secret] [code] [id] [email] [phone] [address] [ip] "
    "[birthdate] [number]".split()
)
Detector = Callable[[str], Iterator[Found]]

_I = re.IGNORECASE
_GAP: Final = r"[ \t\n\u00a0\u2009\u200b\u202f.\-\u2010-\u2013/]{0,3}"
_DIGIT_RUN: Final = re.compile(rf"\d(?:{_GAP}\d){{12,}}")
_GROUP: Final = re.compile(r"\d+")
_CARD_GROUPS: Final = {(4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4), (4, 4, 4, 1)}

# Lengths from the IBAN registry: with the country's own length the check digits are proof enough.
_IBAN_LENGTHS: Final = {
    entry[:2]: int(entry[2:])
    for entry in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 "
        "EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 "
        "IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 "
        "NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 "
        "TN24 TR26 UA29 VA22 VG24 XK20"
    ).split()
}
_IBAN_START: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[ -]?\d{2}(?=[ -]?[A-Z0-9])", _I)
_IBAN_CHARACTER: Final = re.compile(r"[ \u00a0-]?([A-Z0-9])", _I)


def cards(text: str) -> Iterator[Found]:
    """Yield payment card numbers of 13 to 19 digits, in one piece or in groups (Luhn)."""
    for run in _DIGIT_RUN.finditer(text):
        groups = [match.span() for match in _GROUP.finditer(text, run.start(), run.end())]
        for first in range(len(groups)):
            yield from _cards_from(text, groups, first)


def _cards_from(text: str, groups: list[tuple[int, int]], first: int) -> Iterator[Found]:
    start = groups[first][0]
    if int(text[start]) not in range(2, 7):
        return
    digits = ""
    for last in range(first, len(groups)):
        digits += text[slice(*groups[last])]
        if len(digits) > 19:
            return
        if len(digits) >= 13 and _grouped(text, groups[first : last + 1]) and _luhn(digits):
            yield start, groups[last][1], "[card]"


def _grouped(text: str, groups: list[tuple[int, int]]) -> bool:
    """Tell a card's groups from dates and tables, whose separators differ."""
    separators = {text[left[1] : right[0]] for left, right in pairwise(groups)}
    return len(separators) <= 1 or tuple(end - start for start, end in groups) in _CARD_GROUPS


def _luhn(digits: str) -> bool:
    values = [int(digit) for digit in digits]
    values[-2::-2] = [value * 2 - 9 * (value > 4) for value in values[-2::-2]]
    return sum(values) % 10 == 0


def ibans(text: str) -> Iterator[Found]:
    """Yield international bank account numbers (mod 97)."""
    for match in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(match.group()[:2].upper())
        characters, end = "", match.start()
        while length and len(characters) < length:
            character = _IBAN_CHARACTER.match(text, end)
            if character is None or not character[1].isascii():
                break
            characters, end = characters + character[1].upper(), character.end()
        rotated = characters[4:] + characters[:4]
        if len(characters) == length and int("".join(str(int(c, 36)) for c in rotated)) % 97 == 1:
            yield match.start(), end, "[iban]"


def _group(pattern: str, placeholder: str, needs: str = "", flags: int = _I) -> Detector:
    """Return a detector of the pattern's group `value`, or of the whole match.

    Without one of the words `needs` in the lowered text there is no match, which is cheap to see.
    """
    compiled, wanted = re.compile(pattern, flags), needs.split()
    group = "value" if "value" in compiled.groupindex else 0

    def detect(text: str) -> Iterator[Found]:
        lowered = text.lower()
        if wanted and not any(word in lowered for word in wanted):
            return
        for match in compiled.finditer(text):
            if match[group].rstrip(",.;!?}") not in PLACEHOLDERS:
                yield *match.span(group), placeholder

    return detect


_LOGIN: Final = (
    r"(?:passwords?|passwd|pwd|passphrase|passwort|kennwort|(?<![a-z])(?:pw|mot de passe|mdp|"
    r"contrase[ñn]a|senha|wachtwoord|clave|parola d'ordine))"
)
_LOGIN_NEEDS: Final = "pass pw kennwort mdp contrase senha wachtwoord clave parola"
_KEYS: Final = (
    r"(?:secret|api[ _-]?key|client[ _-]?secret|private[ _-]?key|authorization|"
    r"(?<![a-z])(?:(?:access|auth|refresh|session|bearer)[ _-]?)?token|(?<=[?&])sig(?:nature)?)"
)
_ASSIGNED: Final = (
    r"""["']?\s{0,3}(?:[:=]|=>)\s{0,3}(?:(?:bearer|basic|token)\s{1,3})?"""
    r"""(?P<value>"(?:[^"\\\n]|\\.){1,200}"|'[^'\n]{1,200}'|\S{1,200})"""
)
_ONE_TIME: Final = (
    r"\b(?:pin|otp|totp|(?-i:m?TAN)|passcode|cvv2?|cvc2?|csc|"
    r"(?:verification|security|card|log[- ]?in|"
    r"sign[- ]?in|one[- ]time|sms|auth\w{0,12}|2fa|mfa|access|unlock|recovery|backup)[ -]?"
    r"(?:code|pin|passcode|password)|bestätigungscode|sicherheitscode|prüfnummer|"
    r"code (?:de|du) (?:vérification|sécurité|confirmation)|código de (?:verificaci[oó]n|seguridad|"
    r"verificação|segurança)|codice di (?:verifica|sicurezza)|(?:verificatie|beveiligings)code)s?\b"
)

_ONE_TIME_NEEDS: Final = "pin otp tan code códi codi cvv cvc csc password prüf"

passwords_assigned: Final = _group(_LOGIN + _ASSIGNED, "[password]", _LOGIN_NEEDS)
secrets_assigned: Final = _group(
    _KEYS + _ASSIGNED, "[secret]", "secret key authorization token sig"
)
recovery_phrases: Final = _group(
    r"\b(?:seed|recovery|backup|secret)[ -](?:phrase|words)[^\n:=]{0,20}?(?:[:=]|\bis\b|\bare\b)\s?"
    r"(?P<value>[^\n]{3,300})",
    "[secret]",
    "phrase words",
)
one_time_codes: Final = _group(
    _ONE_TIME + r"[^\d\n\[]{0,20}?(?P<value>\b\d{3}[ -]\d{3,5}\b|\b\d{3,8}\b)",
    "[code]",
    _ONE_TIME_NEEDS,
)
one_time_words: Final = _group(
    _ONE_TIME
    + r"\s?(?:is|ist|est|es|é|è|:|=)\s{0,3}(?P<value>(?=[A-Z-]{0,11}\d)[A-Z0-9-]{4,12})\b",
    "[code]",
    _ONE_TIME_NEEDS,
)
codes_named_after: Final = _group(
    r"(?<![\w#-])(?P<value>\d{4,8}|\d{3}[ -]\d{3})\b.{0,8}\b(?:is|ist|est|es|era|was)\b.{0,15}\b"
    r"(?:code|otp|pin|tan|código|codice)\b",
    "[code]",
    _ONE_TIME_NEEDS,
)
card_expiry: Final = _group(
    r"\b(?:exp(?:iry|ires|iration)?(?: date)?|valid (?:thru|until)|gültig bis)\b\W{0,3}"
    r"(?P<value>(?:0?[1-9]|1[0-2]) ?[/-] ?(?:20)?[2-9]\d)\b",
    "[expiry]",
    "exp valid gültig",
)
bank_codes: Final = _group(
    r"\b(?:routing|aba|sort)[ -]?(?:number|code|no)\b[^\d\n]{0,10}(?P<value>\d[\d -]{4,9}\d)\b",
    "[bank]",
    "routing aba sort",
)
url_credentials: Final = _group(r"://(?P<value>[^\s/:@]{1,100}:[^\s/@]{1,200})@", "[secret]")
known_tokens: Final = _group(
    r"(?<![A-Za-z0-9])(?:A(?:KIA|SIA)[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|"
    r"glpat-[\w-]{16,}|xox[a-z]-[\w-]{10,}|(?:sk|pk|rk|whsec)[-_][\w-]{14,}|AIza[\w-]{30,}|"
    r"npm_[A-Za-z0-9]{30,}|hf_[A-Za-z0-9]{20,}|SG\.[\w-]{16,}\.[\w-]{16,})|"
    r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]{0,2000})?|"
    r"\b[Bb]earer\s{1,3}[\w.~+/=-]{16,}",
    "[secret]",
    "akia asia gh glpat xox sk- sk_ pk- pk_ rk- rk_ whsec aiza npm_ hf_ sg. eyj bearer",
    flags=0,
)
government_ids: Final = _group(
    r"(?<![\d-])\d{3}([- ])\d{2}\1\d{4}(?![\d-])|"
    r"\b[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b",
    "[id]",
    flags=0,
)
named_ids: Final = _group(
    r"\b(?:passport|social security|ssn|national id|driver'?s licen[cs]e|dni|nie|nif|cpf|bsn|"
    r"codice fiscale|steuer-?id|personalausweis)\b[^\d\n\[]{0,20}?"
    r"(?P<value>\b(?=[A-Z.-]{0,16}\d)[A-Z0-9][A-Z0-9.-]{4,19})\b",
    "[id]",
    "passport social ssn national driver dni nie nif cpf bsn fiscale steuer ausweis",
)

_PROSE: Final = re.compile(
    _LOGIN + r"\b[^.\n:=?\[]{0,24}?\b(?P<verb>is|was|to|ist|lautet|est|es|é|è)\s+"
    r"(?P<value>[\"'\u201c\u2018][^\"'\u201d\u2019\n]{1,80}[\"'\u201d\u2019]|\S{3,200})",
    _I,
)
_ORDINARY: Final = frozenset(
    "a about above accepted access actually again all almost already also always an and any "
    "apparently at back bad basically because been being below blocked broken but by case "
    "changed clearly correct correctly definitely different denied either empty enough "
    "exactly expired failing fine for from getting going gone good having here how i'm "
    "impossible in incorrect invalid it it's just kept locked long lost missing my needed "
    "never new no none not now of off ok okay old on one only or our out outdated over "
    "perfectly please possibly probably protected rejected required reset right safe same "
    "saved set short showing so somehow still stored stuck supposed temporary that that's the "
    "their there this to too treated under unknown useless very visible weak weird what when "
    "where which why with working wrong you your".split()
)


def passwords_told(text: str) -> Iterator[Found]:
    """Yield what follows "my password is": any word that is not one people use about passwords."""
    if not any(word in text.lower() for word in _LOGIN_NEEDS.split()):
        return
    for match in _PROSE.finditer(text):
        value = match["value"].rstrip(".,;!?")
        plain = value.isalpha() and (value.islower() or value.istitle())
        english = match["verb"].lower() in ("is", "was")
        if value in PLACEHOLDERS:
            continue
        if not plain or (english and value.lower() not in _ORDINARY):
            yield *match.span("value"), "[password]"


_OPAQUE: Final = re.compile(r"(?<![\w+=-])[\w+=-]{20,}", re.ASCII)


def opaque_tokens(text: str) -> Iterator[Found]:
    """Yield long random words: 32 characters or more with small and capital letters and digits."""
    for match in _OPAQUE.finditer(text):
        token = match.group()
        if (
            len(token) >= 32
            and any(map(str.isdigit, token))
            and any(map(str.islower, token))
            and any(map(str.isupper, token))
        ):
            yield *match.span(), "[secret]"


def long_tokens(text: str) -> Iterator[Found]:
    """Yield words of 20 characters or more in which letters and at least four digits mix."""
    for match in _OPAQUE.finditer(text):
        token = match.group()
        if sum(map(str.isdigit, token)) >= 4 and any(map(str.isalpha, token)):
            yield *match.span(), "[secret]"


def private_keys(text: str) -> Iterator[Found]:
    """Yield PEM blocks, whole; one without an end reaches to the end of the text."""
    end = 0
    while (start := text.find("-----BEGIN ", end)) >= 0:
        closing = text.find("-----END ", start)
        after = text.find("-----", closing + 9) if closing >= 0 else -1
        end = after + 5 if after >= 0 else len(text)
        yield start, end, "[secret]"


_MAIL_DOMAIN: Final = re.compile(r"@(?:[^\W_](?:[\w-]{0,62})\.){1,8}[^\W\d_]{2,24}")
_MAIL_LOCAL: Final = re.compile(r"[^\W]|[.+%'!#$&*/=?^`{|}~-]")


def emails(text: str) -> Iterator[Found]:
    """Yield e-mail addresses, from the @ outwards."""
    floor = 0
    for match in _MAIL_DOMAIN.finditer(text):
        start = match.start()
        while start > floor and _MAIL_LOCAL.match(text[start - 1]):
            start -= 1
        if start < match.start():
            yield start, match.end(), "[email]"
        floor = match.end()


emails_spelled: Final = _group(
    r"(?<![\w.+-])[\w.+-]{2,64} ?(?:\(at\)|\[at\]| at ) ?[\w-]{2,40} ?(?:\(dot\)|\[dot\]| dot |\.)"
    r" ?(?:com|net|org|de|fr|es|it|pt|nl|io|co|uk|eu)\b",
    "[email]",
    "(at) [at] dot",
)

_PHONE: Final = re.compile(r"(?<![\w.,#-])(?:\+|\()?\d[\d ().\-/\u00a0]{5,24}\d(?![\w-])")
_DATE: Final = re.compile(
    r"(?:19|20)\d\d[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:19|20)?\d\d|\d{4}[-/]\d{2,4}"
)
_LONG_NUMBER: Final = re.compile(r"(?<!\d)\d{9,}")


def phones(text: str) -> Iterator[Found]:
    """Yield telephone numbers of 7 to 15 digits in groups or with a +; dates are left alone."""
    for match in _PHONE.finditer(text):
        number = match.group()
        digits = sum(map(str.isdigit, number))
        grouped = not number.isdigit()
        if grouped and 7 <= digits <= 15 and not _DATE.fullmatch(number):
            yield *match.span(), "[phone]"


def long_numbers(text: str) -> Iterator[Found]:
    """Yield numbers of nine digits or more, whatever they are."""
    for match in _LONG_NUMBER.finditer(text):
        yield *match.span(), "[number]"


any_codes: Final = _group(
    r"(?<!error )(?<!status )(?<!zip )(?<!promo )\bcode\b(?: is|:| =)\s{0,3}(?P<value>\d{3,8})\b",
    "[code]",
    "code",
)
lone_codes: Final = _group(r"\A\s*(?P<value>\d{4,8}|\d{3}[ -]\d{3})\W*\Z", "[code]")
account_numbers: Final = _group(
    r"\b(?:account|acct|customer|policy|member|kunden|konto|cliente|client)[ -]?"
    r"(?:number|no|nr|nummer|id|#)?\b[^\d\n\[]{0,12}?(?P<value>\b\d[\d-]{4,19}\d)\b",
    "[number]",
    "account acct customer policy member kunde konto client",
)
birth_dates: Final = _group(
    r"\b(?:born(?: on)?|birth(?:day|date)?|dob|geburtsdatum|geboren|né[e]? le|nacimiento|nascita|"
    r"nascimento)\b[^\d\n]{0,16}?(?P<value>\d{1,4}[-./ ]\d{1,2}[-./ ]\d{2,4})\b",
    "[birthdate]",
    "born birth dob geb né nac nasc",
)
_STREET_WORD: Final = r"(?:[A-ZÀ-Ý0-9][\w'.-]{0,30}\s){1,4}"
addresses: Final = _group(
    rf"(?<![\w.])\d{{1,5}}[A-Za-z]?,?\s{_STREET_WORD}(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|"
    r"Boulevard|Blvd|Court|Ct|Way|Place|Pl|Square|Sq|Terrace|Close|Crescent|Highway|Hwy|Parkway)\b\.?"
    r"(?:,?\s(?:Apt|Apartment|Suite|Unit|Flat|#)\.?\s?\w{1,6})?|"
    r"(?<![\w.])\d{1,5}\s[a-z]{3,20}\s(?:street|avenue|road|boulevard)\b|"
    r"\b[A-ZÄÖÜ][\wäöüß.-]{2,30}(?:straße|strasse|str\.|weg|platz|allee|gasse|straat|laan)"
    r"\s\d{1,4}[a-z]?\b|"
    r"(?<![\w.])\d{1,5},?\s(?:bis\s|ter\s)?(?:[Rr]ue|[Bb]oulevard|[Cc]hemin|[Aa]llée|[Ii]mpasse|"
    r"[Qq]uai)(?:\s[\w'\u2019-]{1,30}){1,4}|"
    r"\b(?:[Cc]alle|[Aa]venida|[Pp]aseo|[Pp]laza|[Vv]ia|[Vv]iale|[Pp]iazza|[Cc]orso|[Rr]ua|"
    r"[Tt]ravessa)(?:\s[\w'\u2019.-]{1,30}){1,4}?,?\s(?:n[.º°o]{0,2}\s?)?\d{1,5}\b|"
    r"\b[Pp]\.?\s?[Oo]\.?\s[Bb]ox\s\d{1,8}\b",
    "[address]",
    "street st ave road rd lane ln drive dr boul blvd court ct way place pl sq terrace close "
    "crescent highway hwy park straße strasse str. weg platz allee gasse straat laan rue "
    "chemin allée impasse quai calle avenida paseo plaza via viale piazza corso rua travessa "
    "praça box",
    flags=0,
)
ip_v4: Final = _group(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)", "[ip]", flags=0)
_IP_V6: Final = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{3,39}(?![\w:])")


def ip_v6(text: str) -> Iterator[Found]:
    """Yield IPv6 addresses; times of day have the same form but do not parse."""
    for match in _IP_V6.finditer(text):
        if match.group().count(":") >= 2:
            try:
                ipaddress.IPv6Address(match.group())
            except ValueError:
                continue
            yield *match.span(), "[ip]"


PAYMENT_AND_CREDENTIALS: Final[tuple[Detector, ...]] = (
    cards,
    ibans,
    card_expiry,
    bank_codes,
    private_keys,
    known_tokens,
    url_credentials,
    passwords_assigned,
    passwords_told,
    secrets_assigned,
    recovery_phrases,
    one_time_codes,
    one_time_words,
    codes_named_after,
    opaque_tokens,
    government_ids,
    named_ids,
)
PERSONAL: Final[tuple[Detector, ...]] = (
    emails,
    emails_spelled,
    addresses,
    birth_dates,
    ip_v4,
    ip_v6,
    phones,
    account_numbers,
    any_codes,
    lone_codes,
    long_tokens,
    long_numbers,
)
