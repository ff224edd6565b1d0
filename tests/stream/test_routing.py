"""Hand-made decisions through the routing agent, on a real broker and a real store."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any

import msgspec
import pytest

from tests.support.routing_builders import (
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    decision,
    later,
    load,
    queue,
    topics,
)
from tests.support.routing_harness import Bench, bench_on, decision_home, route, turns
from workers.agents.routing import agent as routing
from workers.agents.routing.agent import PACKETS_AT_ONCE, RoutingAgent
from workers.contracts.codec import Raw, decode_event
from workers.contracts.decisions import Decision, Turn
from workers.contracts.handoffs import Claimed, Handoff, Refused, Withdrawn
from workers.contracts.signing import Secrets
from workers.contracts.time import from_ms, to_ms
from workers.contracts.topics import DEAD_LETTERS, DECISIONS, EVENTS
from workers.embedded import EmbeddedKafka
from workers.errors import WentBackError
from workers.routing.availability import LastPresence
from workers.runtime.app import TP
from workers.runtime.producer import Record
from workers.settings import Settings
from workers.stores.partition_store import TRANSCRIPT_BYTES, read_transcript, whole_transcript

WORLD = topics(
    queue("billing", overflow=("tier_2",), max_waiting=2),
    queue("tier_2", max_waiting=2, priority=2),
)
SECRET = "a secret of the tests"


@pytest.fixture
async def bench(kafka: EmbeddedKafka, settings: Settings) -> AsyncIterator[Bench]:
    """Return servers with every topic."""
    async with bench_on(kafka, settings, WORLD, SECRET) as bench:
        yield bench


async def test_first_choice(bench: Bench) -> None:
    await bench.says(*turns(3))
    one = decision()
    async with bench.router() as agent:
        await route(agent, one)

    [packet] = await bench.queue("billing")
    assert isinstance(packet, Handoff)
    assert (packet.escalation_id, packet.seq, packet.epoch) == (one.escalation_id, NOW, NOW)
    assert [turn.event_id for turn in packet.packet.transcript] == ["e-1", "e-2"], "up to its cause"
    assert packet.due_by == from_ms(NOW + 20 * MINUTE)
    assert (packet.priority, packet.team, packet.skipped) == (3, "Team billing", ())

    [record] = await bench.records(EVENTS)
    assert record.partition == one.home.partition
    raw = Raw(record.key, record.value, record.headers, record.timestamp)
    event = decode_event(raw, Secrets((SECRET.encode(),)).at(EVENTS, record.partition))
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
        assert len(ticket.packet.transcript) == 2
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


class TestOnce:
    """The same again."""

    async def test_a_second_delivery_says_nothing(self, bench: Bench) -> None:
        one = decision()
        both = [one, later(one, "claim", owner="person", person="anna")]
        async with bench.router() as agent:
            await route(agent, *both)
            counts = [len(await bench.told()), len(await bench.queue("billing"))]
            await route(agent, *both)
            await route(agent, both[-1])
        assert [len(await bench.told()), len(await bench.queue("billing"))] == counts

    async def test_what_may_not_have_been_said_is_repeated_alike(self, bench: Bench) -> None:
        await bench.says(*turns(2))
        one = decision()
        async with bench.router() as agent:
            await route(agent, one)
            first = await bench.everything()
            await bench.redis.hdel("handoff:ledger:{c-1}", "done")
            bench.now += HOUR
            await bench.online(billing=0)
            await route(agent, one)
        assert await bench.everything() == first
        assert len(await bench.queue("billing")) == 2

    async def test_conversations_at_once_decisions_in_order(self, bench: Bench) -> None:
        firsts = [decision(f"c-{number}") for number in range(30)]
        ends = [later(one, "outcome", owner="ai", outcome="closed") for one in firsts]
        async with bench.router() as agent:
            await route(agent, *firsts, *ends)
        by_conversation: dict[str, list[int]] = {}
        for control in await bench.told():
            by_conversation.setdefault(control.conversation_id, []).append(control.seq)
        assert set(map(tuple, by_conversation.values())) == {(NOW, NOW + 1)}
        assert await bench.waiting() == {}


class TestRejections:
    """Topics that refuse the packet."""

    async def test_transcript_is_cut_before_the_packet_climbs(self, bench: Bench) -> None:
        small = topics(*WORLD.queues.values(), max_message_bytes=6_000)
        bench.topics = small
        await bench.says(*turns(40, size=200))
        one = decision()
        whole = msgspec.structs.replace(one.facts, turns=40)
        async with bench.router() as agent:
            await route(agent, msgspec.structs.replace(one, facts=whole))
        [packet] = await bench.queue("billing")
        assert isinstance(packet, Handoff)
        shown = [turn.event_id for turn in packet.packet.transcript]
        assert 1 <= len(shown) < 40
        assert shown[-1] == "e-40", "the end of the talk stays"
        assert packet.packet.transcript_total == 40

    @pytest.mark.expects_errors("too many")
    async def test_too_large_without_any_transcript(self, bench: Bench) -> None:
        bench.topics = topics(*WORLD.queues.values(), max_message_bytes=1_024)
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

    @pytest.mark.expects_errors("topics.yaml has it no more")
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


class TestLoss:
    """A store that forgets."""

    async def test_ledger_lost_and_restored_from_its_topic(self, bench: Bench) -> None:
        waiting, ended = decision("c-1"), decision("c-2")
        over = later(ended, "outcome", owner="ai", outcome="closed")
        async with bench.router() as agent:
            await route(agent, waiting, ended, over)
        before = await bench.everything()
        await bench.redis.flushdb()
        await bench.online(billing=0)
        async with bench.router() as agent:
            assert await bench.waiting() == {"billing": {str(waiting.escalation_id)}}
            await route(agent, waiting, ended, over)
        assert await bench.everything() == before, "what was planned stands, whatever the load"

    async def test_a_running_router_notices_a_store_that_went_back(self, bench: Bench) -> None:
        async with bench.router() as agent:
            await route(agent, decision("c-1"))
            await bench.redis.flushdb()
            with pytest.raises(WentBackError, match="went back in time"):
                await route(agent, decision("c-2"))

    async def test_only_the_last_writes_lost(self, bench: Bench) -> None:
        one = decision("c-1")
        async with bench.router() as agent:
            await route(agent, one)
            kept = {key: await bench.redis.dump(key) for key in await bench.redis.keys("*")}
            await route(agent, decision("c-2"))
        await bench.redis.flushdb()
        for key, value in kept.items():
            assert value is not None
            await bench.redis.restore(key, 0, value)
        async with bench.router():
            assert len((await bench.waiting())["billing"]) == 2
            assert (await bench.ledger.find("c-2")).record is not None

    async def test_a_place_that_is_nobodys_is_given_up(self, bench: Bench) -> None:
        one = decision("c-1")
        async with bench.router() as agent:
            await route(agent, one)
        bench.now += 2 * MINUTE
        await bench.load.reserve("tier_2", "left-behind", 9, NOW)
        await bench.load.reserve("billing", "just-taken", 9, bench.now)
        async with bench.router():
            assert await bench.waiting() == {
                "billing": {str(one.escalation_id), "just-taken"},
            }


class Crashing:
    """Producer and outlet of a router that dies at the n-th time it publishes, before or after."""

    def __init__(self, bench: Bench, at: int, *, after: bool) -> None:
        self._bench = bench
        self._left = at
        self._after = after

    async def publish(self, records: Any) -> Any:
        """Publish, or die."""
        return await self._once(self._bench.publisher.publish(records))

    def outlet(self, agent: RoutingAgent) -> None:
        """Let the agent die in its outlet too."""
        send = agent._outlet.send
        agent._outlet.send = lambda record: self._once(send(record))  # type: ignore[method-assign]

    async def _once(self, publishing: Awaitable[Any]) -> Any:
        self._left -= 1
        dying = self._left == 0
        if dying and not self._after:
            publishing.close()  # type: ignore[attr-defined]
            raise CrashError
        written = await publishing
        if dying:
            raise CrashError
        return written


class CrashError(Exception):
    """The process died here."""


@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_at_any_publish_changes_nothing(bench: Bench, after: bool) -> None:
    """The same set of messages, whenever the process dies and is started again."""
    results = []
    for number in range(1, 40):
        name = f"c-{after}-{number}"
        await bench.says(*turns(2), conversation=name)
        one = decision(name)
        moved = later(one, "move", cause="claim_missed", tried=("billing",))
        claim = later(moved, "claim", owner="person", person="bo", queue="tier_2")
        end = later(claim, "outcome", owner="ai", outcome="resolved", queue="tier_2")
        story = (one, moved, claim, end)
        crashed = False
        crashing = Crashing(bench, number, after=after)
        async with bench.router(crashing) as agent:
            crashing.outlet(agent)
            try:
                await route(agent, *story)
            except* CrashError:
                crashed = True
                # None of them is the record's fault: it is not to be tried alone.
                await agent.failing(TP(DECISIONS, 0), TimeoutError())
        async with bench.router() as agent:
            await route(agent, *story)
        results.append(name)
        if not crashed:
            break
    else:
        pytest.fail("it never got through")
    assert len(results) > 15
    packets: dict[str, set[tuple[str, str]]] = {}
    for queue_name in WORLD.queues:
        for message in await bench.queue(queue_name):
            kind = (queue_name, f"{message.type}.{message.seq}")
            packets.setdefault(message.conversation_id, set()).add(kind)
    told: dict[str, set[tuple[int, str, str | None]]] = {}
    for control in await bench.told():
        said = (control.seq - NOW, control.owner, control.text)
        told.setdefault(control.conversation_id, set()).add(said)
    assert all(packets[name] == packets[results[-1]] for name in results)
    for name in results:
        assert sorted(seq for seq, _, _ in told[name]) == [0, 1, 2, 3], "one text for each change"
    assert await bench.waiting() == {}


async def test_wait_is_told_once_enough_was_seen(bench: Bench) -> None:
    async with bench.router() as agent:
        for number in range(6):
            one = decision(f"c-{number}", NOW + number * HOUR // 10)
            claim = later(one, "claim", owner="person", person="a", seq=one.seq + 4 * MINUTE)
            bench.now = one.seq
            await bench.online(billing=1)
            await route(agent, one)
            bench.now = claim.seq
            await route(agent, claim)
        last = decision("c-last", bench.now)
        await bench.online(billing=1)
        await route(agent, last)
    control = next(told for told in await bench.told() if told.conversation_id == "c-last")
    assert control.wait is not None
    assert control.wait.low_s <= 240 <= control.wait.high_s
    [kept] = [record for record in await bench.ledger_topic() if record.conversation_id == "c-last"]
    assert kept.predicted_wait == control.wait
    assert to_ms(kept.plan.planned_at) == last.seq


async def seen_before(bench: Bench, waited_s: int = 240) -> None:
    """Let the queue's recent past have five claims, each after so many seconds."""
    claims = [f"{bench.now}:{waited_s * SECOND}:0"] * 5
    await bench.redis.lpush(f"{bench.settings.redis_prefix}:{{load}}:claims:billing", *claims)


