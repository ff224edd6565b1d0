"""A support agent with LangGraph that reports its turns and hands over to people.

After `handoff up`, in a shell with the printed export line and OPENAI_API_KEY:
python examples/agents/langgraph_agent.py
"""

import asyncio
import json
import os

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from terminal import CONTEXT_LIMIT, SYSTEM, confidence_of, look_up_order, talk

from workers.client import HandoffClient, RequestedEscalation, ToolCall

MODEL = os.environ.get("EXAMPLE_MODEL", "gpt-5-mini")


@tool
def ask_for_person(reason: str, note: str) -> str:
    """Have a person take over, with what they need."""
    return f"asked: {reason}, {note}"


class LangGraphAgent:
    """One conversation with a customer: a graph that thinks and acts, and remembers by its name."""

    def __init__(self, handoff: HandoffClient, conversation: str) -> None:
        self.handoff = handoff
        self.conversation = conversation
        self.model = ChatOpenAI(model=MODEL).bind_tools([tool(look_up_order), ask_for_person])
        graph = StateGraph(MessagesState)
        graph.add_node("think", self.think)
        graph.add_node("act", self.act)
        graph.add_edge(START, "think")
        graph.add_conditional_edges("think", wants_tools, {True: "act", False: END})
        graph.add_conditional_edges("act", asked_for_person, {True: END, False: "think"})
        self.graph = graph.compile(checkpointer=InMemorySaver())
        self.config = {"configurable": {"thread_id": conversation}}

    async def learn(self, text: str) -> None:
        """Take what is to be known before the next answer."""
        told = {"messages": [HumanMessage(text)]}
        await self.graph.aupdate_state(self.config, told, as_node="think")

    async def hear(self, text: str) -> str | None:
        """Take what the customer says; return the answer, or None while a person is to give it."""
        await self.handoff.customer_said(self.conversation, text, channel="chat")
        if not self.handoff.may_reply(self.conversation):
            await self.learn(text)
            return None
        state = await self.graph.ainvoke({"messages": [HumanMessage(text)]}, self.config)
        for message in reversed(state["messages"]):
            if isinstance(message, AIMessage):
                return confidence_of(message.text)[0] or None
            if isinstance(message, HumanMessage):
                break
        return None

    async def think(self, state: MessagesState) -> dict:
        """Ask the model, and report what it says and which tools it calls."""
        answer = await self.model.ainvoke([SystemMessage(SYSTEM), *state["messages"]])
        # A person may have taken over while the model was thinking: then this is not said.
        if not self.handoff.may_reply(self.conversation):
            return {}
        said, confidence = confidence_of(answer.text)
        asked = [call["args"] for call in answer.tool_calls if call["name"] == "ask_for_person"]
        await self.handoff.replied(
            self.conversation,
            said,
            confidence=confidence,
            tool_calls=[
                ToolCall(name=call["name"], call_id=call["id"], arguments=call["args"])
                for call in answer.tool_calls
            ],
            context_tokens=answer.usage_metadata["total_tokens"],
            context_limit=CONTEXT_LIMIT,
            asks_for_person=RequestedEscalation(**asked[0]) if asked else None,
        )
        return {"messages": [answer]}

    async def act(self, state: MessagesState) -> dict:
        """Carry out the model's tool calls and report the results."""
        results = []
        for call in state["messages"][-1].tool_calls:
            found = {"asked": True}
            if call["name"] == "look_up_order":
                found = look_up_order(**call["args"])
                await self.handoff.tool_answered(
                    self.conversation, call["name"], "ok", call_id=call["id"], result=found
                )
            results.append(ToolMessage(json.dumps(found), tool_call_id=call["id"]))
        return {"messages": results}


def wants_tools(state: MessagesState) -> bool:
    """Return whether the last turn calls tools."""
    return bool(getattr(state["messages"][-1], "tool_calls", None))


def asked_for_person(state: MessagesState) -> bool:
    """Return whether the model has just asked for a person: then it says nothing more."""
    turns = [message for message in state["messages"] if isinstance(message, AIMessage)]
    return any(call["name"] == "ask_for_person" for call in turns[-1].tool_calls)


if __name__ == "__main__":
    asyncio.run(talk(LangGraphAgent))
