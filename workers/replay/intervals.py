"""The distance of a share from what was counted: intervals at 95 % confidence."""

from math import sqrt
from typing import Final

Interval = tuple[float, float]

_Z: Final = 1.959963984540054


def wilson(hits: int, of: int) -> Interval | None:
    """Return Wilson's score interval of a share; None without any."""
    if of == 0:
        return None
    share, z2 = hits / of, _Z * _Z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z / (1 + z2 / of) * sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)


def paired(gained: int, lost: int, of: int) -> Interval | None:
    """Return the interval of (gained - lost) / of, both counted among the same conversations.

    It is Bonett's and Price's, which holds also where few have changed; None without any.
    """
    if of == 0:
        return None
    more, fewer = (gained + 1) / (of + 2), (lost + 1) / (of + 2)
    half = _Z * sqrt((more + fewer - (more - fewer) ** 2) / (of + 2))
    return max(-1.0, more - fewer - half), min(1.0, more - fewer + half)
