"""The client itself: turns out, control in, over any transport."""

import asyncio
import logging
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Protocol, Self

from workers.contracts.codec import Raw, decode_event, encode
from workers.contracts.control import Control
from workers.contracts.events import (
    AgentTurn,
    Closed,
    ClosedBy,
    Customer,
    Event,
    Message,
    OfferReply,
    RequestedEscalation,
    ToolCall,
    ToolResult,
    ToolStatus,
)
from workers.contracts.rejections import Rejected
from workers.contracts.time import to_ms

HELD_CONVERSATIONS: Final = 100_000
"""Conversations whose last control message is remembered; those heard of longest ago go first."""

logger = logging.getLogger(__name__)


class RefusedEventError(ValueError):
    """An event that can never be written; the message names the field and what to do."""


class EventTransport(Protocol):
    """Carries events to the log and control messages back: over Kafka, or over the bridge."""

    async def start(self) -> None:
        """Connect; raises if no server answers at the address."""

    async def stop(self) -> None:
        """Disconnect; every event that was sent is acknowledged already."""

    async def send(self, conversation_id: str, value: bytes) -> None:
        """Return when an event is written; raises RefusedEventError when it never can be."""

    def follow(self) -> AsyncIterator[Control]:
        """Yield control messages of all conversations for ever, each at least once."""


