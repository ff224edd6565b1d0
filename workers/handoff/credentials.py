"""Finds payment data, credentials and national ids, by form and by the words before them."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from workers.handoff.sensitive import PLACEHOLDERS, Detector, Found, pattern

_I: Final = re.IGNORECASE
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


def _cards(text: str) -> Iterator[Found]:
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
    """Tell a card's groups from dates and tables, whose sizes or separators differ."""
    sizes = tuple(end - start for start, end in groups)
    if len(sizes) == 1 or sizes in _CARD_GROUPS:
        return True
    separators = {text[left[1] : right[0]] for left, right in pairwise(groups)}
    return len(separators) == 1 and len(set(sizes[:-1])) == 1 and sizes[-1] <= sizes[0] <= 6


def _luhn(digits: str) -> bool:
    values = [int(digit) for digit in digits]
    values[-2::-2] = [value * 2 - 9 * (value > 4) for value in values[-2::-2]]
    return sum(values) % 10 == 0


def _ibans(text: str) -> Iterator[Found]:
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

passwords_assigned: Final = pattern(_LOGIN + _ASSIGNED, "[password]", _LOGIN_NEEDS, digits=0)
secrets_assigned: Final = pattern(
    _KEYS + _ASSIGNED, "[secret]", "secret key authorization token sig", digits=0
)
recovery_phrases: Final = pattern(
    r"\b(?:seed|recovery|backup|secret)[ -](?:phrase|words)[^\n:=]{0,20}?(?:[:=]|\bis\b|\bare\b)\s?"
    r"(?P<value>[^\n]{3,300})",
    "[secret]",
    "phrase words",
    digits=0,
)
one_time_codes: Final = pattern(
    _ONE_TIME + r"[^\d\n\[]{0,20}?(?P<value>\b\d{3}[ -]\d{3,5}\b|\b\d{3,8}\b)",
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
    r"(?<![\w#-])(?P<value>\d{4,8}|\d{3}[ -]\d{3})\b.{0,8}\b(?:is|ist|est|es|era|was)\b"
    r"(?!.{0,15}\b(?:zip|post|area|error|promo)).{0,15}\b"
    r"(?:code|otp|pin|tan|código|codice)\b",
    "[code]",
    _ONE_TIME_NEEDS,
)
card_expiry: Final = pattern(
    r"\b(?:exp(?:iry|ires|iration)?(?: date)?|valid (?:thru|until)|gültig bis)\b\W{0,3}"
    r"(?P<value>(?:0?[1-9]|1[0-2]) ?[/-] ?(?:20)?[2-9]\d)\b",
    "[expiry]",
    "exp valid gültig",
)
bank_codes: Final = pattern(
    r"\b(?:routing|aba|sort)[ -]?(?:number|code|no)\b[^\d\n]{0,10}(?P<value>\d[\d -]{4,9}\d)\b",
    "[bank]",
    "routing aba sort",
)
url_credentials: Final = pattern(
    r"://(?P<value>[^\s/:@]{1,100}:[^\s/@]{1,200})@", "[secret]", "://", digits=0
)
known_tokens: Final = pattern(
    r"(?<![A-Za-z0-9])(?:A(?:KIA|SIA)[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|"
    r"glpat-[\w-]{16,}|xox[a-z]-[\w-]{10,}|(?:sk|pk|rk|whsec)[-_][\w-]{14,}|AIza[\w-]{30,}|"
    r"npm_[A-Za-z0-9]{30,}|hf_[A-Za-z0-9]{20,}|SG\.[\w-]{16,}\.[\w-]{16,})|"
    r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]{0,2000})?|"
    r"\b[Bb]earer\s{1,3}[\w.~+/=-]{16,}",
    "[secret]",
    "akia asia gh glpat xox sk- sk_ pk- pk_ rk- rk_ whsec aiza npm_ hf_ sg. eyj bearer",
    flags=0,
    digits=0,
)
government_ids: Final = pattern(
    r"(?<![\d-])\d{3}([- ])\d{2}\1\d{4}(?![\d-])|"
    r"\b[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b",
    "[id]",
    flags=0,
    digits=6,
)
named_ids: Final = pattern(
    r"\b(?:passport|social security|ssn|national id|driver'?s licen[cs]e|"
    r"(?-i:DNI|NIE|NIF|CPF|BSN)|codice fiscale|steuer-?id|personalausweis)\b[^\d\n\[]{0,20}?"
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


def _passwords_told(text: str) -> Iterator[Found]:
    """Yield what follows "my password is": any word that is not one people use about passwords."""
    for match in _PROSE.finditer(text):
        value = match["value"].rstrip(".,;!?")
        plain = value.isalpha() and (value.islower() or value.istitle())
        english = match["verb"].lower() in ("is", "was")
        if value in PLACEHOLDERS:
            continue
        if not plain or (english and value.lower() not in _ORDINARY):
            yield *match.span("value"), "[password]"


_OPAQUE: Final = re.compile(r"(?<![\w+=-])[\w+=-]{20,}", re.ASCII)
_STRETCH: Final = re.compile(r"[A-Za-z0-9+=]{16,}")


def _opaque_tokens(text: str) -> Iterator[Found]:
    """Yield words of 32 characters or more with a stretch that no person would write."""
    if max(map(len, text.split()), default=0) < 32:
        return
    for match in _OPAQUE.finditer(text):
        if len(match.group()) >= 32 and any(map(_is_random, _STRETCH.findall(match.group()))):
            yield *match.span(), "[secret]"


def _is_random(stretch: str) -> bool:
    kinds = (str.isdigit, str.islower, str.isupper)
    return all(any(map(kind, stretch)) for kind in kinds)


def _private_keys(text: str) -> Iterator[Found]:
    """Yield PEM blocks, whole; one without an end reaches to the end of the text."""
    end = 0
    while (start := text.find("-----BEGIN ", end)) >= 0:
        closing = text.find("-----END ", start)
        after = text.find("-----", closing + 9) if closing >= 0 else -1
        end = after + 5 if after >= 0 else len(text)
        yield start, end, "[secret]"


PAYMENT_AND_CREDENTIALS: Final[tuple[Detector, ...]] = (
    Detector(_cards, digits=13),
    Detector(_ibans, digits=2),
    card_expiry,
    bank_codes,
    Detector(_private_keys, ("-----begin ",)),
    known_tokens,
    url_credentials,
    passwords_assigned,
    Detector(_passwords_told, tuple(_LOGIN_NEEDS.split())),
    secrets_assigned,
    recovery_phrases,
    one_time_codes,
    one_time_words,
    codes_named_after,
    Detector(_opaque_tokens, digits=1),
    government_ids,
    named_ids,
)
