"""The content of one message: text, or a list of blocks of any provider's format."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import orjson

from workers.chatlogs.json_values import Log, as_dict, as_list
from workers.contracts.events import Attachment

_FILES: Final = {
    "image": "image",
    "image_url": "image",
    "image_file": "image",
    "input_image": "image",
    "document": "document",
    "file": "file",
    "input_file": "file",
    "input_audio": "audio",
    "audio": "audio",
    "video": "video",
    "container_upload": "file",
}
_LONGEST_LINK: Final = 2048
MOST_FILES: Final = 32
"""Files of one message that are kept."""
_LISTS: Final = ("attachments", "experimental_attachments", "files", "media")
"""Names under which a message keeps its files beside its content."""
_LINKS: Final = (
    *("url", "image_url", "file_url", "data_url", "content_url", "download_url", "href"),
    *("image", "data"),
)
_MEDIA: Final = (
    *("media_type", "mime_type", "content_type", "mediaType", "mimeType", "contentType"),
    "file_type",
)
_TEXTS: Final = {
    "text": "text",
    "input_text": "text",
    "output_text": "text",
    "refusal": "refusal",
}
_UNSAID: Final = frozenset({"thinking", "redacted_thinking", "reasoning", "guardContent"})
"""Types of blocks that hold a model's thoughts, which the customer never saw."""
_UNTYPED: Final = {
    "text": "text",
    "image": "image",
    "document": "document",
    "video": "video",
    "toolUse": "tool_use",
    "toolResult": "tool_result",
    "reasoningContent": "reasoning",
    "value": "text",
}
"""Blocks without a type, as Bedrock writes them, by the one key that they have."""


class Parts(NamedTuple):
    """The parts of a message's content: text, tool calls and results, files, an unknown block."""

    text: str
    calls: list[dict[str, Any]]
    results: list[dict[str, Any]]
    unknown: str | None
    attachments: tuple[Attachment, ...] = ()

    @property
    def shown(self) -> str:
        """The text, with a placeholder for each file, where files cannot stand beside it."""
        names = [f"[{one.type or 'file'}]" for one in self.attachments]
        return "\n".join(filter(None, [self.text, *names]))


def read_content(content: Any) -> Parts:
    """Take a message's content apart; never raises."""
    if content is None:
        return Parts("", [], [], None)
    if isinstance(content, list):
        return _parts(content)
    if isinstance(content, dict):
        return _parts([content])
    if isinstance(content, bool):
        return Parts("", [], [], "true or false")
    return Parts(str(content), [], [], None)


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


def result_text(content: Any) -> str:
    """Return a tool's answer as text: its words, else its JSON."""
    if isinstance(content, dict):
        return _of_object(content)
    found = read_content(content)
    if found.shown or not isinstance(content, list):
        return found.shown
    texts = (_of_object(one) if isinstance(one, dict) else str(one) for one in content)
    return "\n".join(filter(None, texts))


