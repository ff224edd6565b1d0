"""`handoff up` and single commands as processes, on servers of the test's own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from workers.kafka.reader import partitions_of, ranges_of, read, reading
from workers.settings import Settings, load_settings

SENDABLE_S: Final = 90.0


def handoff(*arguments: str, text: str | None = None) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "workers.cli", *arguments]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, input=text, timeout=60
    )


class System:
    """`handoff up` on the servers, its standard error in a file."""

    def __init__(self, kafka: str, redis: str, log: Path) -> None:
        self.settings: Settings = load_settings(kafka_bootstrap=kafka, redis_url=redis)
        self.log = log
        command = [sys.executable, "-m", "workers.cli", "up", "--kafka", kafka, "--redis", redis]
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=output, env={**os.environ, "PYTHONUNBUFFERED": "1"}
            )

    def wait_for(self, text: str) -> None:
        until = time.monotonic() + SENDABLE_S
        while text not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.1)

    async def found(self, topic: str, wanted: Callable[[Any], bool]) -> Any:
        """The first record of a topic that is wanted, once there is one."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            async with reading(self.settings) as consumer:
                ranges = await ranges_of(consumer, await partitions_of(consumer, [topic]))
            async with aclosing(read(self.settings, ranges)) as runs:
                async for _, records in runs:
                    for record in records:
                        if wanted(record):
                            return record
        raise AssertionError(f"{topic}: not found; {self.log.read_text()[-3000:]}")

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


def event(conversation: str, **fields: Any) -> dict[str, Any]:
    """Return a customer's message of now, as a chat system reports it."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    base = {"event_id": f"e-{conversation}", "conversation_id": conversation, "occurred_at": at}
    return {**base, "role": "customer", **fields}