def look(one: Decision, after_s: int) -> Decision:
    """Return the decision to look at the wait again, so long after the escalation."""
    return later(one, "update", seq=one.seq + after_s * SECOND, epoch=one.epoch)


async def test_who_waits_hears_of_the_wait_only_when_it_has_changed(bench: Bench) -> None:
    one = decision()
    fits, late, settled = look(one, 3), look(one, 300), look(one, 303)
    async with bench.router() as agent:
        await seen_before(bench)
        await bench.online(billing=1)
        await route(agent, one)
        for update in (fits, late, settled):
            bench.now = update.seq
            await bench.online(billing=1)
            # A restart may hand it over again: it says the same, or nothing again.
            await route(agent, update)
            bench.now += 100 * SECOND
            await route(agent, update)
    first, again = await bench.told()
    assert first.wait is not None
    assert (again.seq, again.caused_by) == (late.seq, late.decision_id)
    assert (again.epoch, again.owner, again.ai_may_reply) == (one.epoch, "pending", False)
    assert again.kind == "notice"
    assert again.wait == first.wait, "those ahead have not moved"
    assert again.text
    entry = await bench.ledger.find("c-1")
    assert entry.record is not None
    assert entry.record.seq == settled.seq
    assert entry.record.told is not None
    assert entry.record.told.seq == late.seq
    assert entry.record.decision == one
    assert entry.record.predicted_wait == first.wait, "kept to compare with the actual one"


