"""Finds the place of a decision by what the stores say, and reserves it."""

from collections.abc import Callable

import msgspec

from workers.agents.routing.router_stores import Stores
from workers.contracts.decisions import Decision
from workers.contracts.ledger import LedgerRecord, Plan
from workers.contracts.time import to_ms
from workers.contracts.topics import Topics
from workers.routing.availability import Load, free_slots
from workers.routing.ledger_record import waits_on
from workers.routing.plan import plan
from workers.routing.wait import estimate, has_left
from workers.stores.queue_load import Reservation


class Planner:
    """Plans decisions; a queue of a plan that it returns has the escalation's place reserved."""

    def __init__(self, topics: Topics, stores: Stores, now_ms: Callable[[], int]) -> None:
        self._topics = topics
        self._stores = stores
        self._now_ms = now_ms

    async def plan(self, decision: Decision, known: LedgerRecord | None, load: Load) -> Plan:
        """Return the plan of one decision; `known` is the ledger's record before it."""
        if decision.action == "update" and decision.lead is None:
            return await self._look_at_wait(decision, known, load)
        return await self.reserve(
            decision,
            load,
            lambda load: plan(decision, self._topics, load, self._now_ms(), known),
        )

    async def _look_at_wait(
        self, decision: Decision, known: LedgerRecord | None, load: Load
    ) -> Plan:
        """Estimate the wait anew; the plan has it if the customer was told something else."""
        now_ms = self._now_ms()
        planned = plan(decision, self._topics, load, now_ms, known)
        queue, escalation_id = waits_on(known), decision.escalation_id
        if known is None or queue is None or escalation_id != known.escalation_id:
            return planned
        store = self._stores.load
        stands = await self._stores.persist(
            lambda: store.standing(queue, known.escalation_id or "")
        )
        if stands is None:
            return planned
        free = free_slots(self._topics, queue, load, now_ms)
        wait = estimate(stands.claims, stands.ahead, free, now_ms)
        if wait is None or not has_left(known.told, wait, now_ms):
            return planned
        return msgspec.structs.replace(planned, wait=wait, ahead=stands.ahead)

    async def reserve(
        self, decision: Decision, load: Load, planner: Callable[[Load], Plan]
    ) -> Plan:
        """Plan until the queue of the plan has a place, which is then taken."""
        while True:
            planned = planner(load)
            queue, escalation_id = planned.queue, decision.escalation_id
            if planned.place != "queue" or queue is None or escalation_id is None:
                return planned
            limit = self._topics.queues[queue].max_waiting
            taken = await self._take(queue, escalation_id, limit, to_ms(planned.planned_at))
            if taken is None:
                # It filled up since the load was read.
                load = load.with_waiting(queue, limit)
                continue
            now_ms = to_ms(planned.planned_at)
            free = free_slots(self._topics, queue, load, now_ms)
            wait = estimate(taken.claims, taken.ahead, free, now_ms)
            return msgspec.structs.replace(planned, wait=wait, ahead=taken.ahead)

    async def _take(
        self, queue: str, escalation_id: str, limit: int, now_ms: int
    ) -> Reservation | None:
        load = self._stores.load
        return await self._stores.persist(lambda: load.reserve(queue, escalation_id, limit, now_ms))
