"""The ledger's record after a decision: pure, so that a restored ledger is the same ledger."""

import msgspec

from workers.contracts.decisions import Decision
from workers.contracts.events import Customer
from workers.contracts.ledger import LedgerRecord, Plan, ToldWait
from workers.routing.plan import claimed_on, is_placing

PASSING = frozenset({"offer", "recommend", "suppress", "refuse", "update", "rate"})
"""Actions that leave every place as it is; only `seq` changes, and `told` with an `update`."""

UNKNOWN = "unknown"
"""Stands for a person's id when somebody without one wrote in the chat."""


def is_passing(decision: Decision) -> bool:
    """Return True if a decision changes no place.

    Its repeat needs nothing of the ledger's record but `told`, and that only for an `update`.
    """
    return decision.observe or decision.action in PASSING


def is_contact(decision: Decision) -> bool:
    """Return whether a decision tells how the customer of a ticket can be reached."""
    return decision.action == "update" and decision.cause == "contact_known"


def next_record(previous: LedgerRecord | None, decision: Decision, plan: Plan) -> LedgerRecord:
    """Return the record after `decision` was planned as `plan`; `previous` is the one before it.

    Once no escalation of the conversation is open, it holds no words of anybody: the ledger's topic
    keeps the last record of each conversation for ever.
    """
    record = _next(previous, decision, plan)
    if not is_over(record):
        return record
    return msgspec.structs.replace(record, decision=wordless(record.decision))


def wordless(decision: Decision) -> Decision:
    """Return a decision without what customers, agents and people wrote: ids, codes and counts."""
    facts = decision.facts
    customer = facts.customer
    if customer is not None:
        customer = Customer(id=customer.id, tier=customer.tier, locale=customer.locale)
    replace = msgspec.structs.replace
    return replace(
        decision,
        evidence=tuple(replace(one, quote=None) for one in decision.evidence),
        closing=None,
        lead=None,
        facts=replace(
            facts,
            customer=customer,
            subject=None,
            ai_note=None,
            desk_note=None,
            tools=tuple(replace(one, error=None) for one in facts.tools),
            earlier=tuple(replace(one, note=None) for one in facts.earlier),
        ),
    )


def _next(previous: LedgerRecord | None, decision: Decision, plan: Plan) -> LedgerRecord:
    if is_passing(decision) and previous is not None:
        told = previous.told
        if decision.action == "update" and plan.wait is not None:
            told = _told(decision, plan)
        return msgspec.structs.replace(previous, seq=decision.seq, told=told)
    same = previous is not None and previous.escalation_id == decision.escalation_id
    before = previous if same else None
    record = LedgerRecord(
        conversation_id=decision.conversation_id,
        seq=decision.seq,
        epoch=decision.epoch,
        escalation_id=None if is_passing(decision) else decision.escalation_id,
        level=decision.level,
        outcome=decision.outcome,
        opened_at=decision.opened_at,
        ticket_id=decision.ticket_id or (before.ticket_id if before else None),
        home=decision.home,
        plan=plan,
        decision=decision,
    )
    if is_placing(decision):
        return msgspec.structs.replace(
            record,
            place=plan.place,
            queue=plan.queue,
            placed_at=plan.planned_at,
            predicted_wait=plan.wait,
            told=_told(decision, plan),
        )
    if before is not None:
        record = msgspec.structs.replace(
            record,
            place=before.place,
            queue=before.queue,
            placed_at=before.placed_at,
            predicted_wait=before.predicted_wait,
            claimed_by=before.claimed_by,
            claimed_at=before.claimed_at,
        )
    if decision.action == "claim":
        return _claimed(record, decision, claimed_on(decision, before))
    return record


def leaves_record(decision: Decision, previous: LedgerRecord | None) -> bool:
    """Return whether the ledger has a record after this decision; `update` and `rate` make none."""
    return previous is not None or decision.action not in ("update", "rate")


def _told(decision: Decision, plan: Plan) -> ToldWait | None:
    wait = plan.wait
    if wait is None:
        return None
    return ToldWait(low_s=wait.low_s, high_s=wait.high_s, at=plan.planned_at, seq=decision.seq)


def waits_on(record: LedgerRecord | None) -> str | None:
    """Return the queue on which this record's escalation waits for somebody; None if on none."""
    if record is None or record.outcome is not None or record.claimed_by is not None:
        return None
    return record.queue if record.place == "queue" else None


def is_over(record: LedgerRecord) -> bool:
    """Return True if no escalation of this conversation is open."""
    return record.escalation_id is None or record.outcome is not None


def _claimed(record: LedgerRecord, decision: Decision, queue: str | None) -> LedgerRecord:
    """Return the record once a person owns the conversation, wherever they took it from."""
    from_ticket = record.place == "ticket" and queue in (None, record.queue)
    from_queue = not from_ticket and queue is not None
    return msgspec.structs.replace(
        record,
        place="queue" if from_queue else record.place,
        queue=queue or record.queue,
        claimed_by=decision.person or UNKNOWN,
        claimed_at=decision.decided_at,
    )


def outranks_packet(decision: Decision, record: LedgerRecord) -> bool:
    """Return whether the packet that waits must be sent again after this decision."""
    queue = waits_on(record)
    if decision.action == "refuse":
        return queue is not None and queue == decision.queue
    return decision.action == "update" and decision.lead is not None and queue is not None
