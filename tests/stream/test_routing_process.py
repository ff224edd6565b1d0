"""The routing agent as a process that is killed and started again."""

import asyncio
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.support.forked import forked_worker
from tests.support.routing_builders import decision
from tests.support.routing_harness import Bench, Publisher
from workers.contracts.codec import encode
from workers.contracts.decisions import Decision
from workers.contracts.handoffs import Claimed, Handoff
from workers.contracts.topics import DECISIONS, load_topics
from workers.data import data_path
from workers.embedded import EmbeddedStack
from workers.embedded.workers import EMBEDDED_SETTINGS
from workers.runtime.producer import Record
from workers.settings import load_settings

QUEUES = ("billing", "security", "retention", "urgent_queue")
COUNT = 120


def story(number: int) -> list[Decision]:
    """Return the decisions of one conversation; every third is claimed."""
    first = decision(f"c-{number}", target_queue=QUEUES[number % 4])
    if number % 3:
        return [first]
    name = first.target_queue
    claim = decision(
        first.conversation_id,
        first.seq + 1,
        action="claim",
        owner="person",
        queue=name,
        place="queue",
        person="anna",
    )
    return [first, claim]


async def committed(bootstrap: str) -> bool:
    """Return whether the routing agent has committed everything."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id="handoff-routing", enable_auto_commit=False
    )
    await consumer.start()
    try:
        tps = [TopicPartition(DECISIONS, number) for number in range(4)]
        ends = await consumer.end_offsets(tps)
        return all([(await consumer.committed(tp) or 0) >= ends[tp] for tp in tps])
    finally:
        await consumer.stop()


async def test_killed_in_the_middle(tmp_path: Path) -> None:
    topics = load_topics(data_path("topics.yaml").read_text(), "topics.yaml")
    with EmbeddedStack() as servers:
        servers.kafka.ensure_topics(topics.topics)
        environment = {
            "KAFKA_BOOTSTRAP": servers.bootstrap,
            "REDIS_URL": servers.redis_url,
            **EMBEDDED_SETTINGS,
        }
        settings = load_settings(kafka_bootstrap=servers.bootstrap, redis_url=servers.redis_url)
        everything = [one for number in range(COUNT) for one in story(number)]
        async with Publisher(servers.bootstrap) as publisher:
            bench = Bench(settings, topics, publisher)
            records = [Record(DECISIONS, d.conversation_id.encode(), encode(d)) for d in everything]
            worker = forked_worker("routing", environment, tmp_path / "routing.log")
            with worker:
                await publisher.publish(records[:40])
                await placed(bench, 20)
                await publisher.publish(records[40:])
                await placed(bench, 50)
                await asyncio.to_thread(worker.kill)
                worker.start()
                async with asyncio.timeout(120):
                    while not await committed(servers.bootstrap):  # noqa: ASYNC110 - Kafka tells nobody
                        await asyncio.sleep(0.2)
            await check(bench, everything)
            await bench.redis.aclose()


async def placed(bench: Bench, goal: int) -> None:
    """Wait until so many escalations are on the ledger's topic."""
    async with asyncio.timeout(120):
        while len({one.conversation_id for one in await bench.ledger_topic()}) < goal:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def check(bench: Bench, everything: list[Decision]) -> None:
    """Check that all was done, and nothing twice in two ways."""
    packets: dict[str, set[tuple[str, str]]] = {}
    claimed = set()
    for name in QUEUES:
        for message in await bench.queue(name):
            if isinstance(message, Handoff):
                packets.setdefault(message.conversation_id, set()).add((name, message.packet_id))
            elif isinstance(message, Claimed):
                claimed.add(message.conversation_id)
    firsts = [one for one in everything if one.action == "escalate"]
    assert {name: {queue for queue, _ in found} for name, found in packets.items()} == {
        one.conversation_id: {one.target_queue} for one in firsts
    }
    assert all(len(found) == 1 for found in packets.values()), "one packet id each"
    claims = {one.conversation_id for one in everything if one.action == "claim"}
    assert claimed == claims
    assert {(told.conversation_id, told.seq) for told in await bench.told()} == {
        (one.conversation_id, one.seq) for one in everything
    }
    assert {routed.decision_id for routed in await bench.routed()} == {
        one.decision_id for one in firsts
    }
    waiting = {name for members in (await bench.waiting()).values() for name in members}
    assert waiting == {str(o.escalation_id) for o in firsts if o.conversation_id not in claims}
