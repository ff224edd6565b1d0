"""Random schedules of the protocol under faults, and what must hold when they have come to rest."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from tests.model import escalation, neighbours, routing
from tests.model.escalation import LOG
from tests.model.promises import check, unfolded
from tests.model.simulated_servers import FailStop, LostAnswer, Worker, World
from workers.contracts import ids
from workers.contracts.events import POLICY_CONVERSATION
from workers.contracts.time import MINUTE, from_ms
from workers.contracts.topics import Topics
from workers.conversation.partition_meta import PartitionMeta

START: Final = 1_790_000_000_000
PARTS: Final = escalation.PARTS | routing.PARTS
FAULT_RATE: Final = 0.15
LATE_LOSS_RATE: Final = 0.1
_OF_THEIR_OWN: Final = (2, 3, 7)
"""A customer has a person of their own in schedules whose seed ends in one of these digits."""
_ONLY_TICKETS: Final = 8
"""No desk takes anybody, and chats are closed, in schedules whose seed leaves this remainder by
nine: what is asked for becomes a ticket, which outlives the chat."""
_BY_HAND: Final = (2, 3)
"""A lead, ratings and switches take part in schedules whose seed leaves one of these remainders
by six: only a third of them, so that most seeds of STORMS show the harm they were found for."""

Line = dict[str, Any]
CUSTOMER_LINES: Final = (
    "I want to talk to a human please",
    "hello, where is my parcel?",
    "never mind, it works now, I don't need an agent anymore",
    "no thanks, I'd rather continue with you",
    "this is the third time I ask and you people are useless",
)


@dataclass
class Faults:
    """The number of faults of each kind that a schedule may still have."""

    crash: int = 0
    zombie: int = 0
    lost: int = 0
    rollback: int = 0
    wipe: int = 0


@dataclass(eq=False)
class Actor:
    """A running process: its generator, and what it is waiting to do."""

    kind: str
    life: Worker
    answer: Any = None
    steps_left: int | None = None
    """Of a zombie; None for a process in good standing."""
    idle: int = 0


@dataclass
class Schedule:
    """One run: the world, its processes and the generator of chances."""

    seed: int
    off: frozenset[str]
    topics: Topics
    meta: PartitionMeta
    faults: Faults
    rng: random.Random = field(init=False)
    world: World = field(init=False)
    actors: list[Actor] = field(default_factory=list)
    sent: list[tuple[bytes, bytes]] = field(default_factory=list)
    lost_redis: bool = False
    router_outlived: bool = False

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.world = World(now=START)
        if self._only_tickets:
            self.topics = copy.copy(self.topics)
            self.topics.queues = {
                name: msgspec.structs.replace(queue, max_waiting=0)
                for name, queue in self.topics.queues.items()
            }
        for group in (escalation.GROUP, routing.GROUP):
            self.world.owner[group] = 0

    @property
    def _only_tickets(self) -> bool:
        return self.seed % 9 == _ONLY_TICKETS

    def run(self, inputs: int = 10) -> list[str]:
        """Play to the end and return the promises that were broken."""
        for kind in ("escalation", "routing", *self._bystanders()):
            self._start(kind)
        # Slower where the router is to have asked for the ticket before the chat is closed.
        left, rate = inputs, 0.02 if self._only_tickets else 0.2
        while left or any(vars(self.faults).values()):
            if left and self.rng.random() < rate:
                left -= 1
                self._send()
            self._tick()
            self._advance(self.rng.choice(self.actors))
            if not left and self.rng.random() < 0.01:
                self.faults = Faults()
        self._until_quiet()
        if self.rng.random() < LATE_LOSS_RATE:
            # What is lost while nothing comes in must be noticed all the same.
            self.lost_redis = True
            self.world.redis.lose(self.rng.randrange(1, 12))
            self._until_quiet()
        broken = unfolded(self.world, self.meta)
        self._through_deadlines()
        # A router that lives on after its time and dies between ledger and log, while Redis is
        # lost under it, leaves a packet that only its desk's attempt to take it reveals.
        orphans = self.lost_redis and self.router_outlived
        return broken or check(
            self.world,
            self.meta,
            self.topics,
            may_leak=self.lost_redis or self.router_outlived,
            may_orphan=orphans,
        )

    def _bystanders(self) -> list[str]:
        return [*(f"desk:{queue}" for queue in self.topics.queues), "tickets"]

    def _start(self, kind: str) -> None:
        parts = PARTS - self.off
        world, group = self.world, f"handoff-{kind}"
        if kind == "escalation":
            life = escalation.escalation_worker(world, world.owner[group], parts, self.meta)
        elif kind == "routing":
            life = routing.routing_worker(world, world.owner[group], parts, self.topics, world.now)
        elif kind == "tickets":
            life = neighbours.ticket_system(world, random.Random(self.seed + 1))
        else:
            seed = f"{self.seed}{kind}"
            life = neighbours.desk(world, kind.partition(":")[2], random.Random(seed))
        self.actors.append(Actor(kind, life))

    def _tick(self) -> None:
        rng, faults = self.rng, self.faults
        self.world.now += rng.choice((1, 20, 500, 3_000))
        if rng.random() < 0.01:
            self.world.now += rng.randrange(40 * MINUTE)
        if rng.random() > FAULT_RATE:
            return
        if faults.rollback and rng.random() < 0.5:
            faults.rollback -= 1
            self.lost_redis = True
            self.world.redis.lose(rng.randrange(1, 12))
        elif faults.wipe and rng.random() < 0.3:
            faults.wipe -= 1
            self.lost_redis = True
            self.world.redis.wipe()
        else:
            self._disturb(rng.choice([actor for actor in self.actors if _is_ours(actor)]))

    def _disturb(self, actor: Actor) -> None:
        faults = self.faults
        if faults.crash and self.rng.random() < 0.6:
            faults.crash -= 1
            self._end(actor)
        elif faults.zombie and actor.steps_left is None:
            faults.zombie -= 1
            self.router_outlived |= actor.kind == "routing"
            actor.steps_left = self.rng.randrange(1, 40)
            self.world.owner[f"handoff-{actor.kind}"] += 1
            self._start(actor.kind)

    def _end(self, actor: Actor) -> None:
        self.actors.remove(actor)
        if actor.steps_left is None:
            self._start(actor.kind)

    def _advance(self, actor: Actor) -> None:
        """Let one process do what it waits for, and run on to its next await."""
        try:
            operation = actor.life.send(actor.answer)
        except (FailStop, StopIteration):
            self._end(actor)
            return
        actor.answer = None
        lost = self.faults.lost and _is_ours(actor) and self.rng.random() < 0.03
        if operation.kind == "idle":
            actor.idle += 1
        else:
            actor.idle = 0
        if lost and operation.kind in ("publish", "write", "commit"):
            self.faults.lost -= 1
            if self.rng.random() < 0.5:
                operation.call()
            self._fail(actor)
            return
        actor.answer = operation.call()
        if actor.steps_left is not None:
            actor.steps_left -= 1
            if actor.steps_left <= 0:
                self._end(actor)

    def _fail(self, actor: Actor) -> None:
        try:
            actor.life.throw(LostAnswer())
        except (LostAnswer, StopIteration, FailStop):
            self._end(actor)

    def _until_quiet(self) -> None:
        """No more faults: everything that is under way comes to its end."""
        for actor in [actor for actor in self.actors if actor.steps_left is not None]:
            self._end(actor)
        self._until_idle()

    def _through_deadlines(self) -> None:
        """Let the time of everything that waits come."""
        for _ in range(200):
            due = [
                value
                for key in self.world.redis.keys("timer:")
                if isinstance(value := self.world.redis.data[key], int)
            ]
            if not due:
                return
            self.world.now = max(self.world.now, min(due))
            self._until_idle()
        raise AssertionError("deadlines follow deadlines without end")

    def _until_idle(self) -> None:
        quiet_rounds = 0
        for _ in range(4000):
            before = sum(map(len, self.world.topics.values()))
            for actor in list(self.actors):
                self.world.now += 1
                actor.idle = 0
                for _ in range(40):
                    if actor not in self.actors:
                        break
                    self._advance(actor)
                    if actor.idle:
                        break
            same = before == sum(map(len, self.world.topics.values()))
            quiet_rounds = quiet_rounds + 1 if same else 0
            if quiet_rounds >= 4:
                return
        raise AssertionError("the system does not come to rest")

    def _send(self) -> None:
        if self.sent and self.rng.random() < 0.2:
            key, value = self.rng.choice(self.sent)
        else:
            key, value = self._line()
            self.sent.append((key, value))
        self.world.append(LOG, key, value)

    def _line(self) -> tuple[bytes, bytes]:
        rng, number = self.rng, len(self.sent)
        name = rng.choice(("ana", "ben"))
        line: Line = {
            "event_id": f"e{number}",
            "conversation_id": name,
            "occurred_at": from_ms(self.world.now),
        }
        kind = rng.random()
        if self.seed % 6 in _BY_HAND and 0.83 <= kind < 0.92:
            if kind < 0.84:
                return name.encode(), msgspec.json.encode(_rating(line, name, rng))
            if kind < 0.9:
                return name.encode(), msgspec.json.encode(_by_lead(line, rng))
            return POLICY_CONVERSATION.encode(), msgspec.json.encode(_switch(line, kind))
        if self._only_tickets and kind < 0.9:
            line |= self._asks_or_closes(name)
            return name.encode(), msgspec.json.encode(line)
        if kind < 0.6:
            line |= {"role": "customer", "content": rng.choice(CUSTOMER_LINES)}
            if self.seed % 10 in _OF_THEIR_OWN and name == "ben":
                line["customer"] = {"dedicated_agent": "agent-of-tier_2_support"}
        elif kind < 0.8:
            agent = {"confidence": rng.choice((0.2, 0.9)), "intents": ["security_report"]}
            agent |= {"version": "7"}
            agent |= {"epoch": rng.choice((0, None))} if rng.random() < 0.3 else {}
            text = rng.choice(("Let me look that up.", "I'm connecting you to an agent now."))
            line |= {"role": "ai_agent", "content": text, "agent": agent}
        elif kind < 0.88:
            line |= {"role": "human_agent", "content": "Hi, this is Kim.", "agent": {"id": "kim"}}
        elif kind < 0.95:
            line |= {"type": "closed", "by": "customer"}
        else:
            return name.encode(), b"{not json"
        return name.encode(), msgspec.json.encode(line)

    def _asks_or_closes(self, name: str) -> Line:
        """A customer asks for a person, and leaves once there is a ticket."""
        said = (one.value for one in reversed(self.world.topic(LOG)) if one.key == name.encode())
        last = next(said, b"")
        if b'"ticketed"' in last or b'"place":"ticket"' in last or self.rng.random() < 0.2:
            by = self.rng.choice(("customer", "customer", "system", "human_agent"))
            return {"type": "closed", "by": by}
        return {"role": "customer", "content": self.rng.choice(CUSTOMER_LINES[:2])}


def _by_lead(line: Line, rng: random.Random) -> Line:
    """Return a lead's event, as the desk agent puts it on the log."""
    action = rng.choice(("escalated", "moved", "prioritised", "released", "closed", "offered"))
    line |= {"type": "lead", "action": action, "desk_event_id": line["event_id"]}
    line |= {"lead": "mara", "reason": "on the phone"}
    if action == "moved":
        line["to_queue"] = rng.choice(("tier_2_support", "legal"))
    if action == "prioritised":
        line["priority"] = rng.randrange(1, 6)
    return line


