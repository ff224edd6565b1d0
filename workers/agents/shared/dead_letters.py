"""Records that an agent cannot use: dead-lettered, logged by place alone, and counted."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka import ConsumerRecord
from faust.types import TP

from workers.contracts.codec import Raw
from workers.contracts.deadletters import Origin, dead_letter
from workers.contracts.rejections import Rejected
from workers.contracts.topics import DEAD_LETTERS
from workers.runtime import metrics
from workers.runtime.dead_letter_limit import DeadLetterLimit, Refusal, refusal
from workers.runtime.producer import Producer, Record

logger: Final = logging.getLogger(__name__)


async def refuse(
    agent: str,
    tp: TP,
    records: Sequence[ConsumerRecord],
    refused: Mapping[int, Rejected],
    limit: DeadLetterLimit,
    producer: Producer,
) -> None:
    """Dead-letter the records whose offsets are in `refused`; to be called for every chunk.

    Raises TooManyDeadLetters when they are too many, after they were written to `dead-letters`.
    """
    letters: list[Record] = []
    counted: list[Refusal | None] = []
    for record in records:
        rejected = refused.get(record.offset)
        if rejected is None:
            counted.append(None)
            continue
        raw = Raw(record.key, record.value, record.headers, record.timestamp)
        origin = Origin(tp.topic, tp.partition, record.offset)
        key, value, headers = dead_letter(origin, raw, rejected.reason, rejected.detail, agent)
        letters.append(Record(DEAD_LETTERS, key, value, None, headers))
        counted.append(refusal(origin, raw, rejected))
        say(agent, origin, rejected.reason)
    if letters:
        await producer.publish(letters)
    limit.add(counted)


def say(agent: str, origin: Origin, reason: str) -> None:
    """Log and count one dead letter."""
    topic, partition, offset = origin
    logger.warning("%s[%d]@%d: dead letter: %s", topic, partition, offset, reason)
    metrics.DEAD_LETTERS.labels(agent, reason).inc()
