"""Presence by the vendor's own word, reported for its queues as a desk would."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import orjson

from workers.contracts.ids import derive
from workers.contracts.time import from_ms
from workers.contracts.topics import DESKS
from workers.kafka.publishing import Record
from workers.outbound.calls import Request
from workers.outbound.http_sending import Requester
from workers.outbound.trees import TreeError, evaluate, render
from workers.outbound.vendor_file import PresenceQuestion, Vendor, VendorPresence
from workers.runtime.clock import now_ms

logger = logging.getLogger(__name__)


async def report_presence(
    vendor: Vendor, sender: Requester, publish: Callable[[Sequence[Record]], Awaitable[None]]
) -> None:
    """Report until cancelled; a queue about which the vendor does not answer is not reported."""
    presence = vendor.file.presence
    if presence is None:
        return
    while True:
        queues = evaluate(presence.queues, vendor.base) or {}
        for queue, name in queues.items():
            record = await presence_of(vendor, presence, sender, queue, name)
            if record is not None:
                await publish([record])
        await asyncio.sleep(presence.every_seconds)


async def presence_of(
    vendor: Vendor, presence: VendorPresence, sender: Requester, queue: str, name: Any
) -> Record | None:
    """Return the presence of one queue; None when the vendor does not say."""
    counted: tuple[int, list[str]] | None = (presence.agents_online or 0, [])
    if presence.ask is not None:
        counted = await _asked(vendor, presence.ask, sender, queue, name)
    if counted is None:
        return None
    online, agents = counted
    now = now_ms()
    event = {
        "type": "presence",
        "event_id": derive("presence", vendor.name, queue, now),
        "occurred_at": from_ms(now).isoformat(),
        "queue": queue,
        "agents_online": online,
        "agents": agents,
        "desk_id": vendor.name,
    }
    return Record(DESKS, queue.encode(), orjson.dumps(event))


async def _asked(
    vendor: Vendor, ask: PresenceQuestion, sender: Requester, queue: str, name: Any
) -> tuple[int, list[str]] | None:
    data = {**vendor.base, "queue": queue, "team": name}
    outbound = vendor.file.outbound
    try:
        headers = {} if outbound is None else outbound.headers
        filled = {key.lower(): render(value, data) for key, value in headers.items()}
        request = Request("presence", "GET", render(ask.url, data), filled, None, ())
        answer = await sender.send(request)
        if answer.result != "done":
            logger.warning("%s: presence of %s: %s", vendor.name, queue, answer.why)
            return None
        told = {**data, "answer": msgspec.json.decode(answer.body)}
        online = int(evaluate(ask.online, told) or 0)
        agents = [] if ask.agents is None else evaluate(ask.agents, told) or []
    except (TreeError, ValueError, TypeError, RecursionError) as error:
        logger.warning("%s: presence of %s: %s", vendor.name, queue, type(error).__name__)
        return None
    return max(online, 0), [str(agent) for agent in agents]
