"""Chat logs of other systems, told apart by their shape and brought into the one that is mapped.

That is an object with `messages`, each with a role and content as in the OpenAI and Anthropic
formats; `convert` does the rest.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from html.parser import HTMLParser
from typing import Any, Final, NamedTuple

Log = dict[str, Any]


class Shape(NamedTuple):
    """One format: its name, whether a log is of it, and how it becomes the mapped one."""

    name: str
    fits: Callable[[Any], bool]
    read: Callable[[Any], Log]


def read_shape(log: Any, name: str | None = None) -> tuple[str, Any]:
    """Return the format of a log and the log as it is mapped; `name` forces a format.

    What fits none comes back as it is, under the name "unknown".
    """
    for shape in SHAPES:
        if (name is None and shape.fits(log)) or shape.name == name:
            return shape.name, shape.read(log)
    return "unknown", log


def is_conversation(log: list[Any]) -> bool:
    """Whether a list is one conversation's messages, rather than a list of conversations."""
    known = any(shape.fits(log) for shape in SHAPES)
    return known or any("role" in _dict(one) for one in log)


def is_event(log: Any) -> bool:
    """Whether a line is an event already, and no chat log."""
    return isinstance(log, dict) and {"event_id", "conversation_id", "occurred_at"} <= log.keys()


def answered(log: Log) -> Log:
    """Return a log with the answer that stands beside its messages as their last turn."""
    answer = next((found for key in _ANSWERS if (found := _answer(log.get(key)))), None)
    messages = _list(log.get("messages"))
    if answer is None or not messages:
        return log
    last = _dict(messages[-1])
    said = last.get("role") == "assistant" and last.get("content") == answer.get("content")
    return log if said else {**log, "messages": [*messages, answer]}


_ANSWERS: Final = ("choices", "response", "completion", "output", "answer", "reply")


def _answer(value: Any) -> Log | None:
    if isinstance(value, str):
        return {"role": "assistant", "content": value} if value.strip() else None
    if isinstance(value, list):
        first = _dict(value[0]) if value else {}
        return _answer(first.get("message") or first.get("text")) if first else None
    if not isinstance(value, dict):
        return None
    if "choices" in value:
        return _answer(value["choices"])
    if value.get("content") is not None or value.get("tool_calls"):
        return {**value, "role": "assistant"}
    return _answer(value.get("text") or value.get("message") or value.get("output_text"))


# ---- OpenAI -----------------------------------------------------------------------------------


def _fits_responses(log: Any) -> bool:
    if isinstance(log, dict) and (log.get("object") == "response" or "output" in log):
        return any(_is_item(one) for one in [*_list(log.get("input")), *_list(log.get("output"))])
    return isinstance(log, list) and any(_is_item(one) and "type" in _dict(one) for one in log)


_ITEMS: Final = frozenset(("message", "function_call", "function_call_output", "reasoning"))


def _is_item(one: Any) -> bool:
    return isinstance(one, dict) and one.get("type") in _ITEMS


def _read_responses(log: Any) -> Log:
    head = log if isinstance(log, dict) else {}
    given = head.get("input") if head else log
    items = [{"role": "user", "content": given}] if isinstance(given, str) else _list(given)
    items = [*items, *_list(head.get("output"))]
    kept = {key: head[key] for key in head if key not in ("input", "output", "instructions")}
    conversation = _dict(head.get("conversation")).get("id") or head.get("conversation")
    if isinstance(conversation, str):
        kept["id"] = conversation
    return {**kept, "messages": [one for item in items for one in _item(_dict(item))]}


def _item(item: Log) -> Iterator[Log]:
    kind = item.get("type", "message")
    if kind == "function_call":
        call = {"id": item.get("call_id") or item.get("id"), "function": item}
        yield {"role": "assistant", "content": None, "tool_calls": [call]}
    elif kind == "function_call_output":
        output = item.get("output")
        yield {"role": "tool", "tool_call_id": item.get("call_id"), "content": output}
    elif kind == "message":
        yield item


def _fits_assistants(log: Any) -> bool:
    return any(
        _dict(one).get("object") == "thread.message"
        for one in (log if isinstance(log, list) else _list(_dict(log).get("data")))
    )


def _read_assistants(log: Any) -> Log:
    messages = log if isinstance(log, list) else _list(log.get("data"))
    # The service lists the newest first.
    messages = sorted(map(_dict, messages), key=lambda one: str(one.get("created_at")))
    thread = next((one["thread_id"] for one in messages if one.get("thread_id")), None)
    return {"thread_id": thread, "messages": messages}


