"""Chatwoot from end to end: its API and webhooks, the bridge, the workers, all as processes."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, NamedTuple

import pytest
import pytest_asyncio

from tests.support.bridge import BridgeProcess, arrived, bridge_process, eventually, serving
from tests.support.chatwoot import (
    ANA,
    JONAS,
    SECRET,
    Chatwoot,
    vendor_file,
)
from tests.support.chatwoot_payloads import Conversation
from tests.support.system import System
from workers.contracts.topics import EVENTS
from workers.embedded.simulators import SimulatedSystems

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

_WISH: Final = "Can I speak to a human, please?"


class Place(NamedTuple):
    """The systems that take part."""

    chatwoot: Chatwoot
    system: System
    bridge: BridgeProcess
    heard: SimulatedSystems


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """Start everything, and wait until Chatwoot's people are known to be there."""
    folder = tmp_path_factory.mktemp("chatwoot")
    chatwoot = Chatwoot("")
    with System(folder) as system:
        async with serving(chatwoot.app) as url, system.outside() as heard:
            arguments = ("--vendor", str(vendor_file(folder, url)))
            with bridge_process(folder, system.environment, *arguments) as bridge:
                chatwoot.hook = f"{bridge.url}/v1/vendors/chatwoot"
                yield Place(chatwoot, system, bridge, heard)
                await chatwoot.close()
                await system.settled()
                report = await system.audit()
                assert report.clean, report.findings


async def until(check: Callable[[], Any], what: str) -> None:
    async def checked() -> bool:
        return bool(check())

    await eventually(checked, what)


def actions(place: Place, conversation: Conversation) -> list[str]:
    """Return what was decided of a conversation, in order."""
    own = f"chatwoot:1:{conversation.id}"
    return [d.action for d in place.heard.decisions.values() if d.conversation_id == own]


async def events(place: Place, conversation: Conversation) -> list[dict[str, Any]]:
    """Return what is on the log of a conversation, sent again left out."""
    own = f"chatwoot:1:{conversation.id}".encode()
    records = await arrived(place.system.servers.kafka, EVENTS)
    read = [json.loads(value) for key, value in records if key == own]
    return list({event["event_id"]: event for event in read}.values())


def another(body: bytes) -> bytes:
    """Return a webhook of the same time that was never posted: a change's id is its time."""
    payload = json.loads(body)
    if "updated_at" in payload:
        payload["updated_at"] -= 0.001
    return json.dumps(payload).encode()


async def handed_over(place: Place, number: int) -> Conversation:
    """Have a customer ask for a person; return when Chatwoot's people were told."""
    before = place.chatwoot.conversations.get(number)
    notes = 0 if before is None else len(before.notes("Wants:"))
    conversation = place.chatwoot.customer_says(number, _WISH)
    await until(lambda: len(conversation.notes("Wants:")) > notes, "the packet")
    await until(lambda: conversation.status == "open", "the bot's silence")
    return conversation


async def test_one_conversation_from_the_bot_to_a_person_and_back(place: Place) -> None:
    chatwoot = place.chatwoot
    conversation = chatwoot.customer_says(10, "Where is my parcel?")
    chatwoot.bot_says(conversation, "It was sent on Monday.")
    await handed_over(place, 10)
    assert conversation.team == 1
    assert conversation.priority is not None
    assert conversation.labels == ["warm-handoff"]
    await until(lambda: len(conversation.told()) == 1, "the notice")

    chatwoot.person_says(conversation, ANA, "Somebody should look at this.", private=True)
    chatwoot.assign(conversation, ANA)
    await until(lambda: "claim" in actions(place, conversation), "the claim")
    chatwoot.person_says(conversation, ANA, "It comes tomorrow.")
    chatwoot.set_status(conversation, "resolved")
    await until(lambda: conversation.notes("has ended: resolved"), "the end")
    chatwoot.rate(conversation, 5)
    assert conversation.status == "resolved"

    chatwoot.customer_says(10, "Thanks! One more question: do you ship to Norway?")
    assert conversation.status == "pending"
    chatwoot.bot_says(conversation, "Yes, we do.")
    await handed_over(place, 10)
    await chatwoot.idle()
    # All that was posted before comes now, too: none of it is about this escalation.
    for body in list(chatwoot.posted):
        await chatwoot.post(another(body))
    await place.system.settled()
    assert place.heard.waiting("chatwoot:1:10")
    chatwoot.person_says(conversation, ANA, "I am here again.")
    await until(lambda: actions(place, conversation).count("claim") == 2, "the second claim")
    chatwoot.set_status(conversation, "pending")
    await until(lambda: conversation.notes("has ended: returned"), "the return")
    # What it was told of the claim may come after that.
    await until(lambda: conversation.status == "pending", "the bot's turn")
    decided = actions(place, conversation)
    # The survey's answer comes on a way of its own, at any time after the end.
    assert decided.count("rate") == 1
    assert [action for action in decided if action != "rate"] == [
        *("escalate", "claim", "outcome", "escalate", "claim", "return")
    ]
    # Two handovers, each told once.
    assert max(Counter(conversation.told()).values()) == 2
    assert set(chatwoot.answers) == {200}
    said = await events(place, conversation)
    assert [event["csat"] for event in said if event.get("action") == "rated"] == [5]
    texts = [event["content"] for event in said if event.get("role")]
    assert "Somebody should look at this." not in texts
    assert not set(texts) & set(conversation.told())


