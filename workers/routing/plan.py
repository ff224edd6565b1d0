"""The ladder: from a decision to the place of its escalation, each skipped rung explained."""

from collections.abc import Iterator, Set
from typing import Final, NamedTuple

import msgspec

from workers.contracts.decisions import Decision
from workers.contracts.events import Place, Skipped
from workers.contracts.ids import person_rung
from workers.contracts.ledger import LedgerRecord, Plan
from workers.contracts.time import HOUR, MINUTE, from_ms, to_ms
from workers.contracts.topics import Topics
from workers.routing.availability import Load, is_online, least_busy, refusal

PERSON_MS: Final = 2 * MINUTE
"""The time that an escalation waits for the person who is asked first."""
TICKET: Final = "ticket"
"""The name of the ticket rung in `tried`, in `withdraw_from` and among the rejected."""

_NOBODY: Final[frozenset[str]] = frozenset()


class Rung(NamedTuple):
    """One place of a ladder; `queue` is the one whose team or contact it is.

    With `person` it is a queue on which that person is asked first.
    """

    place: Place
    queue: str
    person: str | None = None

    @property
    def name(self) -> str:
        """The place's name in `withdraw_from`."""
        return rung_name(self.place, self.queue)

    @property
    def tried_as(self) -> str:
        """The place's name in `tried`."""
        return self.name if self.person is None else person_rung(self.queue, self.person)


def is_placing(decision: Decision) -> bool:
    """Return True if the escalation of this decision needs a place."""
    if decision.observe or decision.escalation_id is None:
        return False
    if decision.action == "move":
        return decision.cause != "ticketed"
    return decision.action in ("escalate", "transfer")


def plan(
    decision: Decision,
    topics: Topics,
    load: Load,
    now_ms: int,
    previous: LedgerRecord | None = None,
    rejected: Set[str] = _NOBODY,
) -> Plan:
    """Return the plan for a decision: the first rung that takes it, or none if it needs no place.

    `previous` is the conversation's ledger record before this decision; `rejected` are rungs whose
    topic refused the packet of this very decision. The ladder ends at the customer's contact
    details at the latest, and every rung before the one taken is in `skipped` once, with its
    reason.
    """
    # A clock that runs behind must not let a deadline pass before it was set.
    planned_ms = max(now_ms, to_ms(decision.decided_at))
    if not is_placing(decision):
        return _unplaced(decision, planned_ms, previous)
    skipped: list[Skipped] = []
    for rung in ladder(decision, topics, load, planned_ms):
        reason = _reason(rung, decision, topics, load, planned_ms, rejected)
        if reason is None:
            return _placed(decision, topics, load, planned_ms, previous, rung, skipped)
        # A queue that refused its person's rung refuses its own for the same reason: that is one.
        if rung.name not in (rung_name(skip.place, skip.queue) for skip in skipped):
            skip = Skipped(rung=len(skipped), place=rung.place, queue=rung.queue, reason=reason)
            skipped.append(skip)
    raise AssertionError("the contact rung takes everybody")


def amend(planned: Plan, decision: Decision, topics: Topics, load: Load, now_ms: int) -> Plan:
    """Return the plan once the place of `planned` has refused the packet: a later rung."""
    refused = {
        rung_name(skip.place, skip.queue) for skip in planned.skipped if skip.reason == "rejected"
    }
    refused.add(rung_name(planned.place, planned.queue))
    amended = plan(decision, topics, load, now_ms, rejected=refused)
    left = {*planned.withdraw_from, *amended.withdraw_from}
    left.discard(rung_name(amended.place, amended.queue))
    return msgspec.structs.replace(
        amended, others=planned.others, withdraw_from=tuple(sorted(left))
    )


def rung_name(place: Place | None, queue: str | None) -> str:
    """Return a rung's name in `tried` and `withdraw_from`: its queue, or `ticket` or `contact`."""
    return queue or "" if place == "queue" else place or ""


