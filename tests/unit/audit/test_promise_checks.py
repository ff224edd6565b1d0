"""Each kind of finding has a case in which it is reported, and a near one in which it is not."""

from collections.abc import Callable
from typing import Final, get_args

import msgspec
import pytest

from tests.support.audit_builder import START, Record, Topic, World, audited
from workers.audit.audit import Audit
from workers.audit.audit_report import Kind, Report
from workers.audit.conversation_track import At
from workers.audit.horizon import Horizon, WorkerProgress
from workers.contracts.decisions import Decision
from workers.contracts.handoffs import Withdrawn
from workers.contracts.time import from_ms

MINUTE: Final = 60_000


def _last(world: World, **changes: object) -> None:
    """Add the last decision once more, changed."""
    last = world.topics["decisions"][-1]
    world.put("decisions", msgspec.structs.replace(last, **changes))


def _ended() -> World:
    world = World()
    world.escalate()
    world.end()
    return world


def _waiting(**plan: object) -> World:
    world = World()
    world.escalate(**plan)  # type: ignore[arg-type]  # as `record` takes it
    return world


def behind(late: bool) -> Report:
    audit = Audit(Horizon(now_ms=START + 5 * MINUTE + late, applied={0: 0}))
    audit.event(At(0, 0, START), "e", "c", "message")
    return audit.report()


def changed_repeat(changed: bool) -> Report:
    world = _ended()
    _last(world, **({"score": 0.5} if changed else {}))
    return audited(world)


def seq_backwards(new: bool) -> Report:
    world = _ended()
    old = world.topics["decisions"][0]
    assert isinstance(old, Decision)
    world.put("decisions", msgspec.structs.replace(old, seq=old.seq + 1) if new else old)
    return audited(world)


def epoch_backwards(older: bool) -> Report:
    world = _waiting()
    decision = world.decide("claim", "person", new_epoch=not older, person="kim")
    if older:
        world.topics["decisions"][-1] = msgspec.structs.replace(decision, epoch=START)
    return audited(world, handled=1)


def left_waiting(left: bool) -> Report:
    world = _waiting()
    world.move("billing")

    def change(_: Topic, record: Record) -> Record | None:
        return None if left and isinstance(record, Withdrawn) else record

    return audited(world, change=change)


def not_waiting(withdrawn: bool) -> Report:
    world = _waiting()
    queue = "tier_2_support" if withdrawn else "billing"
    world.to_queue(Withdrawn, queue, reason="moved", seq=world.seq + 1)
    return audited(world)


def log_was_cut(cut: bool) -> Report:
    progress = WorkerProgress("escalation", "conversation-events", 0, 10 + cut, 0, 10)
    return Audit(Horizon(now_ms=START, progress=[progress])).report()


def lost(trimmed: bool) -> Report:
    progress = WorkerProgress("escalation", "conversation-events", 0, 5 - trimmed, 5, 10)
    return Audit(Horizon(now_ms=START, progress=[progress])).report()


def missing_effect(missing: bool) -> Report:
    world = _waiting()
    if missing:
        del world.topics["control"][-1]
    return audited(world)


def not_in_ledger(missing: bool) -> Report:
    world = _ended()
    if missing:
        del world.topics["ledger"][-1]
    return audited(world)


def not_placed(late: bool) -> Report:
    world = World()
    world.decide("escalate", "pending", new_epoch=True, escalation_id="e-1")
    return audited(world, handled=0, now_ms=START + 30_000 + late)


def not_open(never: bool) -> Report:
    world = World()
    if not never:
        world.escalate()
    world.escalation = world.escalation or "e-never"
    world.decide("move", "pending", new_epoch=True)
    return audited(world, handled=0)


def opened_twice(twice: bool) -> Report:
    world = _waiting()
    action = "escalate" if twice else "move"
    world.decide(action, "pending", new_epoch=True)  # type: ignore[arg-type]
    return audited(world, handled=0)


def two_open(both: bool) -> Report:
    world = _waiting()
    if not both:
        world.end()
    world.escalate("billing")
    return audited(world)


def second_outcome(second: bool) -> Report:
    world = _waiting()
    world.end()
    if second:
        world.end("expired")
    return audited(world)


def overdue(late: bool) -> Report:
    due = START + 10 * MINUTE
    world = _waiting(claim_due_at=from_ms(due))
    return audited(world, now_ms=due + MINUTE + late)


