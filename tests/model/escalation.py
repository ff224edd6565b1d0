"""The escalation worker's protocol as a generator: every `yield` is an await that may be its last.

`parts` names what is switched on; a test switches each off and expects the search to find harm.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from tests.model.simulated_servers import IDLE, FailStop, Op, Record, Redis, Worker, World
from workers.contracts import ids
from workers.contracts.codec import Raw, decode_event, encode
from workers.contracts.decisions import Decision, Home
from workers.contracts.events import Deadline
from workers.contracts.rejections import Rejected
from workers.contracts.time import from_ms
from workers.conversation.fold import (
    ConversationWrite,
    Folded,
    Incoming,
    OutboxEntry,
    fold_chunk,
    wanted,
)
from workers.conversation.partition_meta import PartitionMeta
from workers.conversation.state import decode_state, next_due

LOG: Final = "conversation-events"
DECISIONS: Final = "escalation-decisions"
GROUP: Final = "handoff-escalation"
HOME: Final = Home(topic=LOG, partition=0)
CHUNK: Final = 4

PARTS: Final = frozenset(
    {
        "start from the mark",
        "mark checked in the read",
        "mark checked in the script",
        "mark read while idle",
        "outbox written with the state",
        "outbox published again at takeover",
        "commit after the acknowledgements",
        "exact set of event ids",
        "an empty Redis is rebuilt from the log",
        "a timer is removed after its event is acknowledged",
        "partition metadata is written with the state",
    }
)

Parts = frozenset[str]


def incoming_of(record: Record) -> Incoming:
    """A record of the log as the worker decodes it."""
    raw = Raw(record.key, record.value, record.headers, record.timestamp)
    try:
        return Incoming(record.offset, record.timestamp, decode_event(raw), raw)
    except Rejected as rejected:
        return Incoming(record.offset, record.timestamp, None, raw, rejected)


class Takeover(NamedTuple):
    """The knowledge of a worker that has just become the owner of the partition."""

    committed: int
    position: int
    end_seen: int
    acknowledged: list[str]
    """Outbox entries that it has published again."""


def escalation_worker(world: World, generation: int, parts: Parts, meta: PartitionMeta) -> Worker:
    """One life of the process, from the assignment of the partition to a crash."""
    taken = yield from _take_over(world, parts)
    position, acknowledged = taken.position, taken.acknowledged
    late = "commit after the acknowledgements" in parts
    while True:
        records = world.topic(LOG)[position : position + CHUNK]
        if not records:
            yield from _while_idle(world, parts, position, taken.end_seen)
            continue
        outputs = yield from _chunk(world, parts, meta, records, taken.committed, acknowledged)
        position += len(records)
        commit = Op("commit", partial(world.commit, GROUP, generation, position))
        if not late:
            yield commit
        acknowledged = []
        for output in outputs:
            yield _publish(world, output)
            acknowledged.append(_name(output))
        if late and position >= taken.committed:
            yield commit


def _take_over(world: World, parts: Parts) -> Generator[Op, Any, Takeover]:
    redis = world.redis
    committed: int = yield Op("read", lambda: world.committed.get(GROUP, 0))
    mark: int | None = yield Op("read", lambda: redis.data.get("mark"))
    end_seen: int = yield Op("read", lambda: len(world.topic(LOG)))
    if mark is not None and mark >= end_seen:
        raise FailStop("mark outside of the log")
    position = committed
    if mark is not None and "start from the mark" in parts:
        position = mark + 1
    if mark is None and "an empty Redis is rebuilt from the log" in parts:
        position = 0
    acknowledged: list[str] = []
    if "outbox published again at takeover" in parts:
        entries: list[tuple[str, OutboxEntry]] = yield Op("read", lambda: _outbox(redis))
        for name, output in entries:
            if output.offset >= committed:
                yield _publish(world, output)
            acknowledged.append(name)
    return Takeover(committed, position, end_seen, acknowledged)


def _chunk(
    world: World,
    parts: Parts,
    meta: PartitionMeta,
    records: list[Record],
    committed: int,
    acknowledged: list[str],
) -> Generator[Op, Any, list[OutboxEntry]]:
    """Read, fold and write one chunk; return what is to be published."""
    redis = world.redis
    incoming = [incoming_of(record) for record in records]
    found, states, known, stored = yield Op("read", partial(_read, redis, wanted(incoming)))
    position = records[0].offset
    expected = position - 1 if position else None
    if "mark checked in the read" in parts and found != expected:
        raise FailStop("the mark that was read is not the end of the chunk before")
    if "exact set of event ids" not in parts:
        known = {}
    folded = fold_chunk(incoming, states, known, stored or meta, HOME)
    outputs = [output for output in folded.outputs if output.offset >= committed]
    changes = _changes(redis, folded, outputs, acknowledged, parts)
    checked = "mark checked in the script" in parts
    done: bool = yield Op("write", partial(_script, redis, changes, expected, checked))
    if not done:
        raise FailStop("the mark that the script found is not the end of the chunk before")
    return outputs


def _while_idle(
    world: World, parts: Parts, position: int, end_seen: int
) -> Generator[Op, Any, None]:
    redis = world.redis
    if "mark read while idle" in parts and position:
        mark = yield Op("read", lambda: redis.data.get("mark"))
        if mark != position - 1:
            raise FailStop("the mark changed while the partition was idle")
    if position < end_seen:
        yield IDLE
        return
    due: list[tuple[str, int]] = yield Op("read", lambda: _due(redis, world.now))
    for conversation_id, at in due:
        blob = yield Op("read", partial(redis.data.get, f"s:{conversation_id}"))
        real = next_due(decode_state(conversation_id, blob))
        if real is None or real > at:
            yield Op("write", partial(redis.write, {f"timer:{conversation_id}": real}))
            continue
        remove = Op("write", partial(_remove_timer, redis, conversation_id, at))
        if "a timer is removed after its event is acknowledged" not in parts:
            yield remove
        event = Deadline(
            event_id=ids.deadline_event_id(conversation_id, at),
            conversation_id=conversation_id,
            occurred_at=from_ms(at),
            type="deadline",
            due_at=from_ms(at),
        )
        value = encode(event)
        yield Op("publish", partial(world.append, LOG, conversation_id.encode(), value))
        if "a timer is removed after its event is acknowledged" in parts:
            yield remove
    if not due:
        yield IDLE


def quiet(records: list[Record], meta: PartitionMeta) -> Folded:
    """Fold a log from its beginning, undisturbed: what every run must amount to."""
    return fold_chunk([incoming_of(record) for record in records], {}, {}, meta, HOME)


def decision_of(record: Record) -> Decision:
    """The decision in a record of its topic."""
    return msgspec.json.decode(record.value, type=Decision)


def _name(output: OutboxEntry) -> str:
    return f"outbox:{output.offset:08d}:{output.n:04d}"


def _outbox(redis: Redis) -> list[tuple[str, OutboxEntry]]:
    return [(key, OutboxEntry(*redis.data[key])) for key in redis.keys("outbox:")]  # type: ignore[misc]


def _bytes(value: Any) -> bytes | None:
    return value if isinstance(value, bytes) else None


def _read(
    redis: Redis, names: dict[str, list[str]]
) -> tuple[Any, dict[str, bytes | None], dict[str, frozenset[str]], PartitionMeta | None]:
    states = {name: _bytes(redis.data.get(f"s:{name}")) for name in names}
    known: dict[str, frozenset[str]] = {}
    for name in names:
        found = redis.data.get(f"i:{name}", frozenset())
        known[name] = found if isinstance(found, frozenset) else frozenset()
    meta: object = redis.data.get("meta")
    stored = meta if isinstance(meta, PartitionMeta) else None
    return redis.data.get("mark"), states, known, stored


def _changes(
    redis: Redis, folded: Folded, outputs: list[OutboxEntry], acknowledged: list[str], parts: Parts
) -> dict[str, Any]:
    changes: dict[str, Any] = dict.fromkeys(acknowledged)
    if "outbox written with the state" in parts:
        changes |= {_name(output): tuple(output) for output in outputs}
    for name, change in folded.changes.items():
        changes |= _conversation(redis, name, change)
    if "partition metadata is written with the state" in parts:
        # Rates are another matter: nothing is decided by them.
        changes["meta"] = msgspec.structs.replace(folded.meta, rates=None)
    changes["mark"] = folded.last_offset
    return changes


def _conversation(redis: Redis, name: str, change: ConversationWrite) -> dict[str, Any]:
    before: Any = frozenset() if change.fresh else redis.data.get(f"i:{name}", frozenset())
    return {
        f"s:{name}": change.blob,
        f"i:{name}": before | frozenset(change.ids),
        f"timer:{name}": change.due,
    }


def _script(redis: Redis, changes: dict[str, Any], expected: int | None, checked: bool) -> bool:
    if checked and redis.data.get("mark") != expected:
        return False
    redis.write(changes)
    return True


def _due(redis: Redis, now: int) -> list[tuple[str, int]]:
    timers = [(key.removeprefix("timer:"), redis.data[key]) for key in redis.keys("timer:")]
    return [(name, at) for name, at in timers if isinstance(at, int) and at <= now]


def _remove_timer(redis: Redis, name: str, at: int) -> None:
    if redis.data.get(f"timer:{name}") == at:
        redis.write({f"timer:{name}": None})


def _publish(world: World, output: OutboxEntry) -> Op:
    def publish() -> None:
        world.append(output.topic, output.key or b"", output.value or b"", output.headers)

    return Op("publish", publish)
