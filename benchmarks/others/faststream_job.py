"""FastStream, by batches: the core is called and the store written as the worker does it.

python -m benchmarks.others.faststream_job GROUP
"""

import asyncio
import logging
import sys
from typing import Any

import uvloop
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker, KafkaMessage

from benchmarks.first import first
from workers.agents.escalation.decoding import decode
from workers.contracts.decisions import Home
from workers.contracts.signing import Secrets
from workers.contracts.topics import EVENTS
from workers.conversation.fold import fold_chunk, wanted
from workers.conversation.partition_meta import starting_meta
from workers.data import data_path
from workers.settings import load_settings
from workers.stores.connection import connect
from workers.stores.partition_store import PartitionStore, Writes, outbox_field

GROUP = sys.argv[1]
settings = load_settings()
redis = connect(settings)
broker = KafkaBroker(settings.kafka_bootstrap, acks="all", enable_idempotence=True)
policy = (data_path("policies") / "default.yaml").read_text(encoding="utf-8")


class Part:
    """One partition of the log."""

    def __init__(self, number: int) -> None:
        self.home = Home(topic=EVENTS, partition=number)
        self.store = PartitionStore(redis, settings.redis_prefix, self.home, "other")
        self.meta = starting_meta(policy)
        self.mark: Any = None
        self.acked: list[str] = []

    async def apply(self, records: list[Any]) -> None:
        """Decode, read, fold, write, publish."""
        incoming = [decode(record, Secrets()) for record in records]
        reading = await self.store.read(records[0].offset, wanted(incoming))
        folded = fold_chunk(incoming, reading.states, reading.known, self.meta, self.home)
        mark = self.store.next_mark(folded.last_offset)
        writes = Writes(folded.changes, folded.outputs, self.acked)
        assert await self.store.apply(self.mark, mark, writes)
        self.mark, self.meta = mark, folded.meta
        for output in folded.outputs:
            await broker.publish(output.value, topic=output.topic, key=output.key, no_confirm=True)
        self.acked = [*map(outbox_field, folded.outputs)]


parts: dict[int, Part] = {}


@broker.subscriber(
    EVENTS,
    batch=True,
    group_id=GROUP,
    auto_offset_reset="earliest",
    max_records=500,
    ack_policy=AckPolicy.ACK,
)
async def on_batch(message: KafkaMessage) -> None:
    """One fetched batch, of several partitions maybe."""
    first()
    found: dict[int, list[Any]] = {}
    for record in message.raw_message:
        found.setdefault(record.partition, []).append(record)
    for number in found:
        if number not in parts:
            parts[number] = Part(number)
    await asyncio.gather(*(parts[number].apply(some) for number, some in found.items()))


async def main() -> None:
    """Run until killed."""
    await FastStream(broker).run(log_level=logging.WARNING)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
