"""The figures that docs/detection.md names hold on the own labelled texts."""

from benchmarks.detection.evaluate import asks, cross
from benchmarks.detection.measures import count, own
from workers.detection import FRUSTRATION_THRESHOLD, THRESHOLD, read_agent

HALVES = ("dev", "test", "fresh")


def test_requests_for_a_person() -> None:
    rows = [row for half in HALVES for row in own("requests", half)]
    counts = count(((row["label"], asks(row["text"])) for row in rows), THRESHOLD)
    assert counts.found >= 0.95 * (counts.found + counts.missed)
    assert counts.false <= 0.01 * (counts.false + counts.clean)


def test_frustration() -> None:
    rows = [row for half in HALVES for row in own("frustration", half)]
    counts = count(((row["label"], cross(row["text"])) for row in rows), FRUSTRATION_THRESHOLD)
    assert counts.f1 >= 0.92


def test_promises_and_offers_of_the_ai() -> None:
    rows = [row for half in ("dev", "test") for row in own("agent_turns", half)]
    promised = [(row["label"], read_agent(row["text"]).promises_person is not None) for row in rows]
    assert sum(label == "promise" and found for label, found in promised) >= 0.9 * sum(
        label == "promise" for label, _ in promised
    )
    assert sum(label != "promise" and found for label, found in promised) <= 2
