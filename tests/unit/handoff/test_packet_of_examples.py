"""Packets of the example conversations: true and to the point, whatever they are about."""

from functools import cache

import msgspec
import orjson
import pytest

from tests.support.packet_checks import require_carried, require_honest
from workers.chatlogs.convert import import_conversation
from workers.contracts.codec import Raw, decode_event, decode_message
from workers.contracts.decisions import Decision, Home, Turn
from workers.contracts.time import to_ms
from workers.contracts.topics import DECISIONS
from workers.conversation.fold import Incoming, fold_chunk
from workers.conversation.partition_meta import starting_meta
from workers.data import data_path
from workers.handoff.frames import languages
from workers.handoff.packet import build_packet

HOME = Home(topic="conversation-events", partition=0)
LOGS = (data_path("policies").parent / "examples" / "conversations.jsonl").read_bytes().splitlines()


@cache
def decided(number: int) -> tuple[tuple[Decision, ...], tuple[Turn, ...]]:
    """The escalations of one example and its turns."""
    imported = import_conversation(orjson.loads(LOGS[number]), number)
    incoming = []
    for offset, value in enumerate(imported.events):
        raw = Raw(imported.conversation_id.encode(), value, (), 1 << 45)
        event = decode_event(raw)
        incoming.append(Incoming(offset, to_ms(event.occurred_at), event, raw))
    meta = starting_meta((data_path("policies") / "default.yaml").read_text(), observe=False)
    folded = fold_chunk(incoming, {}, {}, meta, HOME, keeps_time=True)
    values = [output.value for output in folded.outputs if output.topic == DECISIONS]
    decisions = [decode_message(Decision, value) for value in values]
    turns = folded.changes[imported.conversation_id].turns
    return (
        tuple(one for one in decisions if one.action in ("escalate", "offer")),
        tuple(msgspec.msgpack.decode(turn, type=Turn) for turn in turns),
    )


@pytest.mark.parametrize("language", sorted(languages()))
@pytest.mark.parametrize("number", range(len(LOGS)))
def test_a_packet_says_what_is_true_in_every_language(number: int, language: str) -> None:
    decisions, turns = decided(number)
    for one in decisions:
        seen = turns[: one.facts.turns]
        packet = build_packet(one.facts, seen, one, "standard", language=language)
        require_honest(packet)
        require_carried(packet, one)


def test_some_examples_are_handed_over() -> None:
    assert sum(bool(decided(number)[0]) for number in range(len(LOGS))) >= 15
