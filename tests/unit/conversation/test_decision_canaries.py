"""No secret gets from any field of any event into decisions, the ledger or a notification."""

from typing import Any

import msgspec
import orjson
import pytest

from tests.support.canaries import NUMBER, SECRET, WRITTEN, with_canaries
from tests.support.fold_history import ANGRY, ASKS, POLICY, History
from tests.support.routing_builders import NOW, queue, topics
from workers.contracts.codec import Raw, decode_event, encode
from workers.contracts.decisions import Turn
from workers.contracts.events import AgentTurn, Customer, Event, Message, Ownership, ToolResult
from workers.contracts.topics import CLASSIFICATIONS
from workers.handoff.packet import build_packet
from workers.routing.availability import Load
from workers.routing.ledger_record import next_record
from workers.routing.notifications import notification
from workers.routing.plan import plan

NAME = "Ada Canaria"


def _event(history: History, **fields: Any) -> Event:
    body = {**fields, **history.envelope(), "occurred_at": "2026-03-02T09:00:00Z"}
    value = orjson.dumps(body)
    return decode_event(Raw(history.conversation_id.encode(), value, (), 1 << 45))


def _message(history: History, content: str, role: str, **fields: Any) -> None:
    customer = with_canaries(Customer, id=WRITTEN, name=f"{NAME} {WRITTEN}", tier="premium")
    message = with_canaries(Message, role=role, content=content, customer=customer, **fields)
    history.apply(_event(history, **message))


def _story() -> History:
    """Every kind of event that somebody writes in, up to several decisions."""
    history = History(POLICY)
    tool = with_canaries(ToolResult, status="error")
    agent = with_canaries(AgentTurn, id="bot", confidence=0.1, intents=["leaving", WRITTEN])
    _message(history, f"{WRITTEN}. {ANGRY}", "customer")
    for _ in range(3):
        _message(history, WRITTEN, "ai_agent", agent=agent)
        _message(history, "", "tool", tool=tool)
    _message(history, f"{ASKS} {WRITTEN}", "customer")
    decision = history.last
    for action in ("transferred", "returned", "resolved", "abandoned"):
        said = with_canaries(
            Ownership,
            type="ownership",
            action=action,
            escalation_id=history.last.escalation_id,
            desk_event_id=action,
            epoch=history.last.epoch,
            queue="tier_2_support",
            to_queue="retention",
        )
        history.apply(_event(history, **said))
        _message(history, f"{ASKS} {WRITTEN}", "customer")
    assert decision.action == "escalate"
    return history


@pytest.fixture(scope="module")
def history() -> History:
    return _story()


def _turns(history: History) -> list[Turn]:
    return [msgspec.msgpack.decode(turn, type=Turn) for turn in history.turns]


def _left(said: bytes) -> list[bytes]:
    return [word for word in (SECRET.encode(), str(NUMBER).encode()) if word in said]


def test_decisions_and_notifications_hold_no_secret(history: History) -> None:
    assert {d.action for d in history.decisions} >= {"escalate", "transfer", "return", "outcome"}
    told = [output for output in history.outputs if output.topic != CLASSIFICATIONS]
    assert [output.value for output in told if output.value and _left(output.value)] == []


def test_decisions_do_not_name_the_customer(history: History) -> None:
    assert all(NAME.encode() not in encode(decision) for decision in history.decisions)


def test_the_ledger_and_its_notifications_hold_no_secret(history: History) -> None:
    places, record = topics(queue("tier_2_support"), queue("retention")), None
    for decision in history.decisions:
        planned = plan(decision, places, Load(since_ms=NOW), NOW, record)
        record = next_record(record, decision, planned)
        assert _left(encode(record)) == []
        if told := notification(decision, planned, record, places):
            assert _left(encode(told.message)) == []


def test_a_person_still_reads_whose_conversation_it_is(history: History) -> None:
    decision = next(d for d in history.decisions if d.action == "escalate")
    packet = build_packet(decision.facts, _turns(history), decision, "none")
    assert packet.customer is not None
    assert (packet.customer.name or "").startswith(NAME)
    assert packet.customer.id == WRITTEN
    assert packet.who.text.startswith("Ada Canaria")


@pytest.mark.parametrize("rule", ["standard", "strict"])
def test_no_packet_holds_a_secret(history: History, rule: Any) -> None:
    for decision in history.decisions:
        packet = build_packet(decision.facts, _turns(history), decision, rule)
        assert _left(encode(packet)) == []
