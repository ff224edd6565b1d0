"""Train the linear second opinions, and measure beside them what they were chosen over.

`python -m benchmarks.detection.train --data FOLDER` measures, for each source in turn, after
training on all others: the rules alone, the rules with the model over word classes (what is
shipped), and a bag of words and characters. With --write it then trains on everything and
writes workers/detection/data/request_weights.json and mood_weights.json.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from math import exp, sqrt
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.detection.measures import OWN, count, own, per_10_000, proportion, public
from workers.detection import (
    FRUSTRATION_THRESHOLD,
    THRESHOLD,
    customer,
    frustration,
    linear_model,
    request,
)
from workers.detection.lexicons import MOOD, REQUEST
from workers.detection.linear_model import LinearModel
from workers.detection.tokens import ClassifiedTurn, fold, parted, tokens

SHIPPED = Path(linear_model.__file__).parent / "data"
# Not author5_unseen: something must stay that nothing was learned from.
AUTHORS = ("author1", "author1_unseen", "author2", "author2_unseen", "author3")
PARTS = ("dev", "test", "fresh", "last", *AUTHORS, "author4", "wide")
MOOD_PARTS = ("dev", "test", "fresh", "last", "train", *AUTHORS)
_EPOCHS, _RATE, _DECAY = 8, 0.3, 1e-4
# Templated sources, and ordinary texts of which there are many, weigh less.
_TEMPLATED, _ORDINARY, _OFF_TOPIC = 0.2, 0.5, 0.1
# Of the bag of words: at most five alarms in 10,000 ordinary texts seen in training.
_ALARMS = 5e-4
_PER_SOURCE = 4000
# Weights below this many hundredths are left out.
_SMALLEST = 15


class Row(NamedTuple):
    """A labelled text of a source; ``weight`` is how much it counts in training."""

    text: str
    label: bool
    source: str
    weight: float = 1.0


class Example(NamedTuple):
    """One example to train a model on."""

    features: set[str]
    label: bool
    weight: float


def train(examples: Iterable[Example], *, at_least: int = 1) -> LinearModel:
    """Fit logistic regression by AdaGrad to features that occur in ``at_least`` examples."""
    rows = list(examples)
    seen = Counter(feature for row in rows for feature in row.features)
    kept = [(sorted(f for f in row.features if seen[f] >= at_least), row) for row in rows]
    weights: dict[str, float] = defaultdict(float)
    squares: dict[str, float] = defaultdict(lambda: 1e-3)
    bias, order = 0.0, random.Random(0)  # noqa: S311 - the same order each time
    for _ in range(_EPOCHS):
        order.shuffle(kept)
        for features, row in kept:
            norm = sqrt(max(1, len(row.features)))
            logit = bias + sum(weights[feature] for feature in features) / norm
            error = (row.label - 1 / (1 + exp(-max(-30.0, min(30.0, logit))))) * row.weight
            bias += 0.05 * error
            for feature in features:
                slope = error / norm - _DECAY * weights[feature]
                squares[feature] += slope * slope
                weights[feature] += _RATE * slope / sqrt(squares[feature])
    hundredths = {feature: round(100 * value) for feature, value in sorted(weights.items())}
    small = {feature: value for feature, value in hundredths.items() if abs(value) >= _SMALLEST}
    return LinearModel(round(100 * bias), small)


def turn_of(text: str) -> ClassifiedTurn:
    """Put a text into the classes of the request grammar."""
    parts = parted(fold(text)[0])
    return ClassifiedTurn(parts, tokens(parts), REQUEST)


def sentences(text: str) -> list[set[str]]:
    """The features of each sentence that may ask for somebody."""
    turn = turn_of(text)
    return [request.features(turn, *sentence) for sentence in request.sentences(turn.classes)]


def request_examples(rows: Iterable[Row]) -> list[Example]:
    """Sentences to learn from: of a request only where it is clear which one asks."""
    found = []
    for row in rows:
        asking = sentences(row.text)
        if not row.label or len(asking) == 1:
            found += [Example(features, row.label, row.weight) for features in asking]
    return found


def request_rows(folder: Path) -> list[Row]:
    """The public requests and the own texts."""
    rows = []
    for row in public(folder, "explicit_request"):
        if row["kind"] == "request" and not row["suspect"]:
            weight = _TEMPLATED if row["label"] else _ORDINARY
            rows.append(Row(row["text"], row["label"], row["source"], weight))
    for half in PARTS:
        rows += [Row(row["text"], row["label"], f"own {half}") for row in own("requests", half)]
    return rows


def bag(text: str) -> set[str]:
    """Words, up to three in a row, and three to five characters in a row."""
    words = ["^", *fold(text)[1], "$"]
    grams = {" ".join(words[at : at + n]) for n in (1, 2, 3) for at in range(len(words) - n + 1)}
    line = " ".join(words)
    grams |= {"#" + line[at : at + n] for n in (3, 4, 5) for at in range(len(line) - n + 1)}
    return grams


def by_rules(text: str) -> float:
    """The score of the rules alone."""
    return max((a.score for a in request.by_rules(turn_of(text)) if a), default=0.0)


def uncovered(text: str) -> list[tuple[set[str], float]]:
    """The features of the sentences that no rule covers, the model's part, and their cuts."""
    turn = turn_of(text)
    judged = zip(request.sentences(turn.classes), request.by_rules(turn), strict=True)
    return [
        (request.features(turn, *sentence), request.cut(sentence[1]))
        for sentence, asking in judged
        if asking is None
    ]


