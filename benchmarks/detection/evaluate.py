"""Measure the detection stage per source; `python -m benchmarks.detection.evaluate --help`.

Without --data only the own texts are measured. --data names a folder with explicit_request,
frustration and conversations (.jsonl.gz) as derived from public sources.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.detection.measures import count, own, per_10_000, proportion, public, sets
from workers.detection import (
    FRUSTRATION_THRESHOLD,
    THRESHOLD,
    Finding,
    read_agent,
    read_customer,
)

# The reference table's idea of a request for a person.
SUBSTRINGS = (
    "talk to a human", "speak to a manager", "escalate", "supervisor", "i want to talk to someone",
    "this is ridiculous", "not satisfied", "do something", "this is not acceptable",
)  # fmt: skip
Scorer = Callable[[str], float]


def asks(text: str) -> float:
    """Score a text as a request for a person."""
    return _score(read_customer(text).requested_human)


def cross(text: str) -> float:
    """Score the frustration in a text."""
    return _score(read_customer(text).frustrated)


def by_substrings(text: str) -> float:
    """Score as the reference table does."""
    return float(any(part in text.lower() for part in SUBSTRINGS))


def _score(finding: Finding | None) -> float:
    return finding.score if finding else 0.0


def request_table(rows: Iterable[dict[str, Any]], scorer: Scorer, by: str) -> None:
    """Print recall and false alarms per source (or language)."""
    groups: dict[str, list[tuple[bool, float]]] = defaultdict(list)
    for row in rows:
        groups[row[by]].append((row["label"], scorer(row["text"])))
    for name in sorted(groups):
        counts = count(groups[name], THRESHOLD)
        recall = proportion(counts.found, counts.found + counts.missed)
        false = per_10_000(counts.false, counts.false + counts.clean)
        print(f"  {name:22} recall {recall:32} false/10,000 {false}")


def mood_line(name: str, rows: Iterable[dict[str, Any]]) -> None:
    """Print precision, recall and F1 of frustration."""
    counts = count(((row["label"], cross(row["text"])) for row in rows), FRUSTRATION_THRESHOLD)
    precision = proportion(counts.found, counts.found + counts.false)
    recall = proportion(counts.found, counts.found + counts.missed)
    print(f"  {name:22} F1 {counts.f1:.3f}  precision {precision}  recall {recall}")


def own_sets(half: str, *, errors: bool) -> None:
    """Measure on the own texts of one half."""
    requests = own("requests", half)
    print(f"Own requests, {half} half, by language")
    request_table(requests, asks, "lang")
    counts = count(((row["label"], asks(row["text"])) for row in requests), THRESHOLD)
    print(f"  all: F1 {counts.f1:.3f}")
    print(f"Own frustration, {half} half")
    mood_line("own", own("frustration", half))
    print(f"Own replies, {half} half")
    replies(half, errors=errors)
    print(f"Own AI turns, {half} half")
    agent_turns(half, errors=errors)
    if errors:
        for row in requests:
            if (asks(row["text"]) >= THRESHOLD) != row["label"]:
                print("  request", row["label"], row["lang"], row["text"])
        for row in own("frustration", half):
            if (cross(row["text"]) >= FRUSTRATION_THRESHOLD) != row["label"]:
                print("  frustration", row["label"], row["note"], row["text"])


def every_set() -> None:
    """Print one line for each own set there is."""
    print("Own requests, every set")
    for name in sets("requests"):
        counts = count(
            ((row["label"], asks(row["text"])) for row in own("requests", name)), THRESHOLD
        )
        recall = proportion(counts.found, counts.found + counts.missed)
        false = proportion(counts.false, counts.false + counts.clean)
        print(f"  {name:22} recall {recall:32} false {false}")
    print("Own frustration, every set")
    for name in sets("frustration"):
        mood_line(name, own("frustration", name))


def replies(half: str, *, errors: bool) -> None:
    """Measure answers to an offer, withdrawals and solved problems."""
    right: dict[str, list[bool]] = defaultdict(list)
    for row in own("replies", half):
        found = read_customer(row["text"])
        kinds = {
            kind
            for kind in ("refuses", "accepts", "withdraws", "solved")
            if _score(getattr(found, kind)) >= THRESHOLD
        }
        right[row["label"]].append(row["label"] in kinds if row["label"] != "none" else not kinds)
        if errors and not right[row["label"]][-1]:
            print("  reply", row["label"], kinds, row["text"])
    for kind, hits in sorted(right.items()):
        print(f"  {kind:22} {proportion(sum(hits), len(hits))}")


def agent_turns(half: str, *, errors: bool) -> None:
    """Measure promises and offers of an AI."""
    for kind, field in (("promise", "promises_person"), ("offer", "offers_person")):
        scored = []
        for row in own("agent_turns", half):
            score = _score(getattr(read_agent(row["text"]), field))
            if row["label"] == "offer" and kind == "promise" and score >= THRESHOLD and errors:
                print("  an offer taken for a promise:", row["text"])
            scored.append((row["label"] == kind, score))
            if errors and (score >= THRESHOLD) != (row["label"] == kind):
                print("  agent", kind, row["label"], row["text"])
        counts = count(scored, THRESHOLD)
        precision = proportion(counts.found, counts.found + counts.false)
        recall = proportion(counts.found, counts.found + counts.missed)
        print(f"  {kind:22} precision {precision}  recall {recall}")


def public_sets(folder: Path) -> None:
    """Measure on the public sources, routing labels and suspect rows apart."""
    rows = list(public(folder, "explicit_request"))
    real = [row for row in rows if row["kind"] == "request"]
    print("Public requests, suspect rows left out")
    request_table((row for row in real if not row["suspect"]), asks, "source")
    print("The same, suspect rows counted as ordinary")
    request_table((row for row in real if row["suspect"]), asks, "source")
    print("Routing labels (sent to an agent for any reason)")
    request_table((row for row in rows if row["kind"] == "routing"), asks, "source")
    print("The reference table's substrings")
    request_table((row for row in real if not row["suspect"]), by_substrings, "source")
    print("Public frustration (Reddit, no support)")
    mood_line("goemotions", public(folder, "frustration"))


def conversations(folder: Path) -> None:
    """Measure speed and alarms on whole conversations, and promises against transfer calls."""
    texts: list[str] = []
    promises = kept = offers = 0
    for row in public(folder, "conversations"):
        messages = row["messages"]
        calls = [
            at
            for at, message in enumerate(messages)
            for call in message.get("tool_calls") or []
            if call["function"]["name"].startswith("transfer")
        ]
        for at, message in enumerate(messages):
            content = message.get("content") or ""
            if message["role"] == "user":
                texts.append(content)
            elif message["role"] == "assistant" and content:
                found = read_agent(content)
                promised = _score(found.promises_person) >= THRESHOLD
                promises += promised
                kept += promised and any(abs(at - call) <= 4 for call in calls)
                offers += _score(found.offers_person) >= THRESHOLD
    findings = [read_customer(text) for text in texts]
    print(f"Conversations: {len(texts)} customer turns")
    print(f"  requests {sum(_score(f.requested_human) >= THRESHOLD for f in findings)}")
    cut = FRUSTRATION_THRESHOLD
    print(f"  frustrated {sum(_score(f.frustrated) >= cut for f in findings)}")
    print(f"  doubtful {sum(f.doubtful for f in findings)}")
    print(f"  AI promises {promises}, near a transfer call {kept}; offers {offers}")
    speed(texts)


def speed(texts: list[str]) -> None:
    """Print processor time per message, beside that of lower() and split() alone."""
    for name, work in (
        ("read_customer", read_customer),
        ("no answer is awaited", partial(read_customer, answering=False)),
        ("lower().split()", _plain),
    ):
        best = min(_timed(work, texts) for _ in range(5))
        print(f"  {name:22} {best / len(texts) * 1e6:.1f} µs a message")


def _plain(text: str) -> list[str]:
    return text.lower().split()


def _timed(work: Callable[[str], object], texts: list[str]) -> float:
    begin = time.process_time()
    for text in texts:
        work(text)
    return time.process_time() - begin


def main() -> None:
    """Run the measurements asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the public files")
    parser.add_argument("--half", choices=("dev", "test"), default="dev", help="of the own texts")
    parser.add_argument("--errors", action="store_true", help="print the errors on own texts")
    options = parser.parse_args()
    own_sets(options.half, errors=options.errors)
    every_set()
    if options.data:
        public_sets(options.data)
        conversations(options.data)


if __name__ == "__main__":
    main()
