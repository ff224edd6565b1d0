"""What a customer wrote, apart from what only stands in their message, in characters that compare.

Quoted mail, signatures and pasted turns of a bot are blanked; accents, full-width letters, odd
blanks and HTML entities are brought into one form. Positions lead back into the text as it came.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from unicodedata import combining, is_normalized, normalize

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
_PASTED = re.compile(
    r"\s*(?:(?:chat|voice)?bot|assistant|virtual (?:assistant|agent)|ai(?: agent| assistant)?|agent"
    r"|support|system|auto(?:matic )?reply|asistente|assistente|assistent|asistant|mitarbeiter"
    r"|agente"
    r"|conseiller|medewerker)\s*(?:\[[^\]]{0,40}\]|\([^)]{0,40}\))?\s*:\s",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")
# Blanks, letters and digits that have a plainer form, and what is not seen at all.
_OTHER_FORMS = re.compile(
    "[\u00a0\u00ad\u2000-\u200f\u202f\u205f\u2060\u3000\ufb00-\ufb06\ufeff\uff00-\uffef\U0001d400-\U0001d7ff]"
)
_LONGEST_CLUSTER = 8


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
    return len(lines) - number <= 10 and _CLOSING.match(plain) is not None


def comparable(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return a text in one form of its characters, and where its positions lead.

    The list holds (position here, position there) wherever the two part, in order; it is empty
    when the text was in that form.
    """
    entities = "&" in text and _ENTITY.search(text) is not None
    if not entities and not _OTHER_FORMS.search(text) and is_normalized("NFC", text):
        return text, []
    parts: list[str] = []
    moves: list[tuple[int, int]] = []
    at = here = 0
    while at < len(text):
        end = at + 1
        found = _ENTITY.match(text, at) if text[at] == "&" else None
        if found is not None:
            end, piece = found.end(), html.unescape(found[0])
        else:
            while end < len(text) and combining(text[end]) and end - at < _LONGEST_CLUSTER:
                end += 1
            piece = text[at:end]
        piece = _INVISIBLE.sub("", normalize("NFKC", piece))
        parts.append(piece)
        here += len(piece)
        at = end
        if here - at != (moves[-1][0] - moves[-1][1] if moves else 0):
            moves.append((here, at))
    return "".join(parts), moves


def position(moves: list[tuple[int, int]], here: int) -> int:
    """Return where a position in a comparable text was in the text as it came."""
    index = bisect_right(moves, (here, 1 << 60)) - 1
    there = here if index < 0 else moves[index][1] + here - moves[index][0]
    # One character may have become several.
    return there if index + 1 == len(moves) else min(there, moves[index + 1][1])
