"""Train the alternative to the grammar, a linear model, and measure both side by side.

`python -m benchmarks.detection.train --data FOLDER` trains logistic regression over hashed n-grams
of words (1 to 3) and characters (3 to 5) and, for each source with requests, measures it on that
source after training on all others. Nothing that it learns is shipped: docs/detection.md says why.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Iterator
from math import exp
from pathlib import Path
from zlib import crc32

from benchmarks.detection.evaluate import asks
from benchmarks.detection.measures import own, per_10_000, proportion, public
from workers.detection import THRESHOLD
from workers.detection.tokens import fold

_BITS = 18
_EPOCHS = 4
_RATE = 0.2
_ALARMS = 5e-4
Row = tuple[str, bool, str]
Weights = list[float]


def features(text: str) -> list[int]:
    """Hash the n-grams of a text's words and characters."""
    _, words = fold(text)
    grams: set[str] = set()
    padded = ["^", *words, "$"]
    for size in (1, 2, 3):
        grams.update(" ".join(padded[at : at + size]) for at in range(len(padded) - size + 1))
    joined = f" {' '.join(words)} "
    for size in (3, 4, 5):
        grams.update("#" + joined[at : at + size] for at in range(len(joined) - size + 1))
    return [crc32(gram.encode()) & ((1 << _BITS) - 1) for gram in grams]


def train(rows: list[tuple[list[int], bool]]) -> Weights:
    """Fit logistic regression by AdaGrad; positives weigh more, being rare."""
    weights, seen = [0.0] * (1 << _BITS), [1e-3] * (1 << _BITS)
    order = list(range(len(rows)))
    shuffle = random.Random(0).shuffle  # noqa: S311 - the same order each time
    share = sum(label for _, label in rows) / len(rows)
    for _ in range(_EPOCHS):
        shuffle(order)
        for index in order:
            grams, label = rows[index]
            error = (label - predict(weights, grams)) * (0.5 / share if label else 1.0)
            step = error / len(grams) ** 0.5
            for gram in grams:
                seen[gram] += step * step
                weights[gram] += _RATE * step / seen[gram] ** 0.5
    return weights


def predict(weights: Weights, grams: list[int]) -> float:
    """The probability that a text with these n-grams is a request."""
    total = sum(weights[gram] for gram in grams) / max(1, len(grams)) ** 0.5
    return 1 / (1 + exp(-max(-30.0, min(30.0, total))))


def rows_of(folder: Path) -> Iterator[Row]:
    """Yield (text, label, source): the public requests, and the dev half of the own texts."""
    for row in public(folder, "explicit_request"):
        if row["kind"] == "request" and not row["suspect"]:
            yield row["text"], row["label"], row["source"].partition("_")[0]
    for row in own("requests", "dev"):
        yield row["text"], row["label"], "own"


def cut(scores: list[tuple[float, bool]]) -> float:
    """The lowest threshold with at most five alarms in 10,000 ordinary texts seen in training."""
    ordinary = sorted((score for score, label in scores if not label), reverse=True)
    return max(0.5, ordinary[int(len(ordinary) * _ALARMS)] + 1e-9)


def leave_out(rows: list[tuple[list[int], str, bool, str]], held_out: str) -> None:
    """Train without a source and print how model, grammar and both do on it."""
    known = [(grams, label) for grams, _, label, source in rows if source != held_out]
    weights = train(known)
    threshold = cut([(predict(weights, grams), label) for grams, label in known])
    verdicts: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for grams, text, label, source in rows:
        if source == held_out:
            model, grammar = predict(weights, grams) >= threshold, asks(text) >= THRESHOLD
            verdicts["linear model"].append((label, model))
            verdicts["grammar"].append((label, grammar))
            verdicts["either"].append((label, model or grammar))
            verdicts["both"].append((label, model and grammar))
    print(f"{held_out} left out of the training")
    for name, pairs in verdicts.items():
        found = sum(label and verdict for label, verdict in pairs)
        false = sum(not label and verdict for label, verdict in pairs)
        asked = sum(label for label, _ in pairs)
        print(
            f"  {name:14} recall {proportion(found, asked):32} "
            f"false/10,000 {per_10_000(false, len(pairs) - asked)}"
        )


def main() -> None:
    """Measure for each source in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public files")
    options = parser.parse_args()
    rows = [(features(text), text, label, source) for text, label, source in rows_of(options.data)]
    for held_out in sorted({source for *_, source in rows}):
        leave_out(rows, held_out)


if __name__ == "__main__":
    main()
