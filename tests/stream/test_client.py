"""The client of AI agents, over Kafka and over the bridge."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer

from tests.support.bridge import TOKEN, arrived
from workers.client import (
    BridgeTransport,
    EventTransport,
    HandoffClient,
    KafkaTransport,
    RefusedEventError,
    RequestedEscalation,
    ToolCall,
)
from workers.contracts.topics import CONTROL, EVENTS
from workers.embedded import EmbeddedKafka
from workers.settings import load_settings


@pytest.fixture(params=["kafka", "bridge"])
def transport(
    request: pytest.FixtureRequest,
    bridge_broker: EmbeddedKafka,
    bridge_url: str,
) -> EventTransport:
    if request.param == "bridge":
        return BridgeTransport(bridge_url, TOKEN)
    settings = load_settings(kafka_bootstrap=bridge_broker.bootstrap, kafka_fetch_max_wait_ms=20)
    return KafkaTransport(settings)


@pytest.fixture
async def router(bridge_broker: EmbeddedKafka) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=bridge_broker.bootstrap)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def tell(router: AIOKafkaProducer, seq: int, *, may: bool, conversation: str = "c-1") -> None:
    control = {
        "conversation_id": conversation,
        "epoch": seq,
        "seq": seq,
        "owner": "ai" if may else "person",
        "ai_may_reply": may,
        "kind": "ownership",
        "text": "line\u2028after line\r\n",
        "caused_by": f"d-{seq}",
        "sent_at": datetime.now(UTC).isoformat(),
    }
    value = json.dumps(control, ensure_ascii=False).encode()
    await router.send_and_wait(CONTROL, value, key=conversation.encode())


async def test_what_an_agent_reports_arrives_with_all_it_knows(
    transport: EventTransport,
    bridge_broker: EmbeddedKafka,
    router: AIOKafkaProducer,
) -> None:
    async with HandoffClient(transport, agent="aria", version="2") as handoff:
        await tell(router, 7, may=True)
        async with asyncio.timeout(60):
            await handoff.heard("c-1")
        await handoff.customer_said("c-1", "Where is it?", event_id="m-1")
        await handoff.customer_said("c-1", "Where is it?", event_id="m-1")
        call = ToolCall(name="track", call_id="t-1", arguments={"number": "7"})
        await handoff.replied("c-1", "", tool_calls=[call])
        await handoff.tool_answered("c-1", "track", "timeout", call_id="t-1", error="30 s")
        await handoff.replied(
            "c-1",
            "I ask a colleague.",
            confidence=0.2,
            intents=["tracking"],
            context_tokens=900,
            context_limit=1000,
            asks_for_person=RequestedEscalation(reason="tool_unavailable", note="no tracking"),
        )
        await handoff.offer_answered("c-1", accepted=False)
        await handoff.closed("c-1", "customer")
    written = [json.loads(value) for _, value in await arrived(bridge_broker, EVENTS)]
    assert [event.get("role", event.get("type")) for event in written] == [
        *("customer", "customer", "ai_agent", "tool", "ai_agent", "offer_reply", "closed")
    ]
    turn = written[4]["agent"]
    assert (turn["id"], turn["version"], turn["epoch"]) == ("aria", "2", 7)
    assert (turn["confidence"], turn["context_tokens"]) == (0.2, 900)
    assert turn["requested_escalation"]["reason"] == "tool_unavailable"


async def test_the_greatest_control_holds_and_silences(
    transport: EventTransport, router: AIOKafkaProducer
) -> None:
    await tell(router, 5, may=False)
    async with AsyncExitStack() as stack:
        handoff = await stack.enter_async_context(HandoffClient(transport, agent="aria"))
        async with asyncio.timeout(60):
            # What was said before it was there is known, too.
            first = await handoff.heard("c-1")
            assert not handoff.may_reply("c-1")
            assert handoff.may_reply("c-2")
            await tell(router, 4, may=True)
            await tell(router, 5, may=True)
            await tell(router, 6, may=True)
            later = await handoff.heard("c-1", after=first)
        assert (later.seq, later.text) == (6, "line\u2028after line\r\n")
        assert handoff.may_reply("c-1")


async def test_what_can_never_be_written_is_said_at_once(transport: EventTransport) -> None:
    async with HandoffClient(transport, agent="aria") as handoff:
        with pytest.raises(RefusedEventError, match="confidence"):
            await handoff.replied("c-1", "Yes.", confidence=1.5)
        with pytest.raises(RefusedEventError, match="content"):
            await handoff.replied("c-1", "")


async def test_without_the_right_nobody_follows(bridge_url: str) -> None:
    async with HandoffClient(BridgeTransport(bridge_url, "wrong"), agent="aria") as handoff:
        with pytest.raises(PermissionError, match="401"):
            async with asyncio.timeout(60):
                await handoff.heard("c-1")
        with pytest.raises(RefusedEventError, match="401"):
            await handoff.customer_said("c-1", "Hello")
