"""Builds packets; the one of a long transcript beside the event loop, which goes on meanwhile."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from workers.contracts.decisions import Decision, Turn
from workers.contracts.handoffs import Packet
from workers.contracts.ledger import Plan
from workers.contracts.topics import Queue
from workers.handoff.packet import packet_for
from workers.handoff.playbook import Playbook

BUILT_AT_ONCE: Final = 8_192
"""Characters of a transcript whose packet is built on the event loop, in a hundredth of a second.

The longest transcript that is read takes fifty times as long.
"""


class PacketBuilder:
    """Builds packets by the playbook of the moment."""

    def __init__(self, playbook: Callable[[], Playbook]) -> None:
        self._playbook = playbook
        # Several threads would only take the interpreter from each other, and from the loop.
        self._thread = ThreadPoolExecutor(1, "packets")

    async def build(
        self, decision: Decision, transcript: Sequence[Turn], plan: Plan, queue: Queue | None
    ) -> Packet:
        """Return `packet_for` of these."""
        arguments = decision, transcript, plan, queue, self._playbook()
        if sum(len(turn.content) for turn in transcript) <= BUILT_AT_ONCE:
            return packet_for(*arguments)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, packet_for, *arguments)

    def close(self) -> None:
        """Begin no further packet."""
        self._thread.shutdown(wait=False, cancel_futures=True)
