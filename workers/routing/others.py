"""A customer's other open escalations, which packets and claims name."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from workers.contracts.decisions import Decision, OtherEscalation
from workers.contracts.ledger import LedgerRecord
from workers.routing.ledger_record import is_over
from workers.routing.plan import is_placing

NAMED: Final = 5
"""Others that are named at once, the latest ones."""


class OneCustomer(NamedTuple):
    """A customer as a chat system names them; the same id of another tenant is somebody else."""

    tenant: str | None
    customer_id: str


def customer_of(decision: Decision) -> OneCustomer | None:
    """Return whose escalation a decision is about; None when the chat system gives no id."""
    customer = decision.facts.customer
    if customer is None or customer.id is None:
        return None
    return OneCustomer(decision.facts.tenant, customer.id)


def told_of_others(decision: Decision) -> OneCustomer | None:
    """Return the customer whose others are named after a decision; None when none are."""
    if is_placing(decision) or (decision.action == "claim" and not decision.observe):
        return customer_of(decision)
    return None


def other_escalations(
    decision: Decision,
    records: Iterable[LedgerRecord | None],
    before: Iterable[Decision] = (),
) -> tuple[OtherEscalation, ...]:
    """Return the customer's other open escalations, latest first, at most `NAMED`.

    `records` are the ledger's of the conversations that may have one. A record has the last word:
    one that has ended, or is another customer's by now, is left out. `before` are decisions that
    are carried out at the same time and were made before this one: their conversations' records
    may not be there yet.
    """
    customer = customer_of(decision)
    if customer is None:
        return ()
    open_now = [
        record
        for record in records
        if record is not None
        and not is_over(record)
        and record.conversation_id != decision.conversation_id
        and customer_of(record.decision) == customer
    ]
    named = {one.conversation_id: one for one in map(_named, open_now)}
    for earlier in before:
        if customer_of(earlier) == customer and earlier.conversation_id != decision.conversation_id:
            if earlier.outcome is not None:
                named.pop(earlier.conversation_id, None)
            elif is_placing(earlier):
                named.setdefault(earlier.conversation_id, _just_opened(earlier))
    others = sorted(named.values(), key=lambda one: one.opened_at, reverse=True)
    return tuple(others[:NAMED])


def _just_opened(decision: Decision) -> OtherEscalation:
    return OtherEscalation(
        escalation_id=decision.escalation_id or "",
        conversation_id=decision.conversation_id,
        reason=decision.reason,
        opened_at=decision.opened_at or decision.decided_at,
    )


def _named(record: LedgerRecord) -> OtherEscalation:
    return OtherEscalation(
        escalation_id=record.escalation_id or "",
        conversation_id=record.conversation_id,
        reason=record.decision.reason,
        place=record.place,
        queue=record.queue,
        opened_at=record.opened_at or record.decision.decided_at,
        claimed_by=record.claimed_by,
    )
