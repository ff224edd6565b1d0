"""Events a second through one `handoff bridge`, each posted alone: python -m benchmarks.bridge.

Broker, bridge and whoever posts share the machine's processors; how much of one the bridge itself
took for an event is told beside it.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from pathlib import Path

from tests.support.bridge import BridgeProcess, headers, said, senders_file
from workers.contracts.topics import CONTROL, DESKS, EVENTS
from workers.embedded import EmbeddedKafka


def processor_s(pid: int) -> float:
    """Return the seconds of processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def post(host: str, port: int, conversation: str, count: int) -> None:
    """Post events of one conversation one after another, over one connection."""
    reader, writer = await asyncio.open_connection(host, port)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers().items())
    for number in range(count):
        body = json.dumps(said(f"{conversation}-{number}", conversation)).encode()
        line = f"POST /v1/{EVENTS} HTTP/1.1\r\nhost: bridge\r\ncontent-length: {len(body)}\r\n"
        writer.write(f"{line}{head}\r\n".encode() + body)
        status = await reader.readline()
        assert b" 200 " in status, status
        length = 0
        while (field := await reader.readline()) != b"\r\n":
            if field.lower().startswith(b"content-length:"):
                length = int(field.split(b":")[1])
        await reader.readexactly(length)
    writer.close()


async def run(bridge: BridgeProcess, writers: int, count: int) -> float:
    """Return the seconds that all posts took."""
    host, _, port = bridge.url.removeprefix("http://").partition(":")
    started = time.monotonic()
    posts = (post(host, int(port), f"c-{number}", count) for number in range(writers))
    await asyncio.gather(*posts)
    return time.monotonic() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writers", type=int, default=32)
    parser.add_argument("--events", type=int, default=20_000)
    given = parser.parse_args()
    with EmbeddedKafka() as kafka, tempfile.TemporaryDirectory() as name:
        kafka.ensure_topics((EVENTS, DESKS, CONTROL))
        folder = Path(name)
        arguments = ("--senders", str(senders_file(folder)))
        bridge = BridgeProcess(folder, {"KAFKA_BOOTSTRAP": kafka.bootstrap}, arguments)
        bridge.start()
        try:
            used = processor_s(bridge.pid)
            seconds = asyncio.run(run(bridge, given.writers, given.events // given.writers))
            used = processor_s(bridge.pid) - used
        finally:
            bridge.stop()
    count = given.events // given.writers * given.writers
    print(f"{count:,} events in {seconds:.1f} s: {count / seconds:,.0f} events/s")
    print(f"{used / count * 1e6:,.0f} µs of the bridge's processor time for an event")


if __name__ == "__main__":
    main()