def compare_requests(rows: list[Row], held_out: str) -> None:
    """Train without a source and print what each method does on it."""
    known = [row for row in rows if row.source != held_out]
    model = train(request_examples(known), at_least=2)
    words = train(Example(bag(row.text), row.label, row.weight) for row in known)
    alarms = sorted((words.probability(bag(r.text)) for r in known if not r.label), reverse=True)
    cut = max(0.5, alarms[int(len(alarms) * _ALARMS)])

    def with_model(text: str) -> float:
        asked = by_rules(text)
        likely = any(model.probability(features) >= cut for features, cut in uncovered(text))
        return max(asked, THRESHOLD * likely)

    methods: dict[str, Callable[[str], float]] = {
        "rules": by_rules,
        "rules and model": with_model,
        "bag of words": lambda text: THRESHOLD * (words.probability(bag(text)) > cut),
    }
    print(f"{held_out}, left out of the training")
    for name, method in methods.items():
        counts = count(
            ((row.label, method(row.text)) for row in rows if row.source == held_out), THRESHOLD
        )
        print(
            f"  {name:16} recall {proportion(counts.found, counts.found + counts.missed):32} "
            f"false/10,000 {per_10_000(counts.false, counts.false + counts.clean)}"
        )


# How much a row of each source counts: templates and rules' labels little, what people wrote to a
# service most. Film lines (XED) count for nothing: without them, what is left out is judged better.
_SOURCES = {
    "goemotions": 0.5,
    "brighter_en": 0.7,
    "nhs_feedback": 0.5,
    "liu_reviews": 0.15,
    "cucom_rules": 0.075,
    "neutral_dstc11": 0.7,
    "neutral_multidogo": 0.5,
    "neutral_banking77": 0.9,
    "cfpb_pos": 0.5,
}
_MOST_OF_A_SOURCE = 7000


