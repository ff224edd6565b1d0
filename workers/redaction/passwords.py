"""Finds passwords by what people say of them, before or after, in seven languages."""

import re
from collections.abc import Iterator
from typing import Final

from workers.redaction.patterns import PLACEHOLDERS, Detector, Found, pattern

_I: Final = re.IGNORECASE
LOGIN: Final = (
    r"(?:passwords?|passwd|pwd|pass[ -]?phrase|passwort|kennwort|(?<![a-z])(?:pw|mot de passe|mdp|"
    r"contrase[ñn]a|senha|wachtwoord|clave|parola d'ordine))"
)
LOGIN_NEEDS: Final = "pass pw kennwort mdp contrase senha wachtwoord clave parola"
ASSIGNED: Final = (
    r"""(?:[\\]{0,7}["'])?\s{0,3}(?:[:=]|=>)\s{0,3}(?:(?:bearer|basic|token)\s{1,3})?"""
    r"""(?P<value>[\\]{1,7}"[^"\\\n]{1,200}[\\]{1,7}"|"(?:[^"\\\n]|\\.){1,200}"|'[^'\n]{1,200}'|\S{1,200})"""
)
passwords_assigned: Final = pattern(LOGIN + ASSIGNED, "[password]", LOGIN_NEEDS, digits=0)
passwords_after_colon: Final = pattern(
    LOGIN + r"\b.{0,24}?\b(?:is|was|ist|lautet|est|es|é|è|to)\s{0,3}[:=]\s{0,3}"
    r"(?P<value>\"[^\"\n]{1,200}\"|'[^'\n]{1,200}'|\S{1,200})",
    "[password]",
    LOGIN_NEEDS,
    digits=0,
)
passwords_beside: Final = pattern(
    LOGIN + r" (?P<value>\"[^\"\n]{3,200}\"|'[^'\n]{3,200}'|"
    r"(?=[^\s\d]{0,30}\d)(?=[^\sA-Za-z]{0,30}[A-Za-z])[^\s\[]{6,64})",
    "[password]",
    LOGIN_NEEDS,
    digits=0,
)
passwords_in_short: Final = pattern(
    r"(?<![A-Za-z-])(?<!boarding )(?<!season )(?<!travel )(?<!day )(?<!bus )(?<!ski )"
    r"(?:pass|ww|psw)(?:\s?[:=]|\s(?:is|ist|est|es|è|é)\b)\s{0,3}(?P<value>(?=\S{0,60}[A-Za-z])(?=\S{0,60}[\d!#$%&*@])[^\s\[]{5,64})",
    "[password]",
    "pass ww psw",
)
_PROSE: Final = re.compile(
    LOGIN + r"\b[^.\n:=?\[]{0,24}?\b(?P<verb>is|was|to|ist|lautet|est|es|é|è)\s+"
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


_MINE: Final = (
    r"(?:(?:my|the|a|our|new|mein|das|neues|mon|le|mi|la|il|mia|minha|mijn|het|nieuw) ){0,2}"
)
_WITH_DIGIT: Final = r"(?=[^\s\d]{0,40}\d)(?=[^\sA-Za-z]{0,40}[A-Za-z])[^\s\[,;]{5,64}"
passwords_before: Final = pattern(
    rf"(?<!\S)(?P<value>{_WITH_DIGIT}|[\"'\u201c][^\"'\u201d\n]{{3,80}}[\"'\u201d])"
    rf" (?:as|als|comme|como|come|de|is|was|ist|est|es|é|è) {_MINE}{LOGIN}",
    "[password]",
    LOGIN_NEEDS,
)
passwords_used: Final = pattern(
    r"\b(?:use|used|using|set|have|uso|us[eé]|utilise|benutze|nutze|nehme|gebruik|gebruikte)\s"
    rf"(?P<value>(?!(?:it|that|this|the|my|mine|same|das|es|lo|la|le|het)\b)[^\s\[,;]{{4,64}})\s"
    rf"(?:as|als|comme|como|come)\s{_MINE}{LOGIN}",
    "[password]",
    LOGIN_NEEDS,
    digits=0,
)
passwords_changed: Final = pattern(
    r"\b(?:chang|reset|set|updat|geänder|gesetzt|modifi|cambi|mud|alter|wijzig|verander)\w{0,6}"
    rf"\s(?:[^\s\d]{{1,16}}\s){{0,3}}(?:to|into|auf|in|zu|en|à|por|a|para|naar)\s(?P<value>{_WITH_DIGIT})",
    "[password]",
    LOGIN_NEEDS,
)
passphrases: Final = pattern(
    r"\b(?:pass ?phrase|phrase de passe|phrase secrète|frase (?:secreta|segreta|de seguridad)|"
    r"geheimsatz|wachtwoordzin)\b[^\n:=]{0,16}?(?:\b(?:is|was|ist|lautet|est|es)\b|[éè]|[:=])\s{0,3}"
    r"(?P<value>[^\n.,;!?\[]{3,200})",
    "[password]",
    "phrase frase geheimsatz wachtwoordzin",
    digits=0,
)
wifi_keys: Final = pattern(
    r"\b(?:wi-?fi|wlan|wpa2?|wpa3?|network|router)[ -]?(?:key|code|pass\w{0,6}|schlüssel|sleutel|"
    r"pin)"
    rf"\b[^\n:=\d]{{0,24}}[:=]?\s{{0,2}}(?P<value>{_WITH_DIGIT}|\d{{8,20}})|"
    rf"\b(?:clé|clave|chiave|código|codice)(?: (?:du|de|del|di|da))?(?: la|"
    rf" il)? wi-?fi\b[^\n:=\d]{{0,24}}"
    rf"[:=]?\s{{0,2}}(?P<other>{_WITH_DIGIT})",
    "[password]",
    "wifi wi-fi wlan wpa network router",
)
user_and_password: Final = pattern(
    r"\b(?:user(?:name)?|login(?: details| data| info)?|zugangsdaten|credentials|identifiants|"
    r"credenciales|credenziali|"
    r"credenciais|inloggegevens|benutzer(?:name)?|usuario|utente|gebruiker|identifiant)\s?[:=/]?\s?\S{1,64}"
    rf"(?:\s?[/,|]\s?|\s(?:und|and|et|y|e|en)\s)(?P<value>{_WITH_DIGIT})",
    "[password]",
    "user login benutzer usuario utente gebruiker identifiant zugangsdaten credenci credenzi "
    "credential inloggegevens",
)

passwords_owned: Final = pattern(
    rf"(?<!\S)(?P<value>{_WITH_DIGIT})[^\n.]{{1,32}}?\b(?:that'?s|this is|it'?s|which is|das ist|"
    rf"c'est|"
    rf"es|è|é) (?:my|mein|mon|mi|mia|minha|mijn) {LOGIN}",
    "[password]",
    LOGIN_NEEDS,
)
passwords_after_short: Final = pattern(
    rf"(?<![\w-])(?:ww|psw) (?P<value>{_WITH_DIGIT})", "[password]", "ww psw"
)
passwords_tried: Final = pattern(
    rf"(?<!\S)(?P<value>{_WITH_DIGIT}) (?:and|or|und|oder|et|ou|y|o|e|en|of) {_WITH_DIGIT}"
    rf" (?:as|als|comme|como|come) {_MINE}{LOGIN}",
    "[password]",
    LOGIN_NEEDS,
)
passwords_quoted: Final = pattern(
    LOGIN
    + r"[^\n\"\u201c\u201d\]]{0,40}[\"\u201c](?P<value>(?![:,\s])[^\"\u201d\n]{3,80})[\"\u201d]",
    "[password]",
    LOGIN_NEEDS,
    digits=0,
)
new_passwords: Final = pattern(
    r"\b(?:new|old|other|current|previous|neue\w?|alte\w?|nouveau|ancien|nuev[ao]|viej[ao]|nuov[ao]|"
    rf"vecchi[ao]|nov[ao]|velh[ao]|antig[ao]|nieuwe|oude)(?: one)?\s(?:is|was|ist|war|est|es|era|"
    rf"è|é)\s(?P<value>{_WITH_DIGIT})",
    "[password]",
    LOGIN_NEEDS,
)
_NEAR: Final = re.compile(
    LOGIN + rf"\b(?P<between>[^.\n!?]{{0,40}}?)(?<=[\s:=])(?P<value>{_WITH_DIGIT})", re.IGNORECASE
)
_NO_PASSWORD: Final = re.compile(
    r"[A-Z0-9./:#-]+|\S+@\S+\.\S+|\S*://\S*|www\.\S+|#?\S{0,3}\d+\S{0,2}|"
    r"(?i:(?:i?phone|windows?|android|office|ios|galaxy|pixel|version|macos|v)[\d.]+\w{0,6})"
)


def _passwords_near(text: str) -> Iterator[Found]:
    """Yield the first word after "password" that is made as passwords are: letters and digits.

    Order numbers, addresses and names of devices are not.
    """
    for match in _NEAR.finditer(text):
        value = match["value"].rstrip(".,;:!?)")
        if len(value) >= 6 and value[0] not in "\"'{[" and not _NO_PASSWORD.fullmatch(value):
            yield *match.span("value"), "[password]"


PASSWORDS: Final[tuple[Detector, ...]] = (
    passwords_assigned,
    Detector(_passwords_told, tuple(LOGIN_NEEDS.split())),
    passwords_after_colon,
    passwords_beside,
    passwords_in_short,
    passwords_before,
    passwords_used,
    passwords_changed,
    passphrases,
    wifi_keys,
    user_and_password,
    passwords_owned,
    passwords_after_short,
    passwords_tried,
    passwords_quoted,
    new_passwords,
    Detector(_passwords_near, tuple(LOGIN_NEEDS.split()), digits=1),
)
