"""A support agent with the OpenAI Agents SDK that reports its turns and hands over to people.

After `handoff up`, in a shell with the printed export line and OPENAI_API_KEY:
python examples/agents/openai_agent.py
"""

import asyncio
import json
import os

from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    Runner,
    RunResult,
    StopAtTools,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI
from terminal import CONTEXT_LIMIT, SYSTEM, confidence_of, look_up_order, talk

from workers.client import HandoffClient, RequestedEscalation, ToolCall

MODEL = os.environ.get("EXAMPLE_MODEL", "gpt-5-mini")
# The SDK would send every conversation to its maker's tracing.
set_tracing_disabled(True)


@function_tool
def ask_for_person(reason: str, note: str) -> str:
    """Have a person take over, with what they need."""
    return f"I ask a colleague. ({reason}: {note})"


class OpenAIAgent:
    """One conversation with a customer."""

    def __init__(self, handoff: HandoffClient, conversation: str) -> None:
        self.handoff = handoff
        self.conversation = conversation
        self.agent = Agent(
            name="aria",
            instructions=SYSTEM,
            model=OpenAIChatCompletionsModel(MODEL, AsyncOpenAI()),
            tools=[function_tool(look_up_order), ask_for_person],
            # An agent that has asked for a person says nothing more.
            tool_use_behavior=StopAtTools(stop_at_tool_names=["ask_for_person"]),
        )
        self.items: list[dict] = []

    async def learn(self, text: str) -> None:
        """Take what is to be known before the next answer."""
        self.items.append({"role": "user", "content": text})

    async def hear(self, text: str) -> str | None:
        """Take what the customer says; return the answer, or None while a person is to give it."""
        await self.handoff.customer_said(self.conversation, text, channel="chat")
        self.items.append({"role": "user", "content": text})
        if not self.handoff.may_reply(self.conversation):
            return None
        result = await Runner.run(self.agent, self.items)
        # A person may have taken over while the model was thinking: then this is not said.
        if not self.handoff.may_reply(self.conversation):
            return None
        self.items = result.to_input_list()
        return await self.report(result)

    async def report(self, result: RunResult) -> str:
        """Report each turn of the run with its tools' results; return what the customer is told."""
        found = {
            item.raw_item["call_id"]: item.output
            for item in result.new_items
            if item.type == "tool_call_output_item"
        }
        told = ""
        for response in result.raw_responses:
            calls = [item for item in response.output if item.type == "function_call"]
            parts = [part for i in response.output if i.type == "message" for part in i.content]
            said, confidence = confidence_of("".join(part.text for part in parts))
            arguments = {call.call_id: json.loads(call.arguments) for call in calls}
            asked = [arguments[c.call_id] for c in calls if c.name == "ask_for_person"]
            told = said or (str(result.final_output) if asked else "")
            await self.handoff.replied(
                self.conversation,
                told,
                confidence=confidence,
                tool_calls=[
                    ToolCall(name=c.name, call_id=c.call_id, arguments=arguments[c.call_id])
                    for c in calls
                ],
                context_tokens=response.usage.total_tokens,
                context_limit=CONTEXT_LIMIT,
                asks_for_person=RequestedEscalation(**asked[0]) if asked else None,
            )
            for call in calls:
                if call.name == "look_up_order":
                    await self.handoff.tool_answered(
                        *(self.conversation, call.name, "ok"),
                        call_id=call.call_id,
                        result=found[call.call_id],
                    )
        return told


if __name__ == "__main__":
    asyncio.run(talk(OpenAIAgent))
