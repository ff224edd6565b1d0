"""The ladder, rung by rung."""

import msgspec
import pytest

from tests.support.routing_builders import (
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    decision,
    load,
    placed,
    queue,
    topics,
)
from workers.contracts.ledger import Plan
from workers.contracts.tickets import Ticket
from workers.contracts.time import from_ms, to_ms
from workers.handoff.packet import build_packet
from workers.routing import envelopes
from workers.routing.availability import LastPresence, Load
from workers.routing.ledger_record import next_record
from workers.routing.plan import amend, plan

LADDER = topics(
    queue("billing", overflow=("tier_2", "senior")),
    queue("tier_2", overflow=("night", "billing")),
    queue("senior", claim_minutes=45),
    queue("night", calendar="office"),
)
EVERYBODY = {"billing": 1, "tier_2": 1, "senior": 1, "night": 1}


def skips(planned: Plan) -> list[tuple[str | None, str]]:
    """Return each skipped rung as its queue, or its place, and the reason."""
    return [
        (skip.queue if skip.place == "queue" else skip.place, skip.reason)
        for skip in planned.skipped
    ]


def test_an_escalation_has_one_ticket_whatever_is_decided_later() -> None:
    first, later = decision(), decision(seq=NOW + 1, action="move", cause="claim_missed")
    packet = build_packet(first.facts, (), first, "standard")
    asked = [
        envelopes.ticket(one, plan(one, LADDER, load(), NOW), LADDER, packet)
        for one in (first, later)
    ]
    gone = Plan(withdraw_from=("ticket",), planned_at=from_ms(NOW))
    messages = [one.message for one in (*asked, *envelopes.withdrawals(later, gone, LADDER))]
    assert len(messages) == 3
    tickets = [one for one in messages if isinstance(one, Ticket)]
    assert len({one.ticket_request_id for one in tickets}) == 1
    assert {one.priority for one in tickets} == {1}, "no queue could take who waits"


def test_first_choice() -> None:
    planned = plan(decision(), LADDER, load(EVERYBODY), NOW)
    assert (planned.place, planned.queue, planned.rung) == ("queue", "billing", 0)
    assert planned.skipped == ()
    assert planned.claim_due_at == from_ms(NOW + 20 * MINUTE)
    assert planned.reply_minutes == 5
    assert planned.expires_at == from_ms(NOW - SECOND + 72 * HOUR)


def test_route_outranks_queue() -> None:
    routed = decision(claim_minutes=3, reply_minutes=1)
    planned = plan(routed, LADDER, load({**EVERYBODY, "billing": 0}), NOW)
    assert planned.queue == "tier_2"
    assert planned.claim_due_at == from_ms(NOW + 3 * MINUTE)
    assert planned.reply_minutes == 1


def test_nearer_overflow_first_and_each_queue_once() -> None:
    planned = plan(decision(), LADDER, load(dict.fromkeys(EVERYBODY, 0)), NOW)
    assert skips(planned) == [
        ("billing", "nobody_online"),
        ("tier_2", "nobody_online"),
        ("senior", "nobody_online"),
        ("night", "nobody_online"),
    ]
    assert (planned.place, planned.rung) == ("ticket", 4)
    assert planned.queue == "billing", "the team that was asked first owns the ticket"
    assert planned.claim_due_at == from_ms(NOW + 30 * MINUTE)
    assert planned.reply_minutes is None


def test_every_reason_to_skip() -> None:
    evening = NOW + 12 * HOUR
    moved = decision(action="move", cause="claim_missed", tried=("senior",), seq=evening)
    planned = plan(
        moved,
        LADDER,
        load({**EVERYBODY, "tier_2": 0}, {"billing": 3}, at=evening),
        evening,
    )
    assert skips(planned) == [
        ("billing", "full"),
        ("tier_2", "nobody_online"),
        ("senior", "tried"),
        ("night", "closed"),
    ]


def test_contact_when_even_the_ticket_was_tried() -> None:
    tried = ("billing", "tier_2", "senior", "night", "ticket")
    planned = plan(decision(action="move", tried=tried), LADDER, load(EVERYBODY), NOW)
    assert (planned.place, planned.queue) == ("contact", "billing")
    assert [reason for _, reason in skips(planned)] == ["tried"] * 5
    assert planned.claim_due_at is None


