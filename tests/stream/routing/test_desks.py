"""Answers to desks, from hand-made decisions, on a real broker and a real store."""

from tests.support.routing_builders import (
    NOW,
    SECOND,
    decision,
    later,
)
from tests.support.routing_harness import Bench, route, turns
from workers.contracts.handoffs import Claimed, Handoff, Refused, Withdrawn
from workers.contracts.time import from_ms


class TestDesks:
    """Answers to desks."""

    async def test_claimed_replied_and_resolved(self, bench: Bench) -> None:
        one = decision()
        claim = later(one, "claim", owner="person", person="anna", seq=NOW + 90 * SECOND)
        end = later(claim, "outcome", owner="ai", outcome="resolved", person="anna")
        async with bench.router() as agent:
            await route(agent, one)
            await route(agent, claim)
            assert await bench.waiting() == {}
            await route(agent, end)
        packet, claimed, withdrawn = await bench.queue("billing")
        assert isinstance(packet, Handoff)
        assert isinstance(claimed, Claimed)
        assert (claimed.agent_id, claimed.epoch) == ("anna", claim.epoch)
        assert isinstance(withdrawn, Withdrawn)
        assert [(told.owner, told.ai_may_reply) for told in await bench.told()] == [
            ("pending", False),
            ("person", False),
            ("ai", True),
        ]
        _, at_work, over = await bench.ledger_topic()
        assert (at_work.claimed_by, at_work.placed_at) == ("anna", from_ms(NOW))
        assert at_work.claimed_at == from_ms(NOW + 90 * SECOND)
        assert over.outcome == "resolved"

    async def test_claimed_elsewhere(self, bench: Bench) -> None:
        one = decision()
        claim = later(one, "claim", owner="person", person="bo", queue="tier_2")
        async with bench.router() as agent:
            await route(agent, one, claim)
        assert [type(message) for message in await bench.queue("billing")] == [Handoff, Withdrawn]
        assert [type(message) for message in await bench.queue("tier_2")] == [Claimed]

    async def test_claimed_by_a_word_of_somebody_unknown(self, bench: Bench) -> None:
        one = decision()
        claim = later(one, "claim", owner="person")
        async with bench.router() as agent:
            await route(agent, one, claim)
        _, claimed = await bench.queue("billing")
        assert isinstance(claimed, Claimed)
        assert claimed.agent_id == "unknown"

    async def test_claimed_by_a_word_before_its_place_is_known(self, bench: Bench) -> None:
        one = decision()
        moved = later(one, "move", cause="claim_missed", tried=("billing",))
        # The fold only knows where it was before.
        claim = later(moved, "claim", owner="person", person="bo", place=None)
        async with bench.router() as agent:
            await route(agent, one, moved, claim)
            assert await bench.waiting() == {}
        assert not any(isinstance(told, Claimed) for told in await bench.queue("billing"))
        _, claimed = await bench.queue("tier_2")
        assert isinstance(claimed, Claimed)
        assert claimed.agent_id == "bo"
        *_, at_work = await bench.ledger_topic()
        assert (at_work.queue, at_work.claimed_by) == ("tier_2", "bo")

    async def test_transferred(self, bench: Bench) -> None:
        one = decision()
        claim = later(one, "claim", owner="person", person="anna")
        away = later(claim, "transfer", target_queue="tier_2", person="anna")
        async with bench.router() as agent:
            await route(agent, one, claim, away)
        assert [type(message) for message in await bench.queue("billing")] == [
            Handoff,
            Claimed,
            Withdrawn,
        ]
        assert [type(message) for message in await bench.queue("tier_2")] == [Handoff]
        assert await bench.waiting() == {"tier_2": {str(one.escalation_id)}}

    async def test_refused(self, bench: Bench) -> None:
        one = decision()
        claim = later(one, "claim", owner="person", person="anna")
        late = later(claim, "refuse", owner="person", person="bo", cause="already_claimed")
        async with bench.router() as agent:
            await route(agent, one, claim, late)
        *_, refused = await bench.queue("billing")
        assert isinstance(refused, Refused)
        assert (refused.agent_id, refused.reason) == ("bo", "already_claimed")
        assert len(await bench.told()) == 2, "nothing changed for the customer"

    async def test_refused_while_it_waits_there_is_handed_over_again(self, bench: Bench) -> None:
        await bench.says(*turns(2))
        one = decision()
        late = later(one, "refuse", person="bo", cause="old_epoch", epoch=one.epoch)
        async with bench.router() as agent:
            await route(agent, one, late)
        packet, refused, again = await bench.queue("billing")
        assert isinstance(packet, Handoff)
        assert isinstance(again, Handoff)
        assert (again.epoch, again.seq, again.revision) > (refused.epoch, refused.seq, 0)
        assert again.packet == packet.packet
        assert again.packet_id == packet.packet_id

    async def test_taken_back_by_the_customer(self, bench: Bench) -> None:
        one = decision()
        end = later(one, "outcome", owner="ai", outcome="withdrawn")
        async with bench.router() as agent:
            await route(agent, one, end)
        assert [type(message) for message in await bench.queue("billing")] == [Handoff, Withdrawn]
        assert await bench.waiting() == {}

    async def test_late_place_is_withdrawn(self, bench: Bench) -> None:
        one = decision()
        late = later(one, "suppress", cause="late_routing", queue="tier_2", epoch=one.epoch)
        async with bench.router() as agent:
            await route(agent, one, late)
        assert [type(message) for message in await bench.queue("tier_2")] == [Withdrawn]
        assert [type(message) for message in await bench.queue("billing")] == [Handoff]
        assert len(await bench.told()) == 1

    async def test_late_place_of_what_has_ended_leaves_its_successor_waiting(
        self, bench: Bench
    ) -> None:
        ended = decision()
        outcome = later(ended, "outcome", outcome="withdrawn", owner="ai")
        successor = decision(trigger="e-7", seq=NOW + 2)
        late = later(ended, "suppress", seq=NOW + 3, cause="late_routing")
        async with bench.router() as agent:
            await route(agent, ended, outcome, successor, late)
        assert await bench.waiting() == {"billing": {successor.escalation_id}}
