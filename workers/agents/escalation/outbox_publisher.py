"""Output of the escalation agent: effects of the fold, in their order, all acknowledged."""

from collections.abc import Sequence
from typing import Final

from aiokafka.errors import MessageSizeTooLargeError

from workers.agents.shared.dead_letters import say
from workers.contracts.codec import Header, Raw
from workers.contracts.deadletters import fit, read_dead_letter
from workers.contracts.topics import DEAD_LETTERS, DECISIONS
from workers.conversation.fold import OutboxEntry
from workers.runtime import metrics
from workers.runtime.producer import Publish, Record

_SURE_TO_FIT: Final = 900_000
"""Bytes of a record below every broker's default limit."""


async def publish_outputs(publish: Publish, outputs: Sequence[OutboxEntry]) -> None:
    """Return when each output is acknowledged.

    A dead letter that the broker finds too large is cut: it must never hold up what comes after.
    """
    if not outputs:
        return
    try:
        await publish([_record(output) for output in outputs])
    except MessageSizeTooLargeError:
        if not any(_is_cut(output) for output in outputs):
            raise
        await publish([_record(_cut(output)) for output in outputs])
    for output in outputs:
        count(output)


def count(output: OutboxEntry) -> None:
    """Count one output that was acknowledged."""
    metrics.PUBLISHED.labels("escalation", output.topic).inc()
    if output.topic == DECISIONS and output.value is not None:
        metrics.DECISIONS.labels(action_of(output.value)).inc()
    elif output.topic == DEAD_LETTERS:
        letter = read_dead_letter(Raw(output.key, output.value, output.headers, 0))
        if letter is not None:
            say(letter.agent, letter.origin, letter.reason)


def action_of(decision: bytes) -> str:
    """Return the action of an encoded decision."""
    # Names of fields appear unescaped nowhere else in JSON.
    return decision.partition(b'"action":"')[2].partition(b'"')[0].decode()


def _record(output: OutboxEntry) -> Record:
    return Record(output.topic, output.key, output.value, output.partition, output.headers)


def _is_cut(output: OutboxEntry) -> bool:
    return output.topic == DEAD_LETTERS and _fitted(output) is not None


def _fitted(output: OutboxEntry) -> tuple[bytes | None, bytes | None, list[Header]] | None:
    return fit(output.key, output.value, output.headers, _SURE_TO_FIT)


def _cut(output: OutboxEntry) -> OutboxEntry:
    if output.topic != DEAD_LETTERS or (fitted := _fitted(output)) is None:
        return output
    key, value, headers = fitted
    size = str(len(output.value or b"")).encode()
    cut = (*headers, ("dead-letter-cut", size))
    return output._replace(key=key, value=value, headers=cut)