def test_unknown_queue_goes_back_to_where_it_came_from() -> None:
    typo = decision(action="transfer", target_queue="biling", queue="senior")
    planned = plan(typo, LADDER, load(EVERYBODY), NOW, placed("queue", "senior"))
    assert skips(planned) == [("biling", "unknown_queue")]
    assert planned.queue == "senior"
    assert planned.withdraw_from == ()


def test_unknown_queue_with_nowhere_to_go_back_is_a_ticket() -> None:
    planned = plan(decision(target_queue="biling"), LADDER, load(EVERYBODY), NOW)
    assert (planned.place, planned.queue) == ("ticket", "biling")


class TestSilence:
    """A desk that says nothing."""

    def test_counts_as_nobody_after_one_interval(self) -> None:
        silent = load({"tier_2": 1}, since=NOW - 61 * SECOND)
        assert skips(plan(decision(), LADDER, silent, NOW)) == [("billing", "nobody_online")]

    @pytest.mark.parametrize("last_words", [None, LastPresence(NOW - 2 * HOUR, 1)])
    def test_counts_for_nothing_when_we_have_just_begun_to_listen(
        self, last_words: LastPresence | None
    ) -> None:
        presence = {} if last_words is None else {"billing": last_words}
        just_started = Load(since_ms=NOW - 59 * SECOND, presence=presence)
        assert plan(decision(), LADDER, just_started, NOW).queue == "billing"

    def test_words_count_at_once(self) -> None:
        just_started = load({**EVERYBODY, "billing": 0}, since=NOW)
        assert plan(decision(), LADDER, just_started, NOW).queue == "tier_2"

    def test_words_grow_old(self) -> None:
        old = load(EVERYBODY, at=NOW - 61 * SECOND)
        assert plan(decision(), LADDER, old, NOW).place == "ticket"


class TestDedicatedPerson:
    """A customer who has somebody of their own."""

    def online_on(self, name: str, at: int = NOW - SECOND) -> Load:
        """Return a load in which Anna is online on one queue."""
        everybody = load(EVERYBODY)
        anna = LastPresence(at, 2, agents=frozenset({"anna", "bo"}))
        return Load(everybody.since_ms, {}, {**everybody.presence, name: anna})

    def test_comes_first(self) -> None:
        planned = plan(decision(dedicated="anna"), LADDER, self.online_on("senior"), NOW)
        assert (planned.queue, planned.rung, planned.assignee) == ("senior", 0, "anna")

    def test_on_the_target_itself(self) -> None:
        planned = plan(decision(dedicated="anna"), LADDER, self.online_on("billing"), NOW)
        assert (planned.queue, planned.assignee) == ("billing", "anna")

    def test_is_not_waited_for(self) -> None:
        planned = plan(decision(dedicated="cy"), LADDER, self.online_on("senior"), NOW)
        assert (planned.queue, planned.assignee) == ("billing", None)

    def test_gone_home(self) -> None:
        gone = self.online_on("senior", at=NOW - 2 * MINUTE)
        assert plan(decision(dedicated="anna"), LADDER, gone, NOW).assignee is None

    def test_full_queue_is_skipped_all_the_same(self) -> None:
        busy = self.online_on("senior").with_waiting("senior", 3)
        planned = plan(decision(dedicated="anna"), LADDER, busy, NOW)
        assert (planned.queue, planned.assignee) == ("billing", None)
        assert skips(planned) == [("senior", "full")]


