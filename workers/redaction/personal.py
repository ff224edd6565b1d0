"""Finds personal data: addresses of every kind, telephone and other long numbers, birth dates.

Names of people are not found: without a model that would hide as many ordinary words as names.
"""

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from workers.redaction.patterns import Detector, Found, pattern
from workers.redaction.reference_numbers import is_reference

_LONG_TOKEN: Final = re.compile(r"(?<![\w+=-])[\w+=-]{20,}", re.ASCII)
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


_DOT: Final = (
    r" ?(?:[(\[{](?:dot|punkt|point|punto|ponto|punt)[)\]}]|"
    r" (?:dot|punkt|point|punto|ponto|punt) |\.) ?"
)
emails_spelled: Final = pattern(
    r"(?<![\w.+-])[\w.+-]{2,64}(?: ?(?:\(at\)|\[at\]|\{at\}|\(ät\)|<at>) ?[\w-]{2,40}(?:"
    + _DOT
    + r"[a-z]{2,24}){1,3}|"
    + r"(?: at | ät | arroba | chiocciola | arobase | apenstaartje )[\w-]{2,40}(?:"
    + _DOT
    + r"[\w-]{2,30}){0,2}"
    + _DOT
    + r"(?:com|net|org|info|me|app|dev|ch|pl|se|dk|cz|de|fr|es|it|pt|"
    r"br|nl|at|ch|be|io|co|uk|eu|example|test)\b)",
    "[email]",
    "(at) [at] {at} (ät) <at> ät dot punkt point punto ponto arroba chiocciola arobase "
    "apenstaartje at",
    digits=0,
)
emails_with_blanks: Final = pattern(
    r"(?<![\w.+-])[\w.+-]{2,64}(?: @ ?|@ )[\w-]{1,60}(?:\.[\w-]{2,24}){1,3}",
    "[email]",
    "@",
    digits=0,
)
emails_in_addresses: Final = pattern(
    r"(?<![\w.%+-])[\w.+%-]{1,64}%40[\w-]{1,60}(?:\.[\w-]{2,24}){1,4}", "[email]", "%40", digits=2
)
named_phones: Final = pattern(
    r"\b(?:phone|telephone|tel|mobile|cell|whatsapp|handy|telefon|rufnummer|téléphone|portable"
    r"|móvil|"
    r"teléfono|telefono|cellulare|telefoon|mobiel|telemóvel|telefone|celular|call me (?:at|on))"
    r"\b\.?(?: ?(?:number|nummer|no|nr|num[eé]ro|número|numero))?[^\d\n\[(+]{0,16}"
    r"(?P<value>[+(]?\d[\d ().\-/]{4,20}\d)(?![\w-])",
    "[phone]",
    "phone tel mobile cell whatsapp handy rufnummer téléphone portable móvil mobiel celular call",
    digits=6,
)

_PHONE: Final = re.compile(
    r"(?<![\w.,#-])(?:\+|\()?\d[\d ().\-/\u00a0\u2010-\u2013]{5,24}\d(?![\w-])"
)
_DATE: Final = re.compile(
    r"(?:19|20)\d\d[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:19|20)?\d\d|\d{4}[-/]\d{2,6}"
)
_DATE_AND_HOUR: Final = re.compile(rf"(?:{_DATE.pattern})[ ,]{{1,2}}\d{{1,2}}")
_LONG_NUMBER: Final = re.compile(r"(?<![^\W_])\d{9,}")


def phones(text: str) -> Iterator[Found]:
    """Yield telephone numbers of 7 to 15 digits in groups or with a +; dates are left alone."""
    for match in _PHONE.finditer(text):
        number = match.group()
        digits = sum(map(str.isdigit, number))
        grouped = not number.isdigit()
        if not grouped or not 7 <= digits <= 15 or _is_time(number):
            continue
        if number[0] == "+" or not is_reference(text, match.start()):
            yield *match.span(), "[phone]"


def _is_time(number: str) -> bool:
    return bool(_DATE.fullmatch(number) or _DATE_AND_HOUR.fullmatch(number))


def _long_numbers(text: str) -> Iterator[Found]:
    """Yield numbers of nine digits or more, unless an order, a parcel or the like is named."""
    for match in _LONG_NUMBER.finditer(text):
        if is_reference(text, match.start()):
            continue
        yield *match.span(), "[number]"


