"""Long texts are read in pieces or beside the event loop: others wait for a moment only."""

import asyncio
import threading
from typing import Any, Final

import orjson
import pytest
from aiokafka import ConsumerRecord

from tests.support.hostile_texts import PROSE, repeated
from tests.support.routing_builders import decision, queue, topics
from workers.agents.escalation.decoding import READ_AT_ONCE, at_once, decode
from workers.agents.routing import packet_builder
from workers.agents.routing.packet_builder import BUILT_AT_ONCE, PacketBuilder
from workers.agents.tickets import ticket_texts
from workers.contracts.codec import UNSIGNED
from workers.contracts.decisions import Turn
from workers.contracts.ledger import Plan
from workers.contracts.tickets import Ticket
from workers.contracts.time import from_ms
from workers.conversation.fold import Incoming
from workers.data import data_path
from workers.handoff.packet import packet_for
from workers.handoff.playbook import load_playbook

_AT: Final = 1_793_527_200_000


def _incoming(text: str, role: str = "customer", **fields: Any) -> Incoming:
    row = {
        "event_id": "e", "conversation_id": "c", "occurred_at": from_ms(_AT).isoformat(),
        "role": role, "content": text, **fields,
    }  # fmt: skip
    value = orjson.dumps(row)
    record = ConsumerRecord("log", 0, 1, _AT, 0, b"c", value, None, 1, len(value), ())
    decoded = decode(record, UNSIGNED)
    assert decoded.event is not None, decoded.rejected
    return decoded


def test_a_chunk_of_ordinary_messages_is_folded_at_once() -> None:
    chunk = [_incoming("Where is my parcel? " * 5)] * 500
    assert at_once(chunk) == 500


def test_a_chunk_of_long_messages_is_folded_in_pieces() -> None:
    one = _incoming("a" * 20_000)
    assert at_once([one] * 10) == READ_AT_ONCE // 20_000 == 3
    long, short = _incoming("a" * (READ_AT_ONCE + 1)), _incoming("a")
    assert at_once([long, short]) == 1, "what is too long for a piece is one alone"
    assert at_once([short, long]) == 1
    assert at_once([long]) == 1


def test_the_result_of_a_tool_counts_as_what_it_says() -> None:
    tool = {"name": "orders", "status": "error", "error": "5 4 3 " * 5_000}
    assert at_once([_incoming("", "tool", tool=tool)] * 10) == 2


@pytest.mark.parametrize(("length", "aside"), [(100, False), (BUILT_AT_ONCE, True)])
async def test_the_packet_of_a_long_transcript_is_built_beside_the_loop(
    length: int, aside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[threading.Thread] = []

    def noted(*arguments: Any) -> Any:
        built.append(threading.current_thread())
        return packet_for(*arguments)

    monkeypatch.setattr(packet_builder, "packet_for", noted)
    path = data_path("playbook.yaml")
    playbook = load_playbook(path.read_text(), str(path))
    builder = PacketBuilder(lambda: playbook)
    one, plan = decision(seq=100, epoch=100), Plan(planned_at=from_ms(_AT))
    turns = [Turn(f"m-{n}", _AT + n, "customer", repeated(PROSE, length), 1) for n in range(3)]
    try:
        packet = await builder.build(one, turns, plan, queue("billing"))
    finally:
        builder.close()
    assert packet == packet_for(one, turns, plan, queue("billing"), playbook)
    assert [thread is not threading.main_thread() for thread in built] == [aside]


async def test_the_customers_words_for_a_ticket_are_redacted_between_other_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = [Turn(f"m-{n}", _AT + n, "customer", "Card 4111 1111 1111 1111", 1) for n in range(50)]

    async def stored(*_: Any) -> list[Turn]:
        return turns

    monkeypatch.setattr(ticket_texts, "read_turns_from", stored)
    texts = ticket_texts.TicketTexts(None, "p", "here", topics(queue("billing")))  # type: ignore[arg-type]
    one = decision(seq=100, epoch=100)
    request = Ticket(
        type="ticket", ticket_request_id="t", escalation_id="e", conversation_id="c", epoch=100,
        seq=100, queue="billing", reason="explicit_request", priority=1, subject="s",
        home=one.home, requested_at=from_ms(_AT),
    )  # fmt: skip
    saying = asyncio.ensure_future(texts.since(request, 0))
    went_on = 0
    while not saying.done():
        await asyncio.sleep(0)
        went_on += 1
    assert went_on >= len(turns)
    assert "4111" not in (await saying).text