# ---- Frameworks -------------------------------------------------------------------------------

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


def _fits_sharegpt(log: Any) -> bool:
    turns = _list(_dict(log).get("conversations"))
    return bool(turns) and all("from" in _dict(one) and "value" in _dict(one) for one in turns)


def _read_sharegpt(log: Log) -> Log:
    messages = []
    for turn in map(_dict, log["conversations"]):
        said = str(turn.get("from")).casefold()
        if said == "function_call":
            call = {"function": {"name": "function_call", "arguments": turn.get("value")}}
            messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
            continue
        messages.append({**turn, "role": _SHAREGPT.get(said, said), "content": turn.get("value")})
    return {**log, "messages": messages}


_LANGCHAIN: Final = {
    "human": "user",
    "ai": "assistant",
    "aimessagechunk": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "tool",
}


def _messages_of(log: Any) -> list[Any]:
    return log if isinstance(log, list) else _list(_dict(log).get("messages"))


def _langchain_kind(message: Any) -> str | None:
    one = _dict(message)
    if one.get("lc") and isinstance(one.get("id"), list) and one["id"]:
        return str(one["id"][-1]).casefold().removesuffix("chunk").removesuffix("message")
    kind = one.get("type")
    found = isinstance(kind, str) and "role" not in one and kind.casefold() in _LANGCHAIN
    return str(kind).casefold() if found else None


def _fits_langchain(log: Any) -> bool:
    messages = _messages_of(log)
    return bool(messages) and all(_langchain_kind(one) is not None for one in messages)


def _read_langchain(log: Any) -> Log:
    messages = []
    for one in map(_dict, _messages_of(log)):
        data = _dict(one.get("kwargs")) or _dict(one.get("data")) or one
        calls = data.get("tool_calls") or _dict(data.get("additional_kwargs")).get("tool_calls")
        role = _LANGCHAIN.get(_langchain_kind(one) or "", "system")
        messages.append({**data, "role": role, "tool_calls": calls or ()})
    return {**_dict(log), "messages": messages}


def _fits_langfuse(log: Any) -> bool:
    one = _dict(log)
    return "input" in one and "output" in one and bool({"traceId", "sessionId"} & one.keys())


def _read_langfuse(log: Log) -> Log:
    given = log.get("input")
    messages = _list(_dict(given).get("messages")) or _list(given)
    if not messages:
        said = next((found for key in _QUESTIONS if (found := _dict(given).get(key))), given)
        messages = [{"role": "user", "content": said}]
    output = log.get("output")
    answer = _answer(output) or _answer(_dict(output).get("messages"))
    head = {"id": log.get("sessionId") or log.get("traceId") or log.get("id")}
    head |= {key: log[key] for key in ("timestamp", "metadata", "userId") if key in log}
    if "userId" in head:
        head["user_id"] = head.pop("userId")
    return {**head, "messages": [*messages, *([answer] if answer else ())]}


_QUESTIONS: Final = ("question", "query", "input", "message", "text", "prompt")


def _fits_vercel(log: Any) -> bool:
    messages = [_dict(one) for one in _messages_of(log)]
    return any(
        isinstance(one.get("parts"), list) or isinstance(one.get("toolInvocations"), list)
        for one in messages
    )


def _read_vercel(log: Any) -> Log:
    messages = [one for message in _messages_of(log) for one in _vercel(_dict(message))]
    return {**_dict(log), "messages": messages}


def _vercel(message: Log) -> Iterator[Log]:
    parts = [_dict(one) for one in _list(message.get("parts"))]
    if not parts:
        text = {"type": "text", "text": message.get("content") or ""}
        calls = _list(message.get("toolInvocations"))
        parts = [*({"type": "tool-invocation", "toolInvocation": one} for one in calls), text]
    content: list[Log] = []
    for part in parts:
        kind = str(part.get("type"))
        if kind == "text":
            content.append({"type": "text", "text": part.get("text")})
        elif kind == "file":
            content.append({"type": "file"})
        elif kind.startswith(("tool-", "dynamic-tool")):
            content += _vercel_tool(kind, part)
    yield {**message, "content": content}


def _vercel_tool(kind: str, part: Log) -> Iterator[Log]:
    call = _dict(part.get("toolInvocation")) or part
    name = call.get("toolName") or kind.removeprefix("tool-")
    given = call.get("input", call.get("args"))
    yield {"type": "tool_use", "id": call.get("toolCallId"), "name": name, "input": given}
    output = call.get("output", call.get("result"))
    error = call.get("errorText")
    if output is not None or error:
        result = {"type": "tool_result", "tool_use_id": call.get("toolCallId")}
        failed = bool(error) or call.get("state") == "output-error"
        yield {**result, "content": error or output, **({"is_error": True} if failed else {})}