class TestWithdrawals:
    """Queues and tickets from which an escalation is withdrawn."""

    def test_moved_from_a_queue(self) -> None:
        moved = decision(action="move", cause="claim_missed", tried=("billing",), queue="billing")
        planned = plan(moved, LADDER, load(EVERYBODY), NOW, placed("queue", "billing"))
        assert planned.queue == "tier_2"
        assert planned.withdraw_from == ("billing",)

    def test_ledger_and_fold_disagree(self) -> None:
        moved = decision(action="move", cause="claim_missed", tried=("billing",), queue="billing")
        planned = plan(moved, LADDER, load(EVERYBODY), NOW, placed("queue", "night"))
        assert planned.withdraw_from == ("billing", "night")

    def test_transferred_to_the_same_queue(self) -> None:
        again = decision(action="transfer", queue="billing")
        planned = plan(again, LADDER, load(EVERYBODY), NOW, placed("queue", "billing"))
        assert (planned.queue, planned.withdraw_from) == ("billing", ())

    def test_claimed_elsewhere(self) -> None:
        claim = decision(action="claim", queue="tier_2", person="bo", place="queue")
        planned = plan(claim, LADDER, load(), NOW, placed("queue", "billing"))
        assert (planned.place, planned.withdraw_from) == (None, ("billing",))

    @pytest.mark.parametrize("before", [None, "tier_2"])
    def test_claimed_by_a_word_before_its_place_is_known(self, before: str | None) -> None:
        claim = decision(action="claim", owner="person", queue=before)
        planned = plan(claim, LADDER, load(), NOW, placed("queue", "billing"))
        assert "billing" not in planned.withdraw_from
        after = next_record(placed("queue", "billing"), claim, planned)
        assert (after.queue, after.claimed_by) == ("billing", "unknown")

    def test_claimed_where_it_waits(self) -> None:
        claim = decision(action="claim", owner="person", queue="billing", person="bo")
        assert plan(claim, LADDER, load(), NOW, placed("queue", "billing")).withdraw_from == ()

    def test_ticket_is_worked_on_by_who_claims_it(self) -> None:
        claim = decision(action="claim", owner="person", queue="billing", place="ticket")
        assert plan(claim, LADDER, load(), NOW, placed("ticket", "billing")).withdraw_from == ()

    def test_ticket_is_not_needed_when_somebody_else_claims_it(self) -> None:
        claim = decision(action="claim", owner="person", queue="senior", place="ticket")
        planned = plan(claim, LADDER, load(), NOW, placed("ticket", "billing"))
        assert planned.withdraw_from == ("ticket",)

    @pytest.mark.parametrize(
        ("place", "name", "expected"),
        [
            ("queue", "billing", ("billing",)),
            ("ticket", "billing", ("ticket",)),
            ("contact", "x", ()),
        ],
    )
    def test_ended(self, place: str, name: str, expected: tuple[str, ...]) -> None:
        end = decision(action="outcome", owner="ai", outcome="withdrawn", place=place)
        planned = plan(end, LADDER, load(), NOW, placed(place, name))
        assert planned.withdraw_from == expected
        assert planned.expires_at == from_ms(NOW + HOUR), "what was promised stays readable"

    def test_late_place(self) -> None:
        late = decision(action="suppress", cause="late_routing", queue="night", place="queue")
        assert plan(late, LADDER, load(), NOW, placed("queue", "billing")).withdraw_from == (
            "night",
        )

    def test_late_place_where_somebody_has_claimed_it(self) -> None:
        late = decision(action="suppress", cause="late_routing", queue="billing", place="queue")
        record = msgspec.structs.replace(placed("queue", "billing"), claimed_by="bo")
        assert plan(late, LADDER, load(), NOW, record).withdraw_from == ()

    @pytest.mark.parametrize("action", ["offer", "recommend", "suppress", "refuse"])
    def test_nothing_moves(self, action: str) -> None:
        quiet = decision(action=action, queue="billing")
        planned = plan(quiet, LADDER, load(), NOW, placed("queue", "billing"))
        assert (planned.place, planned.withdraw_from) == (None, ())

    def test_observed_only(self) -> None:
        planned = plan(decision(observe=True), LADDER, load(EVERYBODY), NOW)
        assert (planned.place, planned.withdraw_from) == (None, ())


class TestAmend:
    """A topic that refuses the packet."""

    def test_goes_further_down(self) -> None:
        moved = decision(action="transfer", queue="night")
        first = plan(moved, LADDER, load(EVERYBODY), NOW, placed("queue", "night"))
        second = amend(first, moved, LADDER, load(EVERYBODY), NOW)
        third = amend(second, moved, LADDER, load(EVERYBODY), NOW)
        assert [one.queue for one in (first, second, third)] == ["billing", "tier_2", "senior"]
        assert skips(third) == [("billing", "rejected"), ("tier_2", "rejected")]
        assert third.withdraw_from == ("night",)

    def test_ends_at_contact(self) -> None:
        planned = plan(decision(), LADDER, load(), NOW)
        assert planned.place == "ticket"
        assert amend(planned, decision(), LADDER, load(), NOW).place == "contact"


def test_a_clock_behind_sets_no_deadline_in_the_past() -> None:
    planned = plan(decision(), LADDER, load(EVERYBODY), NOW - HOUR)
    assert planned.claim_due_at is not None
    assert to_ms(planned.claim_due_at) == NOW + 20 * MINUTE
