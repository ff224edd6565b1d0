"""A small, consistent world of topics to audit: what was decided and everything that followed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from workers.audit.audit import Audit
from workers.audit.audit_report import Report
from workers.audit.conversation_track import At
from workers.audit.horizon import Horizon
from workers.contracts.control import Control
from workers.contracts.decisions import Action, Decision, Facts, Home, Outcome, Owner
from workers.contracts.events import Place, Routed
from workers.contracts.handoffs import (
    Claimed,
    Handoff,
    Packet,
    QueueMessage,
    Refused,
    Statement,
    Withdrawn,
)
from workers.contracts.ids import decision_id, derive, escalation_id
from workers.contracts.ledger import LedgerRecord, Plan
from workers.contracts.tickets import Ticket
from workers.contracts.time import from_ms

START = 1_790_000_000_000
HOME = Home(topic="conversation-events", partition=0)
Record = Decision | Control | QueueMessage | Ticket | LedgerRecord | Routed
Topic = Literal["decisions", "control", "queues", "tickets", "ledger", "log"]
PACKET = Packet(
    who=Statement(text="Ana", events=()),
    wants=Statement(text="a refund", events=()),
    stands=Statement(text="open", events=()),
    why=Statement(text="asked", events=()),
    next_step=Statement(text="refund", events=()),
    duration_s=60,
    customer_turns=1,
    ai_turns=1,
    transcript=(),
    transcript_total=2,
)


@dataclass
class World:
    """Writes one conversation's records as the agents would, topic by topic."""

    conversation: str = "c-1"
    topics: dict[Topic, list[Record]] = field(default_factory=dict)
    seq: int = START
    epoch: int = 0
    escalation: str | None = None
    queue: str | None = None
    episode: int = 0

    def put(self, topic: Topic, record: Record) -> None:
        """Append a record to a topic."""
        self.topics.setdefault(topic, []).append(record)

    def decide(self, action: Action, owner: Owner, *, new_epoch: bool, **fields: Any) -> Decision:
        """Publish the next decision."""
        self.seq += 1000
        self.epoch = self.seq if new_epoch else self.epoch
        decision = Decision(
            decision_id=decision_id(self.escalation or self.conversation, action, self.seq),
            conversation_id=self.conversation,
            escalation_id=fields.pop("escalation_id", self.escalation),
            seq=self.seq,
            epoch=self.epoch,
            episode=self.episode,
            action=action,
            owner=owner,
            reason="explicit_request",
            policy_version="1",
            policy_hash="0123456789ab",
            queue=fields.pop("queue", self.queue),
            trigger_event_id=f"e-{self.seq}",
            opened_at=from_ms(START),
            decided_at=from_ms(self.seq),
            home=HOME,
            facts=Facts(turns=2, started_at=from_ms(START), episode_started_at=from_ms(START)),
            **fields,
        )
        self.put("decisions", decision)
        return decision

    def record(self, decision: Decision, place: Place | None, **plan: Any) -> None:
        """Publish the ledger's record of a decision."""
        ended = decision.outcome is not None
        self.put(
            "ledger",
            LedgerRecord(
                conversation_id=self.conversation,
                seq=decision.seq,
                epoch=decision.epoch,
                escalation_id=decision.escalation_id,
                place=None if ended else place,
                queue=None if ended else self.queue,
                claimed_by=decision.person if decision.owner == "person" else None,
                outcome=decision.outcome,
                ticket_id=decision.ticket_id,
                home=HOME,
                plan=Plan(place=place, queue=self.queue, planned_at=from_ms(self.seq), **plan),
                decision=decision,
            ),
        )

    def tell(self, decision: Decision, **fields: Any) -> None:
        """Publish the control message of a decision."""
        self.put(
            "control",
            Control(
                conversation_id=self.conversation,
                escalation_id=decision.escalation_id,
                epoch=decision.epoch,
                seq=decision.seq,
                owner=decision.owner,
                ai_may_reply=decision.owner == "ai",
                kind="ownership",
                caused_by=decision.decision_id,
                sent_at=decision.decided_at,
                **fields,
            ),
        )

    def to_queue(self, cls: type[QueueMessage], queue: str, **fields: Any) -> None:
        """Publish a message on a queue."""
        common = {"seq": self.seq, "epoch": self.epoch, "type": cls.__name__.lower()}
        fields = {**common, **fields}
        self.put(
            "queues",
            cls(
                escalation_id=self.escalation or "",
                conversation_id=self.conversation,
                queue=queue,
                decided_at=from_ms(self.seq),
                home=HOME,
                **fields,
            ),
        )

    def route(self, decision: Decision, place: Place, **fields: Any) -> None:
        """Publish where a decision was placed."""
        self.put(
            "log",
            Routed(
                type="routed",
                event_id=derive("routed", decision.decision_id),
                conversation_id=self.conversation,
                occurred_at=decision.decided_at,
                decision_id=decision.decision_id,
                escalation_id=decision.escalation_id or "",
                seq=decision.seq,
                place=place,
                queue=self.queue or "",
                rung=0,
                **fields,
            ),
        )

    def escalate(self, queue: str = "tier_2_support", **plan: Any) -> Decision:
        """Open an escalation and place it on a queue."""
        self.escalation = escalation_id(self.conversation, f"e-{self.seq}")
        self.queue = None
        decision = self.decide("escalate", "pending", new_epoch=True)
        self.place(decision, queue, **plan)
        return decision

    def place(self, decision: Decision, queue: str, **plan: Any) -> None:
        """Publish the routing agent's output for a placing decision."""
        before, self.queue = self.queue, queue
        self.record(decision, "queue", **plan)
        self.packet(queue)
        if before:
            self.to_queue(Withdrawn, before, reason="moved", moved_to=queue)
        self.route(decision, "queue")
        self.tell(decision, text="A colleague will take over.")

    def escalate_to_ticket(self, team: str = "tier_2_support") -> Decision:
        """Open an escalation for which a ticket is asked of a queue's team."""
        self.escalation = escalation_id(self.conversation, f"e-{self.seq}")
        decision = self.decide("escalate", "pending", new_epoch=True, queue=None)
        self.queue = team
        self.record(decision, "ticket")
        self.to_ticket("ticket")
        self.route(decision, "ticket")
        self.tell(decision, text="We have opened a ticket.")
        return decision

    def to_ticket(self, kind: Literal["ticket", "withdrawn"]) -> None:
        """Ask for the ticket, or tell that it is no longer needed."""
        self.put(
            "tickets",
            Ticket(
                type=kind,
                ticket_request_id=f"t-{self.seq}",
                escalation_id=self.escalation or "",
                conversation_id=self.conversation,
                epoch=self.epoch,
                seq=self.seq,
                queue=self.queue or "",
                reason="explicit_request",
                priority=3,
                subject="a refund",
                home=HOME,
                requested_at=from_ms(self.seq),
            ),
        )

    def answer(self, decision: Decision) -> None:
        """Publish the routing agent's output for a claim."""
        before = [one for one in self.topics["ledger"] if isinstance(one, LedgerRecord)][-1]
        self.record(decision, before.place)
        self.to_queue(Claimed, decision.queue or "", agent_id=decision.person)
        self.tell(decision)

    def packet(self, queue: str) -> None:
        """Publish the packet."""
        self.to_queue(
            Handoff, queue, packet_id=f"p-{self.seq}", reason="explicit_request", priority=3,
            packet=PACKET,
        )  # fmt: skip

    def move(self, queue: str) -> Decision:
        """Move the escalation to another queue because nobody claimed it."""
        decision = self.decide("move", "pending", new_epoch=True, cause="claim_missed")
        self.place(decision, queue)
        return decision

    def claim(self, person: str = "kim") -> Decision:
        """Let a person claim it."""
        decision = self.decide("claim", "person", new_epoch=True, person=person)
        self.record(decision, "queue")
        self.to_queue(Claimed, self.queue or "", agent_id=person)
        self.tell(decision)
        return decision

    def refuse(self, person: str = "lee") -> Decision:
        """Refuse a second person."""
        decision = self.decide(
            "refuse", "person", new_epoch=False, person=person, cause="already_claimed"
        )
        self.record(decision, "queue")
        self.to_queue(Refused, self.queue or "", agent_id=person, reason="already_claimed")
        return decision

    def end(self, outcome: Outcome = "resolved") -> Decision:
        """End the escalation."""
        decision = self.decide("outcome", "ai", new_epoch=True, outcome=outcome)
        self.record(decision, None)
        self.to_queue(Withdrawn, self.queue or "", reason=outcome)
        self.tell(decision)
        return decision

    def suppress(self) -> Decision:
        """Say why nothing was done."""
        decision = self.decide("suppress", "ai", new_epoch=False, escalation_id=None)
        self.record(decision, None)
        return decision


