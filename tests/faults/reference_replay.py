"""The quiet replay: the same log through the same fold, with no servers and nobody to fail."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from aiokafka import ConsumerRecord

from workers.contracts.codec import Raw, decode_event
from workers.contracts.decisions import Home
from workers.contracts.events import PolicyInForce
from workers.contracts.rejections import Rejected
from workers.contracts.signing import Secrets
from workers.conversation.fold import Incoming, OutboxEntry, fold_chunk
from workers.conversation.partition_meta import starting_meta

_CHUNK: Final = 500


@dataclass
class Kept:
    """The data that the store must have of one conversation."""

    blob: bytes = b""
    turns: list[bytes] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)


@dataclass
class Quiet:
    """The results of one partition of the log."""

    outputs: list[OutboxEntry] = field(default_factory=list)
    kept: dict[str, Kept] = field(default_factory=dict)
    events: int = 0
    again: int = 0
    """Events whose id had come before."""
    rejected: dict[int, str] = field(default_factory=dict)
    came: dict[tuple[str, str], int] = field(default_factory=dict)
    """The time at which the log first took each event, by conversation and id."""


def replay(
    home: Home,
    records: Sequence[ConsumerRecord],
    secrets: Secrets,
    policy: str,
    poison: Collection[int],
) -> Quiet:
    """Fold a whole partition; `policy` holds before the log's first policy event."""
    quiet = Quiet(events=len(records))
    incoming = [_incoming(record, secrets, poison) for record in records]
    first = next((i.event for i in incoming if isinstance(i.event, PolicyInForce)), None)
    meta = starting_meta(policy if first is None else first.policy)
    quiet.rejected = {i.offset: i.rejected.reason for i in incoming if i.rejected is not None}
    for one in incoming:
        if one.event is not None:
            pair = (one.event.conversation_id, one.event.event_id)
            quiet.again += pair in quiet.came
            quiet.came.setdefault(pair, one.timestamp_ms)
    for chunk in _chunks(incoming):
        states: Mapping[str, bytes | None] = {n: k.blob for n, k in quiet.kept.items()}
        known = {name: kept.ids for name, kept in quiet.kept.items()}
        folded = fold_chunk(chunk, states, known, meta, home)
        meta = folded.meta
        quiet.outputs += folded.outputs
        for name, change in folded.changes.items():
            if change.fresh:
                quiet.kept[name] = Kept()
            kept = quiet.kept.setdefault(name, Kept())
            kept.blob = change.blob
            kept.turns += change.turns
            kept.ids.update(change.ids)
    return quiet


def _chunks(incoming: Sequence[Incoming]) -> Iterator[Sequence[Incoming]]:
    for start in range(0, len(incoming), _CHUNK):
        yield incoming[start : start + _CHUNK]


def _incoming(record: ConsumerRecord, secrets: Secrets, poison: Collection[int]) -> Incoming:
    raw = Raw(record.key, record.value, record.headers, record.timestamp)
    offset, at = record.offset, record.timestamp
    if offset in poison:
        return Incoming(offset, at, None, raw, Rejected("poison", "event: in dead-letters"))
    try:
        signed = secrets.at(record.topic, record.partition)
        return Incoming(offset, at, decode_event(raw, signed), raw)
    except Rejected as rejected:
        return Incoming(offset, at, None, raw, rejected)


def decisions_in(outputs: Iterable[OutboxEntry], topic: str) -> dict[bytes, None]:
    """The values that a topic must have, in their order."""
    return {output.value: None for output in outputs if output.topic == topic and output.value}
