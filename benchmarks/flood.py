"""One customer floods the log with what is dear to read; others ask for a person meanwhile."""

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.report import Report
from tests.support.hostile_texts import PROSE, SHAPES, repeated
from tests.support.system import System
from workers.embedded.simulators import SimulatedSystems

OTHERS: Final = 8
LENGTH: Final = 32_768
_WITHIN_S: Final = 120.0
_TEXTS: Final = {
    "digits and blanks": SHAPES["digits and blanks"],
    "prose": PROSE,
    "passwords": SHAPES["passwords"],
}


def run(report: Report, quick: bool) -> None:
    """Measure from a request for a person until it is placed, beside a flood of 32 KB messages."""
    # What the embedded broker keeps of a partition holds no more.
    messages = 50 if quick else 120
    with tempfile.TemporaryDirectory() as folder, System(Path(folder)) as system:
        for name, text in _TEXTS.items():
            waits = asyncio.run(_flood(system, name.replace(" ", "-"), text, messages))
            case = f"{messages} messages of 32 KB: {name}"
            report.add(case, f"longest of {OTHERS} others", "s", max(waits))
            report.add(case, "median of them", "s", sorted(waits)[len(waits) // 2])


async def _flood(system: System, name: str, text: str, messages: int) -> list[float]:
    async with system.outside() as heard:
        for queue in system.topics.queues.values():
            presence = {"agents_online": 9, "free_slots": 99, "queue": queue.queue}
            about = {"type": "presence", "event_id": f"p-{name}-{queue.queue}", **_now()}
            await heard.report({**about, **presence})
        # What was started just now, and is read for the first time, is none of the flood's.
        await _asked(heard, f"warm-{name}")
        loud = f"loud-{name}"
        flood = asyncio.gather(
            *(heard.say(_said(loud, n, repeated(text, LENGTH))) for n in range(messages)),
            heard.say(_said(loud, messages, "Give me a human agent.")),
        )
        waits = await asyncio.gather(*(_asked(heard, f"{name}-{n}") for n in range(OTHERS)))
        await flood
        await heard.until(lambda: heard.control(loud), _WITHIN_S, "the flood's own request")
        return waits


async def _asked(heard: SimulatedSystems, conversation: str) -> float:
    started = time.monotonic()
    await heard.say(_said(conversation, 0, "Can I speak to a human, please?"))
    # The chat system is told when the place has its packet, a queue's or that of a ticket.
    await heard.until(lambda: heard.control(conversation), _WITHIN_S, conversation)
    return time.monotonic() - started


def _said(conversation: str, number: int, text: str) -> dict[str, Any]:
    about = {"event_id": f"{conversation}-{number}", "conversation_id": conversation}
    return {**about, **_now(), "role": "customer", "content": text}


def _now() -> dict[str, str]:
    return {"occurred_at": datetime.now(UTC).isoformat()}
