"""Rows of rounds to a table by fault: `python -m tests.faults.table ROWS.jsonl…`."""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.faults.injuries import FAULTS

_HEAD = (
    "fault", "`--fault`", "seed", "rounds", "events", "escalations", "lost", "twice", "repeated",
    "longest pause",
)  # fmt: skip


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """A Markdown table; each fault's last round counts everything of its world."""
    worlds: dict[str, dict[tuple[int, str], list[Mapping[str, Any]]]] = {}
    for row in rows:
        runs = worlds.setdefault(row["fault"], defaultdict(list))
        runs[row["seed"], row.get("run", "")].append(row)
    lines = ["| " + " | ".join(_HEAD) + " |", "|---|---|" + "--:|" * (len(_HEAD) - 2)]
    for name in sorted(worlds, key=[*FAULTS].index):
        runs = worlds[name]
        last = [rounds[-1] for rounds in runs.values()]
        every = [row for rounds in runs.values() for row in rounds]
        cells = [
            FAULTS[name].what,
            name,
            ", ".join(sorted({str(seed) for seed, _ in runs})),
            str(len(every)),
            *(f"{sum(row.get(key, 0) for row in last):,}" for key in ("events", "escalations")),
            *(str(sum(row[key] for row in last)) for key in ("lost", "twice")),
            f"{sum(row.get('repeated', 0) for row in last):,}",
            f"{max(row['pause_s'] for row in every):.1f} s",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    files = [Path(name).read_text().splitlines() for name in sys.argv[1:]]
    sys.stdout.write(table(json.loads(line) for lines in files for line in lines))
