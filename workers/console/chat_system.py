"""A small chat system that owns the conversations named `chat-…`, for trying the whole thing.

It keeps nothing: the words are on the log and in the store, the control message is in the view.
"""

import asyncio
import logging
import secrets
import sqlite3
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from workers.console import view_reads
from workers.console.ai_agents import AiReply, Line, Responder
from workers.console.event_sender import EventSender, NotSent
from workers.console.view_file import ViewFile
from workers.contracts.decisions import Turn
from workers.contracts.topics import EVENTS
from workers.handoff.frames import frame
from workers.handoff.history import history_text, is_history

PREFIX: Final = "chat-"
MOST_TALKING: Final = 50
"""AI agents that may be thinking at once."""
_THINKING_S: Final = 1.2
_SPOKEN: Final = frozenset({"customer", "ai_agent", "human_agent"})

logger = logging.getLogger(__name__)


class Holds(NamedTuple):
    """The last control message of a conversation, which the chat system obeys."""

    ai_may_reply: bool = True
    owner: str = "ai"
    epoch: int | None = None
    offered: bool = False


class ChatLine(NamedTuple):
    """One thing that was said, or that the chat system told the customer."""

    at: int
    role: str
    text: str
    name: str | None = None


def is_ours(conversation_id: str) -> bool:
    """Return True if a conversation belongs to this chat system."""
    return conversation_id.startswith(PREFIX)


def new_conversation_id() -> str:
    """Return a conversation's id that cannot be guessed."""
    return f"{PREFIX}{secrets.token_hex(8)}"


def said_in(turns: Iterable[Turn], *, for_customer: bool) -> list[ChatLine]:
    """Return what was said aloud, for a desk with who had the conversation when.

    A customer sees neither that nor turns that came too late.
    """
    words = frame(None)
    said = []
    for turn in turns:
        if turn.role in _SPOKEN and turn.content and not (for_customer and turn.status == "stale"):
            said.append(ChatLine(turn.at, turn.role, turn.content, turn.name))
        elif not for_customer and is_history(turn, words):
            said.append(ChatLine(turn.at, turn.role, history_text(turn, words)))
    return said


def holds(connection: sqlite3.Connection, conversation_id: str) -> Holds:
    """Return what holds in a conversation: the greatest (epoch, seq) that was told."""
    told = view_reads.controls_of(connection, conversation_id, 1)
    if not told:
        return Holds()
    last = told[-1]
    return Holds(
        bool(last["ai_may_reply"]), last["owner"], last["epoch"], offered=last["kind"] == "offer"
    )


class ChatSystem:
    """Writes what is said to the log and lets the AI agent answer while it may."""

    def __init__(self, sender: EventSender, view: ViewFile, ai: Responder) -> None:
        self._sender = sender
        self._view = view
        self._ai = ai
        self._thinking: dict[str, asyncio.Task[None]] = {}

    @property
    def ai_name(self) -> str:
        """Return what the AI agent is called, with its version."""
        return self._ai.name

    async def say_as_customer(
        self, conversation_id: str, text: str, customer: dict[str, Any], history: list[Line]
    ) -> None:
        """Report what the customer says, and let the AI agent think about it; NotSent."""
        await self._message(
            conversation_id, role="customer", content=text, customer=customer, channel="chat"
        )
        if (before := self._thinking.pop(conversation_id, None)) is not None:
            before.cancel()
        if len(self._thinking) >= MOST_TALKING:
            return
        task = asyncio.create_task(self._answer(conversation_id, text, history))
        self._thinking[conversation_id] = task
        task.add_done_callback(lambda done: self._forget(conversation_id, done))

    async def say_as_person(self, conversation_id: str, person: str, text: str) -> None:
        """Report what a person at the desk says to the customer; NotSent."""
        await self._message(
            conversation_id,
            role="human_agent",
            content=text,
            agent={"id": person, "name": person},
        )

    async def answer_offer(self, conversation_id: str, *, accepted: bool) -> None:
        """Report the button that the customer pressed; NotSent."""
        await self._event(conversation_id, type="offer_reply", accepted=accepted)

    async def close(self) -> None:
        """Let no AI agent think on."""
        tasks = list(self._thinking.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _forget(self, conversation_id: str, task: asyncio.Task[None]) -> None:
        if self._thinking.get(conversation_id) is task:
            del self._thinking[conversation_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.warning("the AI agent did not answer: %s", type(error).__name__)

    async def _answer(self, conversation_id: str, text: str, history: list[Line]) -> None:
        """Say what the AI agent says, unless it has been silenced meanwhile."""
        reply, _ = await asyncio.gather(
            self._ai.reply([*history, Line("customer", text)]), asyncio.sleep(_THINKING_S)
        )
        held = await self._view.read(lambda connection: holds(connection, conversation_id))
        if not held.ai_may_reply:
            return
        try:
            await self._message(
                conversation_id,
                role="ai_agent",
                content=reply.text,
                agent=_agent(self._ai.name, reply, held.epoch),
            )
        except NotSent as error:
            logger.warning("the AI agent's answer: %s", error)

    async def _message(self, conversation_id: str, **fields: Any) -> None:
        await self._event(conversation_id, type="message", **fields)

    async def _event(self, conversation_id: str, **fields: Any) -> None:
        event = {
            "event_id": str(uuid.uuid4()),
            "conversation_id": conversation_id,
            "occurred_at": datetime.now(UTC).isoformat(),
            **fields,
        }
        await self._sender.send(EVENTS, conversation_id, event)


def _agent(name: str, reply: AiReply, epoch: int | None) -> dict[str, Any]:
    agent: dict[str, Any] = {"id": "console-ai", "version": name, "intents": list(reply.intents)}
    if reply.confidence is not None:
        agent["confidence"] = reply.confidence
    if epoch is not None:
        agent["epoch"] = epoch
    return agent
