"""One partition under faults: whatever happens between two awaits, decisions are a quiet run's."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiokafka import ConsumerRecord
from aiokafka.structs import RecordMetadata, TopicPartition
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from tests.support.escalation_harness import by_key, conversations, policy_text, quiet
from workers.agents.escalation.fenced_store import MarkMoved
from workers.agents.escalation.log_reader import HandedOver
from workers.agents.escalation.partition import Partition, Unreadable
from workers.agents.escalation.state_rebuild import Start
from workers.contracts.codec import Raw
from workers.contracts.deadletters import read_dead_letter
from workers.contracts.decisions import Home
from workers.contracts.signing import Secrets
from workers.contracts.topics import DEAD_LETTERS, DECISIONS
from workers.conversation.fold import Folded, Incoming
from workers.conversation.partition_meta import starting_meta
from workers.errors import ConfigurationError
from workers.runtime.dead_letter_limit import RUN, SHARE, DeadLetterLimit, TooManyDeadLetters
from workers.runtime.placing import Bounds
from workers.runtime.producer import Record
from workers.stores.partition_store import ChunkRead, PartitionStore, base_key, read_transcript

HOME = Home(topic="conversation-events", partition=0)
BASE = base_key("p", HOME)
CHUNK = 20
Pairs = list[tuple[bytes | None, bytes | None]]


class Crash(Exception):
    """The process dies here."""


def record(offset: int, row: dict[str, Any] | bytes, key: bytes | None = None) -> ConsumerRecord:
    """Return a record of the log, stamped by the broker a moment after the event."""
    value = row if isinstance(row, bytes) else orjson.dumps(row)
    key = key if isinstance(row, bytes) else row["conversation_id"].encode()
    at = 1_900_000_000_000 + offset
    return ConsumerRecord(
        HOME.topic, HOME.partition, offset, at, 1, key, value, None, len(key or b""), len(value), ()
    )


class MemoryLog:
    """The partition's records; what `Log` reads of Kafka comes from here."""

    def __init__(self, records: Sequence[ConsumerRecord]) -> None:
        self.all = list(records)
        self.window = 0
        self.ledger: list[HandedOver] = []
        self.died_at: dict[int, tuple[str, ...]] = {}

    async def offset_at(self, timestamp_ms: int) -> int:
        return self.window if timestamp_ms > 1000 else timestamp_ms

    async def records(
        self, start: int, end: int, keys: Collection[bytes] | None = None
    ) -> AsyncGenerator[list[ConsumerRecord], None]:
        for one in self.all[start:end]:
            if keys is None or one.key in keys:
                yield [one]

    async def handed_over(self, since_ms: int) -> list[HandedOver]:  # noqa: ARG002
        return self.ledger

    async def given_up(self) -> dict[int, tuple[str, ...]]:
        return self.died_at


