"""An agent of examples/agents/ as a process: its model is played, and so is the router."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.bridge import arrived, eventually, serving
from workers.contracts.topics import CONTROL, DESKS, EVENTS
from workers.embedded import EmbeddedKafka

_EXAMPLES: Final = Path(__file__).parents[2] / "examples" / "agents"
_WITHIN_S: Final = 60.0
_FEE: Final = {"reason": "policy_exception", "note": "Fee of 12 euros"}


class Model:
    """Plays the Messages API of Anthropic and the Chat Completions API of OpenAI."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        """Every request's messages, as JSON."""
        self.app = Starlette(
            routes=[
                Route("/v1/messages", self._messages, methods=["POST"]),
                Route("/v1/chat/completions", self._completions, methods=["POST"]),
            ]
        )

    def _turn(self, messages: list[dict[str, Any]]) -> tuple[str, str | None, dict[str, str]]:
        """Return what is said, and the tool that is called with its arguments."""
        self.asked.append(json.dumps(messages))
        last = json.dumps(messages[-1])
        number = str(len(self.asked))
        if "shipped" in last:
            return "It is on its way.\nconfidence: 0.9", None, {}
        if "order 7" in last:
            return "", "look_up_order", {"number": "7"}
        if "fee" in last:
            return "That is not mine to decide.\nconfidence: 0.4", "ask_for_person", _FEE
        return f"Answer {number}.\nconfidence: 0.8", None, {}

    async def _messages(self, request: Request) -> Response:
        given = await request.json()
        said, name, arguments = self._turn(given["messages"])
        content: list[dict[str, Any]] = [{"type": "text", "text": said}] if said else []
        if name:
            call = {"type": "tool_use", "id": f"t-{len(self.asked)}", "name": name}
            content.append({**call, "input": arguments})
        return JSONResponse(
            {
                "id": f"msg-{len(self.asked)}",
                "type": "message",
                "role": "assistant",
                "model": given["model"],
                "content": content,
                "stop_reason": "tool_use" if name else "end_turn",
                "stop_sequence": None,
                "usage": {"input_tokens": 40, "output_tokens": 2},
            }
        )

    async def _completions(self, request: Request) -> Response:
        given = await request.json()
        said, name, arguments = self._turn(given["messages"])
        message: dict[str, Any] = {"role": "assistant", "content": said or None}
        if name:
            function = {"name": name, "arguments": json.dumps(arguments)}
            call = {"id": f"t-{len(self.asked)}", "type": "function", "function": function}
            message["tool_calls"] = [call]
        finish = "tool_calls" if name else "stop"
        return JSONResponse(
            {
                "id": f"chat-{len(self.asked)}",
                "object": "chat.completion",
                "created": 1,
                "model": given["model"],
                "choices": [{"index": 0, "finish_reason": finish, "message": message}],
                "usage": {"prompt_tokens": 40, "completion_tokens": 2, "total_tokens": 42},
            }
        )


class AgentProcess:
    """An agent, its customer at the terminal, and what it printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[str] = []

    async def say(self, text: str) -> None:
        """Type a line as the customer."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n".encode())
        await self._process.stdin.drain()

    async def hears(self, start: str) -> str:
        """Read on to the line that begins so."""
        assert self._process.stdout is not None
        async with asyncio.timeout(_WITHIN_S):
            while line := (await self._process.stdout.readline()).decode():
                self.lines.append(line.rstrip())
                if line.startswith(start):
                    return line.rstrip()
        raise AssertionError(f"it ended without {start!r}: {self.lines}")


@asynccontextmanager
async def running(name: str, environment: dict[str, str]) -> AsyncIterator[AgentProcess]:
    """Run an agent until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", str(_EXAMPLES / name)),
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield AgentProcess(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def plays_along(name: str, broker: EmbeddedKafka) -> None:
    """Assert that an agent reports what it does, asks for a person, is silent, and comes back."""
    broker.ensure_topics((EVENTS, DESKS, CONTROL))
    model = Model()
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
    await producer.start()
    try:
        async with serving(model.app) as url:
            environment = {
                "KAFKA_BOOTSTRAP": broker.bootstrap,
                "KAFKA_FETCH_MAX_WAIT_MS": "20",
                "ANTHROPIC_BASE_URL": url,
                "ANTHROPIC_API_KEY": "none",
                "OPENAI_BASE_URL": f"{url}/v1",
                "OPENAI_API_KEY": "none",
            }
            async with running(name, environment) as agent:
                await _play(agent, model, producer)
                await _check(agent, broker)
    finally:
        await producer.stop()


async def _play(agent: AgentProcess, model: Model, router: AIOKafkaProducer) -> None:
    conversation = (await agent.hears("conversation ")).split()[1]
    await agent.say("Where is order 7?")
    assert await agent.hears("aria: ") == "aria: It is on its way."
    await agent.say("Then waive the fee.")
    await agent.hears("aria: ")
    await _tell(router, conversation, 1, owner="pending", text="A colleague will answer.")
    assert await agent.hears("notice: ") == "notice: A colleague will answer."
    await agent.hears("owner: pending")
    asked = len(model.asked)
    await agent.say("Hello?")
    await agent.hears("(silent)")
    assert len(model.asked) == asked
    await _tell(router, conversation, 2, owner="ai", brief={"resolution": "Fee waived"})
    await agent.hears("owner: ai")
    await agent.say("Are you back?")
    assert (await agent.hears("aria: ")).startswith("aria: Answer ")
    assert "Fee waived" in model.asked[-1]
    assert "Hello?" in model.asked[-1]


async def _tell(
    router: AIOKafkaProducer, conversation: str, seq: int, *, owner: str, **fields: object
) -> None:
    control = {
        "conversation_id": conversation,
        "epoch": seq,
        "seq": seq,
        "owner": owner,
        "ai_may_reply": owner == "ai",
        "kind": "ownership",
        "caused_by": f"d-{seq}",
        "sent_at": datetime.now(UTC).isoformat(),
        **fields,
    }
    await router.send_and_wait(CONTROL, json.dumps(control).encode(), key=conversation.encode())


async def _check(agent: AgentProcess, broker: EmbeddedKafka) -> None:
    async def reported() -> bool:
        return len(await arrived(broker, EVENTS)) == 9

    await eventually(reported, f"nine events; it said {agent.lines}")
    events = [json.loads(value) for _, value in await arrived(broker, EVENTS)]
    assert [event["role"] for event in events] == [
        *("customer", "ai_agent", "tool", "ai_agent", "customer", "ai_agent"),
        *("customer", "customer", "ai_agent"),
    ]
    calling, found, answer, _, asking = events[1:6]
    (call,) = calling["agent"]["tool_calls"]
    assert (call["name"], call["arguments"]) == ("look_up_order", {"number": "7"})
    assert (found["tool"]["call_id"], found["tool"]["status"]) == (call["call_id"], "ok")
    assert (answer["agent"]["confidence"], answer["agent"]["context_tokens"]) == (0.9, 42)
    assert asking["agent"]["requested_escalation"] == _FEE
    assert events[-1]["agent"]["epoch"] == 2
