"""Answers, files and tool calls of every format, wherever a log keeps them."""

from typing import Any

import msgspec
import pytest

from workers.chatlogs.convert import import_conversation
from workers.chatlogs.shapes import read_shape
from workers.contracts.events import Message

LINK = "https://files.example/a.png"


def turns_of(log: Any) -> list[Message]:
    imported = import_conversation(read_shape(log)[1], 0)
    assert imported.skipped == []
    return [msgspec.json.decode(event, type=Message) for event in imported.events]


FILES: dict[str, Any] = {
    "chatwoot": {"id": 5, "messages": [
        {"message_type": 0, "content": None, "created_at": 1_736_157_600,
         "attachments": [{"id": 9, "file_type": "image/png", "data_url": LINK}]}]},
    "zendesk": {"id": 35, "comments": [
        {"author_id": 7, "body": "see", "attachments": [
            {"id": 4, "file_name": "a.png", "content_type": "image/png", "content_url": LINK}]}]},
    "intercom": {"id": "2", "source": {
        "body": "", "author": {"type": "user"}, "attachments": [
            {"type": "upload", "name": "a.png", "url": LINK, "content_type": "image/png"}]},
        "conversation_parts": {"conversation_parts": []}},
    "twilio": [
        {"conversation_sid": "CH1", "index": 0, "author": "+15550100", "body": None, "media": [
            {"sid": "ME1", "content_type": "image/png", "filename": "a.png"}]}],
    "vercel": {"id": "v", "messages": [{"role": "user", "parts": [
        {"type": "file", "mediaType": "image/png", "filename": "a.png", "url": LINK}]}]},
    "vercel-4": {"id": "v", "messages": [
        {"role": "user", "content": "see", "parts": [{"type": "text", "text": "see"}],
         "experimental_attachments": [
             {"name": "a.png", "contentType": "image/png", "url": LINK}]}]},
    "vercel-model": {"id": "v", "messages": [{"role": "user", "content": [
        {"type": "file", "data": LINK, "mediaType": "image/png"}]}]},
    "assistants": {"thread_id": "t", "messages": [
        {"role": "user", "content": [{"type": "text", "text": {"value": "see"}}],
         "attachments": [{"file_id": "file-1", "content_type": "image/png"}]}]},
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_beside_the_text_is_an_attachment(name: str) -> None:
    (turn,) = turns_of(FILES[name])
    (file,) = turn.attachments
    assert file.type == "image/png"
    assert (file.url or file.id) in (LINK, "ME1", "file-1")


def test_what_is_inline_stays_behind() -> None:
    log = {"id": "v", "messages": [{"role": "user", "content": [
        {"type": "image", "image": "iVBORw0KGgo=" * 100, "mediaType": "image/png"}]}]}  # fmt: skip
    (turn,) = turns_of(log)
    assert [(one.type, one.url) for one in turn.attachments] == [("image/png", None)]


CALLS: dict[str, Any] = {
    "vercel-model": {"id": "v", "messages": [
        {"role": "assistant", "content": [
            {"type": "tool-call", "toolCallId": "c", "toolName": "find", "input": {"order": 7}}]},
        {"role": "tool", "content": [
            {"type": "tool-result", "toolCallId": "c", "toolName": "find",
             "output": {"type": "error-text", "value": "gone"}}]}]},
    "vercel-model-4": {"id": "v", "messages": [
        {"role": "assistant", "content": [
            {"type": "tool-call", "toolCallId": "c", "toolName": "find", "args": {"order": 7}}]},
        {"role": "tool", "content": [
            {"type": "tool-result", "toolCallId": "c", "toolName": "find", "isError": True,
             "result": "gone"}]}]},
    "sharegpt": {"id": "s", "conversations": [
        {"from": "function_call", "value": '{"name": "find", "arguments": {"order": 7}}'},
        {"from": "observation", "value": '{"error": "gone"}'}]},
    "langchain": {"id": "l", "messages": [
        {"type": "ai", "content": "", "invalid_tool_calls": [
            {"name": "find", "args": {"order": 7}, "id": "c", "error": "no JSON"}]},
        {"type": "tool", "content": "gone", "tool_call_id": "c", "status": "error"}]},
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_a_call_and_its_result_have_the_name_of_the_tool(name: str) -> None:
    call, result = turns_of(CALLS[name])
    assert call.agent is not None
    assert result.tool is not None
    assert [(one.name, one.arguments) for one in call.agent.tool_calls] == [("find", {"order": 7})]
    assert (result.tool.name, result.tool.status, result.tool.error) == ("find", "error", "gone")


def test_two_results_in_one_message_are_two_turns() -> None:
    results = [
        {"type": "tool-result", "toolCallId": name, "toolName": name,
         "output": {"type": "json", "value": {"error": None}}}
        for name in ("a", "b")
    ]  # fmt: skip
    turns = turns_of({"id": "v", "messages": [{"role": "tool", "content": results}]})
    assert [(one.tool.name, one.tool.status) for one in turns if one.tool] == [
        ("a", "ok"),
        ("b", "ok"),
    ]


def test_a_chat_message_of_langchain_has_the_role_that_it_names() -> None:
    log = {"messages": [
        {"lc": 1, "id": ["langchain_core", "messages", "ChatMessage"],
         "kwargs": {"content": "hello", "role": "user"}}]}  # fmt: skip
    assert [one.role for one in turns_of(log)] == ["customer"]


def test_words_at_the_close_are_told_and_those_for_colleagues_are_not() -> None:
    parts = [
        {"part_type": kind, "body": kind, "author": {"type": "admin"}}
        for kind in ("close", "note", "note_and_reopen", "assignment")
    ]
    log = {"id": "2", "source": {}, "conversation_parts": parts}
    assert [one.content for one in turns_of(log)] == ["close"]


ANSWERS: list[dict[str, Any]] = [
    {"responses": [{"content": "ANSWER"}]},
    {"completions": ["ANSWER"]},
    {"Response": "ANSWER"},
    {"model_output": "ANSWER"},
    {"response": '{"choices": [{"message": {"role": "assistant", "content": "ANSWER"}}]}'},
    {"choices": [{"delta": {"content": "ANS"}}, {"delta": {"content": "WER"}}]},
    {"response": "ANSWER", "response_id": "r-1", "response_time": 2.5, "output_tokens": 3},
]


@pytest.mark.parametrize("beside", ANSWERS, ids=lambda beside: next(iter(beside)))
def test_the_answer_beside_the_messages_is_the_last_turn(beside: dict[str, Any]) -> None:
    log = {"id": "c", "messages": [{"role": "user", "content": "my bill"}], **beside}
    assert [one.content for one in turns_of(log)] == ["my bill", "ANSWER"]


def test_an_answer_under_an_unknown_name_is_reported() -> None:
    log = {"messages": [{"role": "user", "content": "my bill"}], "my_gpt_answer": "ANSWER"}
    (skip,) = import_conversation(read_shape(log)[1], 0).skipped
    assert "'my_gpt_answer'" in skip.reason


def test_an_answer_that_is_also_the_last_message_stands_once() -> None:
    said = [{"type": "text", "text": "ANSWER"}]
    messages = [{"role": "user", "content": "my bill"}, {"role": "assistant", "content": said}]
    log = {"messages": messages, "response": {"role": "assistant", "content": "ANSWER"}}
    assert [one.content for one in turns_of(log)] == ["my bill", "ANSWER"]


def test_the_request_of_a_batch_is_read_with_its_answer() -> None:
    body = {"messages": [{"role": "user", "content": "my bill"}]}
    answer = {"choices": [{"message": {"role": "assistant", "content": "ANSWER"}}]}
    log = {"custom_id": "c", "request": {"body": body}, "response": {"body": answer}}
    assert [one.content for one in turns_of(log)] == ["my bill", "ANSWER"]
