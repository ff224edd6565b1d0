"""Texts of customers, tools and models cost what prose costs, and grow with their length alone.

The one test that takes the time: a shape that is slow here stops a worker for everybody.
"""

import time
from collections.abc import Callable
from statistics import median
from typing import Any, Final

import orjson
import pytest

from tests.support import packets
from tests.support.hostile_texts import PROSE, SHAPES, repeated
from workers.agents.classifier.prompt import question
from workers.chatlogs.convert import import_conversation
from workers.chatlogs.helpdesk_formats import plain_text
from workers.contracts.codec import Raw, decode_event
from workers.contracts.events import ToolResult
from workers.conversation.state import Episode
from workers.conversation.tools import answered
from workers.detection import progress_key, read_agent, read_customer
from workers.handoff.packet import TRANSCRIPT_BYTES, build_packet
from workers.handoff.wording import clip, focus, gist, one_line
from workers.policy import Signals, holding, load_policy
from workers.redaction.redact import quote, redact

LENGTH: Final = 8 * 1024
LEAST: Final = 0.002
"""Seconds: what takes less is no matter, however it grows."""


def _packet(text: str) -> Any:
    turns = packets.turns([("customer", text), ("ai_agent", "Let me look."), ("customer", text)])
    known = packets.facts(turns)
    return build_packet(known, turns, packets.decision(known, turns), "strict")


_SUBSTRINGS: Final = load_policy(
    """
version: 1
rules:
  - rule: words
    reason: explicit_request
    class: mandatory
    when: {substrings: [talk to a human, escalate, do something]}
""",
    "policy",
).base


def _event(text: str) -> Any:
    said = {"event_id": "e", "conversation_id": "c", "occurred_at": "2026-11-01T09:00:00Z"}
    value = orjson.dumps(said | {"role": "customer", "content": text})
    return decode_event(Raw(b"c", value, (), 1_900_000_000_000))


def _logs(text: str) -> Any:
    """Return what the import makes of a text as chat, as HTML, and as a tool's result."""
    said = [{"role": "user", "content": text}, {"role": "assistant", "content": text}]
    call = {"id": "1", "function": {"name": "look", "arguments": text}}
    called = [{"role": "assistant", "tool_calls": [call]}]
    result = [{"role": "tool", "tool_call_id": "1", "content": text}]
    return import_conversation({"messages": [*said, *called, *result]}, 0), plain_text(text)


READERS: Final[dict[str, Callable[[str], Any]]] = {
    "redact": lambda text: redact(text, "strict"),
    "quote": lambda text: quote(text, 0, len(text)),
    "read_customer": read_customer,
    "read_agent": read_agent,
    "progress_key": progress_key,
    "wording": lambda text: (one_line(text), clip(text, 20), gist(text, 20), focus(text, 9, 20)),
    "packet": _packet,
    "policy": lambda text: holding(_SUBSTRINGS, Signals(text=text)),
    "codec": _event,
    "import": _logs,
    "question": lambda text: question(text, (), ()),
    "tool error": lambda text: answered(
        Episode(), ToolResult(name="look", status="error", error=text), "e1"
    ),
}


def _seconds(read: Callable[[str], Any], text: str) -> float:
    best = float("inf")
    for _ in range(2):
        started = time.process_time()
        read(text)
        best = min(best, time.process_time() - started)
    return best


@pytest.mark.parametrize("reader", READERS)
def test_no_shape_of_text_costs_much_more_than_prose(reader: str) -> None:
    read = READERS[reader]
    read(PROSE)
    prose = max(_seconds(read, repeated(PROSE, LENGTH)), LEAST)
    slow = {}
    for name, shape in SHAPES.items():
        text, longer = repeated(shape, LENGTH), repeated(shape, 2 * LENGTH)
        once, twice = _seconds(read, text), _seconds(read, longer)
        growths = [twice / max(once, LEAST)]
        for _ in range(5):
            growth = min(twice / max(once, LEAST), median(growths))
            if max(once, LEAST) <= 20 * prose and growth <= 2.5:
                break
            # A neighbour on the machine takes its caches, so what is slow once is asked again:
            # the best of more, of both lengths in turn, beside prose as it is now. One length may
            # have had a moment that the other never has, so the middle of the rounds counts, too.
            prose = max(prose, _seconds(read, repeated(PROSE, LENGTH)))
            one, two = _seconds(read, text), _seconds(read, longer)
            once, twice = min(once, one), min(twice, two)
            growths.append(two / max(one, LEAST))
        else:
            slow[name] = (round(once / prose, 1), round(twice / once, 2))
    assert not slow, f"{reader}: times prose, growth for twice the text: {slow}"


def test_a_packet_reads_no_more_of_long_turns_than_it_shows_of_prose() -> None:
    """All of each turn is hidden, so that every turn would fit."""
    turns = packets.turns([("customer", f"{n} " + "5 4 3 2 " * 4000) for n in range(200)])
    known = packets.facts(turns)
    packet = build_packet(known, turns, packets.decision(known, turns), "strict")
    assert 1 <= len(packet.transcript) <= TRANSCRIPT_BYTES // 32_000
    assert packet.transcript_total == 200
