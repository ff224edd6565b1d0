"""A version of the AI agent that is not ready is switched off by the report that says so."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import pytest
from redis.asyncio import Redis

from tests.support.partition_harness import HOME, World, record, world
from workers.agents.escalation.partition import Partition
from workers.agents.escalation.rates_teller import RatesTeller
from workers.agents.shared.policy_event import policy_record
from workers.agents.shared.switch_event import switch_records, time_of_switch
from workers.contracts.codec import Raw, decode_event
from workers.contracts.decisions import Home
from workers.contracts.events import AiSwitch
from workers.contracts.signing import Secrets
from workers.contracts.topics import EVENTS, NOTIFICATIONS
from workers.conversation.partition_meta import PartitionMeta, adopt, meta_fields, starting_meta
from workers.conversation.rates import Count, Rates, Subject
from workers.conversation.state import OVERALL
from workers.conversation.switches import Switch, switched_off
from workers.runtime.producer import Record
from workers.stores.partition_store import base_key
from workers.stores.rates_store import RatesStore

POLICY: Final = """
version: "9999.1"
default_queue: tier_2_support
bands: {not_ready: 0.8, silence_not_ready: true, min_conversations: 5, window: 24h}
rules:
  - {rule: person, reason: explicit_request, class: mandatory, when: {requested_human: 0.7}}
"""
PARTITIONS: Final = 4
SECRETS: Final = Secrets()


class Reporting:
    """The partitions' state in a real store, and the reports of the owner of partition 0."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._store = RatesStore(redis, "p", EVENTS, PARTITIONS)
        self.metas = [starting_meta(POLICY) for _ in range(PARTITIONS)]
        self.log: list[tuple[int, AiSwitch]] = []
        self.reports: list[dict[str, Any]] = []
        self.reaches = PARTITIONS
        """Number of partitions that a report's records reach before its process dies."""

    async def tell(self) -> None:
        """Have a new owner of partition 0 look, and the partitions fold what it says."""
        for number, meta in enumerate(self.metas):
            key = f"{base_key('p', Home(topic=EVENTS, partition=number))}meta"
            await self._redis.hset(key, mapping=meta_fields(meta))  # type: ignore[arg-type]
        teller = RatesTeller(self._store, EVENTS, PARTITIONS, self._publish, SECRETS)
        await teller.tell()

    def by_lead(self, *, on: bool) -> None:
        """A lead's command."""
        at = time_of_switch(self.metas, "7", int(time.time() * 1000))
        self._fold(switch_records(EVENTS, PARTITIONS, Switch("7", on, at, "checked"), "x", SECRETS))

    def counts(self, escalated: int, conversations: int, *, slice_: int = 0) -> None:
        """Version 7 had so many conversations, all of them in partition 2."""
        subjects = {OVERALL: Subject("overall"), 7: Subject("version", "7")}
        found = Rates(
            3_600_000, 500_000 + slice_, {500_000: {7: Count(conversations, escalated)}}, subjects
        )
        meta = self.metas[2]
        self.metas[2] = PartitionMeta(
            meta.policy_text,
            meta.policy_version,
            meta.policy_hash,
            rates=found,
            switches=meta.switches,
        )

    async def _publish(self, records: Sequence[Record]) -> Sequence[Any]:
        self.reports += [
            orjson.loads(one.value or b"") for one in records if one.topic == NOTIFICATIONS
        ]
        switches = [one for one in records if one.topic == EVENTS]
        self._fold(switches[: self.reaches])
        if self.reaches < PARTITIONS:
            raise ConnectionError("the process dies here")
        return []

    def _fold(self, records: Sequence[Record]) -> None:
        for one in records:
            event = decode_event(Raw(one.key, one.value, one.headers or (), 1 << 45))
            assert isinstance(event, AiSwitch)
            assert one.partition is not None
            self.log.append((one.partition, event))
            self.metas[one.partition] = adopt(self.metas[one.partition], event)

    @property
    def off(self) -> list[bool]:
        """Of each partition, whether version 7 must not go on there."""
        return ["7" in switched_off(meta.switches) for meta in self.metas]


@pytest.fixture
async def reporting(redis_url: str) -> Any:
    """Yield an empty store."""
    redis = Redis.from_url(redis_url)
    yield Reporting(redis)
    await redis.aclose()


@pytest.mark.parametrize(("escalated", "off"), [(7, False), (8, True), (10, True)])
async def test_at_80_percent_and_above_every_partition_is_told(
    reporting: Reporting, escalated: int, off: bool
) -> None:
    reporting.counts(escalated, 10)
    await reporting.tell()
    assert reporting.off == [off] * PARTITIONS
    if off:
        report = next(one for one in reporting.reports if one["kind"] == "ai_not_ready")
        assert "It is switched off; handoff ai on" in report["text"]
        assert {event.reason for _, event in reporting.log} == {report["text"]}
        assert {event.lead for _, event in reporting.log} == {None}


async def test_whoever_takes_over_in_the_middle_says_it_under_the_same_ids(
    reporting: Reporting,
) -> None:
    reporting.counts(9, 10)
    reporting.reaches = 1
    with pytest.raises(ConnectionError):
        await reporting.tell()
    assert reporting.off == [True, False, False, False]
    reporting.reaches = PARTITIONS
    await reporting.tell()
    assert reporting.off == [True] * PARTITIONS
    assert len({event.event_id for _, event in reporting.log}) == PARTITIONS
    assert len({event.occurred_at for _, event in reporting.log}) == 1
    said = len(reporting.log)
    for _ in range(3):
        await reporting.tell()
    assert len(reporting.log) == said, "what was told is told once"