def mood_rows(folder: Path) -> list[Row]:
    """Return the own and the public texts on frustration, and ordinary ones that are not."""
    rows = []
    for half in MOOD_PARTS:
        rows += [Row(r["text"], r["label"], f"own {half}", 2.0) for r in own("frustration", half)]
    for manner in ("field", "posts"):
        found = own("frustration", manner)
        rows += [Row(r["text"], r["label"], f"own {manner}", 4.0) for r in found]
    for half in PARTS:
        near = [r for r in own("requests", half) if not r["label"] and r["lang"] == "en"]
        rows += [Row(r["text"], False, "near misses", 0.5) for r in near]
    for source, weight in _SOURCES.items():
        found = list(public(folder / "frustration", source))
        random.Random(1).shuffle(found)  # noqa: S311 - the same order each time
        for row in found[:_MOST_OF_A_SOURCE]:
            rows.append(Row(row["text"], bool(row["label"]), source, weight))
    taken: Counter[str] = Counter()
    for row in public(folder, "explicit_request"):
        angry = row["intent"] in {"complaint", "contact_human_agent"}
        if row["kind"] == "request" and not row["label"] and not angry:
            taken[row["source"]] += 1
            # Short questions and commands of every kind: the ones that must not be flagged.
            every = row["source"] == "clinc150"
            if every or taken[row["source"]] <= _PER_SOURCE:
                rows.append(Row(row["text"], False, row["source"], 1.6 if every else 0.5))
    return rows


def mood_examples(rows: Iterable[Row]) -> list[Example]:
    """Return texts as the model is asked about them."""
    examples = []
    for row in rows:
        folded, words = fold(row.text)
        known = frustration.plain_features(words, row.text)
        if words and customer.feels(words, short=customer.is_short(row.text)):
            parts = parted(folded)
            turn = ClassifiedTurn(parts, tokens(parts), MOOD)
            ruled = frustration.by_rules(turn, row.text)
            known = frustration.features(turn, words, row.text, ruled[0] if ruled else 0.0)
        examples.append(Example(known, row.label, row.weight))
    return examples


def compare_moods(rows: list[Row], held_out: str) -> None:
    """Train without a part of the own texts and print what rules and model do on it."""
    model = train(mood_examples(row for row in rows if row.source != held_out), at_least=2)

    def rules(text: str) -> float:
        parts = parted(fold(text)[0])
        found = frustration.by_rules(ClassifiedTurn(parts, tokens(parts), MOOD), text)
        return found[0] if found else 0.0

    def with_model(text: str) -> float:
        parts = parted(fold(text)[0])
        turn = ClassifiedTurn(parts, tokens(parts), MOOD)
        found = frustration.find_frustration(turn, fold(text)[1], text, model)
        return found.score if found else 0.0

    print(f"frustration, {held_out}, left out of the training")
    for name, method in {"rules": rules, "rules and model": with_model}.items():
        scored = [(row.label, method(row.text)) for row in rows if row.source == held_out]
        counts = count(scored, FRUSTRATION_THRESHOLD)
        print(
            f"  {name:16} F1 {counts.f1:.3f}  "
            f"precision {proportion(counts.found, counts.found + counts.false)}  "
            f"recall {proportion(counts.found, counts.found + counts.missed)}"
        )


def main() -> None:
    """Compare, and write the weights when asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public files")
    parser.add_argument("--write", action="store_true", help="write the weights that are shipped")
    parser.add_argument("--only-write", action="store_true", help="write without comparing")
    options = parser.parse_args()
    requests, moods = request_rows(options.data), mood_rows(options.data)
    if not options.only_write:
        for source in sorted({row.source for row in requests}):
            compare_requests(requests, source)
        for source in [f"own {half}" for half in MOOD_PARTS]:
            compare_moods(moods, source)
    if options.write or options.only_write:
        models = {
            "request": train(request_examples(requests), at_least=2),
            "mood": train(mood_examples(moods), at_least=3),
        }
        for name, model in models.items():
            path = SHIPPED / f"{name}_weights.json"
            path.write_bytes(msgspec.json.encode(model) + b"\n")
            print(f"{path}: {len(model.weights)} weights, texts in {OWN} and {options.data}")


if __name__ == "__main__":
    main()
