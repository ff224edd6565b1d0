"""Cost of building one packet, for conversations of several lengths."""

import time

import msgspec

from benchmarks.growth import HOME, incoming
from benchmarks.memory import asking
from workers.contracts.codec import decode_message
from workers.contracts.decisions import Decision, Turn
from workers.contracts.topics import DECISIONS
from workers.conversation.fold import fold_chunk
from workers.conversation.partition_meta import starting_meta
from workers.data import data_path
from workers.handoff.packet import build_packet


def packet_us(length: int) -> float:
    """CPU µs of a packet about a conversation of so many turns."""
    meta = starting_meta((data_path("policies") / "default.yaml").read_text(encoding="utf-8"))
    some = [*(incoming("talk", number) for number in range(length - 1)), asking("talk", length - 1)]
    folded = fold_chunk(some, {}, {}, meta, HOME)
    values = [output.value for output in folded.outputs if output.topic == DECISIONS]
    decision = decode_message(Decision, values[-1])
    turns = [msgspec.msgpack.decode(turn, type=Turn) for turn in folded.changes["talk"].turns]
    count = 2_000 // (length + 10)
    started = time.process_time()
    for _ in range(count):
        build_packet(decision.facts, turns, decision, "standard")
    return 1e6 * (time.process_time() - started) / count
