"""A store that goes back in time under a router at work must not look as if it had everything."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any
from unittest.mock import AsyncMock

import msgspec
import pytest
from aiokafka.structs import RecordMetadata

from tests.support.routing_builders import decision, later, queue, topics
from tests.support.routing_harness import Bench, bench_on, route
from workers.agents.routing import agent as agent_module
from workers.agents.routing.ledger_progress import LedgerProgress, Span
from workers.agents.shared.ledger_topic import CaughtUp, LedgerTopic
from workers.contracts.codec import encode
from workers.contracts.decisions import Decision
from workers.contracts.ledger import LedgerRecord, Plan
from workers.contracts.topics import CONTROL, LEDGER
from workers.embedded import EmbeddedKafka
from workers.embedded.kafka import PARTITIONS
from workers.errors import WentBackError
from workers.routing.ledger_record import next_record
from workers.runtime.producer import Record
from workers.settings import Settings, kafka_client_kwargs
from workers.stores.ledger_store import LedgerStore


@pytest.fixture
async def bench(settings: Settings, kafka: EmbeddedKafka) -> AsyncIterator[Bench]:
    """Servers with every topic, and a publisher."""
    async with bench_on(kafka, settings, topics(queue("billing"), queue("tier_2"))) as bench:
        yield bench


class GoesBack:
    """A producer before whose first message to chat systems the store becomes what it was."""

    def __init__(self, bench: Bench, older: dict[Any, Any]) -> None:
        self._bench = bench
        self._older = older

    async def publish(self, records: Iterable[Record]) -> list[RecordMetadata]:
        """Publish; the store has gone back when it returns."""
        records = list(records)
        if any(record.topic == CONTROL for record in records):
            await self._bench.redis.flushdb()
            for key, value in self._older.items():
                await self._bench.redis.restore(key, 0, value)
        return await self._bench.publisher.publish(records)


async def test_a_store_that_goes_back_while_a_chunk_is_carried_out(bench: Bench) -> None:
    earlier, lost, at_work = decision("c-1"), decision("c-2"), decision("c-3")
    async with bench.router() as agent:
        await route(agent, earlier)
        older: dict[Any, Any] = {
            key: await bench.redis.dump(key) for key in await bench.redis.keys("*")
        }
        await route(agent, lost)
    going_back = GoesBack(bench, older)
    async with bench.router(going_back) as agent:
        with pytest.raises(WentBackError):
            await route(agent, at_work)
    async with bench.router():
        ids = [str(one.escalation_id) for one in (earlier, lost, at_work)]
        assert set(await bench.ledger.whereabouts(ids)) == set(ids)


async def test_positions_are_not_raised_over_a_gap(bench: Bench) -> None:
    witness = await bench.ledger.witness()
    assert await bench.ledger.advance([(0, 0, 3)], witness) == {0: 3}
    assert await bench.ledger.advance([(0, 5, 6)], witness) == {0: 3}
    assert await bench.ledger.advance([(0, 3, 5), (0, 5, 6), (1, 0, 1)], witness) == {0: 6, 1: 1}
    assert await bench.ledger.advance([(0, 0, 2)], witness) == {0: 6}
    assert await bench.ledger.positions() == {0: 6, 1: 1}


def record(conversation: str) -> LedgerRecord:
    """A ledger record of a conversation."""
    one = decision(conversation)
    return next_record(None, one, Plan(planned_at=one.decided_at))


def ended(escalated: Decision) -> Decision:
    """Return the decision that ends an escalation right after it was opened."""
    return later(escalated, "outcome", outcome="resolved", owner="ai")


class Replaced:
    """The store of a ledger that is replaced by an older one around one of its steps, once."""

    def __init__(self, bench: Bench, older: dict[Any, Any]) -> None:
        self._bench = bench
        self._older = older
        self.times = 0
        self.positions: list[dict[int, int]] = []
        """The ledger's positions in the store right after the step."""

    async def _replace(self) -> None:
        self.times += 1
        await self._bench.redis.flushdb()
        for key, value in self._older.items():
            await self._bench.redis.restore(key, 0, value)

    def before(self, ledger: LedgerStore, step: str) -> None:
        """Come before this step."""
        whole = getattr(ledger, step)

        async def replaced(*args: Any, **named: Any) -> Any:
            if not self.times:
                await self._replace()
            try:
                return await whole(*args, **named)
            finally:
                self.positions.append(await self._bench.ledger.positions())

        setattr(ledger, step, replaced)

    def after(self, ledger: LedgerStore, step: str) -> None:
        """Come after this step."""
        whole = getattr(ledger, step)

        async def replaced(*args: Any, **named: Any) -> Any:
            answer = await whole(*args, **named)
            if not self.times:
                await self._replace()
            return answer

        setattr(ledger, step, replaced)


