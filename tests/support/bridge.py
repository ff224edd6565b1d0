"""The bridge in this process or as a process of its own, and who posts to it."""

import asyncio
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx2
from aiokafka import AIOKafkaConsumer, TopicPartition
from starlette.applications import Starlette

from tests.support.forked import ForkedHandoff
from workers.bridge.server import serve
from workers.embedded import EmbeddedKafka
from workers.embedded.child import free_ports
from workers.embedded.kafka import PARTITIONS

TOKEN: Final = "a token of the tests"
WEBHOOK_KEY: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DESK_TOKEN: Final = "a token of a desk"
_WITHIN_S: Final = 60.0


def senders_file(folder: Path) -> Path:
    """Write a file of two senders: a chat system that says all, and a desk of one queue."""

    def digest(token: str) -> str:
        return hashlib.sha256(token.encode()).hexdigest()

    (folder / "keys").write_text(WEBHOOK_KEY)
    file = folder / "senders.yaml"
    file.write_text(
        f"""
version: 1
senders:
  - sender: shop
    token_sha256: {digest(TOKEN)}
    events: [message, offer_reply, closed]
    follows_control: true
  - sender: desk
    token_sha256: {digest(DESK_TOKEN)}
    events: [presence, accepted, replied, resolved]
    queues: [tier_2_support]
  - sender: hooks
    webhook_secret_file: keys
    events: [message]
"""
    )
    return file


def said(event_id: str, conversation: str = "c-1", **fields: object) -> dict[str, Any]:
    """Return a customer's message of now."""
    return {
        "event_id": event_id,
        "conversation_id": conversation,
        "occurred_at": datetime.now(UTC).isoformat(),
        "role": "customer",
        "content": "Where is my parcel?",
        **fields,
    }


async def eventually(check: Callable[[], Awaitable[bool]], what: str) -> None:
    """Return once a check holds; TimeoutError, which names what is missing, after a minute."""
    until = time.monotonic() + _WITHIN_S
    while not await check():
        if time.monotonic() > until:
            raise TimeoutError(f"{what}: not within {_WITHIN_S:g} s")
        await asyncio.sleep(0.05)


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    """Serve an application on this event loop; yields its address."""
    (port,) = free_ports(1)
    ending = asyncio.Event()
    task = asyncio.create_task(serve(app, "127.0.0.1", port, ending))
    try:
        await _until_open(port, task)
        yield f"http://127.0.0.1:{port}"
    finally:
        ending.set()
        await task


async def _until_open(port: int, task: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(_WITHIN_S):
        while not task.done():
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
    await task


class BridgeProcess:
    """`handoff bridge` as a process, to be killed and started again at the same address."""

    def __init__(self, folder: Path, environment: dict[str, str], arguments: Sequence[str]) -> None:
        (self._port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self._port}"
        self.log = folder / "bridge.log"
        command = ("bridge", "--port", str(self._port), *arguments)
        self._server = ForkedHandoff(command, {**os.environ, **environment}, self.log)

    def add_arguments(self, *arguments: str) -> None:
        """Add arguments for its next start."""
        self._server.arguments += arguments

    def start(self) -> None:
        """Start it; returns when it can write."""
        self._server.start()
        until = time.monotonic() + _WITHIN_S
        while time.monotonic() < until and self._server.running:
            try:
                if httpx2.get(f"{self.url}/ready").status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"the bridge is not ready: {self.log.read_text()}")

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._server.pid

    def kill(self) -> None:
        """End it as kill -9 does."""
        self._server.kill()

    def stop(self) -> None:
        """End it in order."""
        self._server.stop()


@contextmanager
def bridge_process(
    folder: Path, environment: dict[str, str], *arguments: str
) -> Iterator[BridgeProcess]:
    """Run `handoff bridge` with these arguments until the block ends."""
    process = BridgeProcess(folder, environment, arguments)
    process.start()
    try:
        yield process
    finally:
        process.stop()


def headers(token: str = TOKEN) -> dict[str, str]:
    """Return the headers of a post."""
    return {"authorization": f"Bearer {token}", "content-type": "application/json"}


def body(*events: object) -> bytes:
    """Return the body of a post of events."""
    return json.dumps(events).encode()


async def arrived(broker: EmbeddedKafka, topic: str) -> list[tuple[bytes, bytes]]:
    """Return key and value of everything on a topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, fetch_max_wait_ms=20)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        records: list[tuple[bytes, bytes]] = []
        while [tp for tp in partitions if await consumer.position(tp) < ends[tp]]:
            batches = await consumer.getmany(timeout_ms=200)
            records += [(r.key, r.value) for batch in batches.values() for r in batch]
        return records
    finally:
        await consumer.stop()


def ids(records: Sequence[tuple[bytes, bytes]]) -> list[str]:
    return [json.loads(value)["event_id"] for _, value in records]