# ---- Help desks -------------------------------------------------------------------------------

_CHATWOOT: Final = {
    "0": "customer",
    "incoming": "customer",
    "1": "human_agent",
    "outgoing": "human_agent",
    "3": "ai_agent",
    "template": "ai_agent",
}


def _chatwoot_messages(log: Any) -> list[Any]:
    return _list(_dict(log).get("payload")) or _messages_of(log)


def _fits_chatwoot(log: Any) -> bool:
    messages = [_dict(one) for one in _chatwoot_messages(log)]
    return bool(messages) and all("message_type" in one for one in messages)


def _read_chatwoot(log: Any) -> Log:
    messages = []
    for one in map(_dict, _chatwoot_messages(log)):
        role = _CHATWOOT.get(str(one.get("message_type")))
        sender = _dict(one.get("sender"))
        if role is None or one.get("private"):
            continue
        if str(sender.get("type") or one.get("sender_type")).casefold() in _BOTS:
            role = "ai_agent"
        messages.append({"role": role, "sender": sender, **_only(one, "content", "created_at")})
    head = _dict(log)
    first = _dict(_chatwoot_messages(log)[0])
    contact = _dict(_dict(head.get("meta")).get("sender") or _dict(head.get("meta")).get("contact"))
    number = head.get("id") or head.get("display_id") or first.get("conversation_id")
    return {"id": number, "customer": _only(contact, "id", "name"), "messages": messages}


_BOTS: Final = frozenset(("agent_bot", "agentbot", "bot", "captain::assistant"))


def _fits_zendesk(log: Any) -> bool:
    one = _dict(log)
    chat = any("msg" in _dict(turn) for turn in _list(one.get("history")))
    comments = [_dict(comment) for comment in _list(one.get("comments"))]
    return chat or (bool(comments) and all("author_id" in comment for comment in comments))


def _read_zendesk(log: Log) -> Log:
    if "history" in log:
        return _zendesk_chat(log)
    ticket = _dict(log.get("ticket")) or log
    roles = {one.get("id"): one for one in map(_dict, _list(log.get("users")))}
    requester = ticket.get("requester_id", _dict(ticket.get("requester")).get("id"))
    if requester is None and log["comments"]:
        requester = _dict(log["comments"][0]).get("author_id")
    messages = []
    for one in map(_dict, log["comments"]):
        if one.get("public") is False:
            continue
        author = one.get("author_id")
        customer = author == requester or _dict(roles.get(author)).get("role") == "end-user"
        text = one.get("plain_body") or one.get("body") or plain_text(str(one.get("html_body")))
        sender = {"id": author, "name": _dict(roles.get(author)).get("name")}
        role = "customer" if customer else "human_agent"
        messages.append(
            {"role": role, "content": text, "sender": sender, **_only(one, "created_at")}
        )
    person = _dict(roles.get(requester))
    customer_of = {"id": requester, **_only(person, "name")}
    head = {"id": ticket.get("id"), "subject": ticket.get("subject"), "channel": "ticket"}
    return {**head, "ticket_id": ticket.get("id"), "customer": customer_of, "messages": messages}


def _zendesk_chat(log: Log) -> Log:
    visitor = _dict(log.get("visitor"))
    messages = []
    for one in map(_dict, _list(log.get("history"))):
        if not one.get("msg"):
            continue
        kind = str(one.get("sender_type") or one.get("nick")).casefold()
        role = "human_agent"
        if kind.startswith("visitor"):
            role = "customer"
        elif kind.startswith(("trigger", "bot", "answer")):
            role = "ai_agent"
        sender = {"name": one.get("name") or one.get("display_name")}
        said = {"role": role, "content": one["msg"], "sender": sender}
        messages.append({**said, **_only(one, "timestamp")})
    return {"id": log.get("id"), "customer": _only(visitor, "id", "name"), "messages": messages}


_INTERCOM: Final = {
    "user": "customer",
    "lead": "customer",
    "contact": "customer",
    "admin": "human_agent",
    "team": "human_agent",
    "bot": "ai_agent",
    "fin": "ai_agent",
}


def _fits_intercom(log: Any) -> bool:
    return isinstance(_dict(log).get("conversation_parts"), dict | list)


