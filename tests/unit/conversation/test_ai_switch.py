"""A version of the AI agent is switched off and on by events, which the log repeats."""

import msgspec
import pytest

from tests.support.fold_history import POLICY, START, History
from workers.agents.shared.policy_event import policy_record, to_announce
from workers.contracts.codec import Raw, decode_event
from workers.contracts.decisions import Decision, Home
from workers.contracts.events import AiSwitch, PartitionEvent, PolicyInForce
from workers.contracts.signing import Secrets
from workers.contracts.time import DAY, from_ms
from workers.conversation.partition_meta import (
    adopt,
    meta_before,
    meta_fields,
    read_meta,
    starting_meta,
)
from workers.conversation.switches import SWITCHES, Switch, switched, switched_off

ROUTED = POLICY.replace("routes:", "routes:\n  - {when: {reason: ai_silenced}, queue: legal}")


def talking(policy: str = POLICY) -> History:
    """Return a conversation with version 7."""
    h = History(policy)
    h.customer()
    h.ai()
    return h


def reasons(made: list[Decision]) -> list[str | None]:
    return [one.reason for one in made if one.action == "escalate"]


def test_from_its_offset_on_the_next_word_goes_to_a_person_until_it_is_switched_on() -> None:
    h = talking()
    assert h.switch(on=False) == []
    assert h.wait(30) == []
    assert reasons(h.customer()) == ["ai_silenced"]
    h.route()
    h.desk("returned", reason="answered")
    h.after(1).switch(on=True)
    assert h.customer() == []


def test_the_turn_of_that_version_is_enough_and_another_version_goes_on() -> None:
    h = talking()
    h.switch(on=False, version="8")
    assert h.ai() == []
    h.switch(on=False)
    assert reasons(h.ai()) == ["ai_silenced"]


def test_it_goes_where_the_routes_want_it() -> None:
    h = talking(ROUTED)
    h.switch(on=False)
    [made] = h.customer()
    assert made.target_queue == "legal"


def test_what_only_a_ticket_waits_for_is_raised_once() -> None:
    h = talking()
    h.customer("I want to talk to a human agent, please.")
    h.route(place="ticket")
    h.switch(on=False)
    [made] = h.customer()
    assert (made.action, made.cause, made.target_queue) == (
        *("move", "mandatory_rule"),
        "manager_approval",
    )
    h.route(place="ticket")
    assert h.customer() == []


def test_an_old_word_changes_nothing_however_often_it_comes() -> None:
    h = talking()
    h.switch(on=False)
    h.after(1).switch(on=True)
    h.after(-2).switch(on=False)
    assert h.customer() == []


def test_a_policy_event_carries_them_and_a_newer_policy_keeps_them() -> None:
    h = talking()
    h.switch(on=False)
    now = START + DAY
    policy = to_announce(starting_meta(POLICY), h.meta, now)
    assert policy is not None
    record = policy_record(Home(topic="t", partition=0), policy, now, Secrets())
    event = decode_event(Raw(record.key, record.value, (), now))
    assert isinstance(event, PolicyInForce)
    other = adopt(starting_meta(POLICY), event)
    assert (
        other.switches
        == h.meta.switches
        == (Switch("7", False, h.now, "it promises refunds", "mara"),)
    )
    newer = to_announce(starting_meta(POLICY.replace("test.1", "test.2")), h.meta, now)
    assert newer is not None
    assert newer.switches == h.meta.switches
    h.in_force(POLICY.replace("test.1", "test.2"), "test.2", "0" * 12)
    assert h.meta.policy_version == "test.2"
    assert reasons(h.customer()) == ["ai_silenced"]


def test_they_are_stored_and_read_back_and_old_metas_have_none() -> None:
    h = talking()
    before = h.meta
    h.switch(on=False)
    assert "policy" in meta_fields(h.meta, before)
    assert read_meta(meta_fields(h.meta)) == h.meta
    old = msgspec.msgpack.encode([POLICY, "test.1", "0" * 12])
    read = read_meta({"policy": old})
    assert read is not None
    assert read.switches == ()


@pytest.mark.parametrize("start", range(5))
def test_a_rebuild_that_begins_in_the_middle_knows_what_was_off(start: int) -> None:
    """A log trimmed before its first policy event still tells enough up to that event."""
    own = starting_meta(POLICY)
    meta, metas, events = own, [own], list[PartitionEvent]()
    for number, (kind, version) in enumerate(
        [("off", "7"), ("off", "8"), ("on", "7"), ("off", "9"), ("policy", ""), ("on", "8")]
    ):
        at = START + number * 1000
        if kind == "policy":
            policy = to_announce(own, msgspec.structs.replace(meta, policy_at=0), at)
            assert policy is not None
            record = policy_record(Home(topic="t", partition=0), policy, at, Secrets())
            event = decode_event(Raw(record.key, record.value, (), at))
            assert isinstance(event, PolicyInForce)
            events.append(event)
        else:
            events.append(
                AiSwitch(
                    event_id=f"s-{number}",
                    conversation_id="policy",
                    occurred_at=from_ms(at),
                    type="ai_switch",
                    ai_version=version,
                    on=kind == "on",
                    reason="why",
                )
            )
        meta = adopt(meta, events[-1])
        metas.append(meta)
    again = meta_before(events[start:5], own)
    for number in range(start, len(events)):
        assert switched_off(again.switches) == switched_off(metas[number].switches)
        again = adopt(again, events[number])
    assert again == meta


def test_what_is_remembered_is_bounded_and_what_is_off_stays_longest() -> None:
    off = [Switch(f"off-{n}", False, n) for n in range(SWITCHES // 2)]
    on = [Switch(f"on-{n}", True, 1000 + n) for n in range(SWITCHES)]
    known = switched((), [*off, *on])
    assert len(known) == SWITCHES
    assert switched_off(known) == {one.ai_version for one in off}
    assert "on-0" not in {one.ai_version for one in known}
