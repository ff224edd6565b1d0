"""Chat logs as events, once shapes.py has brought every format into one form.

A log is one conversation: an object with `messages`, or the bare list of them. Each message becomes
one event; an assistant's tool calls stay on its turn, and each tool result is a turn of its own.
Ids and missing times are derived, so that the same log gives the same bytes.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
import orjson

from workers.chatlogs.content_blocks import (
    MOST_FILES,
    Parts,
    listed_files,
    read_segments,
    result_text,
    said_text,
)
from workers.chatlogs.json_values import as_dict, as_text, first_text
from workers.chatlogs.log_ids import id_of
from workers.chatlogs.model_formats import LEFT_OUT
from workers.chatlogs.times import UnreadableTime, read_time
from workers.chatlogs.tool_status import outcome_of
from workers.contracts.codec import Raw, decode_event, encode
from workers.contracts.events import (
    AgentTurn,
    Customer,
    Message,
    ToolCall,
    ToolResult,
)
from workers.contracts.ids import derive
from workers.contracts.rejections import Rejected
from workers.contracts.time import DAY, from_ms

BASE_MS: Final = 1_736_154_000_000
"""2025-01-06 09:00 UTC: where conversations without any times begin, within a day of it."""
GAPS_MS: Final = {
    "customer": 25_000,
    "ai_agent": 6_000,
    "human_agent": 20_000,
    "tool": 2_000,
    "system": 0,
}
"""Time from the turn before to one of this role, when the log has no times."""

_ROLES: Final = {
    "user": "customer",
    "human": "customer",
    "assistant": "ai_agent",
    "tool": "tool",
    "function": "tool",
    "system": "system",
    "developer": "system",
    "customer": "customer",
    "ai": "ai_agent",
    "ai_agent": "ai_agent",
    "bot": "ai_agent",
    "model": "ai_agent",
    "human_agent": "human_agent",
    "agent": "human_agent",
    "operator": "human_agent",
}
"""Roles by the names that logs use; any other name is reported."""
_LONGEST: Final = 128
"""Characters of what a log tells about its customer; the contract takes no more of a tier."""
_WHOLE: Final = {"email": _LONGEST, "phone": 40}
_TIMES: Final = (
    *("occurred_at", "created_at", "createdAt", "timestamp", "time", "created", "date", "sent_at"),
    *("date_created", "dateCreated", "startTime", "start_time"),
)


class Skip(NamedTuple):
    """A message, counted from 1, that could not be mapped (None: the whole conversation)."""

    message: int | None
    reason: str
    kept: bool = False
    """The message is there all the same, but not as the log has it."""


class Imported(NamedTuple):
    """The events of one conversation, encoded, in order, and what had to be left out."""

    conversation_id: str
    messages: int
    events: list[bytes]
    skipped: list[Skip]
    ends: list[int]
    """Number of events up to the end of each message: its own and those of the ones before it."""


class _Unmappable(Exception):
    pass


def named_id(log: Any) -> str | None:
    """Return the id that a log gives to its conversation; None when one has to be made up."""
    head = as_dict(log)
    return id_of(head, as_dict(head.get("metadata")))[0]


def import_conversation(log: Any, position: int, ends_ms: int | None = None) -> Imported:
    """Map one parsed chat log; `position` in its file tells logs without an id apart.

    With `ends_ms` all times are moved alike, so that the last message is of then. Every event
    returned passes the contract of `conversation-events`.
    """
    imported, last = _mapped(log, position, 0)
    if ends_ms is None or last is None:
        return imported
    return _mapped(log, position, ends_ms - last)[0]


def _mapped(log: Any, position: int, later_ms: int) -> tuple[Imported, int | None]:
    """Map a log with its times moved; the second is the latest of them as they were."""
    head = log if isinstance(log, dict) else {}
    messages = head.get("messages") if head else log
    metadata = as_dict(head.get("metadata"))
    conversation_id, doubt = id_of(head, metadata)
    conversation_id = conversation_id or _derived_id(log, position)
    if not isinstance(messages, list) or not messages:
        reason = "no list of messages: one conversation is an object with messages, or their list"
        return Imported(conversation_id, 0, [], [Skip(None, reason)], []), None
    log_of = _Log(conversation_id, head, metadata, later_ms)
    if doubt is not None:
        log_of.skipped.append(Skip(None, doubt, kept=True))
    log_of.skipped += [Skip(None, reason) for reason in head.get(LEFT_OUT, ())]
    if head.get("system"):
        log_of.add(0, {"role": "system", "content": head["system"]})
    ends = []
    for index, message in enumerate(messages, start=1):
        log_of.add(index, message)
        ends.append(len(log_of.events))
    found = log_of.events, log_of.skipped, ends
    return Imported(conversation_id, len(messages), *found), log_of.latest


class _Log:
    """One conversation while it is mapped."""

    def __init__(
        self,
        conversation_id: str,
        head: dict[str, Any],
        metadata: dict[str, Any],
        later_ms: int,
    ) -> None:
        self.conversation_id = conversation_id
        self.later_ms = later_ms
        self.latest: int | None = None
        self.head, self.metadata = head, metadata
        self.events: list[bytes] = []
        self.skipped: list[Skip] = []
        self.tools: dict[str, str] = {}
        self.called: str | None = None
        self.introduced = False
        self.started = False
        self.clock: int | None = None
        for source in (head, metadata):
            self.clock = self.clock or self._time_of(source, None)

    def add(self, index: int, message: Any) -> None:
        """Append the events of one message, or report why there are none."""
        try:
            for part, event in enumerate(self._mapped(index, message)):
                self._append(index, part, event)
        except _Unmappable as error:
            self.skipped.append(Skip(index, str(error)))

    def _mapped(self, index: int, message: Any) -> Iterator[dict[str, Any]]:
        if not isinstance(message, dict):
            raise _Unmappable("not an object with role and content")
        role = _ROLES.get(str(message.get("role")).casefold())
        if role is None:
            raise _Unmappable(
                f"role {str(message.get('role'))[:40]!r}: use one of {', '.join(_ROLES)}"
            )
        segments = [*read_segments(message.get("content"))]
        if role == "tool" and not segments[0].results:
            yield self._tool_turn(message, self._time_of(message, index))
            return
        if unknown := next((one.unknown for one in segments if one.unknown), None):
            problem = f"content block of type {unknown[:40]!r} is unknown"
            if not any(one.shown or one.calls or one.results for one in segments):
                raise _Unmappable(problem)
            # The rest of the message is read all the same.
            self.skipped.append(Skip(index, problem))
        at = self._time_of(message, index)
        self.tools |= _names_of(call for one in segments for call in one.calls)
        for number, parts in enumerate(segments):
            own = message if number == 0 else {}
            yield from self._segment(role, own, parts, at, alone=len(segments) == 1)

    def _segment(
        self, role: str, message: dict[str, Any], parts: Parts, at: int | None, *, alone: bool
    ) -> Iterator[dict[str, Any]]:
        """Yield what is said up to the next tool's result, and then the result."""
        results = [self._tool_turn(result, at) for result in parts.results]
        files = (*parts.attachments, *listed_files(message))[:MOST_FILES]
        if role == "ai_agent":
            text = parts.text if parts.text.strip() else _beside(message)
            agent = self._agent(message, parts)
            # The calls are known now: a result has the name of its call.
            results = [self._tool_turn(result, at) for result in parts.results]
            if text or files or agent is not None or (alone and not results):
                said = {"role": role, "content": text, "attachments": files}
                yield {**said, "agent": agent, "at": at}
        elif (text := parts.text or _beside(message)) or files or not results:
            who = self._person(message) if role == "human_agent" else {}
            said = {"role": role, "content": text, "attachments": files}
            yield {**said, "at": at, **who}
        yield from results

    def _person(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return who of the team wrote a message, as far as the log tells."""
        told = as_dict(message.get("agent")) | as_dict(message.get("sender"))
        who = AgentTurn(id=as_text(told.get("id")), name=as_text(told.get("name")))
        return {} if who == AgentTurn() else {"agent": who}

    def _time_of(self, source: dict[str, Any], index: int | None) -> int | None:
        """Return the time that a log gives; one that cannot be read is reported, and made up."""
        for key in _TIMES:
            try:
                if (at := read_time(source.get(key))) is not None:
                    return at
            except UnreadableTime as error:
                self.skipped.append(Skip(index, f"{key} {error}: its time is made up", kept=True))
                return None
        return None

    def _append(self, index: int, part: int, fields: dict[str, Any]) -> None:
        role, at = fields["role"], fields.pop("at")
        self.clock = at if at is not None else self._next_time(role)
        self.started = True
        if role == "customer" and not self.introduced:
            fields |= self._introduction()
        event = Message(
            event_id=derive("import", self.conversation_id, index, part),
            conversation_id=self.conversation_id,
            occurred_at=from_ms(self.clock + self.later_ms),
            **fields,
        )
        value = encode(event)
        try:
            sent_at = self.clock + self.later_ms
            decode_event(Raw(self.conversation_id.encode(), value, (), sent_at))
        except Rejected as rejected:
            raise _Unmappable(rejected.detail) from None
        self.latest = max(self.clock, self.latest or 0)
        self.introduced = self.introduced or role == "customer"
        self.events.append(value)

    def _next_time(self, role: str) -> int:
        if self.clock is None:
            # By the id alone, so that a part of a file gives the same times as the whole.
            return BASE_MS + UUID(derive("import-start", self.conversation_id)).int % DAY
        return self.clock + (GAPS_MS[role] if self.started else 0)

    def _tool_turn(self, result: dict[str, Any], at: int | None) -> dict[str, Any]:
        call_id = as_text(result.get("tool_call_id") or result.get("tool_use_id"))
        text = result_text(result.get("content"))
        status, error = outcome_of(result, text)
        name = as_text(result.get("name")) or self._called(call_id)
        tool = ToolResult(name=name, status=status, call_id=call_id, error=error)
        return {"role": "tool", "content": text, "tool": tool, "at": at}

    def _called(self, call_id: str | None) -> str:
        """Return the name of the tool that a result without a name is of."""
        if call_id is None:
            return self.called or "unknown"
        return self.tools.get(call_id, "unknown")

    def _agent(self, message: dict[str, Any], parts: Parts) -> AgentTurn | None:
        calls = tuple(_calls(message, parts))
        self.tools |= {call.call_id: call.name for call in calls if call.call_id}
        if calls:
            # A result without an id is that of the one call before it.
            self.called = calls[0].name if len(calls) == 1 else None
        told = as_dict(message.get("metadata")) | as_dict(message.get("agent"))
        usage = as_dict(message.get("usage"))
        fields = {
            "id": first_text(("id", "agent_id"), told, {})
            or as_text(self.metadata.get("agent_id")),
            "version": first_text(("version", "agent_version"), told, self.metadata)
            or as_text(message.get("model") or self.head.get("model")),
            "confidence": told.get("confidence"),
            "intents": told.get("intents", ()),
            "requested_escalation": told.get("requested_escalation"),
            "resolved": told.get("resolved"),
            "context_tokens": told.get("context_tokens")
            or usage.get("input_tokens")
            or usage.get("prompt_tokens"),
            "context_limit": told.get("context_limit"),
        }
        try:
            agent = msgspec.convert({k: v for k, v in fields.items() if v is not None}, AgentTurn)
        except msgspec.ValidationError as error:
            raise _Unmappable(f"agent: {error}") from None
        agent = msgspec.structs.replace(agent, tool_calls=calls)
        return agent if agent != AgentTurn() else None

    def _introduction(self) -> dict[str, Any]:
        """Return what the log tells of customer and conversation, for the first customer turn."""
        person = as_dict(self.metadata.get("customer")) | as_dict(self.head.get("customer"))
        names = {
            "id": ("customer_id", "user_id", "user"),
            "name": ("customer_name",),
            "tier": ("tier", "customer_tier"),
            "locale": ("locale",),
            "dedicated_agent": ("dedicated_agent",),
            "email": ("customer_email",),
            "phone": ("customer_phone",),
            "preferred_contact": ("preferred_contact",),
        }
        known = {
            field: as_text(person.get(field)) or first_text(keys, self.head, self.metadata)
            for field, keys in names.items()
        }
        told = {
            field: first_text((field,), self.head, self.metadata)
            for field in ("channel", "subject", "ticket_id", "tenant")
        }
        short = {field: value[:_LONGEST] for field, value in told.items() if value}
        customer = Customer(
            **{
                field: value[:_LONGEST]
                for field, value in known.items()
                # A part of an address is of no use.
                if value and len(value) <= _WHOLE.get(field, len(value))
            }
        )
        return {"customer": customer if customer != Customer() else None, **short}


def _beside(message: dict[str, Any]) -> str:
    """Return what an AI agent or a customer says outside of the content."""
    audio = as_dict(message.get("audio")).get("transcript")
    return next(
        filter(None, map(said_text, (message.get("refusal"), audio, message.get("text")))), ""
    )


def _names_of(calls: Iterable[dict[str, Any]]) -> dict[str, str]:
    ids = ((as_text(call.get("id")), as_text(call.get("name"))) for call in calls)
    return {call_id: name for call_id, name in ids if call_id and name}


def _calls(message: dict[str, Any], parts: Parts) -> Iterator[ToolCall]:
    listed = message.get("tool_calls")
    known = set()
    for given in [*(listed if isinstance(listed, list) else ()), *parts.calls]:
        call = _call(as_dict(given))
        # LangChain has the calls of the content once more beside it.
        if call.call_id is None or call.call_id not in known:
            yield call
        known.add(call.call_id)
    if legacy := as_dict(message.get("function_call")):
        yield _call({"function": legacy})


def _call(call: dict[str, Any]) -> ToolCall:
    function = as_dict(call.get("function")) or as_dict(call.get("custom")) or call
    name = as_text(function.get("name"))
    if name is None:
        raise _Unmappable("tool call without a name")
    call_id = as_text(call.get("id")) or as_text(call.get("call_id"))
    given = (function.get(key) for key in ("arguments", "input", "args", "parameters"))
    arguments: Any = next((one for one in given if one is not None), None)
    if isinstance(arguments, str):
        try:
            arguments = orjson.loads(arguments)
        except orjson.JSONDecodeError:
            return ToolCall(name=name, call_id=call_id, arguments=arguments)
    return ToolCall(name=name, call_id=call_id, arguments=arguments)


def _derived_id(log: Any, position: int) -> str:
    content = orjson.dumps(log, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return derive("import-conversation", position, content.decode())
