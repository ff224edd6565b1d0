"""The people of a simulated day: customers who come, wait and leave, desks, a ticket system."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from workers.contracts.decisions import Decision
from workers.contracts.events import (
    AgentTurn,
    Closed,
    Customer,
    Message,
    OfferReply,
    Ownership,
    Rating,
)
from workers.contracts.handoffs import Claimed, Handoff, QueueMessage, Refused
from workers.contracts.ids import derive, ownership_event_id
from workers.contracts.ledger import Plan
from workers.contracts.tickets import Ticket
from workers.contracts.time import HOUR, MINUTE, to_ms
from workers.routing.availability import LastPresence

if TYPE_CHECKING:
    from tests.support.day import Day

SECOND: Final = 1_000
_DAY_H: Final = 12
"""Then people go home; customers still come for a while."""
_LAST_H: Final = 13.5
_PEOPLE: Final = {
    "tier_2_support": 0.0017, "premium_support": 0.0006, "urgent_queue": 0.0004,
    "manager_approval": 0.0004, "security": 0.0005, "retention": 0.0004, "billing": 0.0004,
    "legal": 0.0,
}  # fmt: skip
"""People per conversation of the day; at least one."""
_LUNCH_H: Final = 4.0
"""Half of the people eat in the first half of this hour, the others in the second."""
_DESK_AWAY: Final = ("security", 6, 7)
"""A desk whose system is away for an hour: it says nothing and takes nothing."""
_TICKETS_AWAY_H: Final = (12.2, 13.2)
_CHATTER: Final = (
    "Where do I find my invoices?", "It is order 4711, I think.", "I use the app on my phone.",
    "How long does it take?", "Since yesterday.", "The blue one.",
)  # fmt: skip
_ANSWERS: Final = ("Which order is it?", "You find that under your account.", "Let me look.")
_ASKS: Final = "I want to talk to a human agent, please."
_ANGRY: Final = "This is ridiculous, the worst service ever, I am absolutely furious with you."
_THANKS: Final = "Thanks, that solved it."


@dataclass
class _Person:
    name: str
    queue: str
    number: int
    busy: bool = False

    def is_there(self, hour: float) -> bool:
        """Return True if they work at this hour: people come and go at different times."""
        comes, goes = 0.5 * (self.number % 3), _DAY_H - 0.5 * (self.number % 2)
        eats = _LUNCH_H + 0.5 * (self.number % 2)
        return comes <= hour < goes and not eats <= hour < eats + 0.5


class Desks:
    """People on each queue; whoever is free takes the smallest `sort_at`."""

    def __init__(self, day: "Day", conversations: int) -> None:
        self._day = day
        self._people = {
            queue: [
                _Person(f"{queue}-{n}", queue, n)
                for n in range(max(1, round(share * conversations)))
            ]
            for queue, share in _PEOPLE.items()
        }
        self._line: dict[str, dict[str, Handoff]] = {queue: {} for queue in _PEOPLE}
        self._asked: dict[str, _Person] = {}

    def open(self) -> None:
        """Look for work every minute of the day."""
        for minute in range(_DAY_H * 60):
            self._day.later(minute * MINUTE, self._look)

    def _look(self) -> None:
        for queue in self._people:
            self._take(queue)

    def _is_away(self, queue: str) -> bool:
        name, start, end = _DESK_AWAY
        return queue == name and start <= self._day.hour < end

    def _present(self, queue: str) -> list[_Person]:
        hour = self._day.hour
        return [one for one in self._people[queue] if one.is_there(hour)]

    def presence(self) -> dict[str, LastPresence]:
        """Return what desks said last; the one that is away says nothing."""
        said = {}
        for queue in self._people:
            here = self._present(queue)
            at = self._day.now - (HOUR if self._is_away(queue) else 0)
            free = sum(not one.busy for one in here)
            names = frozenset(one.name for one in here)
            said[queue] = LastPresence(at, len(here), free, names)
        return said

    def hear(self, message: QueueMessage) -> None:
        """Read a message of a queue's topic."""
        line = self._line[message.queue]
        if isinstance(message, Handoff):
            line[message.escalation_id] = message
            self._take(message.queue)
            return
        packet = line.pop(message.escalation_id, None)
        asked = self._asked.pop(message.escalation_id, None)
        if isinstance(message, Claimed) and asked is not None and asked.name == message.agent_id:
            self._work(asked, message)
        elif asked is not None:
            asked.busy = False
            self._take(asked.queue)
        if isinstance(message, Refused) and packet is not None and asked is None:
            line[message.escalation_id] = packet

    def _take(self, queue: str) -> None:
        if self._is_away(queue):
            return
        for person in self._present(queue):
            if person.busy:
                continue
            mine = [one for one in self._line[queue].values() if self._may_take(person, one)]
            if not mine:
                continue
            first = min(mine, key=lambda one: (one.sort_at or one.decided_at, one.escalation_id))
            person.busy = True
            self._asked[first.escalation_id] = person
            self._report(first, "accepted", person.name, 20 * SECOND)

    def _may_take(self, person: _Person, one: Handoff) -> bool:
        if one.escalation_id in self._asked:
            return False
        until = one.assigned_until
        theirs = one.assignee is not None and until is not None and to_ms(until) > self._day.now
        return not theirs or one.assignee == person.name

    def _work(self, person: _Person, claimed: Claimed) -> None:
        chance, day = self._day.chance, self._day
        done = chance.uniform(6, 15) * MINUTE
        kind = chance.random()
        if kind < 0.98:
            self._report(claimed, "replied", person.name, chance.uniform(0.5, 4) * MINUTE)
        if kind < 0.82:
            fields = {"resolution": "It is done.", "justified": chance.random() < 0.9}
            self._report(claimed, "resolved", person.name, done, **fields)
        elif kind < 0.9:
            self._report(claimed, "returned", person.name, done, reason="answered")
        elif kind < 0.97:
            to = chance.choice([name for name in _PEOPLE if name not in (person.queue, "legal")])
            self._report(claimed, "transferred", person.name, done, to_queue=to)
        # Else the person forgets it, before or after a reply: its deadline takes it from them.
        day.later(done + 30 * SECOND, lambda: self._is_free(person))

    def _is_free(self, person: _Person) -> None:
        person.busy = False
        self._take(person.queue)

    def _report(self, about: Any, kind: Any, agent: str, delay: float, **fields: Any) -> None:
        self._day.later(delay, lambda: self._day.say(report(self._day, about, kind, agent, fields)))


