"""Finds payment data, credentials and national ids, by form and by the words before them."""

import re
import string
from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise
from typing import Final

from stdnum import luhn
from stdnum.br import cpf
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.it import codicefiscale

from workers.redaction.one_time_codes import ONE_TIME_CODES
from workers.redaction.passwords import ASSIGNED, PASSWORDS
from workers.redaction.patterns import Detector, Found, pattern

_I: Final = re.IGNORECASE
_GAP: Final = r"[ \t\r\n\u00a0\u2009\u200b\u202f.,_*|\-\u2010-\u2013/]{0,5}"
_DIGIT_RUN: Final = re.compile(rf"\d(?:{_GAP}\d){{12,}}")
_GROUP: Final = re.compile(r"\d+")
_CARD_STARTS: Final = "23456"
# So many single digits, or pairs, hold sums that fit almost everywhere: they are hidden unread.
_SCATTERED: Final = 76
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
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
_IBAN_GAPS: Final = " \u00a0./_\t\n-"
_IBAN: Final = re.compile(
    rf"(?<![A-Za-z0-9])([A-Z]{{2}})[{_IBAN_GAPS}]?\d{{2}}(?:[{_IBAN_GAPS}]?[A-Z0-9]){{11,30}}",
    _I | re.ASCII,
)
_WITHOUT_GAPS: Final = str.maketrans("", "", _IBAN_GAPS)


def _cards(text: str) -> Iterator[Found]:
    """Yield payment card numbers of 13 to 19 digits, in one piece or in groups (Luhn)."""
    for run in _DIGIT_RUN.finditer(text):
        groups = [match.span() for match in _GROUP.finditer(text, run.start(), run.end())]
        for first, last in _cards_in(text, groups):
            yield groups[first][0], groups[last][1], "[card]"
            yield from _beside(text, groups[last][1])
        if _is_named_card(text, groups):
            yield groups[0][0], groups[-1][1], "[card]"


_EXPIRY_AFTER: Final = re.compile(
    r"[^\d\n]{1,32}?\n?(?P<value>(?:0?[1-9]|1[0-2]) ?[/.-] ?(?:20)?[2-9]\d)(?![\d/.-]\d)"
)
_CODE_AFTER: Final = re.compile(
    r"(?:[^\d\n]|\b[34]\b){1,40}?\n?(?P<value>\d{3,4})(?![\d/-]|[.,]\d| ?(?:€|\$|£|eur|usd|gbp))",
    _I,
)


def _beside(text: str, end: int) -> Iterator[Found]:
    """Yield the expiry and the code that stand after a card, with or without a name."""
    expiry = _EXPIRY_AFTER.match(text, end)
    if expiry is None:
        return
    yield *expiry.span("value"), "[expiry]"
    if code := _CODE_AFTER.match(text, expiry.end()):
        yield *code.span("value"), "[code]"


_CARD_NAMED: Final = re.compile(
    r"\b(?:visa|master ?card|amex|maestro|(?:credit|debit|kredit)?(?:card|karte|kaart)|"
    r"carte|tarjeta|carta|cart[aã]o)",
    _I,
)
_NAMED_BEFORE: Final = 64


def _is_named_card(text: str, groups: list[tuple[int, int]]) -> bool:
    """Return whether digits in any groups are a card's: the sum is right, a card named before."""
    if not 4 <= len(groups) <= 8 or text[groups[0][0]] not in _CARD_STARTS:
        return False
    digits = "".join([text[start:end] for start, end in groups])
    before = max(0, groups[0][0] - _NAMED_BEFORE)
    return (
        len(digits) in (15, 16)
        and _CARD_NAMED.search(text, before, groups[0][0]) is not None
        and luhn.is_valid(digits)
    )