class World:
    """A log, a store, and a broker that knows what was published and committed."""

    def __init__(self, redis: Redis, records: Sequence[ConsumerRecord]) -> None:
        self.redis = redis
        self.log = MemoryLog(records)
        self.published: list[Record] = []
        self.committed: int | None = None
        self.first: int | None = None
        self.owners = 0
        self.faults: Callable[[str], None] = lambda _: None
        self.limit = DeadLetterLimit()
        self.kind: type[Partition] = Partition
        self.start: Start = "earliest"

    async def publish(self, records: Sequence[Record]) -> list[RecordMetadata]:
        """Acknowledge each record, unless the process dies before, between or after them."""
        done: list[RecordMetadata] = []
        for one in records:
            self.faults("publish")
            self.published.append(one)
            tp = TopicPartition(one.topic, 0)
            done.append(RecordMetadata(one.topic, 0, tp, len(done), 0, 0, None))
        self.faults("publish")
        return done

    def partition(self) -> Partition:
        """Return the partition in the hands of a new owner, not placed yet."""
        self.owners += 1
        store = FaultyStore(self, PartitionStore(self.redis, "p", HOME, f"owner-{self.owners}"))
        return self.kind(
            HOME,
            store,  # type: ignore[arg-type]
            self.log,  # type: ignore[arg-type]
            self.publish,
            address="here",
            secrets=Secrets(),
            limit=self.limit,
            own=starting_meta(policy_text()),
        )

    async def owner(self) -> Partition:
        """Return a new owner of the partition, which has taken it over."""
        partition = self.partition()
        bounds = Bounds(0, len(self.log.all), self.committed, self.first)
        position = await partition.place(bounds, self.start)
        assert position == partition.marked.mark.offset + 1
        durable = await partition.take_over()
        self.first = partition.first
        self.committed = max(self.committed or 0, durable)
        return partition

    async def deliver(self, partition: Partition, count: int = CHUNK) -> bool:
        """Hand over the next records; False when there are none."""
        position = partition.marked.mark.offset + 1
        records = self.log.all[position : position + count]
        if records:
            await partition.apply(records)
        return bool(records)

    async def drain(self) -> None:
        """Take over and fold everything, with commits, in peace."""
        self.faults = lambda _: None
        partition = await self.owner()
        while await self.deliver(partition):
            self.committed = max(self.committed or 0, partition.marked.mark.offset + 1)

    def pairs(self, topic: str = DECISIONS) -> Pairs:
        """Return what was published on a topic, in order."""
        return [(one.key, one.value) for one in self.published if one.topic == topic]

    def quiet(self, topic: str = DECISIONS) -> Pairs:
        """Return what a quiet run publishes on a topic."""
        return [(o.key, o.value) for o in quiet(self.log.all, HOME) if o.topic == topic]


class FaultyStore:
    """A store whose process may die before or after each of its round trips."""

    def __init__(self, world: World, store: PartitionStore) -> None:
        self._world = world
        self._store = store

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name == "next_mark":
            return method

        async def call(*args: Any) -> Any:
            self._world.faults(f"before {name}")
            result = await method(*args)
            self._world.faults(f"after {name}")
            return result

        return call


@asynccontextmanager
async def world(redis_url: str, rows: Sequence[Any]) -> AsyncIterator[World]:
    """Return a world with these events on its log and nothing else."""
    redis = Redis.from_url(redis_url)
    try:
        await redis.flushdb()
        yield World(redis, [record(offset, row) for offset, row in enumerate(rows)])
    finally:
        await redis.aclose()


async def _survive(here: World, chance: random.Random, faults: int) -> None:
    """Die at random moments, go back in time, be woken up as a zombie, commit when it pleases."""
    zombies: list[Partition] = []
    snapshot: dict[bytes, bytes] = {}
    for _ in range(faults):
        zombies += await _until_death(here, chance)
        # That records are suspected at which processes die by chance is another test's matter.
        await here.redis.delete(f"{BASE}trying")
        if chance.random() < 0.2:
            snapshot = await _dump(here.redis)
        elif snapshot and chance.random() < 0.2:
            await here.redis.flushdb()
            for key, value in snapshot.items():
                await here.redis.restore(key, 0, value)
        for zombie in zombies:
            await _wake(here, zombie)


async def _until_death(here: World, chance: random.Random) -> list[Partition]:
    """Let an owner work until it dies; return it if it gave up living to be a zombie."""
    calls = chance.randrange(1, 12)

    def fault(_: str) -> None:
        nonlocal calls
        calls -= 1
        if calls < 0:
            raise Crash

    here.faults = fault
    try:
        partition = await here.owner()
        while await here.deliver(partition, chance.randrange(1, CHUNK)):
            if chance.random() < 0.5:
                here.committed = max(here.committed or 0, partition.marked.mark.offset + 1)
    except Crash:
        return []
    finally:
        here.faults = lambda _: None
    return [partition]


async def _wake(here: World, zombie: Partition) -> None:
    """Let somebody go on whose partition was given away: nothing of it may be written or sent."""
    published = len(here.published)
    later = here.log.all[zombie.marked.mark.offset + 1 :]
    if later and await here.redis.get(f"{BASE}mark") != str(zombie.marked.mark).encode():
        with pytest.raises(MarkMoved):
            await zombie.apply(later[:3])
        assert len(here.published) == published


