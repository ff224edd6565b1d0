"""Run the core in Quix Streams, message by message.

The state is its own (RocksDB and a changelog topic) or Redis.

python -m benchmarks.others.quix_job GROUP FOLDER [redis]
"""

import sys
from typing import Any

import redis
from quixstreams import Application, State

from benchmarks.first import first
from workers.contracts.codec import Raw, decode_event
from workers.contracts.decisions import Home
from workers.contracts.events import Event
from workers.contracts.signing import Secrets
from workers.contracts.topics import DECISIONS, EVENTS
from workers.conversation.fold import Folded, Incoming, fold_chunk
from workers.conversation.partition_meta import starting_meta
from workers.data import data_path
from workers.settings import load_settings

GROUP, FOLDER, *IN_REDIS = sys.argv[1:]
HOME = Home(topic=EVENTS, partition=0)
settings = load_settings()
meta = starting_meta((data_path("policies") / "default.yaml").read_text(encoding="utf-8"))
store = redis.Redis.from_url(settings.redis_url or "")


def own_state(
    value: bytes,
    key: Any,
    timestamp: int,
    _headers: Any,
    state: State,
) -> list[bytes]:
    """One message: the state read, the core called, state, transcript and id written."""
    raw, event = _decoded(value, key, timestamp)
    name, event_id = event.conversation_id, event.event_id
    folded = _fold(raw, event, state.get_bytes("s"), state.exists(f"i:{event_id}"))
    if change := folded.changes.get(name):
        state.set_bytes("s", change.blob)
        for turn in change.turns:
            state.set_bytes(f"t:{change.state.turns}", turn)
        state.set(f"i:{event_id}", 1)
    return _values(folded)


def in_redis(value: bytes, key: Any, timestamp: int, _headers: Any) -> list[bytes]:
    """The same with Redis, one exchange to read and one to write."""
    raw, event = _decoded(value, key, timestamp)
    name, event_id = event.conversation_id, event.event_id
    keys = [f"{GROUP}:{kind}:{name}" for kind in ("s", "t", "i")]
    with store.pipeline(transaction=False) as pipe:
        pipe.get(keys[0])
        pipe.sismember(keys[2], event_id)
        stored, known = pipe.execute()
    folded = _fold(raw, event, stored, bool(known))
    if change := folded.changes.get(name):
        with store.pipeline() as pipe:
            pipe.set(keys[0], change.blob)
            if change.turns:
                pipe.rpush(keys[1], *change.turns)
            pipe.sadd(keys[2], event_id)
            pipe.execute()
    return _values(folded)


def _decoded(value: bytes, key: Any, timestamp: int) -> tuple[Raw, Event]:
    first()
    raw = Raw(key, value, (), timestamp)
    return raw, decode_event(raw, Secrets())


def _fold(raw: Raw, event: Event, stored: bytes | None, known: bool) -> Folded:
    name = event.conversation_id
    ids = {name: {event.event_id} if known else set()}
    one = Incoming(0, raw.timestamp_ms, event, raw)
    return fold_chunk([one], {name: stored}, ids, meta, HOME)


def _values(folded: Folded) -> list[bytes]:
    return [output.value or b"" for output in folded.outputs]


def main() -> None:
    """Run until killed."""
    app = Application(
        broker_address=settings.kafka_bootstrap,
        consumer_group=GROUP,
        auto_offset_reset="earliest",
        commit_interval=0.5,
        state_dir=FOLDER,
        auto_create_topics=True,
        loglevel="WARNING",
    )
    events = app.topic(EVENTS, key_deserializer="bytes", value_deserializer="bytes")
    out = app.topic(DECISIONS, key_serializer="bytes", value_serializer="bytes")
    frame = app.dataframe(events)
    if IN_REDIS:
        frame = frame.apply(in_redis, metadata=True, expand=True)
    else:
        frame = frame.apply(own_state, stateful=True, metadata=True, expand=True)
    frame.to_topic(out)
    app.run()


if __name__ == "__main__":
    main()
