"""Plays the demo's conversations: a chat system that obeys, customers, and people at desks."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from workers.cli.demo.data import (
    Broken,
    Close,
    Conversation,
    Desk,
    OfferReplyStep,
    PresenceStep,
    Say,
    Seen,
    Stage,
    WaitStep,
)
from workers.contracts.control import Control
from workers.contracts.handoffs import Handoff, Refused, Withdrawn
from workers.contracts.tickets import Ticket
from workers.contracts.time import from_ms
from workers.embedded.simulators import Heard, SimulatedSystems

LATEST_S: Final = 40.0
"""Seconds that a step may wait; longer than any deadline of the stage."""
_TYPING_S: Final = 0.25
_THINKING_S: Final = 0.6
_BEAT_S: Final = 2.0


class StuckError(RuntimeError):
    """A conversation waits for something that does not come; the message says for what."""


class Desks:
    """The people online on each queue, reported at least every two seconds."""

    def __init__(self, outside: SimulatedSystems, stage: Stage, queues: list[str]) -> None:
        self._outside = outside
        self._online = {queue: stage.online(queue) for queue in queues}
        self._reports = 0

    async def report(self, *queues: str) -> None:
        """Report some queues now; all of them when none is named."""
        for queue in queues or self._online:
            self._reports += 1
            online = self._online[queue]
            await self._outside.report(
                {
                    "type": "presence",
                    "event_id": f"presence-{queue}-{self._reports}",
                    "occurred_at": from_ms(now_ms()).isoformat(),
                    "queue": queue,
                    "agents_online": len(online),
                    "agents": online,
                }
            )

    async def change(self, queue: str, online: tuple[str, ...]) -> None:
        """Let people come and go."""
        self._online[queue] = online
        await self.report(queue)

    async def keep_reporting(self) -> None:
        """Report all queues until cancelled."""
        while True:
            await asyncio.sleep(_BEAT_S)
            await self.report()


class Player:
    """Plays one conversation, step by step."""

    def __init__(self, conversation: Conversation, outside: SimulatedSystems, desks: Desks) -> None:
        self.conversation = conversation
        self._outside = outside
        self._desks = desks
        self._waited: dict[tuple[str, Seen], int] = {}
        self._last: Handoff | Ticket | None = None

    async def play(self) -> None:
        """Play to the end; StuckError when a step waits in vain."""
        await asyncio.sleep(self.conversation.starts_s)
        for index, step in enumerate(self.conversation.steps):
            try:
                async with asyncio.timeout(LATEST_S):
                    await self._step(index, step)
            except TimeoutError:
                raise StuckError(f"{self.conversation.id}, step {index + 1}: {step}") from None

    async def _step(self, index: int, step: Any) -> None:
        match step:
            case WaitStep():
                await self._wait(step)
            case Desk():
                await asyncio.sleep(_THINKING_S)
                await self._desk(index, step)
            case PresenceStep():
                await self._desks.change(step.queue, step.online)
            case Say() | OfferReplyStep() | Close() | Broken():
                await asyncio.sleep(_TYPING_S)
                await self._say(index, step)

    async def _say(self, index: int, step: Say | OfferReplyStep | Close | Broken) -> None:
        id_ = self.conversation.id
        if isinstance(step, Say) and step.role == "ai_agent" and not step.late:
            control = self._outside.control(id_)
            if control is not None and not control.ai_may_reply:
                # The bot is silent when the chat system was told so.
                return
        ahead_ms = round(1000 * step.ahead_s) if isinstance(step, Say) else 0
        for value in self.conversation.records(index, now_ms() - ahead_ms):
            await self._outside.say(value, id_)

    async def _wait(self, step: WaitStep) -> None:
        """Wait for something newer than what was waited for before."""
        of = step.of or self.conversation.id
        after = self._waited.get((of, step.seen), -1)
        least = max((seq for (id_, _), seq in self._waited.items() if id_ == of), default=-1)

        def found() -> Heard | None:
            for message in self._outside.heard.get(of, ()):
                if message.seq > after and message.seq >= least and _is(message, step.seen):
                    return message
            return None

        message = await self._until(found)
        self._waited[of, step.seen] = message.seq
        if of == self.conversation.id and isinstance(message, Handoff | Ticket):
            self._last = message

    async def _desk(self, index: int, step: Desk) -> None:
        about = self._last
        if about is None:
            raise StuckError(f"{self.conversation.id}, step {index + 1}: no packet to act upon")
        control = self._outside.control(self.conversation.id)
        owned = 0 if control is None else control.epoch
        epoch = about.epoch if step.action == "accepted" else max(about.epoch, owned)
        await self._outside.report(
            {
                "type": step.action,
                "event_id": f"{self.conversation.id}-desk-{index}",
                "occurred_at": from_ms(now_ms()).isoformat(),
                "escalation_id": about.escalation_id,
                "conversation_id": self.conversation.id,
                "queue": about.queue,
                "epoch": epoch,
                **step.fields,
            }
        )

    async def _until(self, found: Callable[[], Any]) -> Any:
        return await self._outside.until(found, 2 * LATEST_S, self.conversation.id)


def _is(message: Heard, seen: Seen) -> bool:
    match seen:
        case "packet":
            return isinstance(message, Handoff)
        case "ticket":
            return isinstance(message, Ticket) and message.type == "ticket"
        case "refused":
            return isinstance(message, Refused)
        case "withdrawn":
            return isinstance(message, Withdrawn)
    if not isinstance(message, Control):
        return False
    match seen:
        case "offer":
            return message.kind == "offer"
        case "joined":
            return message.owner == "person"
        case "ai":
            return message.owner == "ai" and message.kind != "offer"
        case "contact":
            return message.contact is not None


def now_ms() -> int:
    """Return the time of this machine, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
