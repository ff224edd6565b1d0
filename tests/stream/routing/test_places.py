"""The ladder: where hand-made decisions are placed, on a real broker and a real store."""

import msgspec
import pytest

from tests.support.routing_builders import (
    MINUTE,
    NOW,
    SECOND,
    decision,
    later,
    queue,
    topics,
)
from tests.support.routing_harness import Bench, route, turns
from workers.contracts.codec import Raw, decode_event
from workers.contracts.decisions import Turn
from workers.contracts.handoffs import Handoff, Withdrawn
from workers.contracts.ids import routed_event_id
from workers.contracts.signing import Secrets
from workers.contracts.time import from_ms
from workers.contracts.topics import DEAD_LETTERS, EVENTS
from workers.routing.availability import LastPresence


async def test_first_choice(bench: Bench) -> None:
    await bench.says(*turns(3))
    one = decision()
    async with bench.router() as agent:
        await route(agent, one)

    [packet] = await bench.queue("billing")
    assert isinstance(packet, Handoff)
    assert (packet.escalation_id, packet.seq, packet.epoch) == (one.escalation_id, NOW, NOW)
    own = routed_event_id(one.decision_id, "queue", "billing")
    read = [turn.event_id for turn in packet.packet.transcript]
    assert read == ["e-1", "e-2", own], "up to its cause, and its own placement"
    assert packet.due_by == from_ms(NOW + 20 * MINUTE)
    assert (packet.priority, packet.team, packet.skipped) == (3, "Team billing", ())

    [record] = await bench.records(EVENTS)
    assert record.partition == one.home.partition
    raw = Raw(record.key, record.value, record.headers, record.timestamp)
    event = decode_event(raw, Secrets(bench.settings.signing_keys).at(EVENTS, record.partition))
    assert event.type == "routed"
    [routed] = await bench.routed()
    assert (routed.decision_id, routed.place, routed.queue) == (one.decision_id, "queue", "billing")
    assert routed.occurred_at == one.decided_at
    assert routed.claim_due_at == packet.due_by

    [control] = await bench.told()
    assert (control.owner, control.ai_may_reply, control.kind) == ("pending", False, "ownership")
    assert control.text

    [kept] = await bench.ledger_topic()
    assert (kept.place, kept.queue, kept.seq) == ("queue", "billing", NOW)
    entry = await bench.ledger.find("c-1")
    assert entry.record == kept
    assert entry.done
    assert await bench.waiting() == {"billing": {str(one.escalation_id)}}


class TestLadder:
    """Every rung."""

    async def test_full_queue(self, bench: Bench) -> None:
        everyone = [decision(f"c-{number}") for number in range(5)]
        async with bench.router() as agent:
            await route(agent, *everyone)
        assert len(await bench.queue("billing")) == 2
        assert len(await bench.queue("tier_2")) == 2
        assert {name: len(ids) for name, ids in (await bench.waiting()).items()} == {
            "billing": 2,
            "tier_2": 2,
        }
        [ticket] = await bench.tickets()
        assert [(skip.queue, skip.reason) for skip in ticket.skipped] == [
            ("billing", "full"),
            ("tier_2", "full"),
        ]

    async def test_a_desk_goes_away_and_comes_back(self, bench: Bench) -> None:
        async with bench.router() as agent:
            await bench.online(billing=1, tier_2=1)
            await route(agent, decision("c-1"))
            await bench.online(billing=0)
            await route(agent, decision("c-2"))
            bench.now += 61 * SECOND
            await route(agent, decision("c-3", bench.now))
            await bench.online(billing=LastPresence(bench.now, 2))
            await route(agent, decision("c-4", bench.now))
        assert {packet.conversation_id for packet in await bench.queue("billing")} == {"c-1", "c-4"}
        assert {packet.conversation_id for packet in await bench.queue("tier_2")} == {"c-2"}
        [ticket] = await bench.tickets()
        assert ticket.conversation_id == "c-3", "silence, by then, is nobody"

    async def test_a_desk_is_silent_at_our_start(self, bench: Bench) -> None:
        async with bench.router() as agent:
            bench.now += 59 * SECOND
            await route(agent, decision("c-1", bench.now))
        assert len(await bench.queue("billing")) == 1

    async def test_ticket(self, bench: Bench) -> None:
        await bench.says(*turns(2))
        await bench.online(billing=0, tier_2=0)
        one = decision()
        async with bench.router() as agent:
            await route(agent, one)
            ticketed = later(one, "move", cause="ticketed", place="ticket", ticket_id="T-9")
            await route(agent, msgspec.structs.replace(ticketed, epoch=one.epoch))
            known = later(ticketed, "update", cause="contact_known", place="ticket")
            known = msgspec.structs.replace(known, epoch=one.epoch)
            await bench.says(
                Turn("e-3", NOW, "customer", "ada@example.com", customer_email="ada@example.com")
            )
            facts = msgspec.structs.replace(known.facts, turns=3)
            await route(agent, msgspec.structs.replace(known, facts=facts))
            await route(agent, msgspec.structs.replace(known, facts=facts))
        [ticket, updated, *_] = await bench.tickets()
        assert updated.ticket_request_id == ticket.ticket_request_id, "the same ticket, updated"
        assert (updated.epoch, updated.seq) == (ticket.epoch, known.seq)
        assert updated.packet is not None
        assert updated.packet.customer is not None
        assert updated.packet.customer.email == "ada@example.com"
        assert (ticket.type, ticket.queue, ticket.team) == ("ticket", "billing", "Team billing")
        assert ticket.packet is not None
        assert [turn.status for turn in ticket.packet.transcript] == [None, None, "ticketed"]
        [note] = await bench.notifications()
        assert (note.kind, note.team) == ("ticket_requested", "Team billing")
        assert "billing nobody online, tier_2 nobody online" in note.text
        [routed] = await bench.routed()
        assert (routed.place, routed.rung) == ("ticket", 2)
        requested, numbered = await bench.told()
        assert requested.ask == ("email", "phone")
        assert "telephone number" in (requested.text or "")
        assert requested.ai_may_reply, "while only a ticket waits the AI may go on"
        assert (numbered.kind, numbered.ticket_id) == ("notice", "T-9")
        assert await bench.waiting() == {}
        assert (await bench.ledger_topic())[-1].ticket_id == "T-9"

    async def test_contact(self, bench: Bench) -> None:
        gone = decision(
            action="move", cause="ticket_refused", tried=("billing", "tier_2", "ticket")
        )
        async with bench.router() as agent:
            await route(agent, gone)
        [control] = await bench.told()
        assert control.contact is not None
        assert control.contact.email == "help@example.com"
        assert "help@example.com" in (control.text or "")
        [note] = await bench.notifications()
        assert note.kind == "contact_given"
        [routed] = await bench.routed()
        assert routed.place == "contact"
        assert routed.claim_due_at is None

    async def test_missed_claim_moves_on(self, bench: Bench) -> None:
        one = decision()
        moved = later(one, "move", cause="claim_missed", tried=("billing",))
        async with bench.router() as agent:
            await route(agent, one, moved)
        first, withdrawn = await bench.queue("billing")
        assert isinstance(first, Handoff)
        assert isinstance(withdrawn, Withdrawn)
        assert (withdrawn.reason, withdrawn.moved_to) == ("claim_missed", "tier_2")
        assert withdrawn.seq > first.seq
        [second] = await bench.queue("tier_2")
        assert isinstance(second, Handoff)
        assert [skip.reason for skip in second.skipped] == ["tried"]
        assert second.priority == 1, "what has waited is more urgent"
        assert await bench.waiting() == {"tier_2": {str(one.escalation_id)}}
        [note] = await bench.notifications()
        assert note.kind == "moved"


