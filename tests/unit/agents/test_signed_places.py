"""Our agents sign their events for the partition that they go to, and for no other."""

import asyncio
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from tests.support.classifier_harness import doubt
from tests.support.hostile_records import record_of
from workers.agents.classifier.agent import ClassifierAgent, _Judged
from workers.agents.classifier.prompt import ModelVerdict
from workers.agents.desk.agent import DeskAgent
from workers.agents.escalation.deadline_timers import deadline_record
from workers.agents.escalation.decoding import decode
from workers.agents.routing.message_publisher import Telling
from workers.agents.shared.policy_event import policy_record
from workers.agents.shared.switch_event import switch_records
from workers.cli.lead import _record
from workers.contracts.codec import Raw, decode_desk_event
from workers.contracts.decisions import Home
from workers.contracts.desks import DeskEvent, LeadEvent
from workers.contracts.rejections import Rejected
from workers.contracts.signing import Secrets, is_signed
from workers.contracts.time import from_ms
from workers.contracts.topics import DESKS, EVENTS
from workers.conversation.partition_meta import starting_meta
from workers.conversation.switches import Switch
from workers.data import data_path
from workers.kafka.publishing import Record, partition_of
from workers.replay.event_sources import of_record
from workers.routing.envelopes import Envelope
from workers.settings import load_settings
from workers.stores.ledger_store import Whereabouts

SECRETS = Secrets((b"a key of the tests",))
HOME = Home(topic=EVENTS, partition=3)
AT_MS = 1_793_525_400_000


def _deadline() -> Record:
    return deadline_record(HOME, "c-1", AT_MS, SECRETS)


def _policy() -> Record:
    text = data_path("policies/default.yaml").read_text(encoding="utf-8")
    return policy_record(HOME, starting_meta(text), AT_MS, SECRETS)


def _signal() -> Record:
    agent: Any = ClassifierAgent.__new__(ClassifierAgent)
    agent._secrets, agent._now_ms = SECRETS, lambda: AT_MS
    verdict = ModelVerdict(requested_human=0.9, frustrated=0.1, solved=0.0, intents=())
    record: Record = agent._signal(doubt("hello?", AT_MS, home=HOME), _Judged(verdict, "m"))
    return record


def _ownership() -> Record:
    agent: Any = DeskAgent.__new__(DeskAgent)
    agent._secrets = SECRETS
    event = DeskEvent(
        event_id="d-1", conversation_id="c-1", occurred_at=from_ms(AT_MS), type="accepted",
        escalation_id="x-1", epoch=1, queue="billing", agent_id="kim",
    )  # fmt: skip
    record: Record = agent._ownership(event, Whereabouts("c-1", HOME))
    return record


def _lead() -> Record:
    found = SimpleNamespace(record=SimpleNamespace(home=HOME))
    agent: Any = DeskAgent.__new__(DeskAgent)
    agent._secrets, agent._address, agent._redis = SECRETS, "", None
    agent.settings = SimpleNamespace(redis_prefix="p")
    agent._ledger = SimpleNamespace(find=mock.AsyncMock(return_value=found))
    event = LeadEvent(
        type="closed", event_id="l-1", conversation_id="c-1", occurred_at=from_ms(AT_MS),
        force=True, lead="mara", reason="on the phone",
    )  # fmt: skip
    record: Record = asyncio.run(agent._lead(event))
    return record


def _ai_switch() -> Record:
    switch = Switch("4.2", on=False, at=AT_MS, reason="rude")
    return switch_records(EVENTS, 12, switch, "why", SECRETS)[HOME.partition]


def _routed() -> Record:
    telling: Any = Telling.__new__(Telling)
    telling._secrets = SECRETS
    # Whatever it says: what goes to a partition of the log is signed.
    said = deadline_record(HOME, "c-1", AT_MS, SECRETS)
    event = decode(_read(said, HOME.partition), SECRETS.at(EVENTS, HOME.partition)).event
    assert event is not None
    record: Record = telling._record(Envelope(EVENTS, "c-1", event, HOME.partition))
    return record


def _read(record: Record, partition: int) -> Any:
    headers = record.headers or ()
    return record_of(record.topic, record.key, record.value, headers, AT_MS, partition)


@pytest.mark.parametrize(
    "written", [_deadline, _policy, _signal, _ownership, _lead, _ai_switch, _routed]
)
def test_it_is_read_where_it_was_written_and_nowhere_else(written: Any) -> None:
    record = written()
    key, value, headers = record.key or b"", record.value or b"", record.headers or ()
    assert not is_signed(SECRETS, key, value, headers), "not the form that is good anywhere"
    here = _read(record, HOME.partition)
    assert decode(here, SECRETS.at(EVENTS, HOME.partition)).rejected is None
    assert of_record(here, SECRETS, {}).rejected is None
    there = _read(record, 4)
    for found in (decode(there, SECRETS.at(EVENTS, 4)), of_record(there, SECRETS, {})):
        assert found.rejected is not None
        assert found.rejected.reason == "unsigned"


def test_what_a_lead_signed_is_read_where_it_was_written_and_nowhere_else() -> None:
    event = LeadEvent(
        type="closed", event_id="l-1", conversation_id="c-1", occurred_at=from_ms(AT_MS),
        force=True, lead="mara", reason="on the phone",
    )  # fmt: skip
    written = _record(event, "c-1", 12, load_settings(handoff_secret="a key of the tests"))
    assert written.partition == partition_of("c-1", 12)
    raw = Raw(written.key, written.value, written.headers, AT_MS)
    assert decode_desk_event(raw, SECRETS.at(DESKS, written.partition)) == event
    for elsewhere in (SECRETS.at(DESKS, written.partition + 1), SECRETS.at(EVENTS, 3), SECRETS):
        with pytest.raises(Rejected, match="closed: only our own agents"):
            decode_desk_event(raw, elsewhere)