def said_text(value: Any) -> str:
    """Return the text that stands where text is expected, however it is wrapped; else none."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(filter(None, map(said_text, value)))
    if isinstance(value, dict):
        found = (said_text(value.get(key)) for key in ("text", "value", "output_text", "refusal"))
        return next(filter(None, found), "")
    return ""


def _of_object(content: dict[str, Any]) -> str:
    """Return the text of an object in place of text: its words, else its JSON."""
    if "return_code" in content:
        printed = (content.get(key) for key in ("stdout", "stderr"))
        return "\n".join(one for one in printed if isinstance(one, str) and one)
    if content.get("type") == "web_search_result":
        return " ".join(str(content[key]) for key in ("title", "url") if content.get(key))
    for key in ("text", "value", "output_text", "error_code"):
        if isinstance(found := content.get(key), str):
            return found
    if "json" in content and len(content) == 1:
        content = content["json"]
    return orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS, default=str).decode()


def listed_files(message: Log) -> tuple[Attachment, ...]:
    """Return the files that a message lists beside its content."""
    given = (one for name in _LISTS for one in as_list(message.get(name)))
    found = (_attachment("file", one) for one in given if isinstance(one, dict))
    return tuple(found)[:MOST_FILES]


def _is_call(kind: str) -> bool:
    return kind.endswith(("tool_use", "tool_call", "tool-call"))


def _is_result(kind: str) -> bool:
    return kind.endswith(("tool_result", "tool-result"))


def _parts(content: list[Any]) -> Parts:
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    files: list[Attachment] = []
    unknown = None
    for block in content:
        kind = _kind(block)
        if (text := _shown(kind, block)) is not None:
            texts.append(text)
        elif kind in _FILES and isinstance(block, dict):
            files.append(_attachment(kind, block))
        elif _is_call(kind):
            calls.append(_call_of(block))
        elif _is_result(kind):
            results.append(_flagged(_result_of(block)))
        elif kind not in _UNSAID:
            unknown = unknown or kind
    said = "\n".join(filter(None, texts))
    return Parts(said, calls, results, unknown, tuple(files[:MOST_FILES]))


def _attachment(kind: str, block: dict[str, Any]) -> Attachment:
    """Return what a block tells of its file; the file itself, where it is inline, stays behind."""
    told = [
        block,
        *(one for one in (block.get(kind), block.get("source")) if isinstance(one, dict)),
    ]
    link = _told(told, _LINKS)
    kept = link if link and len(link) <= _LONGEST_LINK and "://" in link[:16] else None
    media = _told(told, _MEDIA)
    name = _told(told, ("filename", "file_name", "title", "name"))
    found = _told(told, ("file_id", "sid"))
    return Attachment(
        id=found[:256] if found else None,
        type=(media or _FILES[kind])[:128],
        name=name[:256] if name else None,
        url=kept,
    )


def _told(sources: list[dict[str, Any]], keys: tuple[str, ...]) -> str | None:
    found = (source.get(key) for source in sources for key in keys)
    return next((one for one in found if isinstance(one, str) and one), None)


def _call_of(block: Log) -> Log:
    if called := as_dict(block.get("toolUse")):
        return {**called, "id": called.get("toolUseId")}
    if "toolName" in block:
        return {**block, "id": block.get("toolCallId"), "name": block["toolName"]}
    return block


def _result_of(block: Log) -> Log:
    if result := as_dict(block.get("toolResult")):
        return {**result, "tool_use_id": result.get("toolUseId")}
    if "toolCallId" in block:
        return {**block, **_vercel_output(block), "tool_use_id": block["toolCallId"]}
    return block if "content" in block else {**block, "content": block.get("output")}


def _vercel_output(block: Log) -> Log:
    """Return name, content and failure of a result as the Vercel AI SDK keeps it for models."""
    output = block.get("output", block.get("result"))
    kind = str(as_dict(output).get("type"))
    told: Log = {"name": block.get("toolName"), "content": output}
    if kind in ("text", "json", "content", "error-text", "error-json"):
        told["content"] = as_dict(output).get("value")
    if kind.startswith("error-"):
        told["is_error"] = True
    return told


def _flagged(block: dict[str, Any]) -> dict[str, Any]:
    """Return a result with the failure flagged that its content's type tells of."""
    content = block.get("content")
    if not isinstance(content, dict):
        return block
    if str(content.get("type")).endswith("_error"):
        return {**block, "is_error": True, "error": content.get("error_code")}
    if content.get("return_code"):
        return {**block, "is_error": True, "error": content.get("stderr") or None}
    return block


def _kind(block: Any) -> str:
    if isinstance(block, str):
        return "text"
    if not isinstance(block, dict):
        return "null" if block is None else type(block).__name__
    if isinstance(kind := block.get("type"), str):
        return kind
    return next((kind for key, kind in _UNTYPED.items() if key in block), "object without a type")


def _shown(kind: str, block: Any) -> str | None:
    """Return what a block shows the customer; None when it is of another kind."""
    if isinstance(block, str):
        return block
    if kind in _TEXTS:
        return said_text(block.get(_TEXTS[kind])) or said_text(block)
    return None
