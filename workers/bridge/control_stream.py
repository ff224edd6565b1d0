"""The stream of control messages for senders that have no Kafka client."""

import re
from collections.abc import AsyncIterator
from typing import Final

from aiokafka.errors import KafkaError

from workers.contracts.topics import CONTROL
from workers.kafka.reader import partitions_of, ranges_of, reading
from workers.settings import Settings

MAX_STREAMS: Final = 50
"""Each has a consumer of its own."""
_POSITIONS: Final = re.compile(r"\d{1,5}:\d{1,19}(?:,\d{1,5}:\d{1,19})*")
_WAIT_MS: Final = 1000


class ControlStreams:
    """Streams `conversation-control`, from its beginning or from where a client was."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open = 0

    @property
    def full(self) -> bool:
        """Return whether there are as many streams as there may be."""
        return self._open >= MAX_STREAMS

    async def follow(self, last_event_id: str) -> AsyncIterator[tuple[str, str]]:
        """Yield the id and the JSON of each message for ever; ends when Kafka cannot be read.

        An id says how far each partition was read: a client that returns the last misses nothing.
        """
        self._open += 1
        try:
            async with reading(self._settings) as consumer:
                partitions = await partitions_of(consumer, [CONTROL])
                consumer.assign(partitions)
                ranges = await ranges_of(consumer, partitions)
                wanted = positions_of(last_event_id)
                reached = {}
                for tp, range_ in ranges.items():
                    start = max(range_.start, min(wanted.get(tp.partition, 0), range_.end))
                    consumer.seek(tp, start)
                    reached[tp.partition] = start
                while True:
                    for tp, records in (await consumer.getmany(timeout_ms=_WAIT_MS)).items():
                        for record in records:
                            reached[tp.partition] = record.offset + 1
                            if record.value is not None:
                                yield event_id_of(reached), _one_line(record.value)
        except (TimeoutError, KafkaError):
            # The client connects again, with what it saw last.
            return
        finally:
            self._open -= 1


def positions_of(event_id: str) -> dict[int, int]:
    """Return the offset to read each partition from; without a valid id, the beginning."""
    if not _POSITIONS.fullmatch(event_id):
        return {}
    pairs = (pair.split(":") for pair in event_id.split(","))
    return {int(partition): int(offset) for partition, offset in pairs}


def event_id_of(reached: dict[int, int]) -> str:
    """Return the id that says how far each partition was read."""
    return ",".join(f"{partition}:{offset}" for partition, offset in sorted(reached.items()))


def _one_line(value: bytes) -> str:
    return value.decode("utf-8", "replace").replace("\r", " ").replace("\n", " ")
