"""A day of a support team, simulated: the real fold, plan and messages, and people who work.

Nothing of it touches a server or a clock: conversations, desks, a ticket system and customers are
events in a heap by their time, so that the same seed gives the same log.
"""

import heapq
import random
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from tests.support.audit_builder import PACKET, feed
from tests.support.day_people import Customers, Desks, TicketSystem
from workers.audit.audit import Audit
from workers.audit.audit_report import Report
from workers.audit.conversation_track import At
from workers.audit.horizon import Horizon
from workers.contracts.codec import Raw, decode_message, encode
from workers.contracts.decisions import Decision, Home
from workers.contracts.events import Deadline, Event
from workers.contracts.handoffs import QueueMessage
from workers.contracts.ids import deadline_event_id
from workers.contracts.ledger import LedgerRecord, Plan
from workers.contracts.tickets import Ticket
from workers.contracts.time import HOUR, from_ms, to_ms
from workers.contracts.topics import DECISIONS, EVENTS, Topics, load_topics
from workers.conversation.fold import Incoming, fold_chunk
from workers.conversation.partition_meta import starting_meta
from workers.data import data_path
from workers.outcomes import OutcomeReport, outcome_of, report_of
from workers.routing import envelopes
from workers.routing.availability import Load, free_slots
from workers.routing.ledger_record import is_passing, leaves_record, next_record, waits_on
from workers.routing.plan import is_placing, plan
from workers.routing.wait import PastClaim, estimate, has_left, past_claim
from workers.stores.queue_load import REMEMBERED_CLAIMS

HOME: Final = Home(topic=EVENTS, partition=0)
OPENS: Final = to_ms(datetime(2026, 11, 2, 8, tzinfo=UTC))
"""Monday morning."""
_LAG_MS: Final = 100
"""Between a decision and the router's answer on the log."""


