"""Alive and ready are two things: a worker that waits for Kafka is the one and not the other."""

import asyncio
import time
from pathlib import Path

import pytest

from workers.embedded.child import free_port
from workers.embedded.workers import WorkerProcess
from workers.runtime.health import Health


async def get(port: int, path: str) -> tuple[int, str]:
    """Status and body of a page."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    return int(answer.split()[1]), answer.partition("\r\n\r\n")[2]


async def test_pages() -> None:
    health, port = Health("handoff-desk"), free_port()
    await health.serve(port)
    # Somebody who connects and says nothing keeps nobody waiting.
    _, silent = await asyncio.open_connection("127.0.0.1", port)
    try:
        status, said = await get(port, "/live")
        assert (status, said.startswith("handoff-desk alive")) == (200, True)
        assert await get(port, "/ready") == (503, "waiting for partitions\n")
        health.ready = True
        assert await get(port, "/ready") == (200, "ready\n")
        assert (await get(port, "/metrics"))[0] == 200
    finally:
        silent.close()
        assert (await get(port, "/"))[0] == 404
        await health.close()


@pytest.mark.timeout(60)
async def test_a_worker_that_waits_for_kafka_is_alive_and_not_ready(tmp_path: Path) -> None:
    port, nowhere = free_port(), f"127.0.0.1:{free_port()}"
    servers = {"KAFKA_BOOTSTRAP": nowhere, "REDIS_URL": f"redis://{nowhere}"}
    log = tmp_path / "log"
    worker = WorkerProcess("desk", servers, log, ["--health-port", str(port)])
    with worker:
        until = time.monotonic() + 40
        while "is not reachable" not in worker.tail():
            assert time.monotonic() < until, worker.tail()
            await asyncio.sleep(0.1)
        assert (await get(port, "/live"))[0] == 200
        assert (await get(port, "/ready"))[0] == 503
        with pytest.raises(ConnectionRefusedError):
            # An address of this machine that is not its loopback one.
            await asyncio.open_connection("127.0.0.2", port)