def refused_though_readable(readable: bool) -> Report:
    audit = Audit(Horizon(now_ms=START, applied={0: 5}))
    if not readable:
        audit.unreadable(At(0, 3, START), "schema")
    audit.dead_letter("schema", 0, 3, of_the_log=True)
    return audit.report()


def store_went_back(back: bool) -> Report:
    return Audit(Horizon(now_ms=START, applied={0: 5}, marks={0: 4 - back})).report()


def told_differently(other: bool) -> Report:
    world = _ended()
    control = world.topics["control"][0]
    again = msgspec.structs.replace(control, text="Something else.") if other else control
    world.put("control", again)
    return audited(world)


def undecided(never: bool) -> Report:
    world = _ended()
    control = world.topics["control"][-1]
    world.put("control", msgspec.structs.replace(control, seq=world.seq + never))
    return audited(world)


def unknown_record(unknown: bool) -> Report:
    audit = Audit(Horizon(now_ms=START))
    if unknown:
        audit.unknown("escalation-decisions[0] offset 3: not_json")
    return audit.report()


CASES: Final[dict[str, Callable[[bool], Report]]] = {
    case.__name__: case
    for case in (
        behind, changed_repeat, epoch_backwards, left_waiting, log_was_cut, lost, missing_effect,
        not_in_ledger, not_open, not_placed, not_waiting, opened_twice, overdue,
        refused_though_readable, second_outcome, seq_backwards, store_went_back, told_differently,
        two_open, undecided, unknown_record,
    )
}  # fmt: skip


def test_every_kind_of_finding_has_its_cases() -> None:
    assert set(CASES) == set(get_args(Kind))


def ticket_left(left: bool) -> Report:
    """Say that a ticket was not withdrawn when a person on a queue took over."""
    world = World()
    world.escalate_to_ticket()
    world.move("billing")
    if not left:
        world.to_ticket("withdrawn")
    world.claim()
    return audited(world, change=lambda _, one: None if isinstance(one, Withdrawn) else one)


def ticket_overdue(late: bool) -> Report:
    """Say that a ticket with a number is late; its limit is the last one, not the claim's."""
    world = World()
    world.escalate_to_ticket()
    decision = world.decide(
        "move", "pending", new_epoch=False, cause="ticketed", ticket_id="#1", queue="billing"
    )
    claim, last = START + 10 * MINUTE, START + 60 * MINUTE
    world.record(decision, "ticket", claim_due_at=from_ms(claim), expires_at=from_ms(last))
    world.tell(decision)
    return audited(world, now_ms=last + MINUTE + late)


def missing_and_late(missing: bool) -> Report:
    """Say once what is missing of a decision that was handled, however long ago."""
    world = _waiting()
    if missing:
        del world.topics["control"][-1]
    return audited(world, now_ms=START + 10 * MINUTE)


def no_decision(kept: bool) -> Report:
    """Say that a record has no decision, unless decisions of its time have been trimmed."""
    world = _waiting()
    world.move("billing")
    world.end()
    del world.topics["decisions"][1]
    return audited(world, handled=9, decisions_since_ms=0 if kept else START + 1)


def no_effect(kept: bool) -> Report:
    """Say that an effect is missing, unless records of its time have been trimmed."""
    world = _ended()
    del world.topics["control"][0]
    return audited(world, effects_since_ms=0 if kept else START + 1)


def no_opening(kept: bool) -> Report:
    """Say that what ends was never open, unless it was opened in a time that has been trimmed."""
    world = World(escalation="e-old", seq=START + MINUTE)
    world.end()
    return audited(world, decisions_since_ms=0 if kept else START + 1)


BRANCHES: Final = (
    (ticket_left, "left_waiting"),
    (ticket_overdue, "overdue"),
    (missing_and_late, "missing_effect"),
    (no_decision, "undecided"),
    (no_effect, "missing_effect"),
    (no_opening, "not_open"),
)


@pytest.mark.parametrize(("case", "kind"), BRANCHES)
def test_so_is_one_of_another_ground(case: Callable[[bool], Report], kind: str) -> None:
    found = case(True).findings_by_kind
    assert {*found} == {kind}
    near = case(False)
    assert near.clean, near.findings


@pytest.mark.parametrize("kind", CASES)
def test_a_finding_is_reported_where_the_promise_is_broken_and_only_there(kind: str) -> None:
    assert kind in CASES[kind](True).findings_by_kind
    near = CASES[kind](False)
    assert near.clean, near.findings