def _read_intercom(log: Log) -> Log:
    parts = log["conversation_parts"]
    listed = _list(parts) or _list(_dict(parts).get("conversation_parts"))
    source = _dict(log.get("source"))
    messages = []
    for one in [{"created_at": log.get("created_at"), **source}, *map(_dict, listed)]:
        if not one.get("body") or one.get("part_type") in ("note", "close", "assignment"):
            continue
        author = _dict(one.get("author"))
        role = _INTERCOM.get(str(author.get("type")).casefold(), "human_agent")
        if author.get("from_ai_agent") or author.get("is_ai_answer"):
            role = "ai_agent"
        said = {"role": role, "content": plain_text(str(one["body"])), "sender": author}
        messages.append({**said, **_only(one, "created_at")})
    person = _dict(source.get("author"))
    return {"id": log.get("id"), "customer": _only(person, "id", "name"), "messages": messages}


_TWILIO_CUSTOMER: Final = re.compile(r"\+\d|whatsapp:|messenger:|sms:|rcs:")


def _fits_twilio(log: Any) -> bool:
    messages = [_dict(one) for one in _messages_of(log)]
    return bool(messages) and all({"author", "body"} <= one.keys() for one in messages)


def _read_twilio(log: Any) -> Log:
    messages = []
    for one in sorted(map(_dict, _messages_of(log)), key=lambda one: _number(one.get("index"))):
        author = str(one.get("author"))
        role = "human_agent"
        if _TWILIO_CUSTOMER.match(author) or author.casefold() in ("customer", "user", "guest"):
            role = "customer"
        elif author.casefold() in ("system", "bot", "assistant", "autopilot"):
            role = "ai_agent"
        said = {"role": role, "content": one.get("body"), "sender": {"id": author}}
        times = _only(one, "date_created", "dateCreated")
        messages.append({**said, **times})
    head = _dict(log)
    first = _dict(_messages_of(log)[0])
    sid = head.get("sid") or first.get("conversation_sid") or first.get("channel_sid")
    return {"id": sid or head.get("id"), "messages": messages}


# ---- OpenAI chat and Anthropic messages -------------------------------------------------------


def _fits_messages(log: Any) -> bool:
    return any("role" in _dict(one) for one in _messages_of(log))


def _is_anthropic(log: Any) -> bool:
    blocks = (
        _dict(block) for one in _messages_of(log) for block in _list(_dict(one).get("content"))
    )
    kinds = (str(block.get("type")) for block in blocks)
    return "system" in _dict(log) or any(
        kind.endswith(("tool_use", "tool_result")) for kind in kinds
    )


def _as_it_is(log: Any) -> Log:
    return answered(log) if isinstance(log, dict) else {"messages": log}


SHAPES: Final = (
    Shape("openai-assistants", _fits_assistants, _read_assistants),
    Shape("openai-responses", _fits_responses, _read_responses),
    Shape("sharegpt", _fits_sharegpt, _read_sharegpt),
    Shape("intercom", _fits_intercom, _read_intercom),
    Shape("zendesk", _fits_zendesk, _read_zendesk),
    Shape("chatwoot", _fits_chatwoot, _read_chatwoot),
    Shape("langfuse", _fits_langfuse, _read_langfuse),
    Shape("vercel", _fits_vercel, _read_vercel),
    Shape("langchain", _fits_langchain, _read_langchain),
    Shape("twilio", _fits_twilio, _read_twilio),
    Shape("anthropic", lambda log: _fits_messages(log) and _is_anthropic(log), _as_it_is),
    Shape("openai-chat", _fits_messages, _as_it_is),
)
"""Every format that is known, the one with the narrowest shape first."""


class _Text(HTMLParser):
    """The text of a fragment of HTML, its blocks on lines of their own."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        """Keep what is shown."""
        self.parts.append(data)

    def handle_starttag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002
        """Break the line where a block begins."""
        if tag in ("br", "p", "div", "li"):
            self.parts.append("\n")


def plain_text(html: str) -> str:
    """Return the text of a fragment of HTML; text without tags comes back as it is."""
    if "<" not in html and "&" not in html:
        return html
    reader = _Text()
    reader.feed(html)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return "\n".join(filter(None, lines))


def _only(source: Log, *names: str) -> Log:
    return {name: source[name] for name in names if source.get(name) is not None}


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _dict(value: Any) -> Log:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def names(shapes: Iterable[Shape] = SHAPES) -> list[str]:
    """Return the names of the formats, as `--format` takes them."""
    return [shape.name for shape in shapes]
