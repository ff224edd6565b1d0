"""A plan finds a place and gives its reason, for any queues, load and decision."""

from collections.abc import Callable

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.support.routing_builders import HOUR, NOW, decision, queue, topics
from workers.contracts.calendars import DAYS, Calendar, Holidays
from workers.contracts.codec import encode
from workers.contracts.decisions import Decision
from workers.contracts.events import Wait
from workers.contracts.ledger import Plan
from workers.contracts.time import to_ms
from workers.contracts.topics import Queue, Topics
from workers.routing.availability import LastPresence, Load, refusal
from workers.routing.ledger_record import is_over, is_passing, next_record, waits_on
from workers.routing.opening_hours import is_open, next_opening
from workers.routing.plan import amend, plan, rung_name
from workers.routing.wait import ENOUGH, PastClaim, estimate

NAMES = ("a", "b", "c", "d", "e")
REASONS = {"tried", "rejected", "unknown_queue", "closed", "nobody_online", "full"}


@st.composite
def queues(draw: st.DrawFn) -> tuple[Queue, ...]:
    """Some queues that overflow into each other in any way, cycles included."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    return tuple(
        queue(
            name,
            overflow=tuple(draw(st.permutations([other for other in names if other != name]))[:3]),
            max_waiting=draw(st.integers(1, 3)),
            calendar=draw(st.sampled_from(["always", "office"])),
            presence_seconds=60,
        )
        for name in names
    )


loads: st.SearchStrategy[Load] = st.builds(
    Load,
    since_ms=st.integers(NOW - HOUR, NOW),
    waiting=st.dictionaries(st.sampled_from(NAMES), st.integers(0, 4)),
    presence=st.dictionaries(
        st.sampled_from(NAMES),
        st.builds(
            LastPresence,
            at_ms=st.integers(NOW - 2 * 60_000, NOW),
            agents_online=st.integers(0, 2),
            free_slots=st.none() | st.integers(0, 3),
            agents=st.frozensets(st.sampled_from(["anna", "bo"])),
        ),
    ),
)
placing: st.SearchStrategy[Decision] = st.builds(
    decision,
    action=st.sampled_from(["escalate", "move", "transfer"]),
    target_queue=st.none() | st.sampled_from([*NAMES, "nobody_knows"]),
    queue=st.none() | st.sampled_from(NAMES),
    tried=st.lists(st.sampled_from([*NAMES, "ticket"]), unique=True).map(tuple),
    dedicated=st.none() | st.sampled_from(["anna", "bo"]),
    level=st.integers(0, 3),
)
claiming = st.builds(
    decision,
    action=st.just("claim"),
    queue=st.none() | st.sampled_from(NAMES),
    place=st.sampled_from([None, "queue", "ticket"]),
)
any_decision: st.SearchStrategy[Decision] = (
    placing
    | claiming
    | st.builds(
        decision,
        action=st.sampled_from(["offer", "recommend", "suppress", "refuse", "outcome", "return"]),
        queue=st.none() | st.sampled_from(NAMES),
        outcome=st.none() | st.sampled_from(["resolved", "returned", "withdrawn"]),
        cause=st.none() | st.sampled_from(["late_routing", "cooldown"]),
        observe=st.booleans(),
    )
)
worlds = queues().map(lambda given: topics(*given))


@given(worlds, loads, placing)
def test_a_place_is_always_found_and_every_rung_before_it_explained(
    world: Topics, load: Load, one: Decision
) -> None:
    planned = plan(one, world, load, NOW)
    assert planned.place in ("queue", "ticket", "contact")
    assert planned.rung == len(planned.skipped)
    assert [skip.rung for skip in planned.skipped] == list(range(planned.rung))
    assert {skip.reason for skip in planned.skipped} <= REASONS
    names = [rung_name(skip.place, skip.queue) for skip in planned.skipped]
    taken = rung_name(planned.place, planned.queue)
    assert len({*names, taken}) == len(names) + 1, "a rung is tried once"
    if planned.place == "queue":
        assert planned.queue is not None
        assert refusal(world, planned.queue, load, NOW) is None


@given(worlds, loads, placing)
def test_what_was_tried_is_not_tried_again(world: Topics, load: Load, one: Decision) -> None:
    planned = plan(one, world, load, NOW)
    assert rung_name(planned.place, planned.queue) not in one.tried
    for skip in planned.skipped:
        assert (skip.reason == "tried") == (rung_name(skip.place, skip.queue) in one.tried)


@given(worlds, loads, placing)
def test_no_skip_without_its_reason(world: Topics, load: Load, one: Decision) -> None:
    for skip in plan(one, world, load, NOW).skipped:
        if skip.reason not in ("tried", "rejected"):
            assert skip.queue is not None
            assert refusal(world, skip.queue, load, NOW) == skip.reason


@given(worlds, loads, placing)
def test_deadlines_lie_ahead_and_withdrawals_elsewhere(
    world: Topics, load: Load, one: Decision
) -> None:
    planned = plan(one, world, load, NOW)
    assert rung_name(planned.place, planned.queue) not in planned.withdraw_from
    assert (planned.claim_due_at is None) == (planned.place == "contact")
    if planned.claim_due_at is not None:
        assert planned.claim_due_at > planned.planned_at
    assert planned.expires_at is not None


@given(worlds, loads, placing)
def test_refused_by_every_topic_it_still_ends(world: Topics, load: Load, one: Decision) -> None:
    planned = plan(one, world, load, NOW)
    seen = set()
    while planned.place != "contact":
        name = rung_name(planned.place, planned.queue)
        assert name not in seen
        seen.add(name)
        planned = amend(planned, one, world, load, NOW)
        assert rung_name(planned.place, planned.queue) not in planned.withdraw_from
    rejected = {rung_name(s.place, s.queue) for s in planned.skipped if s.reason == "rejected"}
    assert rejected == seen


def _deterministic(function: Callable[[], Plan]) -> Plan:
    first, second = function(), function()
    assert encode(first) == encode(second)
    return first


@given(worlds, loads, st.lists(any_decision, min_size=1, max_size=8))
def test_the_ledger_follows_the_plans(world: Topics, load: Load, decisions: list[Decision]) -> None:
    record = None
    for number, one in enumerate(decisions):
        numbered = decision_at(one, NOW + number)
        planned = _deterministic(lambda n=numbered, r=record: plan(n, world, load, NOW, r))  # type: ignore[misc]
        after = next_record(record, numbered, planned)
        assert after.seq == numbered.seq
        if is_passing(numbered):
            assert record is None or waits_on(after) == waits_on(record)
        elif planned.place == "queue":
            assert waits_on(after) == planned.queue
        elif planned.place is not None or numbered.outcome is not None:
            assert waits_on(after) is None
        if numbered.outcome is not None and not is_passing(numbered):
            assert is_over(after)
            left = waits_on(record)
            assert left is None or left in planned.withdraw_from
        record = after


def decision_at(one: Decision, seq: int) -> Decision:
    """Return the decision with this seq."""
    return msgspec.structs.replace(one, seq=seq)


spans = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda span: span[0] < span[1])


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


calendars = st.builds(
    Calendar,
    calendar=st.just("any"),
    timezone=st.sampled_from(["Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "UTC"]),
    hours=st.dictionaries(
        st.sampled_from(DAYS),
        spans.map(lambda span: (f"{_clock(span[0])}-{_clock(span[1])}",)),
        min_size=1,
    ),
    holidays=st.just(Holidays()),
)


@given(calendars, st.integers(0, 2 * 365 * 24 * 60))
def test_the_next_opening_is_open_and_nothing_before_it(calendar: Calendar, minute: int) -> None:
    at_ms = NOW + minute * 60_000
    opens = next_opening(calendar, at_ms)
    if opens is None:
        # A span that a change of clocks swallows each year is possible; a whole calendar is not.
        assert not is_open(calendar, at_ms)
        return
    assert opens >= at_ms
    assert is_open(calendar, opens)
    assert opens == at_ms or not is_open(calendar, opens - 1)
    assert is_open(calendar, at_ms) == (opens == at_ms)
    for between in range(at_ms, opens, max(1, (opens - at_ms) // 40)):
        assert not is_open(calendar, between)


claims = st.builds(
    PastClaim,
    at_ms=st.integers(NOW - 24 * HOUR, NOW),
    waited_ms=st.integers(0, 8 * HOUR),
    ahead=st.integers(0, 200),
)


@given(st.lists(claims), st.integers(0, 300), st.none() | st.integers(0, 10))
def test_a_wait_is_a_range_or_nothing(past: list[PastClaim], ahead: int, free: int | None) -> None:
    wait = estimate(past, ahead, free, NOW)
    recent = [claim for claim in past if NOW - claim.at_ms <= 12 * HOUR]
    assert (wait is None) == (len(recent) < ENOUGH)
    if wait is not None:
        assert 0 <= wait.low_s < wait.high_s
        longer = estimate(past, ahead + 1, free, NOW)
        assert isinstance(longer, Wait)
        assert longer.high_s >= wait.high_s
        assert longer.low_s >= wait.low_s


@given(worlds, loads, placing)
def test_no_deadline_runs_from_the_past(world: Topics, load: Load, one: Decision) -> None:
    planned = plan(one, world, load, NOW - 5 * HOUR)
    assert to_ms(planned.planned_at) >= to_ms(one.decided_at)