class HandoffClient:
    """Reports what is said in conversations, and knows who owns each of them.

    Use it with `async with`. Every method that reports returns when the event is written. After an
    error call it again with the same `event_id`: an event that comes twice is applied once.
    """

    def __init__(
        self, transport: EventTransport, *, agent: str, version: str | None = None
    ) -> None:
        """Name the AI agent and its version, under which rates are kept."""
        self._transport = transport
        self._agent = agent
        self._version = version
        self._held: OrderedDict[str, Control] = OrderedDict()
        self._heard = asyncio.Condition()
        self._following: asyncio.Task[None] | None = None
        self._count = 0

    async def __aenter__(self) -> Self:
        await self._transport.start()
        self._following = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait({self._following})
            if not self._following.cancelled():
                # Callers that waited have got the error.
                self._following.exception()
        await self._transport.stop()

    async def customer_said(
        self,
        conversation_id: str,
        text: str,
        *,
        customer: Customer | None = None,
        channel: str | None = None,
        event_id: str | None = None,
        at: datetime | None = None,
    ) -> str:
        """Report what the customer wrote; return the event's id."""
        return await self._report(
            Message(
                **_envelope(conversation_id, event_id, at),
                role="customer",
                content=text,
                customer=customer,
                channel=channel,
            )
        )

    async def replied(
        self,
        conversation_id: str,
        text: str,
        *,
        confidence: float | None = None,
        intents: Sequence[str] = (),
        tool_calls: Sequence[ToolCall] = (),
        context_tokens: int | None = None,
        context_limit: int | None = None,
        resolved: bool | None = None,
        asks_for_person: RequestedEscalation | None = None,
        event_id: str | None = None,
        at: datetime | None = None,
    ) -> str:
        """Report a turn of the AI agent, with what it knows about itself; return the event's id.

        `confidence` is from 0 to 1, `context_tokens` what the model has used of `context_limit`.
        The epoch that was held when it is reported goes along: a turn that crossed a handover is
        recognised. A turn without text needs `tool_calls`.
        """
        held = self.held(conversation_id)
        turn = AgentTurn(
            id=self._agent,
            version=self._version,
            epoch=None if held is None else held.epoch,
            confidence=confidence,
            intents=tuple(intents),
            requested_escalation=asks_for_person,
            resolved=resolved,
            context_tokens=context_tokens,
            context_limit=context_limit,
            tool_calls=tuple(tool_calls),
        )
        envelope = _envelope(conversation_id, event_id, at)
        return await self._report(Message(**envelope, role="ai_agent", content=text, agent=turn))

    async def tool_answered(
        self,
        conversation_id: str,
        name: str,
        status: ToolStatus,
        *,
        call_id: str | None = None,
        result: Any = None,
        error: str | None = None,
        event_id: str | None = None,
        at: datetime | None = None,
    ) -> str:
        """Report the result of a tool that the AI agent called; return the event's id."""
        tool = ToolResult(name=name, status=status, call_id=call_id, result=result, error=error)
        envelope = _envelope(conversation_id, event_id, at)
        return await self._report(Message(**envelope, role="tool", tool=tool))

    async def offer_answered(
        self,
        conversation_id: str,
        accepted: bool,
        *,
        event_id: str | None = None,
        at: datetime | None = None,
    ) -> str:
        """Report by which button the customer answered the offer of a person."""
        envelope = _envelope(conversation_id, event_id, at)
        return await self._report(OfferReply(**envelope, type="offer_reply", accepted=accepted))

    async def closed(
        self,
        conversation_id: str,
        by: ClosedBy,
        *,
        event_id: str | None = None,
        at: datetime | None = None,
    ) -> str:
        """Report that the conversation has ended, and who ended it."""
        envelope = _envelope(conversation_id, event_id, at)
        return await self._report(Closed(**envelope, type="closed", by=by))

    def held(self, conversation_id: str) -> Control | None:
        """Return the control message that holds in a conversation; None: none was heard."""
        return self._held.get(conversation_id)

    def may_reply(self, conversation_id: str) -> bool:
        """Return whether the AI agent may speak; it may until it is told otherwise."""
        held = self.held(conversation_id)
        return held is None or held.ai_may_reply

    async def controls(self) -> AsyncIterator[Control]:
        """Yield what is heard from now on, of all conversations; each change once, none older.

        Where more than one change of a conversation came since the last, only the latest is given.
        """
        told: dict[str, tuple[int, int]] = {
            name: (control.epoch, control.seq) for name, control in self._held.items()
        }
        seen = self._count
        while True:
            async with self._heard:
                await self._heard.wait_for(partial(self._is_later, seen))
                seen = self._count
                news = [
                    control
                    for name, control in self._held.items()
                    if told.get(name) != (control.epoch, control.seq)
                ]
            self._raise_following()
            for control in news:
                told[control.conversation_id] = (control.epoch, control.seq)
                yield control

    async def heard(self, conversation_id: str, after: Control | None = None) -> Control:
        """Wait until something is held in a conversation that is later than `after`."""

        def found() -> bool:
            held = self.held(conversation_id)
            return self._ended() or (held is not None and held is not after)

        async with self._heard:
            await self._heard.wait_for(found)
        self._raise_following()
        return self._held[conversation_id]

    def _is_later(self, count: int) -> bool:
        return self._count != count or self._ended()

    def _ended(self) -> bool:
        return self._following is None or self._following.done()

    def _raise_following(self) -> None:
        if self._following is not None and self._following.done():
            self._following.result()

    async def _follow(self) -> None:
        try:
            async for control in self._transport.follow():
                if self._obey(control):
                    async with self._heard:
                        self._count += 1
                        self._heard.notify_all()
        except Exception:
            logger.warning("control messages are not followed any more")
            raise
        finally:
            async with self._heard:
                self._heard.notify_all()

    def _obey(self, control: Control) -> bool:
        """Keep a message unless it is a repeat, or older than what is held."""
        name = control.conversation_id
        known = self._held.get(name)
        if known is not None and (control.epoch, control.seq) <= (known.epoch, known.seq):
            return False
        self._held[name] = control
        self._held.move_to_end(name)
        if len(self._held) > HELD_CONVERSATIONS:
            self._held.popitem(last=False)
        return True

    async def _report(self, event: Event) -> str:
        value, key = encode(event), event.conversation_id.encode()
        try:
            # An event that the fold could not apply is refused here, where it can be mended.
            decode_event(Raw(key, value, (), to_ms(datetime.now(UTC))))
        except Rejected as rejected:
            raise RefusedEventError(str(rejected)) from None
        await self._transport.send(event.conversation_id, value)
        return event.event_id


def _envelope(conversation_id: str, event_id: str | None, at: datetime | None) -> dict[str, Any]:
    return {
        "event_id": event_id or str(uuid.uuid4()),
        "conversation_id": conversation_id,
        "occurred_at": at or datetime.now(UTC),
    }
