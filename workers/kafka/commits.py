"""Commits of a consumer group: an offset, and beside it the offset of the very first start.

The place of the first start decides what a rebuild may publish. It stands in Kafka, because it is
needed when Redis has lost everything.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from workers.kafka import aiokafka_internals
from workers.settings import Settings, kafka_client_kwargs

_FIRST: Final = re.compile(r"first=([0-9]{1,18})\Z")


class Commit(NamedTuple):
    """The committed values of one partition."""

    offset: int
    first: int | None
    """Offset at which the very first start began; None if the commit does not contain it."""


class OriginConsumer(AIOKafkaConsumer):  # type: ignore[misc]
    """A consumer whose commits tell where the very first start began, as far as it is known."""

    def __init__(self, origins: Mapping[Any, int], **kwargs: Any) -> None:
        self._origins = origins
        super().__init__(**kwargs)

    async def commit(self, offsets: Mapping[TopicPartition, tuple[int, str]] | None = None) -> None:
        """Commit offsets, each with the origin of its partition."""
        if offsets is not None:
            offsets = {
                tp: OffsetAndMetadata(offset, origin_text(self._origins.get(tp)))
                for tp, (offset, _) in offsets.items()
            }
        await super().commit(offsets)


def origin_text(first: int | None) -> str:
    """Return what stands beside a committed offset."""
    return "" if first is None else f"first={first}"


async def commits_of(
    consumer: AIOKafkaConsumer, tps: Collection[Any]
) -> dict[TopicPartition, Commit]:
    """Return what the consumer's group has committed of those partitions that it has read."""
    found = await aiokafka_internals.commits(consumer, tps)
    return {tp: Commit(one.offset, _first(one.metadata)) for tp, one in found.items()}


def _first(text: str | None) -> int | None:
    told = _FIRST.match(text or "")
    return int(told[1]) if told else None


async def reset(settings: Settings, group: str, offsets: Mapping[TopicPartition, Commit]) -> None:
    """Commit these offsets for a group without members; KafkaError when it has some."""
    origins = {tp: one.first for tp, one in offsets.items() if one.first is not None}
    consumer = OriginConsumer(
        origins, **kafka_client_kwargs(settings), group_id=group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign([*offsets])
        await consumer.commit({tp: (one.offset, "") for tp, one in offsets.items()})
    finally:
        await aiokafka_internals.stop(consumer)
