"""A TCP proxy that can be slow, hold everything back, forget connections, or refuse.

It is run by path, in its own process. Its arguments are ports to listen on, its first line says
that it does. Then it reads a command per line, {"port": 1234, "target": 5678, "delay_s": 0.0,
"held": false, "forget": false, "refused": false}, in which only the port is needed, and answers
each with a line. What is forgotten are the connections that are open at that moment.
"""

import asyncio
import json
import sys
from contextlib import suppress
from typing import Any

_PIECE = 65_536


class Link:
    """One port that is listened on, and the port behind it."""

    def __init__(self) -> None:
        self.target = 0
        self.delay_s = 0.0
        self.refused = False
        self.open = asyncio.Event()
        self.open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._forgotten = asyncio.Event()
        """Set for the connections that lead nowhere from now on."""

    def set(self, command: dict[str, Any]) -> None:
        """Apply what a command names; bytes that are held are delivered later, as TCP does."""
        self.target = command.get("target", self.target)
        self.delay_s = command.get("delay_s", self.delay_s)
        self.refused = command.get("refused", self.refused)
        if command.get("held"):
            self.open.clear()
        else:
            self.open.set()
        if command.get("forget"):
            self._forgotten.set()
            self._forgotten = asyncio.Event()
        if self.refused or "target" in command:
            for writer in self._writers:
                writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect one client with the target, until either side ends."""
        if self.refused:
            writer.transport.abort()
            return
        await self.open.wait()
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        both, forgotten = {writer, far_writer}, self._forgotten
        self._writers |= both
        pumps = [
            asyncio.create_task(self._pump(reader, far_writer, forgotten)),
            asyncio.create_task(self._pump(far_reader, writer, forgotten)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        self._writers -= both
        for one in both:
            one.transport.abort()
        for pump in pumps:
            pump.cancel()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        forgotten: asyncio.Event,
    ) -> None:
        """Deliver each piece so long after it came, in order."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(256)

        async def receive() -> None:
            piece = b"-"
            while piece:
                piece = b""
                with suppress(OSError):
                    piece = await reader.read(_PIECE)
                await pieces.put((loop.time(), piece))

        receiving = asyncio.create_task(receive())
        try:
            while True:
                came, piece = await pieces.get()
                if (left := came + self.delay_s - loop.time()) > 0:
                    await asyncio.sleep(left)
                await self.open.wait()
                if forgotten.is_set():
                    continue
                if not piece:
                    return
                writer.write(piece)
                await writer.drain()
        except OSError:
            return
        finally:
            receiving.cancel()


async def main() -> None:
    """Serve until standard input ends."""
    links = {int(port): Link() for port in sys.argv[1:]}
    servers = [
        await asyncio.start_server(link.serve, "127.0.0.1", port) for port, link in links.items()
    ]
    say = sys.stdout.write
    say("ready\n")
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        links[command["port"]].set(command)
        say("done\n")
        sys.stdout.flush()
    for server in servers:
        server.close()


if __name__ == "__main__":
    asyncio.run(main())