async def test_a_lead_who_switched_it_on_has_the_last_word_for_a_window(
    reporting: Reporting, redis_url: str
) -> None:
    reporting.counts(9, 10)
    await reporting.tell()
    reporting.by_lead(on=True)
    async with Redis.from_url(redis_url) as redis:
        await redis.flushdb()
    # Nobody remembers what was told; the share is still that of the time before.
    await reporting.tell()
    assert reporting.off == [False] * PARTITIONS
    assert "It was switched on again" in reporting.reports[-1]["text"]


async def test_what_a_lead_switched_off_stays_off(reporting: Reporting) -> None:
    reporting.by_lead(on=False)
    before = [meta.switches for meta in reporting.metas]
    reporting.counts(9, 10)
    await reporting.tell()
    assert [meta.switches for meta in reporting.metas] == before


def _turn(name: str, text: str, role: str = "customer") -> dict[str, Any]:
    row: dict[str, Any] = {
        "event_id": f"{name}-{role}-{text[:12]}",
        "conversation_id": name,
        "occurred_at": datetime.now(UTC).isoformat(),
        "role": role,
        "content": text,
    }
    return row | ({} if role == "customer" else {"agent": {"id": "bot", "version": "7"}})


class OnTheLog:
    """The worker that owns the only partition; what it tells comes to its own log."""

    def __init__(self, here: World) -> None:
        self._here = here
        self._partition: Partition

    async def start(self, *, with_store: bool = True) -> None:
        """Take the partition over, after a kill -9, and read up to the end."""
        if not with_store:
            await self._here.redis.flushdb()
        self._partition = await self._here.owner()
        await self._read()

    async def say(self, *turns: dict[str, Any] | Record) -> None:
        """Write to the log, and have the worker read it."""
        for turn in turns:
            offset = len(self._here.log.all)
            if isinstance(turn, Record):
                one = record(offset, turn.value or b"", turn.key)
            else:
                one = record(offset, turn)
            self._here.log.all.append(one)
        await self._read()

    async def _read(self) -> None:
        while await self._here.deliver(self._partition):
            self._here.committed = self._partition.marked.mark.offset + 1
        await self._partition.finish_rebuild(len(self._here.log.all))

    async def tell(self) -> None:
        """Look at the shares, as the owner of partition 0 does every ten seconds."""
        store = RatesStore(self._here.redis, "p", EVENTS, 1)
        said: list[Record] = []

        async def publish(records: Sequence[Record]) -> list[Any]:
            said.extend(records)
            return []

        await RatesTeller(store, EVENTS, 1, publish, SECRETS).tell()
        self._here.published += [one for one in said if one.topic != EVENTS]
        await self.say(*[one for one in said if one.topic == EVENTS])

    @property
    def switches(self) -> int:
        """Return the number of switches on the log."""
        return sum(b'"ai_switch"' in one.value for one in self._here.log.all)

    @property
    def reports(self) -> int:
        """Return the number of reports about version 7."""
        return sum(b'"ai_not_ready"' in (value or b"") for _, value in self._told)

    @property
    def _told(self) -> list[tuple[bytes | None, bytes | None]]:
        return self._here.pairs(NOTIFICATIONS)

    def reasons(self, name: str) -> list[str]:
        """Return the reasons for which a conversation was escalated, one for each decision."""
        rows = [orjson.loads(value or b"") for key, value in self._here.pairs()]
        return [
            one["reason"]
            for one in rows
            if one["conversation_id"] == name and one["action"] == "escalate"
        ]


async def test_it_holds_through_a_restart_and_a_rebuild_and_so_does_switching_back(
    redis_url: str,
) -> None:
    meta = starting_meta(POLICY)
    policy = policy_record(HOME, meta, int(time.time() * 1000), SECRETS)
    turns: list[dict[str, Any]] = []
    for number in range(20):
        name = f"c-{number}"
        turns += [_turn(name, "Where is my parcel?"), _turn(name, "Which one?", "ai_agent")]
        if number >= 4:
            turns.append(_turn(name, "I want to talk to a human please."))
    answer = "It is the third one."
    async with world(redis_url, []) as here:
        log = OnTheLog(here)
        await log.start()
        await log.say(policy, *turns)
        await log.tell()
        assert (log.switches, log.reports) == (1, 1)
        assert [log.reasons(f"c-{n}") for n in range(4)] == [[]] * 4, "who is idle is not moved"

        await log.start()
        await log.tell()
        await log.say(_turn("c-0", answer))
        assert log.reasons("c-0") == ["ai_silenced"]
        assert (log.switches, log.reports) == (1, 1)

        await log.start(with_store=False)
        await log.say(_turn("c-1", answer))
        assert log.reasons("c-1") == ["ai_silenced"]
        await log.tell()
        assert log.reports == 2, "nobody remembers that it was told"

        on = Switch("7", on=True, at=int(time.time() * 1000) + 1, reason="mended", lead="mara")
        await log.say(*switch_records(EVENTS, 1, on, "a lead", SECRETS))
        await log.say(_turn("c-2", answer))
        switches = log.switches
        await log.start(with_store=False)
        await log.tell()
        assert (log.switches, log.reports) == (switches, 3)
        await log.say(_turn("c-3", answer))
        assert [log.reasons(name) for name in ("c-2", "c-3")] == [[], []]
