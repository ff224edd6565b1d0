"""The share of escalated conversations over time beside its band, as points of an SVG."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from workers.contracts.time import HOUR

WIDTH: Final = 640
HEIGHT: Final = 150
_LEFT: Final = 40
_BOTTOM: Final = 18
_TOP: Final = 8
_LEAST_TOP: Final = 0.30
_POINTS: Final = 240
_DAY_HOURS: Final = 24


class RateChart(NamedTuple):
    """The coordinates of everything in the chart, in units of the picture."""

    line: str
    band_y: float
    band_height: float
    last: tuple[float, float] | None
    shares: list[tuple[float, str]]
    """Heights of the scale and what they are called."""
    hours: list[tuple[float, str]]


def rate_chart(course: Sequence[Any], at_ms: int) -> RateChart | None:
    """Return the chart of the last 24 hours' samples, oldest first; None without any."""
    if not course:
        return None
    start: int = max(course[0]["at"], at_ms - _DAY_HOURS * HOUR)
    length = max(HOUR, at_ms - start)
    step = max(1, len(course) // _POINTS)
    chosen = [*course[:-1:step], course[-1]]
    shares: list[float] = [
        row["escalated"] / row["conversations"] if row["conversations"] else 0.0 for row in chosen
    ]
    low, high = float(course[-1]["low"]), float(course[-1]["high"])
    top = min(1.0, max(_LEAST_TOP, high * 1.5, max(shares) * 1.15))

    def y(share: float) -> float:
        return round(_TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - share / top), 1)

    def x(moment_ms: int) -> float:
        return round(_LEFT + (WIDTH - _LEFT - 6) * (moment_ms - (at_ms - length)) / length, 1)

    points = [(x(row["at"]), y(share)) for row, share in zip(chosen, shares, strict=True)]
    hours = length // HOUR
    every = next(step for step in (1, 2, 3, 6, 12) if hours / step <= 6)
    return RateChart(
        line=" ".join(f"{left},{up}" for left, up in points),
        band_y=y(high),
        band_height=round(y(low) - y(high), 1),
        last=points[-1],
        shares=[(y(top * part), f"{top * part:.0%}") for part in (0, 0.5, 1)],
        hours=[
            (x(at_ms - back * HOUR), "now" if back == 0 else f"{back} h ago")
            for back in range(0, hours + 1, every)
        ],
    )
