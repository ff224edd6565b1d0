"""Notifications to the team: tickets asked for, escalations that moved or expired."""

from typing import Final

from workers.contracts.decisions import Decision
from workers.contracts.events import Skipped
from workers.contracts.ids import derive
from workers.contracts.ledger import LedgerRecord, Plan
from workers.contracts.tickets import Notification, NotificationKind
from workers.contracts.time import from_ms, to_ms
from workers.contracts.topics import NOTIFICATIONS, Topics
from workers.redaction.redact import redact
from workers.routing.envelopes import Envelope
from workers.routing.opening_hours import next_opening
from workers.routing.plan import is_placing

_RAISED: Final = frozenset({"reply_missed", "mandatory_rule", "hop_limit", "idle"})
_AS_PLANNED: Final = frozenset({"closed", "tried"})
"""Reasons to skip a rung without a notification: opening hours, and what `moved` says."""
_MISSED: Final = frozenset({"claim_missed", "ticket_unanswered", "ticket_refused"})


def notification(
    decision: Decision, plan: Plan, record: LedgerRecord, topics: Topics
) -> Envelope | None:
    """Return the notification for the team of a decision; None when its queue says it all.

    `record` is the ledger's after the decision. The text holds no words of the customer.
    """
    kind = _kind(decision, plan)
    queue = plan.queue or record.queue
    if kind is None or decision.observe:
        return None
    known = topics.queues.get(queue or "")
    message = Notification(
        notification_id=derive("notification", decision.decision_id, kind),
        kind=kind,
        occurred_at=plan.planned_at,
        text=_text(kind, decision, plan, topics),
        queue=queue,
        team=None if known is None else known.team,
        escalation_id=decision.escalation_id,
        conversation_id=decision.conversation_id,
        customer=_customer(decision),
        reason=decision.reason,
        level=decision.level,
        due_at=plan.claim_due_at,
        seq=decision.seq,
    )
    return Envelope(NOTIFICATIONS, decision.conversation_id, message)


def _kind(decision: Decision, plan: Plan) -> NotificationKind | None:
    if decision.outcome == "expired":
        return "expired"
    if not is_placing(decision):
        return None
    if plan.place == "ticket":
        return "ticket_requested"
    if plan.place == "contact":
        return "contact_given"
    if decision.cause in _RAISED:
        return "level_raised"
    if decision.cause in _MISSED:
        return "moved"
    failed = any(rung.reason not in _AS_PLANNED for rung in plan.skipped)
    return "rung_skipped" if failed else None


def _customer(decision: Decision) -> str | None:
    customer = decision.facts.customer
    return None if customer is None or customer.id is None else redact(customer.id, "strict")


def _text(kind: NotificationKind, decision: Decision, plan: Plan, topics: Topics) -> str:
    reason = (decision.reason or "unknown reason").replace("_", " ")
    cause = (decision.cause or "").replace("_", " ")
    about = f"{decision.conversation_id} ({reason})"
    said = {
        "expired": f"No one took {about} in time; the escalation has ended.",
        "ticket_requested": f"No queue could take {about}; a ticket was requested.",
        "contact_given": f"No one could take {about}; the customer was given contact details.",
        "level_raised": f"{about} was raised to level {decision.level}: {cause}.",
        "moved": f"{about} was moved: {cause}.",
        "rung_skipped": f"{about} went to {plan.queue}: no place before it could take it.",
    }[kind]
    skipped = ", ".join(_why(rung, plan, topics) for rung in plan.skipped)
    return f"{said} Tried: {skipped}." if skipped else said


def _why(rung: Skipped, plan: Plan, topics: Topics) -> str:
    name = rung.queue if rung.place == "queue" else rung.place
    why = f"{name} {rung.reason.replace('_', ' ')}"
    if rung.reason != "closed" or rung.queue not in topics.queues:
        return why
    opens = next_opening(topics.calendar(rung.queue), to_ms(plan.planned_at))
    return why if opens is None else f"{why} until {from_ms(opens):%Y-%m-%d %H:%M} UTC"
