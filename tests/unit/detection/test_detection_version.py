"""The version of the detection is a hash of what it reads by: weights, lists and rules."""

import shutil
from pathlib import Path

import pytest

from tests.support.fold_history import ASKS, History
from workers.detection import DETECTION_VERSION, detection_version, frustration
from workers.detection.detection_version import current


def test_it_stands_on_every_decision() -> None:
    h = History()
    h.customer(ASKS)
    assert h.last.detection_version == DETECTION_VERSION == current()
    assert len(DETECTION_VERSION) == 12


@pytest.mark.parametrize("name", ["mood_weights.json", "request_weights.json", "en.txt", "nl.txt"])
def test_it_changes_with_weights_and_lists(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = shutil.copytree(detection_version._DATA, tmp_path / "data")
    monkeypatch.setattr(detection_version, "_DATA", data)
    assert current() == DETECTION_VERSION
    (data / name).write_bytes((data / name).read_bytes().replace(b"1", b"2", 1) + b"\n")
    assert current() != DETECTION_VERSION


def test_it_changes_with_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = frustration.EVIDENCE
    monkeypatch.setattr(frustration, "EVIDENCE", [first._replace(score=0.1), *others])
    assert current() != DETECTION_VERSION
