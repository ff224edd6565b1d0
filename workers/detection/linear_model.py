"""A second opinion where no rule is sure: linear models over classes or words, learned weights.

The weights in data/*_weights.json are made by benchmarks/detection/train.py.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise, repeat
from math import exp, sqrt
from pathlib import Path

import msgspec

_DATA = Path(__file__).parent / "data"
# A sentence is judged by its first classes; requests are short.
_MOST_CLASSES = 32
_REACH = 4


class LinearModel(msgspec.Struct, frozen=True):
    """Logistic regression; weights are in hundredths, features without one count for nothing."""

    bias: int
    weights: dict[str, int]

    def probability(self, features: Collection[str]) -> float:
        """Return the probability that a text with these features is one of those looked for."""
        if not features:
            return 0.0
        total = sum(map(self.weights.get, features, repeat(0)))
        return _probability((self.bias + total / sqrt(len(features))) / 100)


def _probability(logit: float) -> float:
    return 1 / (1 + exp(-max(-30.0, min(30.0, logit))))


def load(name: str) -> LinearModel:
    """Read the weights shipped under a name ("request" or "mood")."""
    return msgspec.json.decode((_DATA / f"{name}_weights.json").read_bytes(), type=LinearModel)


def class_features(sentence: str, words: list[str]) -> set[str]:
    """Classes of a sentence, pairs of them up to four apart, three in a row; its words and pairs.

    ``words`` are those that the classes stand for, one each.
    """
    line = f"^{sentence[:_MOST_CLASSES]}$"
    features = set(line)
    for distance in range(1, _REACH + 1):
        features.update(map("".join, zip(line, repeat(str(distance)), line[distance:])))
    features.update(map("".join, zip(line, line[1:], line[2:], strict=False)))
    read = words[:_MOST_CLASSES]
    features.update(map(" ".join, zip(repeat(""), read)))
    features.update(map(" ".join, pairwise(read)))
    return features


def word_features(words: list[str], text: str) -> set[str]:
    """Words, pairs of neighbours, and whether the text asks or exclaims."""
    features = {*words, *map(" ".join, pairwise(words))}
    features.update(mark for mark in "?!" if mark in text)
    return features