class Day:
    """One run; `run` returns when nothing is left to happen, some weeks later."""

    def __init__(self, conversations: int, seed: int = 1) -> None:
        text = data_path("policies/default.yaml").read_text(encoding="utf-8")
        self.topics: Topics = load_topics(data_path("topics.yaml").read_text(), "topics.yaml")
        self.chance = random.Random(seed)
        self.now = OPENS
        self.log: list[Event] = []
        self.decisions: list[Decision] = []
        self.ledger: dict[str, LedgerRecord] = {}
        self.late_ms: list[int] = []
        """By how much each deadline of a place was missed, the escalation standing where it was."""
        self._meta = starting_meta(text)
        self._blobs: dict[str, bytes] = {}
        self._ids: dict[str, set[str]] = defaultdict(set)
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._pushed = 0
        self._waiting: dict[str, dict[str, int]] = defaultdict(dict)
        self._claims: dict[str, list[PastClaim]] = defaultdict(list)
        self._due: dict[str, int] = {}
        self._promised: dict[str, int] = {}
        self._audited: list[tuple[Any, int]] = []
        self.desks = Desks(self, conversations)
        self.tickets = TicketSystem(self)
        self.customers = Customers(self, conversations)

    def run(self) -> None:
        """Let the day pass, and what it leaves behind."""
        self.desks.open()
        self.customers.come()
        while self._heap:
            at, _, act = heapq.heappop(self._heap)
            self.now = max(self.now, at)
            act()

    @property
    def hour(self) -> float:
        """Hours since the day began."""
        return (self.now - OPENS) / HOUR

    def later(self, delay_ms: float, act: Callable[[], None]) -> None:
        """Have something happen after some time."""
        self._pushed += 1
        heapq.heappush(self._heap, (self.now + round(delay_ms), self._pushed, act))

    # ---- the log and the fold ----------------------------------------------------------------

    def envelope(self, conversation: str) -> dict[str, Any]:
        """Return the fields that every event has, for one that is written now."""
        return {
            "event_id": f"e-{len(self.log)}",
            "conversation_id": conversation,
            "occurred_at": from_ms(self.now),
        }

    def say(self, event: Event) -> None:
        """Write an event to the log, and carry out what follows from it."""
        name, offset = event.conversation_id, len(self.log)
        self.log.append(event)
        raw = Raw(name.encode(), encode(event), (), self.now)
        incoming = [Incoming(offset, self.now, event, raw)]
        known = {name: self._blobs.get(name)}
        folded = fold_chunk(incoming, known, {name: self._ids[name]}, self._meta, HOME)
        self._meta = folded.meta
        for change in folded.changes.values():
            if change.fresh:
                self._ids[name].clear()
            self._blobs[name] = change.blob
            self._ids[name].update(change.ids)
            self._set_timer(name, change.due)
        for output in folded.outputs:
            if output.topic == DECISIONS:
                self._decided(decode_message(Decision, output.value))

    def _set_timer(self, name: str, due: int | None) -> None:
        if due is None:
            self._due.pop(name, None)
        elif self._due.get(name) != due:
            self._due[name] = due
            self.later(max(0, due - self.now), lambda: self._is_due(name, due))

    def _is_due(self, name: str, due: int) -> None:
        if self._due.get(name) == due:
            del self._due[name]
            envelope = self.envelope(name) | {"event_id": deadline_event_id(name, due)}
            self.say(Deadline(**envelope, type="deadline", due_at=from_ms(due)))

    def _decided(self, decision: Decision) -> None:
        self.decisions.append(decision)
        self._audited.append((decision, len(self.decisions) - 1))
        self._judge_deadline(decision)
        self.later(_LAG_MS, lambda: self._route(decision))

    def _judge_deadline(self, decision: Decision) -> None:
        if is_passing(decision) or decision.escalation_id is None:
            return
        due = self._promised.pop(decision.escalation_id, None)
        if due is not None:
            self.late_ms.append(to_ms(decision.decided_at) - due)

    # ---- the router --------------------------------------------------------------------------

    def _load(self) -> Load:
        waiting = {name: len(found) for name, found in self._waiting.items()}
        return Load(OPENS - HOUR, waiting, self.desks.presence())

    def _route(self, decision: Decision) -> None:
        known, load = self.ledger.get(decision.conversation_id), self._load()
        planned = self._planned(decision, known, load)
        if not leaves_record(decision, known):
            return
        record = next_record(known, decision, planned)
        self.ledger[decision.conversation_id] = record
        self._put(record)
        self._keep_places(decision, planned, record, known)
        for message in envelopes.answers(decision, record, self.topics):
            self._to_desks(message.message)
        if is_placing(decision) and planned.place == "queue":
            self._to_desks(envelopes.handoff(decision, planned, self.topics, PACKET).message)
        elif is_placing(decision) and planned.place == "ticket":
            self._to_tickets(envelopes.ticket(decision, planned, self.topics, PACKET).message)
        for message in envelopes.withdrawals(decision, planned, self.topics):
            if isinstance(message.message, Ticket):
                self._to_tickets(message.message)
            else:
                self._to_desks(message.message)
        if planned.place is not None:
            routed = envelopes.routed(decision, planned).message
            self._put(routed)
            if planned.place == "queue" and planned.claim_due_at is not None:
                until = planned.assigned_until or planned.claim_due_at
                self._promised[decision.escalation_id or ""] = to_ms(until)
            self.say(routed)  # type: ignore[arg-type]
        told = envelopes.control(decision, planned, record, self.topics, None)
        if told is not None:
            self._put(told.message)
        self.customers.hear(decision, planned)

    def _planned(self, decision: Decision, known: LedgerRecord | None, load: Load) -> Plan:
        planned = plan(decision, self.topics, load, self.now, known)
        if decision.action == "update" and decision.lead is None:
            queue = waits_on(known)
            if known is None or queue is None or known.escalation_id != decision.escalation_id:
                return planned
            waits = list(self._waiting[queue])
            escalation = decision.escalation_id or ""
            if escalation not in waits:
                return planned
            wait = self._estimate(queue, waits.index(escalation), load)
            left = wait is not None and has_left(known.told, wait, self.now)
            return msgspec.structs.replace(planned, wait=wait) if left else planned
        if planned.place == "queue" and planned.queue is not None:
            ahead = len(self._waiting[planned.queue])
            wait = self._estimate(planned.queue, ahead, load)
            return msgspec.structs.replace(planned, wait=wait, ahead=ahead)
        return planned

    def _estimate(self, queue: str, ahead: int, load: Load) -> Any:
        free = free_slots(self.topics, queue, load, self.now)
        return estimate(self._claims[queue], ahead, free, self.now)

    def _keep_places(
        self, decision: Decision, planned: Plan, record: LedgerRecord, known: LedgerRecord | None
    ) -> None:
        escalation = decision.escalation_id or ""
        if is_passing(decision):
            return
        for waiting in self._waiting.values():
            waiting.pop(escalation, None)
        if waits_on(record) is not None and planned.queue is not None:
            self._waiting[planned.queue][escalation] = self.now
        if claimed := past_claim(decision, known):
            queue, past = claimed
            self._claims[queue] = [*self._claims[queue], past][-REMEMBERED_CLAIMS:]

    def _to_desks(self, message: Any) -> None:
        self._put(message)
        told: QueueMessage = message
        self.later(0, lambda: self.desks.hear(told))

    def _to_tickets(self, message: Any) -> None:
        self._put(message)
        self.later(5_000, lambda: self.tickets.hear(message))

    def _put(self, record: Any) -> None:
        self._audited.append((record, len(self.log)))

    # ---- what came of it ---------------------------------------------------------------------

    def audit(self) -> Report:
        """Return the audit of everything that was decided and published."""
        horizon = Horizon(
            now_ms=self.now, handled={0: len(self.decisions)}, applied={0: len(self.log)}
        )
        audit = Audit(horizon)
        for record, offset in self._audited:
            feed(audit, record, At(0, offset, OPENS))
        return audit.report()

    def outcomes(self) -> OutcomeReport:
        """Return the figures of what was decided while it happened."""
        return report_of(filter(None, map(outcome_of, self.decisions)), ())

    def still_open(self) -> set[str]:
        """Return the escalations that have not ended."""
        opened = {one.escalation_id or "" for one in self.decisions if one.action == "escalate"}
        return opened - {one.escalation_id for one in self.decisions if one.outcome is not None}
