"""The audit of dependencies: a known vulnerability fails, a service that is away is said."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

_SCRIPT: Final = runpy.run_path(str(Path(__file__).parents[2] / ".ci" / "audit_deps.py"))
verdict: Final[Callable[[dict[str, Any]], tuple[int, list[str]]]] = _SCRIPT["verdict"]

CLEAN: Final = {"name": "orjson", "version": "3.11.0", "vulns": []}
KNOWN: Final = {"id": "PYSEC-2020-1", "fix_versions": ["2.0"], "aliases": [], "description": "x"}
BROKEN: Final = {"name": "aiohttp", "version": "1.0", "vulns": [KNOWN]}
MISSED: Final = {"name": "redis", "skip_reason": "Dependency not found on PyPI"}


def report(*dependencies: dict[str, Any]) -> dict[str, Any]:
    """Return a report as pip-audit writes it."""
    return {"dependencies": [*dependencies], "fixes": []}


def test_a_known_vulnerability_fails_and_is_named() -> None:
    code, said = verdict(report(CLEAN, BROKEN, MISSED))
    assert code == 1
    assert "VULNERABLE: aiohttp 1.0: PYSEC-2020-1, mended in 2.0" in said


def test_nothing_known_passes() -> None:
    assert verdict(report(CLEAN)) == (0, ["1 packages looked up, 0 known vulnerabilities"])


def test_what_could_not_be_looked_up_does_not_pass_for_clean() -> None:
    code, said = verdict(report(MISSED, MISSED))
    assert code == 0
    assert said == ["WARNING: NOT AUDITED: 2 packages could not be looked up at PyPI"]