def _rating(line: Line, name: str, rng: random.Random) -> Line:
    """The customer rates an escalation that is open, over, another's or nobody's."""
    opened_by = f"e{rng.randrange(10)}"
    line |= {"type": "rating", "escalation_id": ids.escalation_id(name, opened_by)}
    return line | {"csat": rng.randrange(1, 6)}


def _switch(line: Line, kind: float) -> Line:
    """The AI agent's version is switched off, or on again."""
    line |= {"conversation_id": POLICY_CONVERSATION, "type": "ai_switch", "ai_version": "7"}
    return line | {"on": kind > 0.915, "reason": "it promises refunds"}


def _is_ours(actor: Actor) -> bool:
    return actor.kind in ("escalation", "routing")


def schedule(
    seed: int,
    topics: Topics,
    meta: PartitionMeta,
    *,
    off: frozenset[str] = frozenset(),
    storm: tuple[str, ...] = (),
) -> Schedule:
    """A schedule whose faults are chosen by its seed, ready to run.

    `off` are parts of the protocol left out; `storm` names faults to have many of.
    """
    rng = random.Random(f"faults {seed}")
    faults = Faults(
        crash=rng.randrange(5),
        zombie=rng.randrange(2),
        lost=rng.randrange(3),
        rollback=rng.choice((0, 0, 1)),
        wipe=rng.choice((0, 0, 0, 1)),
    )
    for kind in storm or rng.sample(tuple(vars(faults)), 2):
        setattr(faults, kind, rng.randrange(2, 6))
    return Schedule(seed, off, topics, meta, faults)
