"""The messages that follow from a decision and its plan: to desks, teams, the log and chat systems.

Equal arguments give equal messages, so that a repeat after a crash says the same again.
"""

from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple, TypedDict

import msgspec

from workers.contracts.control import Brief, Contact, Control
from workers.contracts.decisions import Decision, Home, Reason
from workers.contracts.events import Routed
from workers.contracts.handoffs import Claimed, Handoff, Packet, Refused, Withdrawn
from workers.contracts.ids import derive, is_person_rung, routed_event_id
from workers.contracts.ledger import LedgerRecord, Plan
from workers.contracts.tickets import Ticket
from workers.contracts.topics import CONTROL, TICKETS, Topics
from workers.routing.ledger_record import UNKNOWN
from workers.routing.plan import PERSON_MS, TICKET, is_placing

_CONTROLLED: Final = frozenset(
    {"escalate", "transfer", "move", "claim", "return", "outcome", "offer", "recommend", "update"}
)


LEAST_URGENT: Final = 5
MOST_URGENT: Final = 1
"""Priority of a ticket: no queue could take the customer who waits."""


class Envelope(NamedTuple):
    """One message and where it goes; without `partition` the conversation's key decides."""

    topic: str
    conversation_id: str
    message: msgspec.Struct
    partition: int | None = None


def handoff(
    decision: Decision,
    plan: Plan,
    topics: Topics,
    packet: Packet,
    *,
    again: Decision | None = None,
) -> Envelope:
    """Return the packet for the queue of the plan.

    `again` repeats an unchanged packet as a later revision, after a decision whose message desks
    might take for its end, or by which a lead has given it another priority.
    """
    queue = topics.queues[plan.queue or ""]
    given = None if again is None else again.priority
    priority = given or _priority(decision, plan, topics)
    message = Handoff(
        type="handoff",
        packet_id=derive("packet", decision.decision_id),
        escalation_id=_escalation(decision),
        conversation_id=decision.conversation_id,
        queue=queue.queue,
        epoch=decision.epoch,
        seq=decision.seq if again is None else again.seq,
        revision=0 if again is None else 1,
        decided_at=decision.decided_at,
        home=decision.home,
        level=decision.level,
        reason=_reason(decision),
        rule=decision.rule,
        evidence=decision.evidence,
        priority=priority,
        sort_at=_sort_at(decision, plan, priority),
        due_by=plan.claim_due_at,
        reply_minutes=plan.reply_minutes,
        assignee=plan.assignee,
        assigned_until=plan.assigned_until,
        suggested=plan.suggested,
        team=queue.team,
        rung=plan.rung,
        skipped=plan.skipped,
        packet=packet,
    )
    return Envelope(queue.topic, decision.conversation_id, message)


def ticket(decision: Decision, plan: Plan, topics: Topics, packet: Packet) -> Envelope:
    """Return the request for a ticket."""
    message = Ticket(
        type="ticket",
        ticket_request_id=_ticket_request_id(decision),
        escalation_id=_escalation(decision),
        conversation_id=decision.conversation_id,
        epoch=decision.epoch,
        seq=decision.seq,
        queue=plan.queue or TICKET,
        team=_team(topics, plan.queue),
        level=decision.level,
        reason=_reason(decision),
        priority=decision.priority or MOST_URGENT,
        subject=packet.title or _reason(decision).replace("_", " "),
        answer_by=plan.claim_due_at,
        skipped=plan.skipped,
        home=decision.home,
        requested_at=plan.planned_at,
        packet=packet,
    )
    return Envelope(TICKETS, decision.conversation_id, message)


