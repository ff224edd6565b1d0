"""A support agent with the Anthropic SDK that reports its turns and hands over to people.

After `handoff up`, in a shell with the printed export line and ANTHROPIC_API_KEY:
python examples/agents/anthropic_agent.py
"""

import asyncio
import json
import os

from anthropic import AsyncAnthropic
from terminal import CONTEXT_LIMIT, SYSTEM, confidence_of, look_up_order, talk

from workers.client import HandoffClient, RequestedEscalation, ToolCall

MODEL = os.environ.get("EXAMPLE_MODEL", "claude-haiku-5-5")


def tool(name: str, description: str, *fields: str) -> dict:
    """Describe a tool whose arguments are texts."""
    properties = {field: {"type": "string"} for field in fields}
    schema = {"type": "object", "properties": properties, "required": list(fields)}
    return {"name": name, "description": description, "input_schema": schema}


TOOLS = [
    tool("look_up_order", "Return what the shop knows of an order.", "number"),
    tool("ask_for_person", "Have a person take over, with what they need.", "reason", "note"),
]


class AnthropicAgent:
    """One conversation with a customer."""

    def __init__(self, handoff: HandoffClient, conversation: str) -> None:
        self.handoff = handoff
        self.conversation = conversation
        self.model = AsyncAnthropic()
        self.messages: list[dict] = []

    async def learn(self, text: str) -> None:
        """Take what is to be known before the next answer."""
        self.messages.append({"role": "user", "content": text})

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
            # A person may have taken over while the model was thinking: then this is not said.
            if not self.handoff.may_reply(self.conversation):
                return None
            self.messages.append({"role": "assistant", "content": answer.content})
            said = "".join(block.text for block in answer.content if block.type == "text")
            said, confidence = confidence_of(said)
            calls = [block for block in answer.content if block.type == "tool_use"]
            asked = next((call.input for call in calls if call.name == "ask_for_person"), None)
            await self.handoff.replied(
                self.conversation,
                said,
                confidence=confidence,
                tool_calls=[ToolCall(name=c.name, call_id=c.id, arguments=c.input) for c in calls],
                context_tokens=answer.usage.input_tokens + answer.usage.output_tokens,
                context_limit=CONTEXT_LIMIT,
                asks_for_person=RequestedEscalation(**asked) if asked else None,
            )
            self.messages += await self.answer(calls)
            if not calls or asked:
                return said

    async def answer(self, calls: list) -> list[dict]:
        """Carry out the model's tool calls and report the results."""
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


if __name__ == "__main__":
    asyncio.run(talk(AnthropicAgent))
