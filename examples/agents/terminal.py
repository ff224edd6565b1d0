"""Shared by the agents of this folder: the shop's tools, and a customer at the terminal.

Each line that you type is the customer's. With HANDOFF_BRIDGE_URL and HANDOFF_BRIDGE_TOKEN an agent
reports over `handoff bridge`, else over Kafka.
"""

import asyncio
import os
import sys
import uuid
from collections.abc import Callable
from typing import Protocol

from workers.client import BridgeTransport, HandoffClient, KafkaTransport

SYSTEM = """You are the support agent of a shop. Look orders up before you speak about them. Where
you may not decide, call ask_for_person. End with a line `confidence: N`, N from 0 to 1."""
CONTEXT_LIMIT = 200_000


class Agent(Protocol):
    """One conversation with a customer."""

    conversation: str

    async def hear(self, text: str) -> str | None:
        """Take what the customer says; return the answer, or None while a person is to give it."""

    async def learn(self, text: str) -> None:
        """Take what is to be known before the next answer."""


def look_up_order(number: str) -> dict:
    """Stand for the shop's own system."""
    return {"number": number, "status": "shipped", "total_euros": 80}


def confidence_of(answer: str) -> tuple[str, float | None]:
    """Part what the model said from the confidence that it gave."""
    text, _, given = answer.rpartition("confidence:")
    try:
        return text.strip(), min(max(float(given), 0.0), 1.0)
    except ValueError:
        return answer.strip(), None


async def tell_customer(handoff: HandoffClient, agent: Agent) -> None:
    """Show the customer what they are to be told, and hear when the AI may speak again."""
    silent = False
    async for control in handoff.controls():
        if control.conversation_id != agent.conversation:
            continue
        if control.text:
            print(f"notice: {control.text}", flush=True)
        if silent and control.ai_may_reply:
            # The AI reads what the person did before it speaks again.
            await agent.learn(f"[A colleague reports: {control.brief or 'the case is done'}]")
        silent = not control.ai_may_reply
        print(f"owner: {control.owner}", flush=True)


async def talk(make: Callable[[HandoffClient, str], Agent]) -> None:
    """Talk with the customer on the terminal until the end of input."""
    transport = KafkaTransport()
    if url := os.environ.get("HANDOFF_BRIDGE_URL"):
        transport = BridgeTransport(url, os.environ["HANDOFF_BRIDGE_TOKEN"])
    async with HandoffClient(transport, agent="aria", version="1") as handoff:
        agent = make(handoff, f"example-{uuid.uuid4().hex[:6]}")
        telling = asyncio.create_task(tell_customer(handoff, agent))
        print(f"conversation {agent.conversation}", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            answer = await agent.hear(line.strip())
            print("(silent)" if answer is None else f"aria: {answer}", flush=True)
        telling.cancel()
