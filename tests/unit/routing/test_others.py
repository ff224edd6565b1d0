"""One customer, one case: which other escalations of a customer are named."""

import msgspec

from tests.support.routing_builders import HOUR, NOW, decision, later, placed
from workers.contracts.decisions import Decision
from workers.contracts.events import Customer
from workers.contracts.ledger import LedgerRecord, Plan
from workers.contracts.time import from_ms
from workers.routing.ledger_record import next_record
from workers.routing.others import NAMED, other_escalations, told_of_others


def of(one: Decision, customer: Customer | None, tenant: str | None = None) -> Decision:
    facts = msgspec.structs.replace(one.facts, customer=customer, tenant=tenant)
    return msgspec.structs.replace(one, facts=facts)


def waiting(name: str, *, opened_ms: int = NOW, **whose: object) -> LedgerRecord:
    first = decision(name, opened_at=from_ms(opened_ms))
    if whose:
        first = of(first, **whose)  # type: ignore[arg-type]
    return placed("queue", "tier_2", first=first)


def ended(record: LedgerRecord) -> LedgerRecord:
    end = later(record.decision, "outcome", outcome="resolved", owner="ai")
    return next_record(record, end, Plan(planned_at=end.decided_at))


def names(one: Decision, *records: LedgerRecord | None) -> list[str]:
    return [other.conversation_id for other in other_escalations(one, records)]


def test_the_latest_five_are_named_and_nothing_of_its_own() -> None:
    records = [waiting(f"c-{n}", opened_ms=NOW - n * HOUR) for n in range(1, 9)]
    found = names(decision("c-1"), *reversed(records))
    assert found == [f"c-{n}" for n in range(2, 2 + NAMED)]


def test_what_has_ended_or_is_somebody_elses_is_not_named() -> None:
    one = decision("c-1")
    assert names(one, None, ended(waiting("c-2"))) == []
    assert names(one, waiting("c-3", customer=Customer(id="cust-2"))) == []
    assert names(one, waiting("c-4", customer=None)) == []


def test_another_tenants_same_id_is_another_customer() -> None:
    same = Customer(id="cust-1")
    here = of(decision("c-1"), same, "acme")
    records = [waiting("c-2", customer=same, tenant="other"), waiting("c-3")]
    assert names(here, *records, waiting("c-4", customer=same, tenant="acme")) == ["c-4"]
    assert names(decision("c-1"), *records) == ["c-3"]


def test_without_an_id_nothing_is_named() -> None:
    for customer in (None, Customer(name="Ada")):
        nobody = of(decision("c-1"), customer)
        assert names(nobody, waiting("c-2", customer=customer)) == []
        assert told_of_others(nobody) is None


def test_each_says_where_it_is_and_who_has_it() -> None:
    record = waiting("c-2")
    claim = later(record.decision, "claim", owner="person", person="bo", queue="tier_2")
    claimed = next_record(record, claim, Plan(planned_at=claim.decided_at))
    [other] = other_escalations(decision("c-1"), [claimed])
    assert (other.escalation_id, other.queue, other.place, other.claimed_by, other.reason) == (
        *(record.escalation_id, "tier_2", "queue", "bo", "explicit_request"),
    )


def test_only_who_is_handed_it_or_claims_it_is_told() -> None:
    one = decision("c-1")
    for action in ("claim", "move", "transfer"):
        assert told_of_others(later(one, action)) is not None
    for action in ("refuse", "update", "offer", "outcome", "return"):
        assert told_of_others(later(one, action)) is None
    assert told_of_others(msgspec.structs.replace(one, observe=True)) is None


def test_what_is_placed_at_the_same_time_is_named_unless_it_ends_there() -> None:
    first, one = decision("c-2", NOW), decision("c-1", NOW + 1)
    end = later(first, "outcome", outcome="resolved", owner="ai")

    def named(*before: Decision, records: tuple[LedgerRecord, ...] = ()) -> list[str]:
        return [other.conversation_id for other in other_escalations(one, records, before)]

    assert named(first) == ["c-2"]
    assert named(first, records=(waiting("c-2"),)) == ["c-2"], "once"
    assert named(first, end) == named(end, records=(waiting("c-2"),)) == []
    assert named(of(first, Customer(id="cust-2"))) == named(decision("c-1", NOW)) == []
