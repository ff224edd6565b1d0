"""Compares requirements.lock with the vulnerabilities that PyPI knows (`make audit-deps`).

Exit code 1 when a locked version has a known one. What could not be asked about is said aloud and
fails nothing: a change must not wait for a service that is away.
"""

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LIMIT_S = 180


def verdict(report: dict[str, Any]) -> tuple[int, list[str]]:
    """Return the exit code for a JSON report of pip-audit, and what to print."""
    vulnerable = [
        f"{found['name']} {found['version']}: {known['id']}, "
        f"mended in {', '.join(known['fix_versions']) or 'no version'}"
        for found in report["dependencies"]
        for known in found.get("vulns", [])
    ]
    asked = [found for found in report["dependencies"] if "skip_reason" not in found]
    said = [f"VULNERABLE: {line}" for line in vulnerable]
    # pip-audit itself counts what it could not look up as clean.
    if missed := len(report["dependencies"]) - len(asked):
        said.append(f"WARNING: NOT AUDITED: {missed} packages could not be looked up at PyPI")
    if asked:
        said.append(f"{len(asked)} packages looked up, {len(vulnerable)} known vulnerabilities")
    return (1 if vulnerable else 0), said


def audit() -> dict[str, Any]:
    """Run pip-audit, in an environment of its own; RuntimeError when there is no report."""
    folder = ROOT / ".cache" / "audit"
    if not (folder / "bin" / "pip-audit").exists():
        venv.create(folder, with_pip=True)
        _run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "pip-audit")
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    lock = ("--requirement", ROOT / "requirements.lock", "--require-hashes", "--disable-pip")
    asked = ("--vulnerability-service", "pypi", "--format", "json", "--output", report)
    try:
        _run(folder / "bin" / "pip-audit", *lock, *asked)
    except RuntimeError:
        # Exit code 1 means both: something was found, and nothing could be asked.
        if not report.exists():
            raise
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def _run(*command: "str | Path") -> None:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=LIMIT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(str(error)) from None
    if done.returncode:
        raise RuntimeError(done.stderr.strip().rpartition("\n")[2] or f"exit {done.returncode}")


def main() -> int:
    """Print what is known, and return the exit code."""
    try:
        code, said = verdict(audit())
    except (RuntimeError, ValueError, OSError, subprocess.SubprocessError) as error:
        code, said = 0, [f"WARNING: NOT AUDITED: {error}"]
    print(*said, sep="\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