async def _deliver_all(here: World, partition: Partition) -> None:
    while await here.deliver(partition):
        pass


async def _dump(redis: Redis, pattern: str = "*") -> dict[bytes, bytes]:
    keys: Any = await redis.keys(pattern)
    return {key: await redis.dump(key) or b"" for key in keys}


# The database is emptied for each example.
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_decisions_are_those_of_a_quiet_run_whatever_dies_when(seed: int, redis_url: str) -> None:
    async def run() -> None:
        rows = conversations(160, 8, seed % 1000)
        async with world(redis_url, rows + rows[:40]) as here:
            await _survive(here, random.Random(seed), faults=12)
            await here.drain()
            assert by_key(here.pairs()) == by_key(here.quiet())

    asyncio.run(run())


def _asks(name: str, number: int, *, seconds: int = 0) -> dict[str, Any]:
    """A customer asks for a person."""
    return {
        "event_id": f"{name}-{number}",
        "conversation_id": name,
        "occurred_at": f"2026-11-01T09:{number:02d}:{seconds:02d}Z",
        "role": "customer",
        "content": "I want to talk to a human please",
    }


def _says(name: str, number: int, content: str = "where is my parcel?") -> dict[str, Any]:
    return _asks(name, number) | {"content": content}


def _returned(decision: dict[str, Any], number: int) -> dict[str, Any]:
    """Return what the log tells when the person of an escalation gives it back."""
    return {
        "type": "ownership",
        "event_id": f"e-{number}",
        "conversation_id": decision["conversation_id"],
        "occurred_at": f"2026-11-01T09:{number:02}:00Z",
        "action": "returned",
        "escalation_id": decision["escalation_id"],
        "desk_event_id": f"d-{number}",
        "epoch": decision["epoch"],
        "queue": "tier_2_support",
        "agent_id": "anna",
    }


def _decisions(here: World) -> list[dict[str, Any]]:
    return [orjson.loads(value or b"") for _, value in here.pairs()]


async def test_an_output_that_was_written_and_not_published_is_published_by_the_next_owner(
    redis_url: str,
) -> None:
    async with world(redis_url, [_asks("a", 1), _asks("b", 2), _says("c", 3)]) as here:
        partition = await here.owner()

        def fault(where: str) -> None:
            if where == "publish":
                raise Crash

        here.faults = fault
        with pytest.raises(Crash):
            await here.deliver(partition)
        assert here.published == []
        here.faults = lambda _: None
        await here.owner()
        assert here.pairs() == here.quiet() != []
        # And by nobody after one who committed.
        await here.owner()
        assert here.pairs() == here.quiet()


async def test_what_lies_before_the_very_first_start_is_known_and_never_decided(
    redis_url: str,
) -> None:
    rows = [_asks("a", 1), _says("b", 2, "my name is Ada"), _asks("c", 3)]
    async with world(redis_url, rows) as here:
        here.start = "now"
        # One that dies before its first commit leaves behind where it began to publish.
        await here.partition().place(Bounds(0, 3, None), "now")
        partition = await here.owner()
        assert here.committed == 3
        while await here.deliver(partition, 2):
            pass
        assert here.published == []
        here.log.all += [record(3, _asks("b", 4)), record(4, _asks("a", 5))]
        await here.deliver(partition)
        escalated = {d["conversation_id"]: d for d in _decisions(here)}
        # They asked before, and no router knows: asking again is heard.
        assert set(escalated) == {"a", "b"}
        assert all(d["action"] == "escalate" for d in escalated.values())
        assert escalated["b"]["facts"]["turns"] == 2
        turns = await read_transcript(here.redis, "p", HOME, "b", 2)
        assert turns[0].content == "my name is Ada"


