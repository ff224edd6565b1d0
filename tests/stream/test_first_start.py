"""The very first start of a partition: nothing before it is ever decided."""

from tests.support.partition_harness import (
    BASE,
    HOME,
    asks,
    decisions,
    deliver_all,
    dump,
    record,
    says,
    world,
)
from workers.agents.escalation.log_reader import HandedOver
from workers.runtime.placing import Bounds
from workers.stores.partition_store import read_transcript


async def test_what_lies_before_the_very_first_start_is_known_and_never_decided(
    redis_url: str,
) -> None:
    rows = [asks("a", 1), says("b", 2, "my name is Ada"), asks("c", 3)]
    async with world(redis_url, rows) as here:
        here.start = "now"
        # One that dies before its first commit leaves behind where it began to publish.
        await here.partition().place(Bounds(0, 3, None), "now")
        partition = await here.owner()
        assert here.committed == 3
        while await here.deliver(partition, 2):
            pass
        assert here.published == []
        here.log.all += [record(3, asks("b", 4)), record(4, asks("a", 5))]
        await here.deliver(partition)
        escalated = {d["conversation_id"]: d for d in decisions(here)}
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
    rows = [says("a", 1), asks("a", 2) | person, says("b", 3), asks("b", 4) | person]
    async with world(redis_url, rows) as here:
        here.start = "now"
        partition = await here.owner()
        await deliver_all(here, partition)
        assert here.published == []
        here.log.all += [record(4, asks("a", 5)), record(5, asks("b", 6) | person)]
        await here.deliver(partition)
        told = [(d["conversation_id"], d["action"], d["owner"]) for d in decisions(here)]
        # Nobody could give back what no desk ever heard of; a person who goes on is heard again.
        assert told == [("a", "escalate", "pending"), ("b", "claim", "person")]


async def test_a_chunk_that_crosses_the_very_first_start_is_decided_from_there_on(
    redis_url: str,
) -> None:
    rows = [asks("a", 1), asks("b", 2), asks("c", 3), asks("d", 4)]
    async with world(redis_url, rows) as here:
        here.log.window, here.start = 2, 1_900_000_000_002
        partition = await here.owner()
        here.log.window = 0
        assert here.committed == 2
        assert partition.marked.mark.offset == 1
        await here.deliver(partition)
        assert [d["conversation_id"] for d in decisions(here)] == ["c", "d"]


async def test_a_rebuild_decides_nothing_of_before_the_very_first_start(redis_url: str) -> None:
    person = {"role": "human_agent", "content": "Anna here.", "agent": {"id": "anna"}}
    rows = [asks("a", 1), asks("b", 2) | person, asks("c", 3), asks("c", 4) | person]
    async with world(redis_url, rows) as here:
        here.start = "now"
        await here.drain()
        assert (here.committed, here.first, here.published) == (4, 4, [])
        here.log.all += [record(4, says("a", 5)), record(5, asks("d", 6))]
        await here.drain()
        before, decided = await dump(here.redis, f"{BASE}[sti]:*"), here.pairs()
        assert [key for key, _ in decided] == [b"d"]
        await here.redis.flushdb()
        # A conversation of before is folded beside the others when it is older than the window.
        here.log.window, here.log.ledger = 3, [HandedOver(name, 0) for name in "abc"]
        await here.drain()
        assert here.pairs() == decided * 2
        assert await dump(here.redis, f"{BASE}[sti]:*") == before
