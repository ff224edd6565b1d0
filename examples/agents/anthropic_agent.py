"""A support agent with the Anthropic SDK that reports its turns and hands over to people.

After `handoff up`, in a shell with the printed export line and ANTHROPIC_API_KEY:
python examples/agents/anthropic_agent.py

Each line that you type is the customer's. With HANDOFF_BRIDGE_URL and HANDOFF_BRIDGE_TOKEN it
reports over `handoff bridge` instead of Kafka.
"""

import asyncio
import json
import os
import sys
import uuid

from anthropic import AsyncAnthropic

from workers.client import (
    BridgeTransport,
    HandoffClient,
    KafkaTransport,
    RequestedEscalation,
    ToolCall,
)

MODEL = os.environ.get("EXAMPLE_MODEL", "claude-haiku-5-5")
SYSTEM = """You are the support agent of a shop. Look orders up before you speak about them. Where
you may not decide, call ask_for_person. End with a line `confidence: N`, N from 0 to 1."""


def tool(name: str, description: str, *fields: str) -> dict:
    """Describe a tool whose arguments are texts."""
    properties = {field: {"type": "string"} for field in fields}
    schema = {"type": "object", "properties": properties, "required": list(fields)}
    return {"name": name, "description": description, "input_schema": schema}


TOOLS = [
    tool("look_up_order", "Return what the shop knows of an order.", "number"),
    tool("ask_for_person", "Have a person take over, with what they need.", "reason", "note"),
]


def look_up_order(number: str) -> dict:
    """Stand for the shop's own system."""
    return {"number": number, "status": "shipped", "total_euros": 80}


class Agent:
    """One conversation with a customer."""

    def __init__(self, handoff: HandoffClient, conversation: str) -> None:
        self.handoff = handoff
        self.conversation = conversation
        self.model = AsyncAnthropic()
        self.messages: list[dict] = []

    async def hear(self, text: str) -> str | None:
        """Take what the customer says; return the answer, or None while a person is to give it."""
        await self.handoff.customer_said(self.conversation, text, channel="chat")
        self.messages.append({"role": "user", "content": text})
        if not self.handoff.may_reply(self.conversation):
            return None
        while True:
            answer = await self.model.messages.create(
                model=MODEL, max_tokens=1024, system=SYSTEM, tools=TOOLS, messages=self.messages
            )
            self.messages.append({"role": "assistant", "content": answer.content})
            said = "".join(block.text for block in answer.content if block.type == "text")
            text, _, confidence = said.rpartition("confidence:")
            calls = [block for block in answer.content if block.type == "tool_use"]
            asked = next((call.input for call in calls if call.name == "ask_for_person"), None)
            # A person may have taken over while the model was thinking: then nobody hears this.
            if not self.handoff.may_reply(self.conversation):
                self.messages.pop()
                return None
            await self.handoff.replied(
                self.conversation,
                (text or said).strip(),
                confidence=number(confidence),
                tool_calls=[ToolCall(name=c.name, call_id=c.id, arguments=c.input) for c in calls],
                context_tokens=answer.usage.input_tokens + answer.usage.output_tokens,
                context_limit=200_000,
                asks_for_person=RequestedEscalation(**asked) if asked else None,
            )
            self.messages += await self.answer(calls)
            if not calls or asked:
                return (text or said).strip()

    async def answer(self, calls: list) -> list[dict]:
        """Do what the model asks for, and report what came of it."""
        results = []
        for call in calls:
            found = {"asked": True}
            if call.name == "look_up_order":
                found = look_up_order(**call.input)
                await self.handoff.tool_answered(
                    self.conversation, call.name, "ok", call_id=call.id, result=found
                )
            content = json.dumps(found)
            results.append({"type": "tool_result", "tool_use_id": call.id, "content": content})
        return [{"role": "user", "content": results}] if results else []


def number(text: str) -> float | None:
    """Read the confidence that the model gave."""
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return None


def transport() -> BridgeTransport | KafkaTransport:
    """Choose the bridge where its address is given, else Kafka."""
    if url := os.environ.get("HANDOFF_BRIDGE_URL"):
        return BridgeTransport(url, os.environ["HANDOFF_BRIDGE_TOKEN"])
    return KafkaTransport()


async def tell_customer(handoff: HandoffClient, agent: Agent) -> None:
    """Show the customer what they are to be told, and hear when the AI may speak again."""
    silent = False
    async for control in handoff.controls():
        if control.conversation_id != agent.conversation:
            continue
        if control.text:
            print(f"notice: {control.text}", flush=True)
        print(f"owner: {control.owner}", flush=True)
        if silent and control.ai_may_reply:
            # What the person did is read before the AI speaks again.
            brief = getattr(control, "brief", None) or "the case is done"
            agent.messages.append({"role": "user", "content": f"[A colleague reports: {brief}]"})
        silent = not control.ai_may_reply


async def main() -> None:
    """Talk with the customer on the terminal until the end of input."""
    async with HandoffClient(transport(), agent="aria", version="1") as handoff:
        agent = Agent(handoff, f"example-{uuid.uuid4().hex[:6]}")
        telling = asyncio.create_task(tell_customer(handoff, agent))
        print(f"conversation {agent.conversation}", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            answer = await agent.hear(line.strip())
            print("(silent)" if answer is None else f"aria: {answer}", flush=True)
        telling.cancel()


if __name__ == "__main__":
    asyncio.run(main())
