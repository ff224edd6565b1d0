"""Every kind of broken promise is found, and a world in which nothing is broken is clean."""

from collections.abc import Callable

import msgspec
import pytest

from tests.support.audit_builder import START, Record, Topic, World, a_whole_life, audited
from workers.audit.audit import Audit
from workers.audit.conversation_track import At
from workers.audit.horizon import Horizon, WorkerProgress
from workers.contracts.decisions import Home
from workers.contracts.handoffs import Withdrawn
from workers.contracts.tickets import Notification
from workers.contracts.time import from_ms


def without(topic: Topic, number: int) -> Callable[[Topic, Record], Record | None]:
    """Drop the record with this number from a topic."""
    seen = iter(range(10_000))
    return lambda name, record: None if name == topic and next(seen) == number else record


def test_a_world_without_faults_is_clean_and_counted() -> None:
    report = audited(a_whole_life())
    assert report.clean, report.findings
    assert report.counts["escalations"] == 2
    assert report.outcomes == {"resolved": 1, "withdrawn": 1}
    assert report.counts["packets"] == 3
    assert report.open == []


@pytest.mark.parametrize(
    ("topic", "number", "kind"),
    [
        ("decisions", 1, "not_open"),
        ("decisions", 5, "two_open"),
        ("decisions", 7, "not_in_ledger"),
        ("control", 0, "missing_effect"),
        ("control", 3, "missing_effect"),
        ("queues", 0, "missing_effect"),
        ("queues", 2, "left_waiting"),
        ("queues", 3, "missing_effect"),
        ("queues", 4, "missing_effect"),
        ("log", 1, "missing_effect"),
        ("ledger", 7, "not_in_ledger"),
    ],
)
def test_a_missing_record_is_found(topic: Topic, number: int, kind: str) -> None:
    if (topic, number) == ("decisions", 7):
        world = a_whole_life()
        del world.topics["ledger"][-1]
        report = audited(world)
    else:
        report = audited(a_whole_life(), change=without(topic, number))
    assert kind in report.findings_by_kind, report.findings


def test_what_routing_has_not_handled_yet_is_no_finding() -> None:
    world = World()
    world.escalate()
    before = len(world.topics["decisions"])
    world.decide("claim", "person", new_epoch=True, person="kim")
    assert audited(world, handled=before).clean
    assert not audited(world, handled=before + 1).clean


def test_repeats_under_the_same_id_are_counted_and_change_nothing() -> None:
    world = a_whole_life()
    for records in world.topics.values():
        records.extend(records[-2:])
    report = audited(world)
    assert report.clean, report.findings
    assert report.counts["repeats"] >= 6


def test_the_same_seq_with_other_contents_is_found() -> None:
    world = a_whole_life()
    last = world.topics["decisions"][-1]
    world.topics["decisions"].append(msgspec.structs.replace(last, score=0.5))
    assert audited(world).findings_by_kind == {"changed_repeat": 1}


def test_a_seq_that_runs_backwards_is_found() -> None:
    world = a_whole_life()
    late = msgspec.structs.replace(world.topics["decisions"][-1], seq=world.seq - 1)
    world.topics["decisions"].append(late)
    assert "seq_backwards" in audited(world).findings_by_kind


def test_an_epoch_that_runs_backwards_is_found() -> None:
    world = World()
    world.escalate()
    world.epoch = START - 1
    world.claim()
    world.topics["decisions"][-1] = msgspec.structs.replace(
        world.topics["decisions"][-1], epoch=START
    )
    assert "epoch_backwards" in audited(world).findings_by_kind


def test_a_second_open_escalation_is_found() -> None:
    world = World()
    world.escalate()
    world.escalate("billing")
    assert "two_open" in audited(world).findings_by_kind


def test_a_second_open_escalation_of_another_partition_names_both() -> None:
    world = World()
    first = world.escalate()
    second = world.escalate("billing")
    home = Home(topic=first.home.topic, partition=first.home.partition + 9)
    decisions = world.topics["decisions"]
    decisions[decisions.index(second)] = msgspec.structs.replace(second, home=home)
    [found] = [one for one in audited(world).findings if one.kind == "two_open"]
    assert f"in partition {first.home.partition} of" in found.detail
    assert f"this one is in {home.partition}" in found.detail


def test_a_second_outcome_is_found() -> None:
    world = World()
    world.escalate()
    world.end()
    world.end("expired")
    assert "second_outcome" in audited(world).findings_by_kind


def test_a_rating_after_the_outcome_is_no_finding() -> None:
    world = a_whole_life()
    world.decide("rate", "ai", new_epoch=False, csat=4)
    report = audited(world)
    assert report.clean, report.findings
    assert report.actions["rate"] == 1


def test_an_effect_without_a_decision_is_found() -> None:
    world = a_whole_life()
    control = world.topics["control"][-1]
    world.topics["control"].append(msgspec.structs.replace(control, seq=world.seq + 5))
    assert "undecided" in audited(world).findings_by_kind


def test_two_different_notices_for_one_change_are_found() -> None:
    world = a_whole_life()
    control = world.topics["control"][0]
    world.topics["control"].append(msgspec.structs.replace(control, text="Something else."))
    assert audited(world).findings_by_kind == {"told_differently": 1}


