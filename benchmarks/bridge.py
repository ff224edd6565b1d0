"""Events per second through one `handoff bridge`, beside the least that a server over HTTP does.

`python -m benchmarks.bridge PORT BOOTSTRAP` is that least: Starlette on the same uvicorn, which
writes what is posted to Kafka without a look at it.
"""

import asyncio
import json
import sys
from typing import Final

import httpx2
from aiokafka import AIOKafkaProducer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.environment import Process, World
from benchmarks.report import Report
from tests.support.bridge import headers, said, senders_file
from workers.bridge.server import serve
from workers.contracts.topics import EVENTS
from workers.embedded.child import free_ports
from workers.kafka.publishing import IDEMPOTENT

_WRITERS: Final = 32
_MANY: Final = 100
_READY_S: Final = 60
_OURS: Final = "handoff bridge"
_LEAST: Final = "Starlette and aiokafka"


def run(report: Report, quick: bool) -> None:
    """Post events one by one from 32 connections, and a hundred in a post."""
    total = 4_000 if quick else 16_000
    with World() as world:
        senders = ("--senders", str(senders_file(world.folder)))
        for _ in range(1 if quick else 3):
            for case, command in (
                (_OURS, ("workers.cli", "bridge", *senders, "--port")),
                (_LEAST, ("benchmarks.bridge",)),
            ):
                (port,) = free_ports(1)
                last = () if case == _OURS else (world.bootstrap,)
                server = world.process(*command, str(port), *last)
                try:
                    asyncio.run(_measure(report, case, server, port, total))
                finally:
                    server.stop()
    for figure in ("one a post", "CPU, one a post"):
        report.ratio(_OURS, _LEAST, figure)


async def _measure(report: Report, case: str, server: Process, port: int, total: int) -> None:
    await _ready(port)
    # The other takes one record a post.
    for size in (1, _MANY) if case == _OURS else (1,):
        name = "one a post" if size == 1 else f"{size} a post"
        count = total if size == 1 else total * 4
        await _posted(port, count // 10, size)
        used, loop = server.cpu, asyncio.get_running_loop()
        started = loop.time()
        await _posted(port, count, size)
        report.add(case, name, "events/s", count / (loop.time() - started))
        report.add(case, f"CPU, {name}", "µs/event", (server.cpu - used) / count * 1e6)


async def _ready(port: int) -> None:
    async with asyncio.timeout(_READY_S), httpx2.AsyncClient() as client:
        while True:
            try:
                answer = await client.get(f"http://127.0.0.1:{port}/ready")
            except httpx2.TransportError:
                await asyncio.sleep(0.1)
                continue
            if answer.status_code == 200:
                return
            await asyncio.sleep(0.1)


async def _posted(port: int, count: int, size: int) -> None:
    posts = count // size // _WRITERS or 1
    await asyncio.gather(*(_writer(port, f"c-{n}", posts, size) for n in range(_WRITERS)))


async def _writer(port: int, conversation: str, posts: int, size: int) -> None:
    """Post events of one conversation one post after another, over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers().items())
    event = json.dumps(said(f"{conversation}-event", conversation))
    body = (event if size == 1 else f"[{','.join([event] * size)}]").encode()
    request = (
        f"POST /v1/{EVENTS} HTTP/1.1\r\nhost: bridge\r\ncontent-length: {len(body)}\r\n{head}\r\n"
    ).encode() + body
    for _ in range(posts):
        writer.write(request)
        answered = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in answered.partition(b"\r\n")[0]:
            raise RuntimeError(f"the bridge answered {answered!r}")
        length = answered.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
    writer.close()


async def _least(port: int, bootstrap: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, **IDEMPOTENT)
    await producer.start()

    async def take(request: Request) -> Response:
        await producer.send_and_wait(EVENTS, await request.body(), key=b"c")
        return Response(b'{"accepted":1}', media_type="application/json")

    async def ready(_: Request) -> Response:
        return Response(b"ready")

    routes = [Route(f"/v1/{EVENTS}", take, methods=["POST"]), Route("/ready", ready)]
    try:
        await serve(Starlette(routes=routes), "127.0.0.1", port)
    finally:
        await producer.stop()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_least(int(sys.argv[1]), sys.argv[2]))
