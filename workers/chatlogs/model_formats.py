"""Requests to language models and their answers: OpenAI's three interfaces, Anthropic messages."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from workers.chatlogs.content_blocks import read_content
from workers.chatlogs.json_values import Log, as_dict, as_list, parsed

LEFT_OUT: Final = "left_out"
"""Key of a read log under which is said, in a sentence each, what could not be read of it."""

_ANSWERS: Final = tuple(
    "choices response completion output answer reply outputtext responses completions answers "
    "replies outputs candidates generatedtext generation generations prediction modelresponse "
    "modeloutput llmresponse llmoutput airesponse aioutput aireply botresponse botreply bot "
    "assistantresponse assistantreply assistantoutput assistantmessage assistant aimessage message "
    "finalanswer finalresponse finaloutput result chosen content".split()
)
"""Names under which logs of requests keep the answer beside the messages, the most usual first.

Without case, underscores and hyphens."""
_MAY_ANSWER: Final = re.compile(r"response|answer|reply|replies|completion|output|generat|predict")
_IS_ABOUT: Final = re.compile(
    r"(?:ids?|time|timestamp|at|ms|seconds|tokens?|format|type|schema|status|code|model|latency|count"
    r"|score|language|lang|name|url|mode|length|usage|config|metadata|details|reason|headers?)\Z"
)
"""Endings of names that tell something about an answer."""
_INSIDE: Final = ("text", "message", "output_text", "body", "delta", "answer", "generated_text")
_REQUESTS: Final = ("request", "body", "kwargs", "params", "data")
"""Names under which a log of requests may keep the request with its messages."""
_DEEPEST: Final = 8
_BLOCKS: Final = ("text", "output_text", "tool_use", "refusal")


# ---- Messages ---------------------------------------------------------------------------------


def messages_of(log: Any) -> list[Any]:
    """Return the messages of a log that is their list, or has it under `messages`."""
    if isinstance(log, list):
        return log
    messages = as_dict(log).get("messages")
    return as_list(messages) or as_list(as_dict(messages).get("data"))


def fits_messages(log: Any) -> bool:
    """Return True if a log has messages with roles, also within its request."""
    return any("role" in as_dict(one) for one in messages_of(_request(log)))


def fits_anthropic(log: Any) -> bool:
    """Return True if a log of messages has a feature that only Anthropic's format has."""
    request = _request(log)
    if not fits_messages(request):
        return False
    blocks = (
        as_dict(block)
        for one in messages_of(request)
        for block in as_list(as_dict(one).get("content"))
    )
    kinds = (str(block.get("type")) for block in blocks)
    return "system" in as_dict(request) or any(
        kind.endswith(("tool_use", "tool_result")) for kind in kinds
    )


def read_messages(log: Any) -> Log:
    """Return a log of messages with the answer that stands beside them."""
    if isinstance(log, list):
        return {"messages": log}
    return answered({**_request(log), "messages": messages_of(_request(log))})


def _request(log: Any) -> Any:
    """Return a log with what is within its request, or the body of it, on its own level."""
    one = as_dict(log)
    if body := as_dict(as_dict(one.get("request")).get("body")):
        one = {**one, "request": body}
    if not one or messages_of(one):
        return log
    for key in _REQUESTS:
        if any("role" in as_dict(turn) for turn in messages_of(as_dict(one.get(key)))):
            rest = {name: value for name, value in one.items() if name != key}
            return {**one[key], **rest}
    for key in ("input", "inputs", "prompt"):
        given = as_list(one.get(key))
        if given and all("role" in as_dict(turn) and "type" not in turn for turn in given):
            rest = {name: value for name, value in one.items() if name != key}
            return {**rest, "messages": given}
    return log


def answered(log: Log) -> Log:
    """Return a log with the answer that stands beside its messages as their last turn."""
    messages = messages_of(log)
    if not messages:
        return log
    named = {name.casefold().replace("_", "").replace("-", ""): name for name in log}
    keys = [key for key in _ANSWERS if key in named]
    answer = next((found for key in keys if (found := answer_in(log[named[key]]))), None)
    if answer is None:
        doubtful = [key for key in keys if key not in ("result", "message")] + [
            key for key in named if _MAY_ANSWER.search(key) and not _IS_ABOUT.search(key)
        ]
        unread = dict.fromkeys(named[key] for key in doubtful if _holds_text(log[named[key]]))
        said = [f"what stands under {name!r} is no answer that can be read" for name in unread]
        return {**log, LEFT_OUT: said} if said else log
    last = as_dict(messages[-1])
    texts = [read_content(one.get("content")).text.strip() for one in (last, answer)]
    if last.get("role") == "assistant" and texts[0] == texts[1]:
        return log
    return {**log, "messages": [*messages, answer]}


def _holds_text(value: Any) -> bool:
    return bool(value) and not isinstance(value, bool | float)