def test_a_place_that_was_not_withdrawn_is_found() -> None:
    world = World()
    world.escalate()
    world.move("manager_approval")
    report = audited(world, change=lambda _, one: None if isinstance(one, Withdrawn) else one)
    assert report.findings_by_kind == {"left_waiting": 1}
    assert "tier_2_support" in report.findings[0].detail


def test_a_packet_that_is_withdrawn_while_it_should_wait_is_found() -> None:
    world = World()
    world.escalate()
    world.to_queue(Withdrawn, "tier_2_support", reason="moved", seq=world.seq + 1)
    assert audited(world).findings_by_kind == {"not_waiting": 1}


def test_a_deadline_that_passed_without_consequence_is_found() -> None:
    world = World()
    world.escalate(claim_due_at=from_ms(START + 600_000))
    assert audited(world, now_ms=START + 650_000).clean
    late = audited(world, now_ms=START + 700_000)
    assert late.findings_by_kind == {"overdue": 1}


def test_a_deadline_of_long_ago_counts_from_when_it_was_decided() -> None:
    world = World()
    world.escalate(claim_due_at=from_ms(START - 86_400_000))
    assert audited(world, now_ms=START + 50_000).clean
    assert audited(world, now_ms=START + 70_000).findings_by_kind == {"overdue": 1}


def test_observed_decisions_ask_for_nothing() -> None:
    world = World()
    world.escalation = "e-1"
    decision = world.decide("escalate", "ai", new_epoch=False, observe=True)
    world.record(decision, None)
    report = audited(world)
    assert report.clean, report.findings
    assert report.counts["escalations"] == 0


def test_an_unreadable_record_must_be_in_the_dead_letters() -> None:
    audit = Audit(Horizon(now_ms=START, applied={0: 5}))
    audit.event(At(0, 2, START), "p", "policy", "policy")
    for offset in (1, 3, 4, 7):
        audit.unreadable(At(0, offset, START), "not_json")
    audit.dead_letter("not_json", 0, 4, of_the_log=True)
    audit.dead_letter("not_json", 0, 4, of_the_log=True)
    report = audit.report()
    assert report.findings_by_kind == {"lost": 1}
    assert "offset 3" in report.findings[0].detail
    assert report.dead_letters == {"not_json": 1}


@pytest.mark.parametrize(("mark", "kinds"), [(3, {"store_went_back": 1}), (4, {}), (9, {})])
def test_the_stores_mark_is_not_behind_the_commit(mark: int, kinds: dict[str, int]) -> None:
    horizon = Horizon(now_ms=START, applied={0: 5}, marks={0: mark})
    assert Audit(horizon).report().findings_by_kind == kinds


@pytest.mark.parametrize(
    ("position", "kinds"), [(4, {"lost": 1}), (5, {}), (10, {}), (11, {"log_was_cut": 1})]
)
def test_what_a_worker_has_dealt_with_touches_what_its_topic_holds(
    position: int, kinds: dict[str, int]
) -> None:
    progress = WorkerProgress("routing", "escalation-decisions", 3, position, 5, 10)
    report = Audit(Horizon(now_ms=START, progress=[progress])).report()
    assert report.findings_by_kind == kinds
    for finding in report.findings:
        assert "escalation-decisions[3]" in finding.detail
        assert "routing worker" in finding.detail


def test_a_decision_that_the_router_never_comes_to_is_found() -> None:
    world = World()
    world.decide("escalate", "pending", new_epoch=True, escalation_id="e-1")
    assert audited(world, handled=0, now_ms=START + 30_000).clean
    late = audited(world, handled=0, now_ms=START + 31_000)
    assert late.findings_by_kind == {"not_placed": 1}
    assert "escalate" in late.findings[0].detail


def test_a_decision_carried_out_before_its_commit_is_no_finding() -> None:
    world = World()
    world.escalate()
    assert audited(world, handled=0, now_ms=START + 31_000).clean


def test_a_ticket_that_a_person_claimed_stays_until_the_end() -> None:
    world = World()
    world.escalate_to_ticket()
    world.answer(
        world.decide("claim", "person", new_epoch=True, person="kim", queue="tier_2_support")
    )
    assert audited(world).clean, audited(world).findings
    decision = world.decide("outcome", "ai", new_epoch=True, outcome="resolved")
    world.record(decision, None)
    world.tell(decision)
    assert audited(world).findings_by_kind == {"left_waiting": 1}
    world.to_ticket("withdrawn")
    assert audited(world).clean


def test_a_readable_record_in_the_dead_letters_is_found_unless_it_was_poison() -> None:
    audit = Audit(Horizon(now_ms=START))
    audit.dead_letter("poison", 0, 1, of_the_log=True)
    audit.dead_letter("unknown_queue", 0, 2, of_the_log=False)
    assert audit.report().clean
    audit.dead_letter("schema", 0, 3, of_the_log=True)
    assert audit.report().findings_by_kind == {"refused_though_readable": 1}


def test_floods_are_told_and_are_no_finding() -> None:
    audit = Audit(Horizon(now_ms=START))
    for number in (1, 1, 2, 3):
        audit.notification(
            Notification(
                notification_id=f"n-{number}",
                kind="flooding" if number < 3 else "expired",
                occurred_at=from_ms(START),
                text="told",
                conversation_id="loud",
            )
        )
    report = audit.report()
    assert (report.clean, report.flooding, report.counts["floods"]) == (True, ["loud"], 2)
