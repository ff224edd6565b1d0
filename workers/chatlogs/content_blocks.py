"""The content of one message: text, or a list of blocks of either format."""

from typing import Any, Final, NamedTuple

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
    if not isinstance(content, list):
        return Parts("", [], [], type(content).__name__)
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    unknown = None
    for block in content:
        kind = _kind(block)
        if (text := _shown(kind, block)) is not None:
            texts.append(text)
        elif kind in ("tool_use", "server_tool_use"):
            calls.append(block)
        elif kind.endswith("tool_result"):
            results.append(block)
        elif kind not in _UNSAID:
            unknown = unknown or kind
    return Parts("\n".join(filter(None, texts)), calls, results, unknown)


def _kind(block: Any) -> str:
    if isinstance(block, str):
        return "text"
    return str(block.get("type")) if isinstance(block, dict) else type(block).__name__


def _shown(kind: str, block: Any) -> str | None:
    """Return what a block shows the customer; None when it is of another kind."""
    if isinstance(block, str):
        return block
    if kind in _TEXTS:
        return str(block.get(_TEXTS[kind]) or "")
    return _PLACEHOLDERS.get(kind)