@pytest.mark.parametrize("step", ["settle", "advance"])
async def test_a_store_replaced_before_any_of_the_last_steps(bench: Bench, step: str) -> None:
    earlier, lost = decision("c-1"), decision("c-2")
    async with bench.router() as agent:
        await route(agent, earlier)
        older = {key: await bench.redis.dump(key) for key in await bench.redis.keys("*")}
        before = await bench.ledger.positions()
        replaced = Replaced(bench, older)
        replaced.before(agent._stores.ledger, step)
        with pytest.raises(WentBackError):
            await route(agent, lost)
    # For no moment are desks told that it has what it lost.
    assert replaced.positions == [before]
    async with bench.router():
        ids = [str(one.escalation_id) for one in (earlier, lost)]
        assert set(await bench.ledger.whereabouts(ids)) == set(ids)


@pytest.mark.parametrize("step", ["witness", "positions", "restore"])
async def test_a_store_replaced_while_the_topic_is_read(bench: Bench, step: str) -> None:
    decisions = [decision(f"c-{n}") for n in range(4)]
    async with bench.router() as agent:
        await route(agent, *decisions)
    await bench.redis.flushdb()
    ledger = LedgerStore(bench.redis, bench.settings.redis_prefix)
    replaced = Replaced(bench, {})
    replaced.after(ledger, step)
    kafka = kafka_client_kwargs(bench.settings)
    await LedgerTopic(kafka, "reading", bench.redis, ledger, bench.load).catch_up()
    assert replaced.times == 1
    ids = [str(one.escalation_id) for one in decisions]
    assert set(await bench.ledger.whereabouts(ids)) == set(ids)


async def test_a_store_that_goes_back_right_after_a_router_has_caught_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier, again = decision("c-1"), decision("c-2")
    async with bench.router() as agent:
        await route(agent, earlier)
    read = LedgerTopic.catch_up

    async def then_lost(topic: LedgerTopic) -> CaughtUp:
        caught_up = await read(topic)
        await bench.redis.flushdb()
        return caught_up

    monkeypatch.setattr(LedgerTopic, "catch_up", then_lost)
    async with bench.router() as agent:
        with pytest.raises(WentBackError):
            await route(agent, again)


class Meanwhile:
    """A producer that has another router act before the first message to a topic, step by step."""

    def __init__(self, bench: Bench, *steps: tuple[str, Callable[[], Awaitable[None]]]) -> None:
        self._bench = bench
        self.steps = list(steps)

    async def publish(self, records: Iterable[Record]) -> list[RecordMetadata]:
        """Publish, after the other router has acted."""
        records = list(records)
        if self.steps and any(record.topic == self.steps[0][0] for record in records):
            await self.steps.pop(0)[1]()
        return await self._bench.publisher.publish(records)


class Other:
    """Another router at the same conversation, which got there first."""

    def __init__(self, bench: Bench, *decisions: Decision) -> None:
        self._bench = bench
        self.records: list[LedgerRecord] = []
        known = None
        for one in decisions:
            known = next_record(known, one, Plan(planned_at=one.decided_at))
            self.records.append(known)

    async def writes(self) -> None:
        """Write every record of its own that is later than the ledger's."""
        await self._bench.ledger.restore(self.records)

    async def finishes(self) -> None:
        """Write and tell the last record, and note that everything is published."""
        await self.writes()
        last = self.records[-1]
        told = Record(LEDGER, last.conversation_id.encode(), encode(last))
        await self._bench.publisher.publish([told])
        await self._bench.ledger.settle([last], [], published=True)


async def test_what_another_router_wrote_is_told_and_left_for_it_to_carry_out(
    bench: Bench,
) -> None:
    first = decision("c-1")
    last = ended(first)
    other = Other(bench, first, last)
    meanwhile = Meanwhile(bench, (CONTROL, other.writes))
    async with bench.router(meanwhile) as agent:
        await route(agent, first)
    assert not meanwhile.steps
    assert (await bench.ledger_topic())[-1] == other.records[-1]
    assert not (await bench.ledger.find("c-1")).done
    async with bench.router() as agent:
        await route(agent, last)
    assert [control.seq for control in await bench.told()] == [first.seq, last.seq]