def answers(decision: Decision, record: LedgerRecord, topics: Topics) -> list[Envelope]:
    """`claimed` for the queue whose escalation it was, `refused` for the one that asked.

    `record` is the ledger's after the decision.
    """
    if decision.observe or decision.action not in ("claim", "refuse"):
        return []
    claims = decision.action == "claim"
    queue = topics.queues.get((record.queue if claims else decision.queue) or "")
    if queue is None:
        return []
    message: Claimed | Refused
    envelope = _envelope(decision, queue.queue)
    if claims:
        agent_id, others = decision.person or UNKNOWN, record.plan.others
        message = Claimed(type="claimed", agent_id=agent_id, others=others, **envelope)
    else:
        reason = decision.cause or "refused"
        message = Refused(type="refused", agent_id=decision.person, reason=reason, **envelope)
    return [Envelope(queue.topic, decision.conversation_id, message)]


def withdrawals(decision: Decision, plan: Plan, topics: Topics) -> list[Envelope]:
    """`withdrawn` for every place on which the escalation no longer waits."""
    reason = decision.outcome or decision.cause or decision.action
    moved_to = plan.queue if plan.place == "queue" else plan.place
    outgoing = []
    for name in plan.withdraw_from:
        if name == TICKET:
            outgoing.append(_withdrawn_ticket(decision, plan, topics, reason))
        elif name in topics.queues:
            message = Withdrawn(
                type="withdrawn", reason=reason, moved_to=moved_to, **_envelope(decision, name)
            )
            topic = topics.queues[name].topic
            outgoing.append(Envelope(topic, decision.conversation_id, message))
    return outgoing


def routed(decision: Decision, plan: Plan) -> Envelope:
    """Return the event that tells the fold, in the home partition, where the escalation is."""
    if plan.place is None:
        raise ValueError(f"{decision.decision_id}: nothing was placed")
    message = Routed(
        type="routed",
        event_id=routed_event_id(decision.decision_id, plan.place, plan.queue or TICKET),
        conversation_id=decision.conversation_id,
        occurred_at=decision.decided_at,
        decision_id=decision.decision_id,
        escalation_id=_escalation(decision),
        seq=decision.seq,
        place=plan.place,
        queue=plan.queue or TICKET,
        rung=plan.rung,
        skipped=plan.skipped,
        claim_due_at=plan.claim_due_at,
        reply_minutes=plan.reply_minutes,
        idle_minutes=plan.idle_minutes,
        on_idle=plan.on_idle,
        update_minutes=plan.update_minutes,
        warn_share=plan.warn_share,
        expires_at=plan.expires_at,
        predicted_wait=plan.wait if plan.place == "queue" else None,
        assignee=plan.assignee,
        assigned_until=plan.assigned_until,
    )
    home = decision.home
    return Envelope(home.topic, decision.conversation_id, message, home.partition)


def control(
    decision: Decision,
    plan: Plan,
    record: LedgerRecord,
    topics: Topics,
    text: str | None,
    brief: Brief | None = None,
    ask: tuple[Literal["email", "phone"], ...] = (),
) -> Envelope | None:
    """Return what the chat system must know after this decision; None when nothing changes for it.

    `record` is the ledger's after the decision, `text` the line for the customer, `brief` what the
    AI agent is told that goes on, `ask` what the customer is asked for.
    """
    if decision.observe or decision.action not in _CONTROLLED:
        return None
    sent_at = plan.planned_at if is_placing(decision) else decision.decided_at
    if decision.action == "update":
        told = record.told
        if told is None or told.seq != decision.seq:
            return None
        sent_at = told.at
    message = Control(
        conversation_id=decision.conversation_id,
        escalation_id=decision.escalation_id,
        epoch=decision.epoch,
        seq=decision.seq,
        owner=decision.owner,
        ai_may_reply=_ai_may_reply(decision, record),
        kind=_kind(decision),
        text=text,
        wait=plan.wait,
        ticket_id=decision.ticket_id,
        ticket_url=decision.ticket_url,
        contact=contact_of(decision, plan, record, topics),
        ask=ask,
        brief=brief,
        others=plan.others if decision.action == "claim" else (),
        recommended=decision.reason if decision.action == "recommend" else None,
        caused_by=decision.decision_id,
        sent_at=sent_at,
    )
    return Envelope(CONTROL, decision.conversation_id, message)


