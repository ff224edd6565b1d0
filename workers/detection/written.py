"""The customer's own words in a message, apart from quoted and pasted text.

Quoted mail, signatures and pasted turns of a bot are blanked; positions stay.
"""

from __future__ import annotations

import re

# A line like one of these ends what the customer wrote; quoted mail follows.
_QUOTE_FOLLOWS = re.compile(
    r"(?:on|am|le|el|il|op|em|den) .{4,120}\b(?:wrote|schrieb|a écrit|a ecrit|escribió|escribio"
    r"|ha scritto|schreef|escreveu)\b.{0,80}:?\s*$"
    r"|-{2,}\s*(?:original message|forwarded message|ursprüngliche nachricht|message d'origine"
    r"|mensaje original|messaggio originale|oorspronkelijk bericht|mensagem original)"
    r"|begin forwarded message:|_{10,}\s*$",
    re.IGNORECASE,
)
_HEADER = re.compile(r"(?:from|von|de|da|van)\s*:\s*\S.{0,200}$", re.IGNORECASE)
_HEADER_TOO = re.compile(
    r"(?:sent|date|to|subject|gesendet|datum|an|betreff|envoyé|objet|para|asunto|data|oggetto"
    r"|verzonden|onderwerp|enviado|assunto|à|a|aan)\s*:",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:(?:with )?(?:kind|best|warm|many)?\s*regards|sincerely(?: yours)?|yours (?:sincerely"
    r"|truly|faithfully)"
    r"|best wishes|cheers|(?:mit )?(?:freundlichen?|besten?|viele|liebe) grü(?:ß|ss)en?"
    r"|(?:bien )?cordialement|un (?:cordial )?saludo|saludos(?: cordiales)?|atentamente"
    r"|cordiali saluti|distinti saluti|met vriendelijke groet(?:en)?|groetjes|atenciosamente"
    r"|com os melhores cumprimentos|sent from my \w+)\s*[,.!]?\s*$",
    re.IGNORECASE,
)
# Said in the middle of a mail as well: only a name and a role or a company after it make it an end.
_THANKS = re.compile(
    r"(?:many thanks|thanks(?: again)?|thank you|thx|best|all the best|danke|vielen dank|merci"
    r"|gracias|muchas gracias|grazie|bedankt|dank u|obrigad[oa]|vg|lg|mfg|mvg)\s*[,.!]?\s*$",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?:[^\W\d_][^\W\d_]?\.\s?|[^\W\d_][\w'\u2019-]+\.?\s?){1,4}$")
_SMALL = re.compile(r"(?<![\w@.-])[^\W\d_A-Z][^\W\d_]{3,}")
_ADDRESS = re.compile(r"[@|]|www\.|\+?\d[\d ()/-]{5,}")
_PASTED = re.compile(
    r"\s*(?:\[?\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?:\s?[ap]m)?\]?\s*-?\s*)?"
    r"(?:(?:chat|voice)?bot|assistant|virtual (?:assistant|agent)|ai(?: agent| assistant)?|agent"
    r"|support|system|auto(?:matic )?reply|asistente|assistente|assistent|asistant|mitarbeiter"
    r"|agente"
    r"|conseiller|medewerker)\s*(?:\[[^\]]{0,40}\]|\([^)]{0,40}\))?\s*:\s",
    re.IGNORECASE,
)


def own_words(text: str) -> str:
    """Return a text of the same length in which what others wrote is blank."""
    lines = text.split("\n")
    kept: list[str] = []
    begun = False
    for number, line in enumerate(lines):
        plain = line.strip()
        if _ends_here(lines, number, plain, begun):
            kept += [" " * len(rest) for rest in lines[number:]]
            break
        foreign = plain[:1] in (">", "|") or _PASTED.match(line[:120]) is not None
        kept.append(" " * len(line) if foreign else line)
        begun = begun or plain != ""
    return "\n".join(kept)


def _ends_here(lines: list[str], number: int, plain: str, begun: bool) -> bool:
    if plain == "--" or lines[number] == "-- ":
        return True
    if len(plain) > 300 or not begun:
        return False
    if _QUOTE_FOLLOWS.match(plain) or (
        # The date of a quoted mail may break the line.
        number + 1 < len(lines)
        and _QUOTE_FOLLOWS.match(f"{plain} {lines[number + 1].strip()}"[:300])
    ):
        return True
    if _HEADER.match(plain):
        return any(_HEADER_TOO.match(line.strip()) for line in lines[number + 1 : number + 4])
    # A name, a role, a company and a telephone number follow; more is no signature.
    if len(lines) - number > 10:
        return False
    if _CLOSING.match(plain):
        return True
    return _THANKS.match(plain) is not None and _is_signature(lines[number + 1 :])


def _is_signature(lines: list[str]) -> bool:
    """Return whether lines are a name and what stands under it: roles, companies, addresses."""
    said = [line.strip() for line in lines if line.strip()]
    if not said or len(said[0]) > 40 or not _NAME.match(said[0]) or not said[0].istitle():
        return False
    return all(
        len(line) <= 80 and (_ADDRESS.search(line) or not _SMALL.search(line)) for line in said[1:]
    )