class TestWithoutPlaces:
    """Decisions that place nothing."""

    async def test_offer_and_recommendation(self, bench: Bench) -> None:
        offer = decision("c-1", action="offer", owner="ai", escalation_id=None)
        advice = decision("c-2", action="recommend", owner="ai", escalation_id=None)
        async with bench.router() as agent:
            await route(agent, offer, advice)
        told = {control.kind: control for control in await bench.told()}
        assert told["offer"].text
        assert told["recommend"].recommended == "explicit_request"
        assert all(control.ai_may_reply for control in told.values())
        assert await bench.routed() == []

    async def test_suppressed_and_observed_tell_nobody(self, bench: Bench) -> None:
        quiet = decision("c-1", action="suppress", owner="ai", escalation_id=None, cause="cooldown")
        seen = decision("c-2", observe=True)
        async with bench.router() as agent:
            await route(agent, quiet, seen)
        assert not any((await bench.everything()).values())
        for name in ("c-1", "c-2"):
            assert (await bench.ledger.find(name)).record is not None

    async def test_what_is_no_decision_is_a_dead_letter(self, bench: Bench) -> None:
        nameless = decision("c-1", reason=None)
        async with bench.router() as agent:
            await route(agent, b"{", nameless, decision("c-2"))
        assert len(await bench.queue("billing")) == 1
        letters = await bench.records(DEAD_LETTERS)
        reasons = [dict(letter.headers)["dead-letter-reason"] for letter in letters]
        assert sorted(reasons) == [b"not_json", b"schema"]


class TestRejections:
    """Topics that refuse the packet."""

    async def test_transcript_is_cut_before_the_next_rung_is_tried(self, bench: Bench) -> None:
        small = topics(*bench.topics.queues.values(), max_message_bytes=6_000)
        bench.topics = small
        await bench.says(*turns(40, size=200))
        one = decision()
        whole = msgspec.structs.replace(one.facts, turns=40)
        async with bench.router() as agent:
            await route(agent, msgspec.structs.replace(one, facts=whole))
        [packet] = await bench.queue("billing")
        assert isinstance(packet, Handoff)
        shown = [turn.event_id for turn in packet.packet.transcript]
        assert 2 <= len(shown) < 40
        assert shown[-2] == "e-40", "the end of the talk stays, and where it was placed"
        assert packet.packet.transcript_total == 41

    @pytest.mark.expects_errors("too many")
    async def test_too_large_without_any_transcript(self, bench: Bench) -> None:
        bench.topics = topics(*bench.topics.queues.values(), max_message_bytes=1_024)
        async with bench.router() as agent:
            await route(agent, decision())
        [ticket] = await bench.tickets()
        assert [skip.reason for skip in ticket.skipped] == ["rejected", "rejected"]
        *_, kept = await bench.ledger_topic()
        assert (kept.place, kept.seq) == ("ticket", NOW)
        assert (await bench.ledger.find("c-1")).record == kept
        [routed] = await bench.routed()
        assert routed.place == "ticket"
        assert len(await bench.told()) == 1
        assert await bench.waiting() == {}

    @pytest.mark.expects_errors("topics.yaml no longer has it")
    async def test_a_queue_that_is_no_more_when_its_plan_is_repeated(self, bench: Bench) -> None:
        one = decision()
        async with bench.router() as agent:
            await route(agent, one)
        await bench.redis.hdel("handoff:ledger:{c-1}", "done")
        bench.topics = topics(queue("tier_2"))
        async with bench.router() as agent:
            await route(agent, one)
        *_, kept = await bench.ledger_topic()
        assert kept.place == "ticket"
        assert [skip.reason for skip in kept.plan.skipped] == ["rejected"]
        assert len(await bench.tickets()) == 1
