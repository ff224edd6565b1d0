"""Facts about a cluster beside its topics: codecs, rights, its newest record."""

from typing import Final

from aiokafka import codec
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError, for_code

from workers.contracts.topics import EVENTS
from workers.kafka.reader import Range, partitions_of, ranges_of, read, reading
from workers.settings import Settings, kafka_client_kwargs

_GROUPS: Final = ("handoff-escalation", "handoff-routing", "handoff-desk")


def codecs_missing() -> list[str]:
    """Return the codecs of batches that this installation cannot read."""
    readable = {
        "gzip": codec.has_gzip(),
        "snappy": codec.has_snappy(),
        "lz4": codec.has_lz4(),
        "zstd": codec.has_zstd(),
    }
    return [name for name, there in readable.items() if not there]


async def group_problems(settings: Settings) -> list[str]:
    """Return which of our consumer groups may not be described, and why."""
    admin = AIOKafkaAdminClient(**kafka_client_kwargs(settings))
    await admin.start()
    try:
        problems = []
        for group in _GROUPS:
            try:
                for response in await admin.describe_consumer_groups([group]):
                    problems += [
                        f"group {name}: {for_code(code).description}: docs/security.md lists rights"
                        for code, name, *_ in response.groups
                        if code
                    ]
            except IncompatibleBrokerVersion:
                # The embedded broker knows no such request.
                return []
            except KafkaError as error:
                problems.append(f"group {group}: {error}: docs/security.md lists rights")
        return problems
    finally:
        await admin.close()


async def partition_count(settings: Settings, topic: str) -> int:
    """Return how many partitions a topic has; 0 when it is not there."""
    async with reading(settings) as consumer:
        return len(await partitions_of(consumer, [topic]))


async def newest_timestamp(settings: Settings) -> int | None:
    """Return the greatest of the last records' timestamps on the log, in milliseconds; or None."""
    async with reading(settings) as consumer:
        ranges = await ranges_of(consumer, await partitions_of(consumer, [EVENTS]))
    last = {
        tp: Range(found.end - 1, found.end)
        for tp, found in ranges.items()
        if found.end > found.start
    }
    newest = None
    async for _, records in read(settings, last):
        newest = max(newest or 0, *(record.timestamp for record in records))
    return newest
