"""Repetition without progress: who says or does the same again."""

from typing import Final
from zlib import crc32

import orjson

from workers.contracts.events import ToolCall
from workers.conversation.state import SKETCHES, TOOL_CALLS, Episode
from workers.detection import progress_key, similarity

ALIKE: Final = 0.65
"""Similarity from which on a turn counts as said before."""
LEAST_WORDS: Final = 4
"""Words that a turn needs before being alike means anything."""

Sketches = tuple[tuple[int, ...], ...]


def customer_said(episode: Episode, text: str) -> None:
    """Compare a customer message with the customer's last ones."""
    episode.asks, episode.ask_repeats = _after(episode.asks, episode.ask_repeats, text)


def ai_said(episode: Episode, text: str) -> None:
    """Compare an AI turn with the AI's last ones."""
    episode.answers, episode.answer_repeats = _after(episode.answers, episode.answer_repeats, text)


def _after(before: Sketches, repeats: int, text: str) -> tuple[Sketches, int]:
    """The sketches and the count after one more turn: a new thing said takes back one repeat."""
    sketch = progress_key(text)
    if len(sketch) < LEAST_WORDS:
        return before, repeats
    repeats = repeats + 1 if _is_among(sketch, before) else max(0, repeats - 1)
    return (*before[1 - SKETCHES :], sketch), repeats


def _is_among(sketch: tuple[int, ...], before: Sketches) -> bool:
    hashes, least = set(sketch), ALIKE * len(sketch)
    for other in before:
        # Most turns share next to nothing, which is told sooner than by how much.
        if len(hashes.intersection(other)) >= least and similarity(sketch, other) >= ALIKE:
            return True
    return False


def ai_called(episode: Episode, calls: tuple[ToolCall, ...]) -> None:
    """Count tool calls with the same arguments."""
    for call in calls:
        key = _call_key(call)
        made = next((count for other, count in episode.calls if other == key), 0) + 1
        others = [one for one in episode.calls if one[0] != key]
        episode.calls = (*others[1 - TOOL_CALLS :], (key, made))
        episode.call_repeats = max([count for _, count in episode.calls]) - 1


def _call_key(call: ToolCall) -> int:
    arguments = orjson.dumps(call.arguments, option=orjson.OPT_SORT_KEYS)
    return crc32(arguments, crc32(call.name.encode()))