any_codes: Final = pattern(
    r"(?<!error )(?<!status )(?<!zip )(?<!promo )\bcode\b(?: is|:| =)\s{0,3}(?P<value>\d{3,8})\b",
    "[code]",
    "code",
)
lone_codes: Final = pattern(
    r"\A\s*(?:(?:ok(?:ay)?|yes|here|its|it's|ja|oui|s[iì]|sim|hier|voici|aqu[ií]|ecco|hi|hallo)[\s,:]+)?"
    r"(?P<value>\d{4,8}|\d{3}[ -]\d{3})\W*\Z",
    "[code]",
    digits=4,
)
account_numbers: Final = pattern(
    r"\b(?:account|acct|customer|policy|member|kunden|konto|cliente|client)[ -]?"
    r"(?:number|no|nr|nummer|id|#)?\b[^\d\n\[]{0,12}?(?P<value>\b\d[\d-]{4,19}\d)\b",
    "[number]",
    "account acct customer policy member kunde konto client",
)
_MONTH_NAME: Final = r"[^\W\d_]{3,10}\.?"
_BIRTH_DATE: Final = (
    r"(?:\d{1,4}[-./ ]\d{1,2}[-./ ]\d{2,4}|\d{8}|"
    rf"\d{{1,2}}(?:st|nd|rd|th|er|\.|º|°)?[ -]?(?:de |of )?{_MONTH_NAME},?[ -](?:de |"
    rf"of )?(?:(?:19|20)\d\d|['\u2019]?\d\d)|"
    rf"(?<=[\s\"]){_MONTH_NAME} \d{{1,2}}(?:st|nd|rd|th)?,? (?:19|20)\d\d)"
)
birth_dates: Final = pattern(
    r"(?:\b(?:born(?: on)?|birth(?:day|date)?|d\.?o\.?b|geb(?:urts(?:datum|tag)|oren|\.)?|"
    r"née?(?: le)?|naissance|anniversaire|nac[ií]|nacid[oa]|nacimiento|cumpleaños|nat[oa](?: il)?|"
    r"nascita|compleanno|nasci|nasc\.|nascid[oa]|nascimento|anivers[aá]rio|"
    r"geboren|geboortedatum|verjaardag|jarig)(?![^\W\d_])|date_?of_?birth|birth_?da(?:te|y))"
    rf"[^\d\n]{{0,20}}?(?P<value>{_BIRTH_DATE})(?!\d)",
    "[birthdate]",
    "born birth dob d.o.b geb né nac nasc nat nais anniv cumple comple aniv verjaar jarig",
)
born_after: Final = pattern(
    rf"(?<!\d)(?P<value>{_BIRTH_DATE}) (?:geboren|né|née|born|nato|nata|nacid[oa]|nascid[oa])\b",
    "[birthdate]",
    "born geboren né nat nac nasc",
)
_STREET_WORD: Final = r"(?:[A-ZÀ-Ý0-9][\w'.-]{0,30}\s){1,4}"
addresses: Final = pattern(
    rf"(?<![\w.])\d{{1,5}}[A-Za-z]?,?\s{_STREET_WORD}(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|"
    r"Boulevard|Blvd|Court|Ct|Way|Place|Pl|Square|Sq|Terrace|Close|Crescent|Highway|Hwy"
    r"|Parkway)\b\.?"
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
_IP_V4: Final = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)")


def _ip_v4(text: str) -> Iterator[Found]:
    """Yield IPv4 addresses; numbers of versions have the same form and are named as such."""
    for match in _IP_V4.finditer(text):
        if not is_reference(text, match.start()):
            yield *match.span(), "[ip]"


_IP_V6: Final = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{3,39}(?![\w:])")


def _ip_v6(text: str) -> Iterator[Found]:
    """Yield IPv6 addresses; times of day have the same form but do not parse."""
    for match in _IP_V6.finditer(text):
        if match.group().count(":") >= 2:
            try:
                ipaddress.IPv6Address(match.group())
            except ValueError:
                continue
            yield *match.span(), "[ip]"


_CARRIERS: Final = re.compile(
    r"1Z[A-Z0-9]{16}|JJ?D\d{16,20}|3S[A-Z0-9]{11,15}|[A-Z]{2}\d{9}[A-Z]{2}"
)


def _long_tokens(text: str) -> Iterator[Found]:
    """Yield words of 20 characters or more in which letters and at least four digits mix.

    Numbers of parcels have forms of their own.
    """
    for match in _LONG_TOKEN.finditer(text):
        token = match.group()
        if sum(map(str.isdigit, token)) < 4 or not any(map(str.isalpha, token)):
            continue
        if not _CARRIERS.fullmatch(token) and not is_reference(text, match.start()):
            yield *match.span(), "[secret]"


PERSONAL: Final[tuple[Detector, ...]] = (
    Detector(emails, ("@",)),
    emails_spelled,
    emails_in_addresses,
    emails_with_blanks,
    named_phones,
    addresses,
    birth_dates,
    born_after,
    Detector(_ip_v4, (".",), digits=4),
    Detector(_ip_v6, (":",), digits=1),
    Detector(phones, digits=7),
    account_numbers,
    any_codes,
    lone_codes,
    Detector(_long_tokens, digits=4),
    Detector(_long_numbers, digits=9),
)
