"""The keys of a partition: everything of a chunk at once, and only under the mark that was read."""

import time
from collections.abc import AsyncIterator

import msgspec
import pytest
from redis.asyncio import Redis

from workers.contracts.decisions import Home, Turn
from workers.conversation.fold import ConversationWrite, OutboxEntry
from workers.conversation.state import Escalation, State, encode_state
from workers.stores.partition_store import (
    KEEP_MS,
    Mark,
    PartitionStore,
    Writes,
    base_key,
    read_transcript,
)

HOME = Home(topic="conversation-events", partition=3)
BASE = base_key("p", HOME)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """Return a client of this test's own database."""
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def store(redis: Redis) -> PartitionStore:
    """Return the store of one owner of the partition."""
    return PartitionStore(redis, "p", HOME, "me")


def _change(
    text: str = "hello",
    *,
    ids: list[str] | None = None,
    due: int | None = None,
    is_open: bool = False,
    fresh: bool = False,
) -> ConversationWrite:
    state = State(turns=1, subject=text)
    if due is not None:
        state.deadlines = (("claim", due),)
    if is_open:
        state.open = Escalation("x", "explicit_request", None, "e", 1)
    turn = msgspec.msgpack.encode(Turn("e", 1, "customer", text))
    return ConversationWrite(state, encode_state(state), fresh, [turn], ids or ["e"])


def _output(offset: int, n: int = 0) -> OutboxEntry:
    return OutboxEntry(offset, n, "out", b"\xffkey", b"\x00\xfe value", None, (("h", b"\x80"),))


async def _begin(store: PartitionStore, offset: int = 9) -> Mark:
    mark = store.next_mark(offset)
    assert await store.apply(None, mark, Writes())
    return mark


async def test_what_a_chunk_wrote_is_what_the_next_one_reads(store: PartitionStore) -> None:
    mark = store.next_mark(20)
    one, two = _change("one", ids=["a", "b"]), _change("two \xe9\U0001f600", ids=["c"])
    await _begin(store)
    first = (await store.head()).mark
    assert await store.apply(
        first,
        mark,
        Writes(
            changes={"k1": one, "k\xe9": two},
            outputs=[_output(12, 1), _output(12), _output(2)],
            meta={"policy": b"\x00\xff"},
        ),
    )
    reading = await store.read(21, {"k1": ["a", "x", "b"], "new": ["a"], "k\xe9": ["c"]})
    assert reading.mark == mark
    assert reading.states == {"k1": one.blob, "new": None, "k\xe9": two.blob}
    assert reading.known == {"k1": {"a", "b"}, "k\xe9": {"c"}}
    head = await store.head()
    assert head.mark == mark
    assert head.meta == {"policy": b"\x00\xff"}
    assert head.outbox == [_output(2), _output(12), _output(12, 1)]


async def test_under_another_mark_nothing_is_written(redis: Redis, store: PartitionStore) -> None:
    first = await _begin(store)
    zombie = PartitionStore(redis, "p", HOME, "zombie")
    assert await store.apply(first, store.next_mark(15), Writes(changes={"k": _change("mine")}))
    before = {key: await redis.dump(key) for key in await redis.keys()}
    # The same records, folded by somebody who does not know that they are applied.
    assert not await zombie.apply(
        first, zombie.next_mark(15), Writes(changes={"k": _change("theirs")}, outputs=[_output(15)])
    )
    assert not await zombie.apply(None, zombie.next_mark(15), Writes(meta={"policy": b""}))
    assert {key: await redis.dump(key) for key in await redis.keys()} == before


async def test_a_repetition_after_a_lost_answer_changes_nothing(
    redis: Redis, store: PartitionStore
) -> None:
    first, mark = await _begin(store), store.next_mark(15)
    writes = Writes(changes={"k": _change()}, outputs=[_output(15)])
    assert await store.apply(first, mark, writes)
    assert await store.apply(first, mark, writes)
    assert await redis.llen(f"{BASE}t:k") == 1


async def test_two_round_trips_for_five_hundred_messages(
    redis: Redis, store: PartitionStore
) -> None:
    first = await _begin(store)
    wanted = {f"conversation-{n}": [f"event-{n}-{m}" for m in range(2)] for n in range(250)}
    await store.read(10, wanted)
    await store.head()

    async def requests() -> int:
        # What scripts call is counted as commands, what clients send as events of the server.
        stats = await redis.info("commandstats")
        return int(stats.get("cmdstat_evalsha", {}).get("calls", 0)) + sum(
            int(stats.get(f"cmdstat_{name}", {}).get("calls", 0))
            for name in ("eval", "script|load")
        )

    await redis.config_resetstat()
    changes = {name: _change(ids=ids) for name, ids in wanted.items()}
    await store.read(10, wanted)
    assert await store.apply(first, store.next_mark(509), Writes(changes=changes))
    assert await requests() == 2


