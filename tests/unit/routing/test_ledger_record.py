"""The ledger forgets what was written when the escalation ends; its last record stays for ever."""

from typing import Any, Final

import msgspec
import pytest

from tests.support.routing_builders import NOW, decision, queue, topics
from workers.contracts.codec import encode
from workers.contracts.decisions import (
    ByLead,
    Closing,
    Decision,
    Earlier,
    Evidence,
    ToolFact,
)
from workers.contracts.events import Customer
from workers.contracts.ledger import LedgerRecord
from workers.contracts.time import from_ms
from workers.routing.availability import Load
from workers.routing.ledger_record import next_record
from workers.routing.others import customer_of
from workers.routing.plan import plan

WORDS: Final = "written by somebody"
_PLACES: Final = topics(queue("billing"), queue("tier_2_support"))
_AT: Final = from_ms(NOW)


def _said(one: Decision, **fields: Any) -> Decision:
    """Return a decision with words wherever somebody's words may stand."""
    facts = msgspec.structs.replace(
        one.facts,
        customer=Customer(id="ann", tier="premium", email=f"{WORDS}@x", phone=WORDS),
        tenant="acme",
        subject=WORDS,
        ai_note=WORDS,
        desk_note=WORDS,
        intents=("leaving",),
        tools=(ToolFact(name="t", calls=1, failures=1, status="error", event_id="e", error=WORDS),),
        earlier=(
            Earlier(
                escalation_id="e-0", reason="stalled", outcome="resolved", ended_at=_AT, note=WORDS
            ),
        ),
    )
    return msgspec.structs.replace(
        one,
        facts=facts,
        evidence=(Evidence(event_id="e", signal="requested_human", score=1.0, quote=WORDS),),
        closing=Closing(reason=WORDS, note=WORDS, resolution=WORDS),
        lead=ByLead(id="lea", reason=WORDS),
        **fields,
    )


def _after(record: LedgerRecord | None, one: Decision) -> LedgerRecord:
    return next_record(record, one, plan(one, _PLACES, Load(since_ms=NOW), NOW, record))


def _ended() -> tuple[LedgerRecord, LedgerRecord]:
    """Return the record of an open escalation, and that of its end."""
    opened = _after(None, _said(decision(seq=100, epoch=100)))
    end = decision(seq=200, epoch=200, action="outcome")
    ended = _said(end, owner="ai", outcome="resolved")
    return opened, _after(opened, ended)


def test_an_open_escalation_keeps_what_a_repeat_of_its_packet_needs() -> None:
    opened, _ = _ended()
    assert WORDS.encode() in encode(opened)


def test_what_has_ended_keeps_no_words_but_is_found_as_before() -> None:
    opened, ended = _ended()
    assert WORDS.encode() not in encode(ended)
    assert (ended.outcome, ended.seq) == ("resolved", 200)
    assert customer_of(ended.decision) == customer_of(opened.decision) is not None
    assert ended.decision.facts.intents == ("leaving",)
    assert ended.decision.facts.started_at == opened.decision.facts.started_at


@pytest.mark.parametrize("action", ["rate", "suppress", "offer"])
def test_nor_does_what_comes_after_the_end(action: Any) -> None:
    _, ended = _ended()
    # The record of a release before this one has the words.
    before = msgspec.structs.replace(ended, decision=_said(ended.decision))
    later = _after(before, _said(decision(seq=300, epoch=200, action=action), owner="ai"))
    assert later.seq == 300
    assert WORDS.encode() not in encode(later)


def test_an_offer_without_an_escalation_keeps_no_words() -> None:
    one = _said(decision(seq=100, epoch=100, action="offer"), owner="ai")
    record = _after(None, msgspec.structs.replace(one, escalation_id=None))
    assert WORDS.encode() not in encode(record)
