"""Logs that frameworks around language models keep: ShareGPT, LangChain, Langfuse, Vercel AI."""

from collections.abc import Iterator
from typing import Any, Final

from workers.chatlogs.json_values import Log, as_dict, as_list, only, parsed
from workers.chatlogs.model_formats import answer_in, messages_of

# ---- ShareGPT ---------------------------------------------------------------------------------

_SHAREGPT: Final = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "system": "system",
    "tool": "tool",
    "observation": "tool",
    "function_response": "tool",
}


def fits_sharegpt(log: Any) -> bool:
    """Return True if a log has turns of `from` and `value`."""
    turns = as_list(as_dict(log).get("conversations"))
    return bool(turns) and all("from" in as_dict(one) and "value" in as_dict(one) for one in turns)


def read_sharegpt(log: Log) -> Log:
    """Return the turns as messages."""
    messages = []
    for turn in map(as_dict, log["conversations"]):
        said = str(turn.get("from")).casefold()
        if said == "function_call":
            calls = [*_sharegpt_calls(turn.get("value"))]
            messages.append({"role": "assistant", "content": None, "tool_calls": calls})
            continue
        messages.append({**turn, "role": _SHAREGPT.get(said, said), "content": turn.get("value")})
    return {**log, "messages": messages}


def _sharegpt_calls(value: Any) -> Iterator[Log]:
    """Yield the calls of a turn: JSON with name and arguments, or a list of them."""
    said = parsed(value) if isinstance(value, str) else value
    named = [one for one in as_list(said) or [said] if as_dict(one).get("name")]
    for one in named or [{"name": "function_call", "arguments": value}]:
        yield {"function": one}


# ---- LangChain --------------------------------------------------------------------------------

_LANGCHAIN: Final = {
    "human": "user",
    "ai": "assistant",
    "aimessagechunk": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "tool",
}


def _langchain_kind(message: Any) -> str | None:
    one = as_dict(message)
    if one.get("lc") and isinstance(one.get("id"), list) and one["id"]:
        return str(one["id"][-1]).casefold().removesuffix("chunk").removesuffix("message")
    kind = one.get("type")
    found = isinstance(kind, str) and "role" not in one and kind.casefold() in _LANGCHAIN
    return str(kind).casefold() if found else None


def fits_langchain(log: Any) -> bool:
    """Return True if every message is one of LangChain's, dumped or serialised."""
    messages = messages_of(log)
    return bool(messages) and all(_langchain_kind(one) is not None for one in messages)


def read_langchain(log: Any) -> Log:
    """Return LangChain's messages in the mapped form."""
    messages = []
    for one in map(as_dict, messages_of(log)):
        data = as_dict(one.get("kwargs")) or as_dict(one.get("data")) or one
        calls = data.get("tool_calls") or as_dict(data.get("additional_kwargs")).get("tool_calls")
        # A ChatMessage names its role itself; a call with broken arguments is one all the same.
        named = as_dict(data).get("role")
        role = _LANGCHAIN.get(_langchain_kind(one) or "", named or "system")
        calls = [*as_list(calls), *as_list(data.get("invalid_tool_calls"))]
        messages.append({**data, "role": role, "tool_calls": calls})
    return {**as_dict(log), "messages": messages}


# ---- Langfuse ---------------------------------------------------------------------------------

_QUESTIONS: Final = ("question", "query", "input", "message", "text", "prompt")


_TRACE: Final = ("timestamp", "startTime", "start_time", "createdAt", "metadata", "userId")


def fits_langfuse(log: Any) -> bool:
    """Return True if a log is a trace with input and output."""
    one = as_dict(log)
    return "input" in one and "output" in one and bool({"traceId", "sessionId"} & one.keys())


def read_langfuse(log: Log) -> Log:
    """Return a trace's input and output as messages of its session."""
    given = log.get("input")
    messages = as_list(as_dict(given).get("messages")) or as_list(given)
    if not messages:
        said = next((found for key in _QUESTIONS if (found := as_dict(given).get(key))), given)
        messages = [{"role": "user", "content": said}]
    output = log.get("output")
    answer = answer_in(output) or answer_in(as_dict(output).get("messages"))
    head = {"id": log.get("sessionId") or log.get("traceId") or log.get("id")}
    head |= {key: log[key] for key in _TRACE if key in log}
    if "userId" in head:
        head["user_id"] = head.pop("userId")
    return {**head, "messages": [*messages, *([answer] if answer else ())]}


# ---- Vercel AI --------------------------------------------------------------------------------


_MEDIA: Final = ("mediaType", "mimeType")


def fits_vercel(log: Any) -> bool:
    """Return True if messages have parts or tool invocations, or calls as the SDK keeps them."""
    messages = [as_dict(one) for one in messages_of(log)]
    blocks = (as_dict(one) for message in messages for one in as_list(message.get("content")))
    return any(
        isinstance(one.get("parts"), list) or isinstance(one.get("toolInvocations"), list)
        for one in messages
    ) or any(one.get("type") in ("tool-call", "tool-result") for one in blocks)


def read_vercel(log: Any) -> Log:
    """Return messages with their parts as content."""
    messages = [one for message in messages_of(log) for one in _vercel(as_dict(message))]
    return {**as_dict(log), "messages": messages}


def _vercel(message: Log) -> Iterator[Log]:
    parts = [as_dict(one) for one in as_list(message.get("parts"))]
    if not parts and isinstance(message.get("content"), list):
        yield message  # its blocks are read as those of other formats
        return
    if not parts:
        text = {"type": "text", "text": message.get("content") or ""}
        calls = as_list(message.get("toolInvocations"))
        parts = [*({"type": "tool-invocation", "toolInvocation": one} for one in calls), text]
    content: list[Log] = []
    for part in parts:
        kind = str(part.get("type", "text"))
        if kind == "text":
            content.append({"type": "text", "text": part.get("text")})
        elif kind == "file":
            content.append({"type": "file", **only(part, "url", "filename", *_MEDIA)})
        elif kind.startswith(("tool-", "dynamic-tool")):
            content += _vercel_tool(kind, part)
    yield {**message, "content": content}


def _vercel_tool(kind: str, part: Log) -> Iterator[Log]:
    call = as_dict(part.get("toolInvocation")) or part
    name = call.get("toolName") or kind.removeprefix("tool-")
    given = call.get("input", call.get("args"))
    yield {"type": "tool_use", "id": call.get("toolCallId"), "name": name, "input": given}
    output = call.get("output", call.get("result"))
    error = call.get("errorText")
    if output is not None or error:
        result = {"type": "tool_result", "tool_use_id": call.get("toolCallId")}
        failed = bool(error) or call.get("state") == "output-error"
        yield {**result, "content": error or output, **({"is_error": True} if failed else {})}