async def test_what_comes_twice_and_in_any_order_comes_to_the_same(place: Place) -> None:
    chatwoot = place.chatwoot
    chatwoot.disorder = random.Random(11)
    try:
        conversation = await handed_over(place, 20)
        chatwoot.assign(conversation, ANA)
        await until(lambda: "claim" in actions(place, conversation), "the claim")
        await chatwoot.idle()
        chatwoot.set_team(conversation, 2)
        await until(lambda: "transfer" in actions(place, conversation), "the transfer")
        chatwoot.assign(conversation, JONAS)
        await until(lambda: actions(place, conversation).count("claim") == 2, "the second claim")
        chatwoot.person_says(conversation, JONAS, "All done.")
        # Nobody reads and resolves within the half second that webhooks are late.
        await chatwoot.idle()
        chatwoot.set_status(conversation, "resolved")
        await until(lambda: conversation.notes("has ended: resolved"), "the end")
        await chatwoot.idle()
    finally:
        chatwoot.disorder = None
    await place.system.settled()
    assert actions(place, conversation) == ["escalate", "claim", "transfer", "claim", "outcome"]
    assert conversation.status == "resolved"


async def test_a_vendor_that_fails_is_told_later_and_another_conversation_at_once(
    place: Place,
) -> None:
    chatwoot = place.chatwoot
    failing, well = asyncio.Event(), asyncio.Event()
    statuses = {"assignments": 429, "messages": 500, "labels": 503}

    async def fault(number: int, call: str) -> int | None:
        if number != 30:
            return None
        failing.set()
        if not well.is_set():
            await well.wait()
            return 500
        return statuses.pop(call, None)

    chatwoot.fault = fault
    try:
        slow = chatwoot.customer_says(30, _WISH)
        await failing.wait()
        await handed_over(place, 31)
        assert slow.notes() == []
        well.set()
        await until(lambda: slow.notes("Wants:") and slow.told(), "the one that failed")
    finally:
        well.set()
        chatwoot.fault = None
    assert (slow.status, statuses) == ("open", {})
    assert len(slow.notes("Wants:")) == len(slow.told()) == 1


async def test_what_is_not_chatwoots_or_has_other_fields_does_no_harm(place: Place) -> None:
    chatwoot = place.chatwoot
    conversation = {"id": 40, "status": "pending", "of tomorrow": [{}]}
    message = {
        "event": "message_created",
        "id": 1,
        "content": "Hello",
        "created_at": "2026-11-27T10:00:00.000Z",
        "message_type": "incoming",
        "conversation": conversation,
        "sender": {"id": 1},
    }
    body = json.dumps(message).encode()
    assert await chatwoot.post(body, "another secret") == 401
    assert await chatwoot.post(body, at=time.time() - 400) == 401
    assert await chatwoot.post(body + b" ", SECRET) == 200
    for name in message:
        lacking = {key: value for key, value in message.items() if key != name}
        assert await chatwoot.post(json.dumps(lacking).encode()) in (200, 422), name
    for odd in ({}, {**message, "conversation": "x"}, {**message, "created_at": {}}, {"event": 1}):
        assert await chatwoot.post(json.dumps(odd).encode()) in (200, 422), odd
    for wrong in (b"[]", b"{", b""):
        assert await chatwoot.post(wrong) == 400
    said = [event for event in await events(place, Conversation(40)) if "role" in event]
    assert {event["event_id"] for event in said} == {"chatwoot:1:message:1"}


async def test_killed_between_a_control_message_and_its_call_it_tells_it_once(place: Place) -> None:
    chatwoot, calling, gone = place.chatwoot, asyncio.Event(), asyncio.Event()

    async def fault(number: int, call: str) -> int | None:
        if number == 50 and call == "toggle_status":
            calling.set()
            await gone.wait()
        return None

    chatwoot.fault = fault
    conversation = chatwoot.customer_says(50, _WISH)
    await calling.wait()
    await asyncio.to_thread(place.bridge.kill)
    gone.set()
    chatwoot.fault = None
    await asyncio.to_thread(place.bridge.start)
    # What is published while nobody reads is told, too.
    other = chatwoot.customer_says(51, _WISH)
    await chatwoot.idle()
    assert chatwoot.answers[-1] == 200
    await asyncio.to_thread(place.bridge.kill)
    await place.system.settled()
    await asyncio.to_thread(place.bridge.start)
    both = (conversation, other)
    await until(lambda: all(one.notes("Wants:") and one.told() for one in both), "the handovers")
    for one in both:
        assert one.status == "open"
        assert (len(one.notes("Wants:")), len(one.told())) == (1, 1)