def ladder(decision: Decision, topics: Topics, load: Load, now_ms: int) -> list[Rung]:
    """Every rung in the order in which it is tried: queues, each once, then ticket and contact.

    A queue on which somebody who is asked first is online comes before them all.
    """
    queues = list(_queues(decision, topics))
    own = (
        Rung("queue", queue, person)
        for person in _asked_first(decision)
        for queue in queues
        if is_online(topics, queue, person, load, now_ms)
        and person_rung(queue, person) not in decision.tried
    )
    owner = next((queue for queue in _queues(decision, topics) if queue in topics.queues), None)
    # topics.yaml lacks this queue, so it has no team: its name is all that can be said.
    last = owner or decision.target_queue or TICKET
    return [
        *own,
        *(Rung("queue", queue) for queue in queues),
        Rung("ticket", last),
        Rung("contact", last),
    ]


def _queues(decision: Decision, topics: Topics) -> Iterator[str]:
    """Return the target, its overflow queues in order, then theirs."""
    waiting = [] if decision.target_queue is None else [decision.target_queue]
    if decision.target_queue not in topics.queues and decision.queue is not None:
        # The queue it was sent to is unknown: back to the one it came from.
        waiting.append(decision.queue)
    seen: set[str] = set()
    for queue in waiting:
        if queue in seen:
            continue
        seen.add(queue)
        yield queue
        if queue in topics.queues:
            # The list grows while it is walked: nearer queues come first.
            waiting.extend(topics.queues[queue].overflow)


def _reason(
    rung: Rung,
    decision: Decision,
    topics: Topics,
    load: Load,
    now_ms: int,
    rejected: Set[str],
) -> str | None:
    if rung.place == "contact":
        return None
    if rung.tried_as in decision.tried or rung.name in decision.tried:
        return "tried"
    if rung.name in rejected:
        return "rejected"
    return None if rung.place == "ticket" else refusal(topics, rung.queue, load, now_ms)


def _placed(
    decision: Decision,
    topics: Topics,
    load: Load,
    planned_ms: int,
    previous: LedgerRecord | None,
    rung: Rung,
    skipped: list[Skipped],
) -> Plan:
    queue = topics.queues[rung.queue] if rung.place == "queue" else None
    opened_ms = to_ms(decision.opened_at or decision.decided_at)
    minutes = _answer_minutes(rung, decision, topics)
    due_ms = None if minutes is None else planned_ms + round(minutes * MINUTE)
    own_ms = planned_ms + PERSON_MS
    # A shorter time to answer leaves a person no time of their own.
    person = rung.person if due_ms is not None and own_ms < due_ms else None
    if (kept := _kept_due(decision, rung, previous)) is not None:
        due_ms = max(kept, planned_ms)
    return Plan(
        place=rung.place,
        queue=rung.queue,
        rung=len(skipped),
        skipped=tuple(skipped),
        claim_due_at=None if due_ms is None else from_ms(due_ms),
        reply_minutes=_reply_minutes(rung, decision, topics),
        idle_minutes=None if queue is None else queue.idle_minutes,
        on_idle=None if queue is None else queue.on_idle,
        update_minutes=None if queue is None else queue.update_minutes,
        warn_share=None if queue is None else queue.warn_share,
        expires_at=from_ms(opened_ms + round(topics.ladder.expire_hours * HOUR)),
        assignee=person,
        assigned_until=None if person is None else from_ms(own_ms),
        suggested=None if person else _suggested(rung, topics, load, planned_ms),
        withdraw_from=tuple(sorted(_standing(decision, previous) - {rung.name})),
        planned_at=from_ms(planned_ms),
    )


def _answer_minutes(rung: Rung, decision: Decision, topics: Topics) -> float | None:
    if rung.place == "contact":
        return None
    if rung.place == "ticket":
        return topics.ladder.ticket_answer_minutes
    return decision.claim_minutes or topics.queues[rung.queue].claim_minutes


