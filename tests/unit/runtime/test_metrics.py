"""The documentation names every metric, and none that is not exported."""

import re
from pathlib import Path
from typing import Any, Final

from workers.runtime.metrics import REGISTRY, exposition

_DOCS: Final = sorted((Path(__file__).parents[3] / "docs").glob("*.md"))
_ROW: Final = re.compile(r"^\| `(handoff_\w+)` \|([\w, ]*)\| .+ \|$", re.MULTILINE)


def _exported() -> dict[str, set[str]]:
    """Return the names under which Prometheus finds each metric, and their labels."""
    metrics: Any = REGISTRY._collector_to_names
    return {
        f"{one._name}_total" if one._type == "counter" else one._name: set(one._labelnames)
        for one in metrics
    }


def test_operations_lists_each_metric_with_its_labels() -> None:
    (operations,) = (file for file in _DOCS if file.name == "operations.md")
    rows = {
        name: {label for label in labels.strip().split(", ") if label}
        for name, labels in _ROW.findall(operations.read_text(encoding="utf-8"))
    }
    assert rows == _exported()


def test_every_metric_that_the_documentation_names_is_exported() -> None:
    families = set(re.findall(r"^# TYPE (\S+)", exposition().decode(), re.MULTILINE))
    assert set(_exported()) <= families
    named = {
        (name, file.name)
        for file in _DOCS
        for name in re.findall(r"`(handoff_[a-z_]+)(?:\{[^`]*)?`", file.read_text(encoding="utf-8"))
    }
    assert named, "the documentation names metrics"
    assert {(name, file) for name, file in named if name not in families} == set()
