"""The same person first: a rung of their own, two minutes long; the least busy is suggested."""

from datetime import timedelta
from typing import Any

import msgspec

from tests.support.routing_builders import MINUTE, NOW, SECOND, decision, later, load, queue, topics
from workers.contracts.decisions import Decision
from workers.contracts.ledger import Plan
from workers.contracts.time import from_ms
from workers.handoff.packet import build_packet
from workers.routing import envelopes
from workers.routing.availability import LastPresence, Load, together
from workers.routing.ledger_record import next_record
from workers.routing.plan import plan

LADDER = topics(queue("billing", overflow=("senior",)), queue("senior"))


def online(on: str, **presence: LastPresence) -> Load:
    """Return a load in which Anna and Bo are online on one queue, and somebody on each."""
    known = load({"billing": 1, "senior": 1})
    both = LastPresence(NOW - SECOND, 2, agents=frozenset({"anna", "bo"}))
    return Load(known.since_ms, {}, {**known.presence, on: both, **presence})


def back_to(person: str, **given: Any) -> Decision:
    """Return an escalation of a conversation that this person had lately."""
    one = decision(**given)
    return msgspec.structs.replace(
        one, facts=msgspec.structs.replace(one.facts, last_person=person)
    )


def sort_at(one: Decision, planned: Plan) -> object:
    packet = build_packet(one.facts, (), one, "standard")
    return msgspec.to_builtins(envelopes.handoff(one, planned, LADDER, packet).message)["sort_at"]


def test_who_had_it_lately_is_asked_first_for_two_minutes() -> None:
    planned = plan(back_to("bo"), LADDER, online("billing"), NOW)
    assert (planned.queue, planned.assignee) == ("billing", "bo")
    assert planned.assigned_until == from_ms(NOW + 2 * MINUTE)
    assert planned.claim_due_at == from_ms(NOW + 20 * MINUTE), "the queue's time stays the queue's"
    assert plan(back_to("cy"), LADDER, online("billing"), NOW).assignee is None


def test_the_customers_own_person_comes_before_them() -> None:
    planned = plan(back_to("bo", dedicated="anna"), LADDER, online("billing"), NOW)
    assert planned.assignee == "anna"
    missed = back_to("bo", dedicated="anna", action="move", tried=("billing@anna",))
    assert plan(missed, LADDER, online("billing"), NOW).assignee == "bo"


def test_then_it_waits_for_anybody_and_keeps_its_place() -> None:
    one = back_to("bo")
    first = plan(one, LADDER, online("billing"), NOW)
    record = next_record(None, one, first)
    at = NOW + 2 * MINUTE
    missed = later(one, "move", seq=at, cause="assignee_missed", tried=("billing@bo",))
    missed = msgspec.structs.replace(missed, facts=one.facts)
    then = plan(missed, LADDER, online("billing", billing=LastPresence(at, 2)), at, record)
    assert (then.queue, then.assignee, then.withdraw_from) == ("billing", None, ())
    assert then.claim_due_at == first.claim_due_at
    assert sort_at(missed, then) == sort_at(one, first)
    nobody = msgspec.structs.replace(missed, cause="claim_missed", tried=("billing@bo", "billing"))
    elsewhere = LastPresence(at, 1, agents=frozenset({"bo"}))
    planned = plan(nobody, LADDER, online("senior", senior=elsewhere), at, record)
    assert (planned.queue, planned.assignee) == ("senior", "bo")


def test_who_has_just_let_go_is_not_asked_again() -> None:
    passed_on = decision(action="transfer", dedicated="anna", person="anna")
    assert plan(passed_on, LADDER, online("billing"), NOW).assignee is None


def test_a_queue_that_is_claimed_sooner_than_that_leaves_nobody_time_of_their_own() -> None:
    urgent = plan(back_to("bo", claim_minutes=2.0), LADDER, online("billing"), NOW)
    assert (urgent.assignee, urgent.claim_due_at) == (None, from_ms(NOW + 2 * MINUTE))


def test_the_least_busy_is_suggested() -> None:
    busy = LastPresence(NOW, 3, None, frozenset({"anna", "bo", "cy"}), {"anna": 3, "cy": 1})
    assert plan(decision(), LADDER, online("billing", billing=busy), NOW).suggested == "cy"
    assert plan(decision(), LADDER, online("billing"), NOW).suggested is None
    assert plan(back_to("bo"), LADDER, online("billing", billing=busy), NOW).suggested is None


def test_the_routed_event_says_for_whom_and_until_when() -> None:
    one = back_to("bo")
    routed = msgspec.to_builtins(
        envelopes.routed(one, plan(one, LADDER, online("billing"), NOW)).message
    )
    assert (routed["queue"], routed["assignee"]) == ("billing", "bo")
    assert routed["assigned_until"] == msgspec.to_builtins(from_ms(NOW) + timedelta(minutes=2))


def test_desks_of_one_queue_are_added_up() -> None:
    one = LastPresence(NOW, 2, 3, frozenset({"anna"}), {"anna": 1})
    other = LastPresence(NOW - SECOND, 1, 2, frozenset({"bo"}), {"bo": 4})
    silent = LastPresence(NOW - 2 * MINUTE, 9, 9, frozenset({"cy"}), {"cy": 0})
    both = LastPresence(NOW, 3, 5, frozenset({"anna", "bo"}), {"anna": 1, "bo": 4})
    assert together((one, silent, other), NOW - MINUTE) == both
    assert together((silent,), NOW - MINUTE) == silent, "its age tells that nobody is there"
    assert together((), NOW - MINUTE) is None
    vague = LastPresence(NOW, 1)
    assert together((one, vague), NOW - MINUTE) == LastPresence(
        NOW, 3, None, frozenset({"anna"}), {"anna": 1}
    )