async def test_a_lost_store_tells_no_second_range(bench: Bench) -> None:
    one = decision()
    late = look(one, 300)
    async with bench.router() as agent:
        await seen_before(bench)
        await bench.online(billing=1)
        await route(agent, one)
        bench.now = late.seq
        await route(agent, late)
    told = await bench.told()
    await bench.redis.flushdb()
    bench.now += HOUR
    async with bench.router() as agent:
        await seen_before(bench, 900)
        await bench.online(billing=1)
        await route(agent, one, late)
    ranges = {control.wait for control in await bench.told() if control.seq == late.seq}
    assert ranges == {told[-1].wait}


async def test_an_update_alone_leaves_no_record(bench: Bench) -> None:
    async with bench.router() as agent:
        await bench.online(billing=1)
        await route(agent, look(decision(), 300))
    assert (await bench.ledger.find("c-1")).record is None
    assert await bench.told() == []


async def test_two_routers_race_for_the_last_place(bench: Bench) -> None:
    async with bench.router() as first, bench.router() as second:
        everyone = [decision(f"c-{number}") for number in range(8)]
        await asyncio.gather(route(first, *everyone[:4]), route(second, *everyone[4:]))
    assert len(await bench.queue("billing")) == 2
    assert len(await bench.queue("tier_2")) == 2
    assert len(await bench.tickets()) == 4


