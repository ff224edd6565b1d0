"""The README's programs run as they are printed, against real workers."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.stream.end_to_end_system import System

_README = Path(__file__).parents[2] / "README.md"


def program(name: str) -> str:
    """Return the README's program whose first line is this name."""
    found = re.search(rf"```python\n# {name}\n(.*?)```", _README.read_text(), re.DOTALL)
    assert found, f"README.md has no program {name}"
    return found[1]


def test_a_chat_system_and_a_desk_written_from_the_readme_work_together(tmp_path: Path) -> None:
    with System(tmp_path) as system:

        def run(name: str) -> str:
            done = subprocess.run(
                [sys.executable, "-c", program(name)],
                env={**os.environ, **system.environment},
                check=False,
                capture_output=True,
                text=True,
                timeout=90,
            )
            assert done.returncode == 0, done.stdout + done.stderr + system.logs()
            return done.stdout

        assert "bot may speak: False" in run("chat.py")
        desk = run("desk.py")
        assert "claimed by kim" in desk
        assert "It should be 40" in desk or "invoice" in desk

        async def audited() -> None:
            await system.settled()
            report = await system.audit()
            assert report.clean, report.findings
            assert report.outcomes == {"resolved": 1}

        asyncio.run(audited())