def contact_of(
    decision: Decision, plan: Plan, record: LedgerRecord, topics: Topics
) -> Contact | None:
    """Return the contact details for a customer whom no one took; None while someone may."""
    if plan.place != "contact" and decision.outcome != "expired":
        return None
    queue = record.queue or ""
    return topics.contact(queue) if queue in topics.queues else topics.ladder.contact


def _kind(decision: Decision) -> Literal["notice", "offer", "recommend", "ownership"]:
    if decision.action == "offer" or decision.action == "recommend":
        return decision.action
    only_told = decision.cause == "ticketed" or decision.action == "update"
    return "notice" if only_told else "ownership"


def _ai_may_reply(decision: Decision, record: LedgerRecord) -> bool:
    if decision.owner == "pending":
        # No person is awaited within this chat.
        return record.place in ("ticket", "contact")
    # A customer who writes again after the end is the AI's, and no notice of ours comes first.
    return decision.owner in ("ai", "closed")


def _priority(decision: Decision, plan: Plan, topics: Topics) -> int:
    """Return the priority of a packet.

    It is what a lead has set, else the queue's, one more urgent for each level above and for each
    place that was missed.
    """
    if decision.priority is not None:
        return decision.priority
    queue = topics.queues.get(plan.queue or "")
    base = 3 if queue is None else queue.priority
    missed = [rung for rung in decision.tried if not is_person_rung(rung)]
    return max(1, base - decision.level - len(missed))


def _sort_at(decision: Decision, plan: Plan, priority: int) -> datetime | None:
    """Return by when its turn comes: the opening, and of the time to claim it a part by priority.

    The most urgent counts a fifth of that time, the least urgent all of it, so that a long
    wait comes before a case that is more urgent and much younger.
    """
    if plan.claim_due_at is None:
        return None
    within = plan.claim_due_at - plan.planned_at
    if decision.cause == "assignee_missed" and plan.queue == decision.queue:
        # The time in which it was somebody's own counts, so that it keeps its place in line.
        within += timedelta(milliseconds=PERSON_MS)
    return (decision.opened_at or decision.decided_at) + within * priority / LEAST_URGENT


def _withdrawn_ticket(decision: Decision, plan: Plan, topics: Topics, reason: str) -> Envelope:
    queue = decision.queue or decision.target_queue or TICKET
    message = Ticket(
        type="withdrawn",
        ticket_request_id=_ticket_request_id(decision),
        escalation_id=_escalation(decision),
        conversation_id=decision.conversation_id,
        epoch=decision.epoch,
        seq=decision.seq,
        queue=queue,
        team=_team(topics, queue),
        level=decision.level,
        # Of an escalation that ended before it was placed, the reason is forgotten.
        reason=decision.reason or "explicit_request",
        priority=decision.priority or MOST_URGENT,
        subject=f"no longer needed: {reason.replace('_', ' ')}",
        home=decision.home,
        requested_at=plan.planned_at,
    )
    return Envelope(TICKETS, decision.conversation_id, message)


def _ticket_request_id(decision: Decision) -> str:
    """Return the one id of an escalation's ticket: a later request updates it or takes it back."""
    return derive("ticket", _escalation(decision))


class _Envelope(TypedDict):
    escalation_id: str
    conversation_id: str
    queue: str
    epoch: int
    seq: int
    decided_at: datetime
    home: Home


def _envelope(decision: Decision, queue: str) -> _Envelope:
    return {
        "escalation_id": _escalation(decision),
        "conversation_id": decision.conversation_id,
        "queue": queue,
        "epoch": decision.epoch,
        "seq": decision.seq,
        "decided_at": decision.decided_at,
        "home": decision.home,
    }


def _team(topics: Topics, queue: str | None) -> str | None:
    known = topics.queues.get(queue or "")
    return None if known is None else known.team


def _escalation(decision: Decision) -> str:
    if decision.escalation_id is None:
        raise ValueError(f"{decision.decision_id}: no escalation")
    return decision.escalation_id


def _reason(decision: Decision) -> Reason:
    if decision.reason is None:
        raise ValueError(f"{decision.decision_id}: no reason")
    return decision.reason
