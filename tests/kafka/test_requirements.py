"""Without a Kafka that can be started or reached the suite fails; it never passes by skipping."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[2]
_ONE: Final = "tests/kafka/test_smoke.py::test_records_keep_partition_key_headers_and_commits"


def test_without_java_and_without_an_address_it_fails_and_says_what_to_install(
    tmp_path: Path,
) -> None:
    kept = {name: value for name, value in os.environ.items() if name != "KAFKA_BOOTSTRAP"}
    # A version that nobody has fetched yet needs both tools, and there is no tool on this path.
    wanted = {**kept, "PATH": str(tmp_path), "KAFKA_VERSION": "0.0.0"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", _ONE],
        cwd=_ROOT,
        env=wanted,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1, done.stdout
    assert "java is not installed" in done.stdout
    assert "KAFKA_BOOTSTRAP" in done.stdout
    assert "skipped" not in done.stdout