def report(day: "Day", about: Any, kind: Any, agent: str, fields: dict[str, Any]) -> Ownership:
    """Return what the desk agent makes of a desk's event."""
    desk_event = derive("desk", about.escalation_id, about.seq, kind, agent)
    envelope = day.envelope(about.conversation_id) | {"event_id": ownership_event_id(desk_event)}
    return Ownership(
        **envelope,
        type="ownership",
        action=kind,
        escalation_id=about.escalation_id,
        desk_event_id=desk_event,
        epoch=about.epoch,
        queue=about.queue,
        agent_id=agent,
        **fields,
    )


class TicketSystem:
    """Makes tickets, refuses a few, is away for an hour, and solves them within a day or so."""

    def __init__(self, day: "Day") -> None:
        self._day = day
        self._withdrawn: set[str] = set()

    def hear(self, ticket: Ticket) -> None:
        """Read a message of the tickets' topic."""
        if ticket.type == "withdrawn":
            self._withdrawn.add(ticket.escalation_id)
            return
        if _TICKETS_AWAY_H[0] <= self._day.hour < _TICKETS_AWAY_H[1]:
            return
        self._withdrawn.discard(ticket.escalation_id)
        if self._day.chance.random() < 0.03:
            self._say(ticket, "ticket_refused", reason="out of scope")
            return
        self._say(ticket, "ticketed", ticket_id=f"T-{ticket.escalation_id[:8]}")
        delay = self._day.chance.uniform(2, 30) * HOUR
        self._day.later(delay, lambda: self._solve(ticket))

    def _solve(self, ticket: Ticket) -> None:
        if ticket.escalation_id not in self._withdrawn:
            self._say(ticket, "resolved", resolution="By e-mail.")

    def _say(self, ticket: Ticket, kind: Any, **fields: Any) -> None:
        self._day.say(report(self._day, ticket, kind, "ticket-system", fields))


