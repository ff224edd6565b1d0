"""Conversations that drive the whole system step by step, with times that are the same each run.

Every step waits for what must come before it, so that the events of a conversation lie on the log
in the same order in every run, whatever is killed meanwhile.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from workers.contracts.control import Control
from workers.contracts.handoffs import Claimed, Handoff, QueueMessage, Refused, Withdrawn
from workers.embedded.simulators import SimulatedSystems

T = TypeVar("T")

PATIENCE_S = 60.0
"""More than two killed workers need to come back on the embedded broker."""


class Talk:
    """One conversation and the people around it."""

    def __init__(
        self, outside: SimulatedSystems, name: str, start: datetime, times: int = 1
    ) -> None:
        """`times` is how often each event is sent."""
        self.id = name
        self._outside = outside
        self._clock = start
        self._step = 0
        self._times = times
        self._epoch = 0

    def _next(self, kind: str) -> dict[str, Any]:
        self._step += 1
        self._clock += timedelta(seconds=1)
        return {
            "event_id": f"{self.id}-{kind}-{self._step}",
            "conversation_id": self.id,
            "occurred_at": self._clock.isoformat(),
        }

    async def say(self, role: str, content: str = "", **fields: Any) -> None:
        """Send one turn."""
        event = {**self._next(role), "role": role, "content": content, **fields}
        for _ in range(self._times):
            await self._outside.say(event)

    async def customer(self, content: str, **fields: Any) -> None:
        """Send a turn of the customer."""
        await self.say("customer", content, **fields)

    async def ai(self, content: str, **agent: Any) -> None:
        """Send a turn of the AI agent."""
        await self.say("ai_agent", content, agent={"id": "bot", "version": "2.1", **agent})

    async def tool(self, status: str) -> None:
        """Send the result of a tool."""
        await self.say("tool", tool={"name": "lookup", "status": status, "error": "timed out"})

    async def event(self, kind: str, **fields: Any) -> None:
        """Send an event that is no turn."""
        event = {**self._next(kind), "type": kind, **fields}
        for _ in range(self._times):
            await self._outside.say(event)

    async def packet(self, queue: str) -> Handoff:
        """Wait until the conversation waits anew on a queue."""

        def waits() -> Handoff | None:
            for (name, _), message in self._outside.queues.items():
                if name == queue and isinstance(message, Handoff) and self._is_new(message):
                    return message
            return None

        packet = await self._until(waits, f"a packet on {queue}")
        await self._until(lambda: self._told(packet.seq), "the notice of it")
        self._epoch = packet.epoch
        return packet

    async def control(self, kind: str) -> Control:
        """Wait until the chat system is told something new of this kind."""

        def told() -> Control | None:
            control = self._outside.control(self.id)
            return control if control and control.kind == kind else None

        control = await self._until(told, f"control {kind}")
        self._epoch = max(self._epoch, control.epoch)
        return control

    async def owner(self, owner: str) -> None:
        """Wait until the chat system is told that this is the owner."""

        def told() -> bool:
            control = self._outside.control(self.id)
            return control is not None and control.owner == owner

        await self._until(told, f"owner {owner}")

    async def desk(self, kind: str, packet: QueueMessage, **fields: Any) -> None:
        """Report what a desk did with the escalation of a packet."""
        event = {
            **self._next(kind),
            "type": kind,
            "escalation_id": packet.escalation_id,
            "queue": packet.queue,
            "epoch": packet.epoch,
            **fields,
        }
        for _ in range(self._times):
            await self._outside.report(event)

    async def claim(self, packet: Handoff, agent: str = "kim") -> Claimed:
        """Accept a packet and wait for `claimed`."""
        await self.desk("accepted", packet, agent_id=agent)

        def claimed() -> Claimed | None:
            message = self._outside.queues.get((packet.queue, packet.escalation_id))
            return message if isinstance(message, Claimed) else None

        message = await self._until(claimed, "claimed")
        await self.owner("person")
        self._epoch = message.epoch
        return message

    async def refused(self, agent: str) -> Refused:
        """Wait until this person was refused."""

        def refused() -> Refused | None:
            for one in self._outside.refusals:
                if one.conversation_id == self.id and one.agent_id == agent:
                    return one
            return None

        return await self._until(refused, f"refused {agent}")

    async def withdrawn(self, packet: Handoff) -> None:
        """Wait until a packet is withdrawn from its queue."""
        key = (packet.queue, packet.escalation_id)
        await self._until(
            lambda: isinstance(self._outside.queues.get(key), Withdrawn), f"withdrawn {key}"
        )

    def _is_new(self, message: Handoff) -> bool:
        return message.conversation_id == self.id and message.epoch > self._epoch

    def _told(self, seq: int) -> bool:
        control = self._outside.control(self.id)
        return control is not None and control.seq >= seq

    async def _until(self, found: Callable[[], T | None], what: str) -> T:
        return await self._outside.until(found, PATIENCE_S, f"{self.id}: {what}")


Script = Callable[[Talk], Awaitable[None]]


async def nobody_needed(talk: Talk) -> None:
    """Stay with the AI agent."""
    await talk.customer("Where is my parcel 4711?", customer={"id": "c-1", "tier": "basic"})
    await talk.ai("It is on its way and arrives tomorrow.", confidence=0.9, intents=["tracking"])
    await talk.customer("Great, thank you!")


async def asked_and_resolved(talk: Talk) -> None:
    """Ask for a person, who takes it, answers and solves it; a second one comes too late."""
    await talk.customer("My jacket came in the wrong size.", subject="Wrong size")
    await talk.ai("Would you like to return it?", confidence=0.8)
    await talk.customer("I want to talk to a human, please.")
    packet = await talk.packet("tier_2_support")
    claimed = await talk.claim(packet)
    await talk.desk("accepted", packet, agent_id="lee")
    await talk.refused("lee")
    await talk.desk("replied", claimed, agent_id="kim")
    await talk.say("human_agent", "Hello, Kim here.", agent={"id": "kim", "name": "Kim"})
    await talk.customer("Hello Kim, at last.")
    await talk.desk("resolved", claimed, resolution="New size sent", justified=True)
    await talk.owner("ai")
    await talk.desk("rated", claimed, csat=5)


async def unsure_and_returned(talk: Talk) -> None:
    """Be unsure twice; the person gives it back, and a new episode begins."""
    await talk.customer("Can I combine voucher A with plan B from next month?")
    await talk.ai("Perhaps.", confidence=0.3)
    await talk.customer("Perhaps? Can I or can't I?")
    await talk.ai("I believe that it may work.", confidence=0.2)
    packet = await talk.packet("tier_2_support")
    claimed = await talk.claim(packet, "noor")
    await talk.desk("returned", claimed, agent_id="noor", reason="simple", note="Yes, it works.")
    await talk.owner("ai")
    await talk.ai("Yes, it works.", confidence=0.9, epoch=0)
    await talk.customer("Good, thanks.")


async def transferred(talk: Talk) -> None:
    """Ask for an exception, be transferred, be resolved there."""
    await talk.customer("I need my money back although it is 40 days ago.")
    await talk.ai(
        "Let me ask.", confidence=0.8, requested_escalation={"reason": "policy_exception"}
    )
    packet = await talk.packet("manager_approval")
    claimed = await talk.claim(packet, "mona")
    await talk.desk(
        "transferred", claimed, agent_id="mona", to_queue="billing", note="Approved, pay it."
    )
    packet = await talk.packet("billing")
    claimed = await talk.claim(packet, "ben")
    await talk.desk("resolved", claimed, agent_id="ben", resolution="Paid")
    await talk.owner("ai")


async def offered_and_declined(talk: Talk) -> None:
    """Be frustrated, decline the offer, ask anyway in the end, and take that back."""
    await talk.customer("This is the third time I explain it. I'm really fed up with this!")
    await talk.control("offer")
    await talk.event("offer_reply", accepted=False)
    await talk.ai("I am sorry. Which order is it?", confidence=0.8)
    await talk.customer("Order 99. Actually, get me a real person.")
    packet = await talk.packet("tier_2_support")
    await talk.customer("Never mind, I don't need a person anymore.")
    await talk.withdrawn(packet)
    await talk.owner("ai")


async def tools_failed_and_closed(talk: Talk) -> None:
    """Have a tool fail three times; the chat is closed while it waits."""
    await talk.customer("What is my balance?")
    for _ in range(3):
        await talk.ai("", confidence=0.9, tool_calls=[{"name": "lookup", "arguments": {"a": 1}}])
        await talk.tool("timeout")
    packet = await talk.packet("tier_2_support")
    await talk.event("closed", by="customer")
    await talk.withdrawn(packet)


async def a_person_stepped_in(talk: Talk) -> None:
    """Have a person write unasked, which is a claim, and the AI's late turn counts as stale."""
    await talk.customer("Is anybody looking at my case?")
    await talk.say("human_agent", "Yes, I am.", agent={"id": "ole", "name": "Ole"})
    await talk.owner("person")
    await talk.ai("How can I help?", confidence=0.9, epoch=0)
    await talk.event("closed", by="human_agent")
    await talk.owner("closed")


async def left_open(talk: Talk) -> None:
    """Be escalated and wait; somebody pretends to be one of our agents, and is not believed."""
    await talk.customer("Someone has logged into my account!")
    await talk.ai("I see.", confidence=0.9, intents=["account_takeover"])
    packet = await talk.packet("security")
    await talk.event(
        "ownership",
        action="resolved",
        escalation_id=packet.escalation_id,
        desk_event_id="forged",
        epoch=packet.epoch,
        queue=packet.queue,
    )


SCRIPTS: tuple[Script, ...] = (
    nobody_needed,
    asked_and_resolved,
    unsure_and_returned,
    transferred,
    offered_and_declined,
    tools_failed_and_closed,
    a_person_stepped_in,
    left_open,
)


def starting_at() -> datetime:
    """Return a time for a run: near enough to now that no deadline is due in it."""
    return datetime.now(UTC).replace(microsecond=0)
