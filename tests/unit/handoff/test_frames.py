"""The packet's frame: every reason has its words, and every language has the same phrases."""

import re
from typing import Any, get_args

import msgspec
import pytest

from tests.support import packets
from workers.contracts.decisions import Reason
from workers.contracts.handoffs import PacketIdentifier
from workers.handoff.frames import languages
from workers.handoff.markdown import render_markdown
from workers.handoff.packet import build_packet
from workers.handoff.rendering import render_text

# What to do when a tool fails is said of that tool, or as for a request.
BY_TOOL = {"tool_unavailable"}


def _places(phrases: Any, path: str = "") -> dict[str, list[str]]:
    """Return the places to fill in of each phrase by its path."""
    if isinstance(phrases, dict):
        found: dict[str, list[str]] = {}
        for name, inner in phrases.items():
            found |= _places(inner, f"{path}.{name}")
        return found
    return {path: sorted(re.findall(r"{\w+}", str(phrases)))}


def test_every_reason_says_why_and_what_to_do_next() -> None:
    frame = languages()["en"]
    assert {*get_args(Reason)} <= set(frame["reason"])
    assert {*get_args(Reason)} - BY_TOOL <= set(frame["next"])


@pytest.mark.parametrize("language", sorted(languages()))
def test_every_language_has_the_same_phrases_with_the_same_places(language: str) -> None:
    assert _places(languages()[language]) == _places(languages()["en"])


def test_a_packet_of_a_later_release_is_shown_without_the_words_that_are_not_known() -> None:
    turns = packets.turns([("customer", "I want to talk to a person.")])
    known = packets.facts(turns)
    packet = build_packet(known, turns, packets.decision(known, turns), "none")
    card = PacketIdentifier(kind="loyalty_card", value="LC-77", event_id="e-1")
    later = msgspec.structs.replace(packet, identifiers=(card,), language="xx")
    assert "id LC-77" in render_text(later)
    assert "id LC" in render_markdown(later)
