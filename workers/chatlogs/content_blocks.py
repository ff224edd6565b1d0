"""The content of one message: text, or a list of blocks of either format."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import orjson

_PLACEHOLDERS: Final = {
    "image": "[image]",
    "image_url": "[image]",
    "input_image": "[image]",
    "document": "[document]",
    "file": "[file]",
    "input_file": "[file]",
    "input_audio": "[audio]",
    "audio": "[audio]",
    "container_upload": "[file]",
}
_TEXTS: Final = {
    "text": "text",
    "input_text": "text",
    "output_text": "text",
    "refusal": "refusal",
}
# What a model thinks was never said to the customer.
_UNSAID: Final = frozenset({"thinking", "redacted_thinking", "reasoning"})


class Parts(NamedTuple):
    """What a message's content holds: its text, tool calls, tool results, an unknown block type."""

    text: str
    calls: list[dict[str, Any]]
    results: list[dict[str, Any]]
    unknown: str | None


def read_content(content: Any) -> Parts:
    """Take a message's content apart; never raises."""
    if content is None:
        return Parts("", [], [], None)
    if isinstance(content, str):
        return Parts(content, [], [], None)
    if isinstance(content, dict):
        return Parts(_said_by(content), [], [], None)
    if not isinstance(content, list):
        return Parts("", [], [], type(content).__name__)
    return _parts(content)


def read_segments(content: Any) -> Iterator[Parts]:
    """Take a message's content apart, so that what is said after a tool's result comes after it.

    Each part ends with the results in it; there is at least one.
    """
    if not isinstance(content, list):
        yield read_content(content)
        return
    blocks: list[Any] = []
    ends = False
    for block in content:
        result = _is_result(_kind(block))
        if ends and not result:
            yield _parts(blocks)
            blocks = []
        ends = result
        blocks.append(block)
    yield _parts(blocks)


def _said_by(content: dict[str, Any]) -> str:
    """Return the text of an object in place of text: what it says, else its JSON."""
    for key in ("text", "value", "output_text", "error_code"):
        if isinstance(found := content.get(key), str):
            return found
    return orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS).decode()


def _is_result(kind: str) -> bool:
    return kind.endswith("tool_result")


def _parts(content: list[Any]) -> Parts:
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    unknown = None
    for block in content:
        kind = _kind(block)
        if (text := _shown(kind, block)) is not None:
            texts.append(text)
        elif kind.endswith("tool_use"):
            calls.append(block)
        elif _is_result(kind):
            results.append(_flagged(block))
        elif kind not in _UNSAID:
            unknown = unknown or kind
    return Parts("\n".join(filter(None, texts)), calls, results, unknown)


def _flagged(block: dict[str, Any]) -> dict[str, Any]:
    """Return a result with the failure flagged that its content's type tells of."""
    content = block.get("content")
    if isinstance(content, dict) and str(content.get("type")).endswith("_error"):
        return {**block, "is_error": True, "error": content.get("error_code")}
    return block


def _kind(block: Any) -> str:
    if isinstance(block, str):
        return "text"
    return str(block.get("type")) if isinstance(block, dict) else type(block).__name__


def _shown(kind: str, block: Any) -> str | None:
    """Return what a block shows the customer; None when it is of another kind."""
    if isinstance(block, str):
        return block
    if kind in _TEXTS:
        said = block.get(_TEXTS[kind])
        return _said_by(said) if isinstance(said, dict) else str(said or "")
    return _PLACEHOLDERS.get(kind)
