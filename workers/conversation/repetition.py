"""Repetition without progress: who says or does the same again."""

from typing import Final
from zlib import crc32

import orjson

from workers.contracts.events import ToolCall
from workers.conversation.state import SKETCHES, TOOL_CALLS, Call, Episode
from workers.detection import content_words, progress_key, similarity

ALIKE: Final = 0.65
"""Similarity from which on a turn counts as said before."""
LEAST_WORDS: Final = 4
"""Words that a turn needs before being alike means anything."""

ASK_WORDS: Final = 24
NEW_WORDS: Final = 8
"""Words of a message that are kept: enough for its first 240 characters, and of those new in it."""

Sketches = tuple[tuple[int, ...], ...]
_NEVER: Final = Call(0, 0)


def customer_said(episode: Episode, text: str) -> None:
    """Compare a customer message with the customer's last ones."""
    before, words = episode.ask_repeats, content_words(text)
    episode.asks, episode.ask_repeats = _after(episode.asks, before, text)
    new = words.difference(episode.ask_words) if episode.ask_repeats > before else ()
    episode.new_words = tuple(sorted(new)[:NEW_WORDS])
    episode.ask_words = tuple(sorted(words)[:ASK_WORDS])


def ai_said(episode: Episode, text: str) -> None:
    """Compare an AI turn with the AI's last ones.

    A question of the same form about another thing, answered about that thing, is progress: such
    a question is no repetition, and neither is its answer.
    """
    answers, repeats = _after(episode.answers, episode.answer_repeats, text)
    episode.answers = answers
    if episode.new_words and not content_words(text).isdisjoint(episode.new_words):
        episode.ask_repeats -= 1
    else:
        episode.answer_repeats = repeats
    episode.new_words = ()


def _after(before: Sketches, repeats: int, text: str) -> tuple[Sketches, int]:
    """Return the sketches and the count after one more turn.

    A new thing said takes back one repeat.
    """
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
        before = next((one for one in episode.calls if one.key == key), _NEVER)
        called = Call(key, before.made + 1, _number(call.call_id), before.answer)
        others = [one for one in episode.calls if one.key != key]
        episode.calls = (*others[1 - TOOL_CALLS :], called)
    _count_calls(episode)


def tool_answered(episode: Episode, call_id: str | None, answer: str) -> None:
    """Note what a call brought: with something new, asking again was no repetition."""
    number = _number(call_id)
    if not number:
        return
    for at, call in enumerate(episode.calls):
        if call.call_id == number:
            new = crc32(answer.encode(errors="replace")) or 1
            made = 1 if call.answer not in (0, new) else call.made
            noted = Call(call.key, made, 0, new)
            episode.calls = (*episode.calls[:at], noted, *episode.calls[at + 1 :])
            _count_calls(episode)
            return


def _count_calls(episode: Episode) -> None:
    episode.call_repeats = max([call.made for call in episode.calls]) - 1


def _number(text: str | None) -> int:
    return crc32(text.encode(errors="replace")) if text else 0


def _call_key(call: ToolCall) -> int:
    arguments = orjson.dumps(call.arguments, option=orjson.OPT_SORT_KEYS)
    return crc32(arguments, crc32(call.name.encode()))