async def test_the_ai_owns_after_the_very_first_start_whoever_wrote_before(
    redis_url: str,
) -> None:
    person = {"role": "human_agent", "content": "Hello, Anna here.", "agent": {"id": "anna"}}
    rows = [_says("a", 1), _asks("a", 2) | person, _says("b", 3), _asks("b", 4) | person]
    async with world(redis_url, rows) as here:
        here.start = "now"
        partition = await here.owner()
        await _deliver_all(here, partition)
        assert here.published == []
        here.log.all += [record(4, _asks("a", 5)), record(5, _asks("b", 6) | person)]
        await here.deliver(partition)
        told = [(d["conversation_id"], d["action"], d["owner"]) for d in _decisions(here)]
        # Nobody could give back what no desk ever heard of; a person who goes on is heard again.
        assert told == [("a", "escalate", "pending"), ("b", "claim", "person")]


async def test_a_chunk_that_crosses_the_very_first_start_is_decided_from_there_on(
    redis_url: str,
) -> None:
    rows = [_asks("a", 1), _asks("b", 2), _asks("c", 3), _asks("d", 4)]
    async with world(redis_url, rows) as here:
        here.log.window, here.start = 2, 1_900_000_000_002
        partition = await here.owner()
        here.log.window = 0
        assert here.committed == 2
        assert partition.marked.mark.offset == 1
        await here.deliver(partition)
        assert [d["conversation_id"] for d in _decisions(here)] == ["c", "d"]


async def test_an_empty_store_is_rebuilt_and_open_escalations_are_published_again(
    redis_url: str,
) -> None:
    rows = [
        _asks("open", 1),
        _asks("closed", 2),
        {"event_id": "x", "conversation_id": "closed", "occurred_at": "2026-11-01T09:03:00Z"}
        | {"type": "closed", "by": "customer"},
        _says("quiet", 4),
        _asks("late", 5),
    ]
    async with world(redis_url, rows[:4]) as here:
        await here.drain()
        quietly = here.pairs()
        assert quietly == here.quiet()
        before = await _dump(here.redis, f"{BASE}[sti]:*")
        await here.redis.flushdb()
        here.log.all.append(record(4, rows[4]))
        # One that dies at once leaves behind what there is to do.
        await here.partition().place(Bounds(0, 5, 4), "now")
        partition = await here.owner()
        assert here.pairs() == quietly
        while await here.deliver(partition, 3):
            pass
        repeated, *rest = here.pairs()[len(quietly) :]
        assert repeated == quietly[0]
        assert [key for key, _ in rest] == [b"late"]
        for key, value in before.items():
            assert await here.redis.dump(key) == value
        assert by_key(here.pairs()) == by_key(here.quiet())
        # Once is enough.
        count, here.committed = len(here.published), 5
        await here.owner()
        assert len(here.published) == count


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_a_rebuild_that_dies_at_any_moment_ends_as_one_that_does_not(
    seed: int, redis_url: str
) -> None:
    async def run() -> None:
        rows = conversations(120, 8, seed % 1000)
        async with world(redis_url, rows) as here:
            here.log.all, later = here.log.all[:80], here.log.all[80:]
            await here.drain()
            await here.redis.flushdb()
            here.log.all += later
            here.log.ledger = [HandedOver(f"conv-{seed % 1000}-1", 0)]
            here.log.window = 10
            await _survive(here, random.Random(seed), faults=5)
            await here.drain()
            # Ten records are outside of the window: what they opened is not known in other ways.
            for name, values in by_key(here.pairs()).items():
                wanted = by_key(here.quiet()).get(name, [])
                if name == f"conv-{seed % 1000}-1".encode():
                    assert values == wanted

    asyncio.run(run())


async def test_conversations_open_for_longer_than_the_window_are_folded_from_their_start(
    redis_url: str,
) -> None:
    rows = [_asks("old", 1), _says("other", 2), _says("old", 3), _says("new", 4), _says("old", 5)]
    async with world(redis_url, rows) as here:
        await here.drain()
        old = await here.redis.get(f"{BASE}s:old")
        await here.redis.flushdb()
        here.log.window, here.log.ledger = 3, [HandedOver("old", 0)]
        partition = await here.owner()
        while await here.deliver(partition):
            pass
        assert await here.redis.get(f"{BASE}s:old") == old
        assert await here.redis.get(f"{BASE}s:other") is None
        assert [key for key, _ in here.pairs()] == [b"old", b"old"]