async def test_keys_live_longer_than_the_log_and_for_ever_while_an_escalation_is_open(
    redis: Redis, store: PartitionStore
) -> None:
    mark = await _begin(store)
    keys = [f"{BASE}{kind}:k" for kind in ("s", "t", "i")]
    for is_open in (False, True, False):
        after = store.next_mark(mark.offset + 1)
        assert await store.apply(mark, after, Writes(changes={"k": _change(is_open=is_open)}))
        mark = after
        lives = [await redis.pttl(key) for key in keys]
        if is_open:
            assert lives == [-1, -1, -1]
        else:
            assert all(KEEP_MS - 10_000 < life <= KEEP_MS for life in lives)
    assert await redis.pttl(f"{BASE}mark") == -1


async def test_a_conversation_that_begins_anew_leaves_nothing_behind(
    redis: Redis, store: PartitionStore
) -> None:
    mark = await _begin(store)
    for offset, change in ((10, _change("old", ids=["a"])), (11, _change("new", fresh=True))):
        after = store.next_mark(offset)
        assert await store.apply(mark, after, Writes(changes={"k": change}))
        mark = after
    turns = await read_transcript(redis, "p", HOME, "k", 5)
    assert [turn.content for turn in turns] == ["new"]
    assert (await store.read(12, {"k": ["a", "e"]})).known == {"k": {"e"}}


async def test_a_transcript_up_to_a_decision_and_its_last_turns(
    redis: Redis, store: PartitionStore
) -> None:
    mark = await _begin(store)
    change = _change()
    change.turns = [msgspec.msgpack.encode(Turn(f"e{n}", n, "customer", "")) for n in range(300)]
    assert await store.apply(mark, store.next_mark(10), Writes(changes={"k": change}))
    turns = await read_transcript(redis, "p", HOME, "k", 250)
    assert [turn.at for turn in turns] == [*range(50, 250)]
    assert [t.at for t in await read_transcript(redis, "p", HOME, "k", 3)] == [0, 1, 2]
    assert await read_transcript(redis, "p", HOME, "k", 0) == []
    assert await read_transcript(redis, "p", HOME, "nobody", 3) == []


async def test_timers_follow_the_state_and_end_only_as_they_were_found(
    store: PartitionStore,
) -> None:
    mark, now = await _begin(store), int(time.time() * 1000)
    for offset, due in ((10, now - 5), (11, now - 3), (12, None), (13, now - 1)):
        after = store.next_mark(offset)
        assert await store.apply(mark, after, Writes(changes={"k": _change(due=due)}))
        mark = after
        assert await store.due(now, 10) == ([] if due is None else [("k", due)])
    await store.settle("k", now - 3)
    assert await store.due(now, 10) == [("k", now - 1)]
    await store.settle("k", now - 1)
    assert await store.due(now, 10) == []


async def test_the_outbox_forgets_what_was_acknowledged(store: PartitionStore) -> None:
    mark = await _begin(store)
    after = store.next_mark(12)
    assert await store.apply(mark, after, Writes(outputs=[_output(11), _output(12)]))
    assert await store.apply(after, store.next_mark(13), Writes(dropped=["11:0"]))
    assert (await store.head()).outbox == [_output(12)]


async def test_deaths_are_counted_by_owner_until_the_chunk_is_applied(redis: Redis) -> None:
    def owner(name: str) -> PartitionStore:
        return PartitionStore(redis, "p", HOME, name)

    mark = await _begin(owner("first"))
    for number in range(3):
        for _ in range(2):
            # The same owner asking again, as after a lost answer, is no death.
            assert (await owner(f"o{number}").read(10, {})).deaths == number
    await owner("o2").forgive()
    assert (await owner("o3").read(10, {})).deaths == 0
    last = owner("o4")
    assert (await last.read(10, {})).deaths == 1
    assert await last.apply(mark, last.next_mark(10), Writes())
    assert (await owner("o5").read(11, {})).deaths == 0


async def test_records_tried_alone_are_so_until_the_last_of_them(redis: Redis) -> None:
    store = PartitionStore(redis, "p", HOME, "me")
    mark = await _begin(store)
    await store.read(10, {})
    await store.try_alone(10, 12)
    for offset in (10, 11, 12, 13):
        reading = await store.read(offset, {})
        assert (reading.deaths, reading.alone) == (0, 12 if offset < 13 else -1)
        after = store.next_mark(offset)
        assert await store.apply(mark, after, Writes())
        mark = after


async def test_clearing_takes_this_partition_alone(redis: Redis, store: PartitionStore) -> None:
    other = PartitionStore(redis, "p", Home(topic="conversation-events", partition=33), "me")
    for one in (store, other):
        mark = await _begin(one)
        assert await one.apply(mark, one.next_mark(10), Writes(changes={"k[1]*": _change()}))
    assert await store.clear() == 4
    assert (await store.head()).mark is None
    assert (await other.read(11, {"k[1]*": ["e"]})).known == {"k[1]*": {"e"}}
