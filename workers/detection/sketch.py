"""A small sketch of a turn, by which a repeated or rephrased turn is recognised without its text."""

from __future__ import annotations

import re
from zlib import crc32

SKETCH_SIZE = 8
_WORD = re.compile(r"\w+")
_STOP = frozenset(
    """a about am an and any are as at be been but by can could d did do does doesn don for from
    get go had has have he hello help her here hi him his how i if in is isn it its just ll m me
    my need no not now of on or our out please re s she so some still t tell thank thanks that the
    their them then there they this to u up us ve want was we were what when where which who why
    will with would yes you your""".split()
)


def _mixed(word: str) -> int:
    return (crc32(word.encode()) * 0x9E3779B1) & 0xFFFFFFFF


def progress_key(text: str) -> tuple[int, ...]:
    """Sketch a turn: the least eight hashes of its content words, ascending; numbers are kept."""
    words = _WORD.findall(text[:4000].lower())
    content = {w.rstrip("s") for w in words if w not in _STOP} or set(words)
    return tuple(sorted({_mixed(w) for w in content})[:SKETCH_SIZE])


def similarity(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    """Estimate how much two sketches share, 0 (nothing) to 1; exact for turns of up to 8 words."""
    if not a or not b:
        return 0.0
    left, right = set(a), set(b)
    union = sorted(left | right)[:SKETCH_SIZE]
    return sum(1 for h in union if h in left and h in right) / len(union)