async def test_an_escalation_that_was_older_than_the_window_and_ended_in_it_stays_ended(
    redis_url: str,
) -> None:
    person = {"role": "human_agent", "content": "Anna here.", "agent": {"id": "anna"}}
    rows = [_asks("a", 1), _asks("a", 2) | person, _says("a", 3)]
    async with world(redis_url, rows) as here:
        await here.drain()
        ended = _returned(_decisions(here)[-1], 4)
        here.log.all += [record(3, ended), record(4, _says("a", 5))]
        await here.drain()
        before, told = await here.redis.get(f"{BASE}s:a"), len(here.published)
        assert _decisions(here)[-1]["action"] == "return"
        await here.redis.flushdb()
        # The person's words are the first that the window has of it.
        here.log.window, here.log.ledger = 1, [HandedOver("a", 0)]
        await here.drain()
        assert await here.redis.get(f"{BASE}s:a") == before
        assert len(here.published) == told


async def test_a_rebuild_decides_nothing_of_before_the_very_first_start(redis_url: str) -> None:
    person = {"role": "human_agent", "content": "Anna here.", "agent": {"id": "anna"}}
    rows = [_asks("a", 1), _asks("b", 2) | person, _asks("c", 3), _asks("c", 4) | person]
    async with world(redis_url, rows) as here:
        here.start = "now"
        await here.drain()
        assert (here.committed, here.first, here.published) == (4, 4, [])
        here.log.all += [record(4, _says("a", 5)), record(5, _asks("d", 6))]
        await here.drain()
        before, decided = await _dump(here.redis, f"{BASE}[sti]:*"), here.pairs()
        assert [key for key, _ in decided] == [b"d"]
        await here.redis.flushdb()
        # A conversation of before is folded beside the others when it is older than the window.
        here.log.window, here.log.ledger = 3, [HandedOver(name, 0) for name in "abc"]
        await here.drain()
        assert here.pairs() == decided * 2
        assert await _dump(here.redis, f"{BASE}[sti]:*") == before


async def test_an_empty_store_beside_a_log_made_anew_says_what_to_do(redis_url: str) -> None:
    async with world(redis_url, [_asks("a", 1)]) as here:
        with pytest.raises(ConfigurationError, match="run `handoff rebuild`"):
            await here.partition().place(Bounds(0, 1, 1000), "now")


@pytest.mark.expects_errors("folding 1 unreadable states again")
async def test_a_state_that_cannot_be_decoded_is_folded_again(redis_url: str) -> None:
    rows = [_asks("a", 1), _says("b", 2), _says("a", 3), _says("a", 4)]
    async with world(redis_url, rows[:3]) as here:
        await here.drain()
        sound = await here.redis.get(f"{BASE}s:a")
        await here.redis.set(f"{BASE}s:a", b"\xc1 of another version")
        here.log.all.append(record(3, rows[3]))
        partition = await here.owner()
        with pytest.raises(Unreadable) as caught:
            await here.deliver(partition)
        await partition.rebuilding.fold_again(caught.value.conversation_ids, 0)
        assert await here.redis.get(f"{BASE}s:a") == sound
        await here.deliver(partition)
        assert here.pairs() == here.quiet()
        assert len(await read_transcript(here.redis, "p", HOME, "a", 9)) == 3


class Dying(Partition):
    """Dies whenever it folds one certain event, as over a bug or an exhausted memory."""

    def _fold(self, incoming: Sequence[Incoming], reading: ChunkRead) -> Folded:
        for one in incoming:
            if one.event is not None and one.event.event_id == "b-13":
                raise Crash
        return super()._fold(incoming, reading)