def _cards_in(text: str, groups: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last group of what may be a card, by its groups and its sum."""
    sizes = [end - start for start, end in groups]
    gaps = [text[left[1] : right[0]] for left, right in pairwise(groups)]
    before = [0, *accumulate(sizes)]
    alike = _alike_until(sizes, gaps)
    sums = _luhn_sums("".join([text[start:end] for start, end in groups]))
    after = 0
    for first, size in enumerate(sizes):
        if first < after or text[groups[first][0]] not in _CARD_STARTS:
            continue
        begin = before[first]
        if size <= 2 and before[alike[first] + 1] - begin > _SCATTERED:
            yield first, alike[first]
            after = alike[first] + 1
            continue
        for last in _ends(sizes, gaps, alike[first], first):
            end = before[last + 1]
            doubled = sums[end % 2]
            if 13 <= end - begin <= 19 and (doubled[end] - doubled[begin]) % 10 == 0:
                yield first, last


def _ends(sizes: list[int], gaps: list[str], alike: int, first: int) -> Iterable[int]:
    """Return the groups with which a card may end, unlike dates and tables.

    A card's groups have one size, the last perhaps a smaller one, and one separator; or the sizes
    that are printed on cards.
    """
    size = sizes[first]
    if size >= 13:
        return (first,)
    if size > 6:
        return ()
    end = alike + 1
    if end < len(sizes) and sizes[end] < size and gaps[end - 1] == gaps[first]:
        end += 1
    ends = range(first + 12 // size, min(end, first + 19 // size + 1))
    if size != 4:
        return ends
    most = min(5, len(sizes) - first)
    printed = [n for n in range(3, most + 1) if tuple(sizes[first : first + n]) in _CARD_GROUPS]
    return {*ends, *(first + n - 1 for n in printed)}


def _alike_until(sizes: list[int], gaps: list[str]) -> list[int]:
    """Say of each group up to which one all have its size, with one separator between them."""
    until = list(range(len(sizes)))
    for at in range(len(sizes) - 2, -1, -1):
        if sizes[at] == sizes[at + 1]:
            further = until[at + 1] > at + 1 and gaps[at] == gaps[at + 1]
            until[at] = until[at + 1] if further else at + 1
    return until


def _luhn_sums(digits: str) -> tuple[list[int], list[int]]:
    """Return Luhn's sums up to each digit, with the digits at even or at odd places doubled.

    A number that ends before place `n` doubles the places of the parity of `n`.
    """
    values = list(map(int, digits))
    doubles = list(map(_DOUBLED.__getitem__, values))
    even, odd = values.copy(), values.copy()
    even[::2], odd[1::2] = doubles[::2], doubles[1::2]
    return [0, *accumulate(even)], [0, *accumulate(odd)]


_BASE_36: Final = {ord(letter): str(int(letter, 36)) for letter in string.ascii_uppercase}


def _ibans(text: str) -> Iterator[Found]:
    """Yield international bank account numbers (mod 97)."""
    at = 0
    while (match := _IBAN.search(text, at)) is not None:
        at = match.end(1)
        length = _IBAN_LENGTHS.get(match[1].upper())
        characters = match.group().translate(_WITHOUT_GAPS)
        if length is None or len(characters) < length:
            continue
        number = characters[4:length] + characters[:4]
        if int(number.upper().translate(_BASE_36)) % 97 == 1:
            end = _after(text, match.start(), length)
            yield match.start(), end, "[iban]"
            at = end


def _after(text: str, start: int, characters: int) -> int:
    """Return the place after so many characters that are not separators."""
    end = start
    while characters:
        characters -= text[end] not in _IBAN_GAPS
        end += 1
    return end


_KEYS: Final = (
    r"(?:(?:secret[ _-]?)?access[ _-]?key|secret(?:[ _-]?key)?|api[ _-]?key|client[ _-]?secret|"
    r"private[ _-]?key|authorization|(?:set-)?cookie|(?:php|j)?sess(?:ion)?[ _-]?id|csrf\w{0,20}|"
    r"(?<![a-z])(?:(?:access|auth|refresh|session|bearer)[ _-]?)?token|(?<=[?&])sig(?:nature)?)"
)
secrets_assigned: Final = pattern(
    _KEYS + ASSIGNED, "[secret]", "secret key authorization token sig cookie sess csrf", digits=0
)
secrets_told: Final = pattern(
    r"(?:client|api|access|secret|private|auth|bearer)[ _-]?(?:secret|key|token)\s"
    r"(?:is|was|ist|lautet|est|es|è|é)\s(?P<value>(?=[^\s\d]{0,60}\d)[^\s\[]{8,200})",
    "[secret]",
    "secret key token",
)
recovery_phrases: Final = pattern(
    r"\b(?:seed|recovery|backup|secret)[ -](?:phrase|words)[^\n:=]{0,20}?(?:[:=]|\bis\b|\bare\b)\s?"
    r"(?P<value>[^\n]{3,300})",
    "[secret]",
    "phrase words",
    digits=0,
)
card_expiry: Final = pattern(
    r"(?<![^\W\d_])(?:exp?(?:iry|ires?|iration|iring)?(?: date)?|valid (?:thru|until|to|till)|"
    r"good thru|"
    r"gültig bis|ablauf(?:datum)?|läuft(?: ab)?|verfall(?:sdatum|datum)?|"
    r"expire|valable jusqu['\u2019](?:au|en|à)|date d['\u2019]exp\w{0,8}|fin de validité|"
    r"cad(?:uca|ucidad|\.)?|ven(?:ce|cimiento|c\.?|cimento)|válid[ao] (?:hasta|até)|"
    r"scad(?:e|enza|\.)?|valida fino|val(?:idade|\.)?|"
    r"vervaldatum|verloopt|vervalt|geldig (?:tot|t/m))(?![^\W\d_])[^\d\n]{0,12}?"
    r"(?P<value>(?:0?[1-9]|1[0-2]) ?[/.-] ?(?:20)?[2-9]\d)(?![\d./-])",
    "[expiry]",
    "exp valid valable good thru gültig ablauf läuft verfall cad ven scad val geldig verloopt "
    "verval",
)
bank_codes: Final = pattern(
    r"\b(?:routing|aba|sort)[ -]?(?:number|code|no)\b[^\d\n]{0,10}(?P<value>\d[\d -]{4,9}\d)\b|"
    r"\bsort\b[^\d\n]{0,6}(?P<other>\d\d-\d\d-\d\d)(?![\d-])",
    "[bank]",
    "routing aba sort",
)
slashed_secrets: Final = pattern(
    r"(?<![A-Za-z0-9/+=])(?=[A-Za-z0-9]{0,39}[/+])(?=[^a-z]{0,39}[a-z])(?=[^A-Z]{0,39}[A-Z])"
    r"(?=[^0-9]{0,39}[0-9])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
    "[secret]",
    flags=0,
)
secrets_of_commands: Final = pattern(
    r"\s-u\s?\S{1,64}\s(?:-p|--password[= ])(?P<value>[^\s-]\S{3,63})", "[password]", "-p", digits=0
)
hex_secrets: Final = pattern(
    r"(?<![\w-])(?=[a-f]{0,31}\d)(?=\d{0,31}[a-f])(?:[0-9a-f]{64}|[0-9a-f]{40}"
    r"|[0-9a-f]{32})(?![\w-])",
    "[secret]",
    digits=4,
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
    r"\b(?:passport|pasaporte|passeport|passaporto|passaporte|paspoort|reisepass|social security"
    r"|ssn|"
    r"national (?:id|insurance)|driver'?s? licen[cs]e|driving licen[cs]e|führerschein"
    r"|permis de conduire|cni|dni|nie|cédula|contribuinte|rijksregister\w{0,8}|identiteitskaart|"
    r"id-kaart|"
    r"(?-i:DNI|NIE|NIF|CPF|BSN|NIR|NINO)|codice fiscale|steuer-?(?:id|nummer)|"
    r"(?:personal)?ausweis\w{0,8}|"
    r"sozialversicherungs\w{0,8}|sécurité sociale|carte d'identité|"
    r"carta (?:d['\u2019 ]?)?identit[aà]|"
    r"cart[aã]o de cidad[aã]o|burgerservicenummer|rijbewijs|patente|carta de condução|"
    r"carnet de conducir|permiso de conducir|identity card"
    r"|id card)(?:nummer|number|nr|no)?\b[^\d\n\[]{0,20}?"
    r"(?P<value>\b(?=[A-Z.-]{0,16}\d)[A-Z0-9][A-Z0-9.-]{4,19})\b",
    "[id]",
    "passport pasaporte passeport passaport paspoort reisepass social ssn national driv führer "
    "permis "
    "cni cédula contrib rijksreg dni nie nif cpf bsn nir nino fiscale steuer patente conduc "
    "conduç ausweis sozial identit cidad burger rijbewijs card kaart",
)

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


_EUROPEAN: Final = re.compile(
    r"(?<![\w-])(?:(?P<dni>\d{8}[ -]?[A-Z])|(?P<nie>[XYZ][ -]?\d{7}[ -]?[A-Z])|"
    r"(?P<cf>[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z])|(?P<cpf>\d{3}\.\d{3}\.\d{3}-\d{2})|"
    r"(?P<nir>[12] ?\d{2} ?\d{2} ?\d{2} ?\d{3} ?\d{3} ?\d{2}))(?![\w-])",
    _I,
)
_VALID: Final = {
    "dni": dni.is_valid,
    "nie": nie.is_valid,
    "cf": codicefiscale.is_valid,
    "cpf": cpf.is_valid,
    "nir": nir.is_valid,
}


def _european_ids(text: str) -> Iterator[Found]:
    """Yield national ids of Spain, Italy, Brazil and France whose check digits are right."""
    for match in _EUROPEAN.finditer(text):
        if match.lastgroup is not None and _VALID[match.lastgroup](match.group()):
            yield *match.span(), "[id]"


PAYMENT_AND_CREDENTIALS: Final[tuple[Detector, ...]] = (
    Detector(_cards, digits=13),
    Detector(_ibans, digits=2),
    card_expiry,
    bank_codes,
    Detector(_private_keys, ("-----begin ",)),
    known_tokens,
    url_credentials,
    secrets_assigned,
    secrets_told,
    recovery_phrases,
    *ONE_TIME_CODES,
    *PASSWORDS,
    Detector(_opaque_tokens, digits=1),
    hex_secrets,
    secrets_of_commands,
    slashed_secrets,
    government_ids,
    Detector(_european_ids, digits=7),
    named_ids,
)