def _reply_minutes(rung: Rung, decision: Decision, topics: Topics) -> float | None:
    if rung.place != "queue":
        return None
    return decision.reply_minutes or topics.queues[rung.queue].reply_minutes


def _unplaced(decision: Decision, planned_ms: int, previous: LedgerRecord | None) -> Plan:
    """Return the plan of a decision that needs no place: only the places that it leaves."""
    plan = Plan(withdraw_from=_left(decision, previous), planned_at=from_ms(planned_ms))
    if previous is None or previous.escalation_id != decision.escalation_id:
        return plan
    return msgspec.structs.replace(
        plan, rung=previous.plan.rung, expires_at=previous.plan.expires_at
    )


def _left(decision: Decision, previous: LedgerRecord | None) -> tuple[str, ...]:
    if decision.observe or decision.escalation_id is None:
        return ()
    if decision.action == "suppress":
        return _late(decision, previous)
    standing = _standing(decision, previous)
    if decision.action == "claim":
        queue = claimed_on(decision, previous)
        standing.discard(queue or "")
        if previous is not None and previous.queue == queue:
            # The person who claimed it works on the ticket.
            standing.discard(TICKET)
        return tuple(sorted(standing))
    if decision.outcome is not None:
        return tuple(sorted(standing))
    return ()


def claimed_on(decision: Decision, previous: LedgerRecord | None) -> str | None:
    """Return the queue from which a claim took its escalation; None when it never had a place.

    A claim by a word in the chat names no queue, and the fold may not yet know where the
    router put it: then the ledger says.
    """
    if (
        decision.place is None
        and previous is not None
        and previous.escalation_id == decision.escalation_id
        and previous.place in ("queue", "ticket")
        and previous.queue is not None
    ):
        return previous.queue
    return decision.queue


def _late(decision: Decision, previous: LedgerRecord | None) -> tuple[str, ...]:
    """Return the place that came too late, unless somebody there has claimed it meanwhile."""
    if decision.cause != "late_routing":
        return ()
    name = TICKET if decision.place == "ticket" else decision.queue
    claimed = (
        previous is not None
        and previous.escalation_id == decision.escalation_id
        and previous.claimed_by is not None
        and previous.outcome is None
        and name == rung_name(previous.place, previous.queue)
    )
    return () if name is None or decision.place == "contact" or claimed else (name,)


def _standing(decision: Decision, previous: LedgerRecord | None) -> set[str]:
    """Return the places where the escalation waits or is worked on before this decision.

    Both memories are asked: the ledger may have lost its last writes, and the fold may not yet
    know where the router put it.
    """
    standing: set[str] = set()
    if decision.place == "ticket":
        standing.add(TICKET)
    elif decision.queue is not None and decision.place != "contact":
        standing.add(decision.queue)
    if (
        previous is not None
        and previous.escalation_id == decision.escalation_id
        and previous.outcome is None
    ):
        if previous.place == "ticket":
            standing.add(TICKET)
        elif previous.place == "queue" and previous.queue is not None:
            standing.add(previous.queue)
    return standing


def _asked_first(decision: Decision) -> list[str]:
    """Return the customer's own person and that of the last day, but not one who just let go."""
    customer = decision.facts.customer
    dedicated = None if customer is None else customer.dedicated_agent
    people = dict.fromkeys((dedicated, decision.facts.last_person))
    return [one for one in people if one is not None and one != decision.person]


def _kept_due(decision: Decision, rung: Rung, previous: LedgerRecord | None) -> int | None:
    """Return the time by which a queue was to claim what it goes on to hold; None elsewhere."""
    if (
        decision.cause != "assignee_missed"
        or previous is None
        or previous.escalation_id != decision.escalation_id
        or (previous.place, previous.queue) != (rung.place, rung.queue)
        or previous.plan.claim_due_at is None
    ):
        return None
    return to_ms(previous.plan.claim_due_at)


def _suggested(rung: Rung, topics: Topics, load: Load, now_ms: int) -> str | None:
    return least_busy(topics, rung.queue, load, now_ms) if rung.place == "queue" else None