def feed(audit: Audit, record: Record, at: At) -> None:
    """Hand one record to the audit as the reader does."""
    match record:
        case Decision():
            audit.decision(at, record, hash(repr(record)))
        case Control():
            audit.control(at, record)
        case Ticket():
            audit.ticket(at, record)
        case LedgerRecord():
            audit.ledger(record)
        case Routed():
            audit.event(at, record.event_id, record.conversation_id, record.type)
            audit.routed(at, record)
        case _:
            audit.queue_message(at, record)


Step = tuple[Topic, int]


def audited(
    world: World,
    *,
    handled: int | None = None,
    now_ms: int = START,
    order: Sequence[Step] | None = None,
    change: Callable[[Topic, Record], Record | None] = lambda _, record: record,
    decisions_since_ms: int = 0,
    effects_since_ms: int = 0,
) -> Report:
    """Audit a world: topics one after the other unless an order is given.

    `change` may replace a record, or drop it by returning None. The last two are times
    before which topics were trimmed.
    """
    decisions = len(world.topics.get("decisions", ()))
    horizon = Horizon(
        now_ms=now_ms,
        handled={0: decisions if handled is None else handled},
        applied={0: 1_000_000},
        decisions_since_ms=decisions_since_ms,
        effects_since_ms=effects_since_ms,
    )
    audit = Audit(horizon)
    steps = order or [(t, i) for t, records in world.topics.items() for i in range(len(records))]
    for topic, index in steps:
        record = change(topic, world.topics[topic][index])
        if record is not None:
            feed(audit, record, At(0, index, START))
    return audit.report()


def a_whole_life() -> World:
    """Return a conversation that is escalated, moved, claimed, resolved, and escalated again."""
    world = World()
    world.suppress()
    world.escalate()
    world.move("manager_approval")
    world.claim()
    world.refuse()
    world.end()
    world.escalate("billing")
    world.end("withdrawn")
    return world
