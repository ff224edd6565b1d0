"""Quix Streams with its own state (RocksDB and a changelog topic): the core, message by message.

python -m benchmarks.others.quix_job GROUP FOLDER
"""

import sys
from typing import Any

from quixstreams import Application, State

from benchmarks.first import first
from workers.contracts.codec import Raw, decode_event
from workers.contracts.decisions import Home
from workers.contracts.signing import Secrets
from workers.contracts.topics import DECISIONS, EVENTS
from workers.conversation.chunk import Incoming, Output, fold_chunk
from workers.conversation.meta import starting_meta
from workers.data import data_path
from workers.settings import load_settings

GROUP, FOLDER = sys.argv[1:]
HOME = Home(topic=EVENTS, partition=0)
settings = load_settings()
meta = starting_meta((data_path("policies") / "default.yaml").read_text(encoding="utf-8"))


def apply(
    value: bytes,
    key: Any,
    timestamp: int,
    _headers: Any,
    state: State,
) -> list[bytes]:
    """One message: the state read, the core called, state, transcript and id written."""
    first()
    raw = Raw(key, value, (), timestamp)
    event = decode_event(raw, Secrets())
    name = event.conversation_id
    known = {event.event_id} if state.exists(f"i:{event.event_id}") else set()
    one = Incoming(0, timestamp, event, raw)
    folded = fold_chunk([one], {name: state.get_bytes("s")}, {name: known}, meta, HOME)
    if change := folded.changes.get(name):
        state.set_bytes("s", change.blob)
        for turn in change.turns:
            state.set_bytes(f"t:{change.state.turns}", turn)
        state.set(f"i:{event.event_id}", 1)
    return [_value(output) for output in folded.outputs]


def _value(output: Output) -> bytes:
    return output.value or b""


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
    frame = frame.apply(apply, stateful=True, metadata=True, expand=True)
    frame.to_topic(out)
    app.run()


if __name__ == "__main__":
    main()
