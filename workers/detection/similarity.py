"""A small sketch of a turn: a repeated or rephrased turn is recognised without its text."""

from __future__ import annotations

import string
from zlib import crc32

SKETCH_SIZE = 8
_LIMIT = 240
_PUNCTUATION = string.punctuation.encode()
_SPACED = bytes.maketrans(_PUNCTUATION, b" " * len(_PUNCTUATION))


def progress_key(text: str) -> tuple[int, ...]:
    """Sketch the beginning of a turn: the least eight hashes of its longer words, ascending."""
    words = text[:_LIMIT].lower().encode(errors="replace").translate(_SPACED).split()
    # Words of four bytes or more, in any script: the short ones are what every turn has.
    return tuple(sorted(map(crc32, {word for word in words if len(word) > 3}))[:SKETCH_SIZE])


def content_words(text: str) -> set[int]:
    """Return hashes of the longer words at the beginning of a turn, and of all with a digit."""
    words = text[:_LIMIT].lower().encode(errors="replace").translate(_SPACED).split()
    return {crc32(word) for word in words if len(word) > 3 or not word.isalpha()}


def similarity(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    """Estimate how much two sketches share, 0 (nothing) to 1; exact for turns of up to 8 words."""
    shared = set(a).intersection(b)
    if not shared:
        return 0.0
    union = sorted({*a, *b})[:SKETCH_SIZE]
    return len(shared.intersection(union)) / len(union)
