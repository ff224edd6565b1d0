"""Counts, proportions with Wilson intervals, and the labelled texts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

OWN = Path(__file__).parent / "data"
_Z = 1.96


class Counts(NamedTuple):
    """Counts of labelled texts: found and missed of the positive, false and clean of the others."""

    found: int
    missed: int
    false: int
    clean: int

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.found / max(1, 2 * self.found + self.false + self.missed)


def count(scored: Iterable[tuple[bool, float]], threshold: float) -> Counts:
    """Count (label, score) pairs at a threshold."""
    found = missed = false = clean = 0
    for label, score in scored:
        found += label and score >= threshold
        missed += label and score < threshold
        false += not label and score >= threshold
        clean += not label and score < threshold
    return Counts(found, missed, false, clean)


def wilson(successes: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a proportion."""
    if not total:
        return 0.0, 1.0
    share = successes / total
    centre = share + _Z**2 / (2 * total)
    spread = _Z * sqrt(share * (1 - share) / total + _Z**2 / (4 * total**2))
    scale = 1 + _Z**2 / total
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def proportion(successes: int, total: int) -> str:
    """Write "0.93 [0.88, 0.96] 93/100"; a dash when there is nothing to count."""
    if not total:
        return "-"
    low, high = wilson(successes, total)
    return f"{successes / total:.3f} [{low:.3f}, {high:.3f}] {successes}/{total}"


def per_10_000(false: int, total: int) -> str:
    """Write false alarms among ordinary texts as "2.1 [0.8, 5.4] 4/19000" in 10,000."""
    if not total:
        return "-"
    low, high = wilson(false, total)
    return f"{false / total * 1e4:.1f} [{low * 1e4:.1f}, {high * 1e4:.1f}] {false}/{total}"


def sets(name: str) -> list[str]:
    """The names of the own sets of a kind ("requests", "frustration", …)."""
    return sorted(path.name.split(".")[1] for path in OWN.glob(f"{name}.*.jsonl"))


def own(name: str, half: str) -> list[dict[str, Any]]:
    """Read the own texts of a set ("requests", "frustration", …) and half ("dev", "test", …)."""
    with (OWN / f"{name}.{half}.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def public(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """Read the rows of a public file in the folder given with --data."""
    with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