def answer_in(value: Any, depth: int = 0) -> Log | None:
    """Return the turn of an AI agent that a field holds, however it is wrapped; None without."""
    if depth > _DEEPEST:
        return None
    if isinstance(value, str):
        encoded = _encoded(value)
        if encoded is not None:
            return answer_in(encoded, depth + 1)
        return {"role": "assistant", "content": value} if value.strip() else None
    if isinstance(value, list):
        deltas = [as_dict(as_dict(one).get("delta")).get("content") for one in value]
        if deltas and any(deltas) and all("delta" in as_dict(one) for one in value):
            return {"role": "assistant", "content": "".join(map(str, filter(None, deltas)))}
        if any(as_dict(block).get("type") in _BLOCKS for block in value):
            return {"role": "assistant", "content": value}
        return _first(value, depth)
    if not isinstance(value, dict) or value.get("role") in ("user", "system", "tool"):
        return None
    return _answer_in_object(value, depth)


def _encoded(text: str) -> Log | None:
    """Return the answer of a service that a log keeps as JSON in a text; None for other texts."""
    if text[:1] != "{":
        return None
    found = as_dict(parsed(text))
    return found if {"choices", "candidates"} & found.keys() or "role" in found else None


def _answer_in_object(value: Log, depth: int) -> Log | None:
    for key in ("choices", "candidates", "output", "generations"):
        if value.get(key):
            return answer_in(value[key], depth + 1)
    parts = as_dict(value.get("content")).get("parts")
    if isinstance(parts, list):
        return {"role": "assistant", "content": parts} if parts else None
    if any(value.get(key) for key in ("content", "tool_calls", "refusal")):
        return {**value, "role": "assistant"}
    return _first((value.get(key) for key in _INSIDE), depth)


def _first(values: Iterable[Any], depth: int) -> Log | None:
    found = (answer_in(one, depth + 1) for one in values)
    return next((one for one in found if one is not None), None)


# ---- OpenAI Responses -------------------------------------------------------------------------

_CALLS: Final = frozenset(
    ("function_call", "custom_tool_call", "local_shell_call", "computer_call", "shell_call")
)
_HOSTED: Final = frozenset(
    ("mcp_call", "web_search_call", "file_search_call", "code_interpreter_call")
)
"""Calls that the service runs itself: the call and its result are one item."""
_UNSAID: Final = frozenset(("reasoning", "mcp_list_tools", "item_reference", "compaction"))
_ITEMS: Final = frozenset(
    ("message", *_CALLS, *_HOSTED, *_UNSAID, *(f"{c}_output" for c in _CALLS))
)


def fits_responses(log: Any) -> bool:
    """Return True if a log has items of the Responses interface."""
    if isinstance(log, dict) and (log.get("object") == "response" or "output" in log):
        if any("role" in as_dict(one) for one in messages_of(log)):
            return False
        return any(_is_item(one) for one in [*as_list(log.get("input")), *as_list(log["output"])])
    return isinstance(log, list) and any(_is_item(one) and "type" in as_dict(one) for one in log)


def _is_item(one: Any) -> bool:
    return isinstance(one, dict) and one.get("type") in _ITEMS


def read_responses(log: Any) -> Log:
    """Return the items of a response, and what it answers, as messages."""
    head = log if isinstance(log, dict) else {}
    given = head.get("input") if head else log
    items = [{"role": "user", "content": given}] if isinstance(given, str) else as_list(given)
    items = [*items, *as_list(head.get("output"))]
    kept = {key: head[key] for key in head if key not in ("input", "output", "instructions")}
    conversation = as_dict(head.get("conversation")).get("id") or head.get("conversation")
    if isinstance(conversation, str):
        kept["id"] = conversation
    return {**kept, "messages": [one for item in items for one in _item(as_dict(item))]}


def _item(item: Log) -> Iterator[Log]:
    kind = str(item.get("type", "message"))
    call_id = item.get("call_id") or item.get("id")
    if kind in _CALLS or kind in _HOSTED:
        name = item.get("name") or kind.removesuffix("_call")
        arguments = next(
            (item[key] for key in ("arguments", "input", "action", "queries", "code")
             if item.get(key) is not None), None,
        )  # fmt: skip
        call = {"id": call_id, "function": {"name": name, "arguments": arguments}}
        yield {"role": "assistant", "content": None, "tool_calls": [call]}
    if kind in _HOSTED:
        output = next((item[key] for key in ("output", "results", "outputs") if item.get(key)), "")
        told = {key: item[key] for key in ("error", "status") if item.get(key) is not None}
        yield {"role": "tool", "tool_call_id": call_id, "content": output, **told}
    elif kind.endswith("_output"):
        yield {"role": "tool", "tool_call_id": item.get("call_id"), "content": item.get("output")}
    elif kind == "message" or (kind not in _CALLS and kind not in _UNSAID):
        # An entry that is none of these has no role, and is reported for it.
        yield item


# ---- OpenAI Assistants ------------------------------------------------------------------------


def fits_assistants(log: Any) -> bool:
    """Return True if a log is a thread's list of messages."""
    return any(as_dict(one).get("object") == "thread.message" for one in _thread(log))


def read_assistants(log: Any) -> Log:
    """Return a thread's messages, oldest first: the service lists the newest first."""
    messages = sorted(map(as_dict, _thread(log)), key=lambda one: str(one.get("created_at")))
    thread = next((one["thread_id"] for one in messages if one.get("thread_id")), None)
    return {"thread_id": thread, "messages": messages}


def _thread(log: Any) -> list[Any]:
    return messages_of(log) or as_list(as_dict(log).get("data"))
