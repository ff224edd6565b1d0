"""Delivers stored messages to vendors: each conversation in order, all side by side."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import orjson

from workers.contracts.time import MINUTE
from workers.outbound.calls import Outgoing, calls_of, request_of
from workers.outbound.due_work import TAKEN_MS, Lanes
from workers.outbound.http_sending import Answer, Requester, next_try_ms
from workers.outbound.trees import TreeError
from workers.outbound.vendor_file import Limits, Vendor, VendorCall
from workers.stores.deliveries import Delivery, DeliveryStore, Taken

GiveUp = Callable[[Delivery, str], Awaitable[None]]
"""Keep a message that could not be delivered, with the reason; return once it is kept."""

logger = logging.getLogger(__name__)


class Dispatcher:
    """Tells each vendor what its file says; a message that fails holds up its conversation only."""

    def __init__(
        self,
        vendors: Mapping[str, Vendor],
        store: DeliveryStore,
        give_up: GiveUp,
        clock: Callable[[], int],
    ) -> None:
        self._vendors = vendors
        self._store = store
        self._give_up = give_up
        self._clock = clock
        self._senders = {name: Requester(_limits(vendor)) for name, vendor in vendors.items()}
        self._lanes: Lanes[Taken] = Lanes(
            store, lambda taken: taken.conversation_id, self._tell, clock
        )

    def sender(self, vendor: str) -> Requester:
        """Return the requester of a vendor, which keeps within its limits."""
        return self._senders[vendor]

    async def close(self) -> None:
        """Close the connections, once it does not run any more."""
        for sender in self._senders.values():
            await sender.close()

    def wake(self) -> None:
        """Look at once: something was added."""
        self._lanes.wake()

    async def run(self) -> None:
        """Deliver until cancelled; an error of the store is raised, and nothing is lost by it."""
        await self._lanes.run()

    async def _tell(self, taken: Taken) -> None:
        vendor = self._vendors.get(taken.delivery.vendor)
        if vendor is None:
            # A bridge that has the vendor's file will take it.
            await self._store.hold(taken, self._clock() + TAKEN_MS)
            return
        outgoing = Outgoing(
            taken.delivery.topic, taken.conversation_id, orjson.loads(taken.delivery.value)
        )
        for call in calls_of(vendor, taken.delivery.topic):
            if call.call in taken.delivery.made or _was_refused(taken.delivery, call):
                continue
            known = await self._store.known(taken.conversation_id, taken.delivery)
            answer = await self._made(vendor, call, outgoing, known)
            if answer is None:
                continue
            taken, ended = await self._noted(vendor, call, taken, answer)
            if ended:
                return
        await self._finish(taken)

    async def _made(
        self, vendor: Vendor, call: VendorCall, outgoing: Outgoing, known: Mapping[str, Any]
    ) -> Answer | None:
        """Make a call; None when its condition does not hold."""
        try:
            request = request_of(vendor, call, outgoing, known)
        except TreeError as error:
            return Answer("refused", str(error))
        if request is None:
            return None
        return await self._senders[vendor.name].send(request)

    async def _noted(
        self, vendor: Vendor, call: VendorCall, taken: Taken, answer: Answer
    ) -> tuple[Taken, bool]:
        """Note the result of a call; return True too if the conversation waits or is given up."""
        delivery, now = taken.delivery, self._clock()
        if answer.result == "done":
            noted = msgspec.structs.replace(delivery, made=(*delivery.made, call.call), attempts=0)
            return await self._store.later(taken, noted, now + TAKEN_MS), False
        if answer.result == "refused":
            refused = (*delivery.refused, f"{call.call}: {answer.why}")
            noted = msgspec.structs.replace(delivery, refused=refused, attempts=0)
            return await self._store.later(taken, noted, now + TAKEN_MS), False
        limit = _limits(vendor).give_up_minutes
        if now - delivery.since_ms > limit * MINUTE:
            why = f"{call.call}: {answer.why} for {limit:g} minutes"
            refused = (*delivery.refused, why)
            await self._finish(
                await self._store.later(
                    taken, msgspec.structs.replace(delivery, refused=refused), now + TAKEN_MS
                )
            )
            return taken, True
        attempts = delivery.attempts + 1
        due_at = next_try_ms(answer, attempts, now, f"{vendor.name}: {call.call}")
        noted = msgspec.structs.replace(delivery, attempts=attempts)
        return await self._store.later(taken, noted, due_at), True

    async def _finish(self, taken: Taken) -> None:
        """Drop a delivered message; if a call of it was refused, give it up."""
        refused = taken.delivery.refused
        if refused:
            logger.warning("%s: given up: %s", taken.delivery.vendor, "; ".join(refused))
            await self._give_up(taken.delivery, "; ".join(refused))
        await self._store.done(taken, self._clock(), given_up=bool(refused))


def _was_refused(delivery: Delivery, call: VendorCall) -> bool:
    return any(why.startswith(f"{call.call}: ") for why in delivery.refused)


def _limits(vendor: Vendor) -> Limits:
    return Limits() if vendor.file.outbound is None else vendor.file.outbound.limits
