"""The packet's frame: every reason has its words, and every language has the same phrases."""

import re
from typing import Any, get_args

import pytest

from workers.contracts.decisions import Reason
from workers.handoff.frames import languages

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
