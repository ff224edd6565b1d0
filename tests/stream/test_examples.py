"""The programs in examples/ run as they stand, against real workers, and the README quotes them."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from click.testing import CliRunner

from tests.support.system import System
from workers.cli.main import handoff

_ROOT = Path(__file__).parents[2]
_EXAMPLES = _ROOT / "examples"
_QUOTES = re.compile(r"```python\n(.*?)```", re.DOTALL)
_PATIENCE_S = 60


@contextmanager
def running(system: System, log: Path, name: str, *arguments: str) -> Iterator[None]:
    """Run an example until the block ends; its output goes to a file."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-u", str(_EXAMPLES / name), *arguments],
            env={**os.environ, **system.environment},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)


async def says(log: Path, words: str) -> str:
    """Return what an example printed once it has printed some words."""
    until = time.monotonic() + _PATIENCE_S
    while words not in (text := await asyncio.to_thread(log.read_text)):
        assert time.monotonic() < until, f"{words!r} is missing in {text!r}"
        await asyncio.sleep(0.1)
    return text


def test_a_chat_system_and_a_desk_work_together(tmp_path: Path) -> None:
    chat, desk = tmp_path / "chat.txt", tmp_path / "desk.txt"

    async def play(system: System) -> None:
        assert "bot may speak: False" in await says(chat, "bot may speak: False")
        heard = await says(desk, "claimed by kim")
        assert "invoice" in heard or "It should be 40" in heard
        text = await says(chat, "owner: ai")
        assert ": offer: " in text
        await system.settled()
        report = await system.audit()
        assert report.clean, report.findings
        assert report.outcomes["resolved"] >= 1

    with (
        System(tmp_path) as system,
        running(system, desk, "desk.py", "billing", "kim"),
        running(system, tmp_path / "second.txt", "desk.py", "tier_2_support", "lou"),
        running(system, chat, "chat_system.py"),
    ):
        asyncio.run(play(system))


def test_a_ticket_system_answers_where_nobody_is_online(tmp_path: Path) -> None:
    log = tmp_path / "tickets.txt"

    async def play(system: System) -> None:
        async with system.outside() as outside:
            for queue in system.topics.queues:
                await outside.report(
                    {
                        "type": "presence",
                        "event_id": f"nobody-{queue}",
                        "occurred_at": datetime.now(UTC).isoformat(),
                        "queue": queue,
                        "agents_online": 0,
                    }
                )
            await system.settled()
            await outside.say(
                {
                    "event_id": "night-1",
                    "conversation_id": "night",
                    "occurred_at": datetime.now(UTC).isoformat(),
                    "role": "customer",
                    "content": "Let me talk to a person, please.",
                }
            )
            await says(log, "T-1000 for tier_2_support")

            def told() -> str | None:
                control = outside.control("night")
                return control.ticket_id if control else None

            assert await outside.until(told, _PATIENCE_S, "the ticket's number") == "T-1000"

    with System(tmp_path) as system, running(system, log, "ticket_system.py"):
        asyncio.run(play(system))


def test_the_readme_quotes_the_examples() -> None:
    sources = [path.read_text() for path in sorted(_EXAMPLES.glob("*.py"))]
    quotes = _QUOTES.findall((_ROOT / "README.md").read_text())
    assert quotes
    for quote in quotes:
        assert any(quote.strip("\n") in source for source in sources), quote


def test_the_example_conversations_are_replayed_as_the_readme_shows(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    imported = CliRunner().invoke(handoff, ["import", str(_EXAMPLES / "conversations.jsonl")])
    assert imported.exit_code == 0, imported.output
    assert "40 conversations" in imported.stderr
    events.write_bytes(imported.stdout_bytes)
    replayed = CliRunner().invoke(handoff, ["replay", str(events)])
    assert replayed.exit_code == 0, replayed.output
    assert "0 refused" in replayed.stdout + replayed.stderr
    shown = {" ".join(line.split()) for line in replayed.stdout.splitlines()}
    readme = (_ROOT / "README.md").read_text().split("handoff replay events.jsonl\n")[1]
    quoted = readme.split("```")[2].splitlines()
    told = [" ".join(line.split()) for line in quoted if line.strip() not in ("", "…")]
    assert len(told) > 10
    assert [line for line in told if line not in shown] == []