class Customers:
    """Everybody who writes on the day, and what they do when they are told of a person."""

    def __init__(self, day: "Day", conversations: int) -> None:
        self._day = day
        self._conversations = conversations

    def come(self) -> None:
        """Begin every conversation at some time of the day."""
        for number in range(self._conversations):
            at = self._day.chance.uniform(0, _LAST_H) * HOUR
            self._day.later(at, lambda name=f"c-{number}": self._begin(name))  # type: ignore[misc]

    def _begin(self, name: str) -> None:
        chance, at = self._day.chance, 0.0
        tier = "premium" if chance.random() < 0.1 else "free"
        person = Customer(id=f"cust-{name}", tier=tier)
        lines: list[tuple[str, dict[str, Any]]] = [
            (chance.choice(_CHATTER), {}) for _ in range(chance.randrange(1, 4))
        ]
        kind = chance.random()
        if kind < 0.10:
            lines.append((_ASKS, {}))
        elif kind < 0.14:
            lines.append((_ANGRY, {}))
        elif kind < 0.16:
            lines.append((chance.choice(_CHATTER), {"confidence": 0.2}))
            lines.append((chance.choice(_CHATTER), {"confidence": 0.2}))
        elif kind < 0.19:
            intent = chance.choice(("cancellation_intent", "billing_problem", "security_report"))
            lines.append((chance.choice(_CHATTER), {"intents": (intent,)}))
        for text, agent in lines:
            at += chance.uniform(5, 60) * SECOND
            self._at(at, name, "customer", text, customer=person, channel="chat")
            at += chance.uniform(1, 5) * SECOND
            turn = AgentTurn(id="bot", version="7", **{"confidence": 0.9, **agent})
            self._at(at, name, "ai_agent", chance.choice(_ANSWERS), agent=turn)
        if kind >= 0.19:
            self._at(at + 20 * SECOND, name, "customer", _THANKS)
            self._day.later(at + 10 * MINUTE, lambda: self._close(name, "system"))

    def _at(self, delay: float, name: str, role: Any, text: str, **fields: Any) -> None:
        def speak() -> None:
            envelope = self._day.envelope(name)
            self._day.say(Message(**envelope, role=role, content=text, **fields))

        self._day.later(delay, speak)

    def _close(self, name: str, by: Any) -> None:
        self._day.say(Closed(**self._day.envelope(name), type="closed", by=by))

    def hear(self, decision: Decision, planned: Plan) -> None:
        """Read what the chat system shows after a decision."""
        chance, name = self._day.chance, decision.conversation_id
        if decision.action == "offer":
            accepted = chance.random() < 0.5
            self._day.later(20 * SECOND, lambda: self._answer(name, accepted))
        elif decision.action == "escalate" and planned.place == "queue":
            patience = chance.expovariate(1 / 90) * MINUTE
            self._day.later(patience, lambda: self._lose_patience(decision))
        elif decision.outcome == "resolved" and chance.random() < 0.3:
            csat = chance.choice((2, 4, 5, 5))
            self._day.later(MINUTE, lambda: self._rate(decision, csat))

    def _answer(self, name: str, accepted: bool) -> None:
        envelope = self._day.envelope(name)
        self._day.say(OfferReply(**envelope, type="offer_reply", accepted=accepted))

    def _lose_patience(self, decision: Decision) -> None:
        record = self._day.ledger.get(decision.conversation_id)
        if record is None or record.claimed_by or record.outcome or record.place != "queue":
            return
        if self._day.chance.random() < 0.3:
            self._at(0, decision.conversation_id, "customer", "Never mind, I found it myself.")
        else:
            self._close(decision.conversation_id, "customer")

    def _rate(self, decision: Decision, csat: int) -> None:
        envelope = self._day.envelope(decision.conversation_id)
        about = decision.escalation_id or ""
        self._day.say(Rating(**envelope, type="rating", escalation_id=about, csat=csat))