async def test_a_router_that_comes_too_late_carries_nothing_out(bench: Bench) -> None:
    first = decision("c-1")
    last = ended(first)
    other = Other(bench, first, last)
    async with bench.router() as agent:
        write = agent._stores.ledger.write

        async def late(record: LedgerRecord, expected: str) -> bool:
            await other.writes()
            return await write(record, expected)

        agent._stores.ledger.write = late  # type: ignore[method-assign]
        await route(agent, first)
    assert await bench.told() == []
    assert not (await bench.ledger.find("c-1")).done
    async with bench.router() as agent:
        await route(agent, last)
    assert [control.seq for control in await bench.told()] == [last.seq]


async def test_an_older_record_told_late_is_not_the_last_on_the_topic(bench: Bench) -> None:
    first = decision("c-1")
    last = ended(first)
    other = Other(bench, first, last)
    meanwhile = Meanwhile(bench, (LEDGER, other.finishes))
    async with bench.router(meanwhile) as agent:
        await route(agent, first, last)
    assert not meanwhile.steps
    assert [record.seq for record in await bench.ledger_topic()] == [last.seq, first.seq, last.seq]


async def test_nor_is_one_that_was_told_again_for_another_router(bench: Bench) -> None:
    first = decision("c-1")
    second = ended(first)
    third = msgspec.structs.replace(first, decision_id="again", seq=first.seq + 2)
    slow, quick = Other(bench, first, second), Other(bench, first, second, third)
    nothing = AsyncMock()
    steps = (LEDGER, nothing), (CONTROL, slow.writes), (LEDGER, quick.finishes)
    meanwhile = Meanwhile(bench, *steps)
    async with bench.router(meanwhile) as agent:
        await route(agent, first)
    assert not meanwhile.steps
    told = [record.seq - first.seq for record in await bench.ledger_topic()]
    assert told == [0, 2, 1, 2]


def test_only_what_is_settled_counts() -> None:
    told = LedgerProgress()
    for conversation, offset in (("a", 4), ("b", 5), ("a", 6), ("c", 8)):
        told.add(record(conversation), 0, offset)
    assert told.spans() == []
    told.settle({"a"})
    assert told.spans() == [Span(0, 4, 5), Span(0, 6, 7)]
    told.settle({"b", "c"})
    assert told.spans() == [Span(0, 4, 7), Span(0, 8, 9)]
    told.covered({0: 7})
    assert told.spans() == [Span(0, 8, 9)]
    assert told.records() == [record("c")]


async def test_an_escalation_that_another_followed_is_still_known_to_desks(bench: Bench) -> None:
    first = decision("c-1")
    second = msgspec.structs.replace(
        first,
        decision_id="again",
        escalation_id="second",
        seq=first.seq + 2,
        epoch=first.seq + 2,
    )
    async with bench.router() as agent:
        await route(agent, first, ended(first), second)
    await bench.redis.flushdb()
    kafka = kafka_client_kwargs(bench.settings)
    topic = LedgerTopic(kafka, "restoring", bench.redis, bench.ledger, bench.load)
    # A broker under load hands them over at once.
    assert await topic._restore(await bench.records(LEDGER)) == 1
    ids = [str(first.escalation_id), "second"]
    assert set(await bench.ledger.whereabouts(ids)) == set(ids)
    assert await bench.waiting() == {"billing": {"second"}}


async def test_what_a_router_left_that_died_does_not_make_the_others_keep_everything(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "UNCOVERED", 8)
    async with bench.router() as agent:
        left = [record(f"left-{number}") for number in range(PARTITIONS)]
        await bench.publisher.publish(
            Record(LEDGER, one.conversation_id.encode(), encode(one), number)
            for number, one in enumerate(left)
        )
        for number in range(40):
            await route(agent, decision(f"c-{number}"))
            assert len(agent._router.telling.progress.records()) <= 9
        # What it left is in the store now, as after a start.
        ids = [str(one.escalation_id) for one in left]
        assert set(await bench.ledger.whereabouts(ids)) == set(ids)