async def test_two_routers_with_the_same_decision_agree(bench: Bench) -> None:
    """A router that lost its partition without knowing carries out the other's plan."""
    one = decision()
    async with bench.router() as first, bench.router() as second:
        deserted = load({"billing": 0, "tier_2": 1})
        second._stores.load.read = lambda *_: deserted  # type: ignore[method-assign]
        await asyncio.gather(route(first, one), route(second, one))
    packets = [message for name in WORLD.queues for message in await bench.queue(name)]
    [place] = {message.queue for message in packets}
    assert await bench.waiting() == {place: {str(one.escalation_id)}}
    assert {routed.queue for routed in await bench.routed()} == {place}
    assert len({control.text for control in await bench.told()}) == 1


async def test_each_step_waits_for_the_one_before_it(bench: Bench) -> None:
    """Ledger, packet, withdrawal and log, customer."""
    one = decision()
    moved = later(one, "move", cause="claim_missed", tried=("billing",))
    began: list[str] = []
    ended: list[str] = []

    async def slowly(topics_named: list[str], publishing: Awaitable[Any]) -> Any:
        # Every step takes a while, so that one that doesn't wait would be seen.
        began.extend(f"{name} after {len(ended)}" for name in topics_named)
        written = await publishing
        await asyncio.sleep(0.01)
        ended.extend(topics_named)
        return written

    class Slow:
        async def publish(self, records: Any) -> Any:
            return await slowly([r.topic for r in records], bench.publisher.publish(records))

    async with bench.router(Slow()) as agent:
        send = agent._outlet.send
        agent._outlet.send = lambda record: slowly([record.topic], send(record))  # type: ignore[method-assign]
        await route(agent, one)
        began.clear()
        ended.clear()
        await route(agent, moved)
    assert began == [
        "escalation-ledger after 0",
        "handoff-tier_2 after 1",
        "handoff-billing after 2",
        "escalation-notifications after 2",
        "conversation-events after 2",
        "conversation-control after 5",
    ]


async def test_of_a_long_transcript_the_end_is_read(bench: Bench) -> None:
    await bench.says(*turns(200, 32_000))
    home, prefix = decision_home(), bench.settings.redis_prefix
    found = await read_transcript(bench.redis, prefix, home, "c-1", 200)
    assert [turn.event_id for turn in found] == [f"e-{n}" for n in range(185, 201)]
    [first] = await read_transcript(bench.redis, prefix, home, "c-1", 1)
    assert first.event_id == "e-1"
    assert await read_transcript(bench.redis, prefix, home, "c-1", 0) == []
    assert await read_transcript(bench.redis, prefix, home, "c-2", 9) == []
    assert len(await whole_transcript(bench.redis, prefix, home, "c-1")) == 200
    last = turns(40)
    await bench.says(*last[:-1], *turns(1, TRANSCRIPT_BYTES), conversation="c-3")
    found = await read_transcript(bench.redis, prefix, home, "c-3", 40)
    assert [turn.event_id for turn in found] == ["e-1"], "the last turn, however long"


async def test_few_transcripts_are_read_in_one_exchange(bench: Bench) -> None:
    some = [decision(f"c-{number}") for number in range(2 * PACKETS_AT_ONCE + 1)]
    sizes = []
    async with bench.router() as agent:
        read = agent._read

        async def counted(decisions: Sequence[Decision], transcripts: bool) -> Any:
            sizes.append(len(decisions))
            return await read(decisions, transcripts)

        agent._read = counted  # type: ignore[method-assign]
        await route(agent, *some)
    assert sizes == [PACKETS_AT_ONCE, PACKETS_AT_ONCE, 1]
    assert len(await bench.ledger_topic()) >= len(some)


async def test_what_is_done_is_settled_while_another_waits(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "SETTLE_S", 0.05)
    stuck, fine = decision("c-1"), decision("c-2")
    never = asyncio.Event()
    async with bench.router() as agent:
        send = agent._outlet.send

        async def some(record: Record) -> None:
            if record.key == b"c-1":
                await never.wait()
            await send(record)

        agent._outlet.send = some  # type: ignore[method-assign]
        routed = asyncio.create_task(route(agent, stuck, fine))
        async with asyncio.timeout(10):
            while not (await bench.ledger.find("c-2")).done:  # noqa: ASYNC110 - Redis tells nobody
                await asyncio.sleep(0.02)
        assert not (await bench.ledger.find("c-1")).done
        never.set()
        await routed
    assert (await bench.ledger.find("c-1")).done
