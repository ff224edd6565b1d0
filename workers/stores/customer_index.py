"""The open escalations of each customer in Redis, so that one can be named beside another."""

from collections.abc import Sequence
from typing import Final

import msgspec
from redis.asyncio.client import Pipeline

from workers.contracts.ids import derive
from workers.contracts.ledger import LedgerRecord
from workers.contracts.time import DAY, to_ms
from workers.routing.ledger_record import is_over
from workers.routing.others import OneCustomer, customer_of

KEPT: Final = 20
"""Escalations of one customer; the latest ones."""
KEPT_MS: Final = 32 * DAY
"""Retention after the last change of any of them."""

_MEMBER: Final = msgspec.json.Decoder(tuple[str, str])


class CustomerIndex:
    """Each customer of each tenant has a slot; the ledger says what a found escalation is now.

    Noting the same record again changes nothing. Ended escalations stay out of every answer,
    because each reader looks into the ledger.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def note(self, pipeline: "Pipeline", record: LedgerRecord) -> None:
        """Add the commands that keep an open escalation, or drop one that has ended."""
        customer = customer_of(record.decision)
        if customer is None or record.escalation_id is None:
            return
        key = self._key(customer)
        member = msgspec.json.encode((record.escalation_id, record.conversation_id))
        if is_over(record):
            pipeline.zrem(key, member)
            return
        opened_ms = to_ms(record.opened_at or record.decision.decided_at)
        pipeline.zadd(key, {member: opened_ms})
        pipeline.zremrangebyrank(key, 0, -KEPT - 1)
        pipeline.pexpire(key, KEPT_MS)

    def ask(self, pipeline: "Pipeline", customer: OneCustomer) -> None:
        """Add the one command whose result `read` takes."""
        pipeline.zrange(self._key(customer), 0, -1)

    def read(self, result: Sequence[bytes]) -> list[str]:
        """Return the conversations in which the customer may have an open escalation."""
        return [_MEMBER.decode(member)[1] for member in result]

    def _key(self, customer: OneCustomer) -> str:
        # The names of keys reveal no customer.
        named = derive("customer", customer.tenant or "", customer.customer_id)
        return f"{self._prefix}:customer:{{{named}}}"