@pytest.mark.expects_errors("trying them one by one", "a worker died at it, alone")
async def test_an_event_at_which_workers_die_is_dead_lettered_and_nothing_else_is(
    redis_url: str,
) -> None:
    rows = [_asks(f"{'ab'[n % 2]}", n) for n in range(30)]
    async with world(redis_url, rows) as here:
        here.kind, deaths = Dying, 0
        while deaths < 10:
            partition = await here.owner()
            try:
                while await here.deliver(partition):
                    here.committed = partition.marked.mark.offset + 1
                break
            except Crash:
                deaths += 1
        assert deaths == 3
        (letter,) = [one for one in here.published if one.topic == DEAD_LETTERS]
        headers = dict(letter.headers)
        assert headers["dead-letter-reason"] == b"poison"
        assert headers["dead-letter-offset"] == b"13"
        assert letter.value == here.log.all[13].value
        without = [one for one in here.log.all if one.offset != 13]
        assert here.pairs() == [
            (o.key, o.value) for o in quiet(without, HOME) if o.topic == DECISIONS
        ]
        # A rebuild skips what `dead-letters` names.
        await here.redis.flushdb()
        found = read_dead_letter(Raw(letter.key, letter.value, letter.headers, 0))
        assert found is not None
        here.log.died_at = {13: (found.digest,)}
        partition = await here.owner()
        while await here.deliver(partition):
            pass
        assert len([one for one in here.published if one.topic == DEAD_LETTERS]) == 1


async def test_bad_events_go_to_dead_letters_with_their_origin_and_the_rest_goes_on(
    redis_url: str,
) -> None:
    rows = [b"not json", _asks("a", 1), b'{"event_id": "x"}', _asks("b", 2)]
    async with world(redis_url, rows) as here:
        await here.drain()
        letters = [dict(one.headers) for one in here.published if one.topic == DEAD_LETTERS]
        found = [(h["dead-letter-reason"], h["dead-letter-offset"]) for h in letters]
        assert found == [(b"not_json", b"0"), (b"missing_id", b"2")]
        assert [key for key, _ in here.pairs()] == [b"a", b"b"]


@pytest.mark.parametrize(
    "rows",
    [
        [b"bad"] * 100,
        [row for n in range(300) for row in (_says("a", n % 60), b"bad")][:500],
    ],
    ids=["a run of 100", "a fifth of a thousand"],
)
async def test_too_many_bad_events_stop_the_worker_before_it_pours_them_out(
    redis_url: str, rows: list[Any]
) -> None:
    async with world(redis_url, rows) as here:
        partition = await here.owner()
        with pytest.raises(TooManyDeadLetters, match="could not be read"):
            await _deliver_all(here, partition)
        refused = [one for one in here.published if one.topic == DEAD_LETTERS]
        assert RUN <= len(refused) < RUN + CHUNK or SHARE <= len(refused) < SHARE + CHUNK
        assert len(here.log.all) - partition.marked.mark.offset - 1 > 0


@pytest.mark.parametrize(("begin", "end", "why"), [(12, 20, "trimmed"), (0, 5, "was cut")])
async def test_a_mark_outside_of_the_log_is_an_error_that_names_itself(
    redis_url: str, begin: int, end: int, why: str
) -> None:
    async with world(redis_url, [_says("a", n) for n in range(10)]) as here:
        await here.drain()
        with pytest.raises(ConfigurationError, match=f"the mark 9 lies outside.*{why}"):
            await here.partition().place(Bounds(begin, end, 10), "now")


async def test_an_idle_partition_notices_that_the_store_went_back(redis_url: str) -> None:
    async with world(redis_url, [_says("a", 1)]) as here:
        partition = await here.owner()
        await here.deliver(partition)
        await partition.marked.check()
        await here.redis.set(f"{BASE}mark", b"-1 somebody")
        with pytest.raises(MarkMoved):
            await partition.marked.check()
        # Whoever gave the partition up no longer cares.
        await partition.marked.close()
        await partition.marked.check()


async def test_timers_wait_until_everything_on_the_log_at_the_takeover_is_folded(
    redis_url: str,
) -> None:
    async with world(redis_url, [_says("a", n) for n in range(3)]) as here:
        partition = await here.owner()
        assert not partition.is_caught_up(0)
        await here.deliver(partition, 2)
        assert not partition.is_caught_up(2)
        await here.deliver(partition, 1)
        assert partition.is_caught_up(0)
