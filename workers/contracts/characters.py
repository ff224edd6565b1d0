"""One form for characters that mean the same, with a way back to where they stood.

Accents are composed; full-width letters, odd blanks and HTML entities get their plain form;
invisible characters are left out.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from unicodedata import combining, is_normalized, normalize

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")
# Blanks, letters and digits that have a plainer form, and what is not seen at all.
_OTHER_FORMS = re.compile(
    "[\u00a0\u00ad\u2000-\u200f\u202f\u205f\u2060\u3000\ufb00-\ufb06\ufeff\uff00-\uffef\U0001d400-\U0001d7ff]"
)
_LONGEST_CLUSTER = 8


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


def escaped(text: str) -> str:
    """Return a text in which nothing ends a line, commands a terminal or turns the writing round.

    Used in log lines, on terminals and pages, where others' words stand beside ours.
    """
    if text.isprintable():
        return text
    return "".join([one if one.isprintable() else ascii(one)[1:-1] for one in text])


def position(moves: list[tuple[int, int]], here: int) -> int:
    """Return where a position in a comparable text was in the text as it came."""
    index = bisect_right(moves, (here, 1 << 60)) - 1
    there = here if index < 0 else moves[index][1] + here - moves[index][0]
    # One character may have become several.
    return there if index + 1 == len(moves) else min(there, moves[index + 1][1])
