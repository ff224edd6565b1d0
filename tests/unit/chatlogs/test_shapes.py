"""Chat logs of other systems, in the shapes of their documentation, become the same turns."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from workers.chatlogs.helpdesk_formats import plain_text
from workers.chatlogs.shapes import names
from workers.cli.import_ import import_

AT = 1_767_607_200  # 2026-01-05 10:00 UTC
ASKS, ANSWERS, HELPS = "My lamp flickers.", "Which lamp is it?", "Kim here, I send a new one."
TURNS = [("customer", ASKS), ("ai_agent", ANSWERS)]
SAMPLES: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "openai-chat": (
        {"id": "c", "messages": [
            {"role": "user", "content": ASKS}, {"role": "assistant", "content": ANSWERS}]},
        TURNS,
    ),
    "anthropic": (
        {"id": "c", "system": "Help.", "messages": [
            {"role": "user", "content": ASKS},
            {"role": "assistant", "content": [{"type": "text", "text": ANSWERS}]}]},
        [("system", "Help."), *TURNS],
    ),
    "openai-responses": (
        {"id": "resp_1", "object": "response", "conversation": {"id": "c"}, "input": ASKS,
         "output": [
            {"type": "reasoning", "summary": []},
            {"type": "function_call", "call_id": "f1", "name": "find", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "f1", "output": '{"found": 1}'},
            {"type": "message", "role": "assistant",
             "content": [{"type": "output_text", "text": ANSWERS}]}]},
        [TURNS[0], ("ai_agent", ""), ("tool", '{"found": 1}'), TURNS[1]],
    ),
    "openai-assistants": (
        {"object": "list", "data": [
            {"id": "m2", "object": "thread.message", "created_at": AT + 9, "thread_id": "c",
             "role": "assistant", "content": [{"type": "text", "text": {"value": ANSWERS}}]},
            {"id": "m1", "object": "thread.message", "created_at": AT, "thread_id": "c",
             "role": "user", "content": [{"type": "text", "text": {"value": ASKS}}]}]},
        TURNS,
    ),
    "sharegpt": (
        {"id": "c", "conversations": [
            {"from": "human", "value": ASKS}, {"from": "gpt", "value": ANSWERS}]},
        TURNS,
    ),
    "langchain": (
        {"session_id": "c", "messages": [
            {"type": "human", "data": {"content": ASKS, "additional_kwargs": {}}},
            {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "AIMessage"],
             "kwargs": {"content": "", "tool_calls": [
                 {"name": "find", "args": {"lamp": 1}, "id": "t1", "type": "tool_call"}]}},
            {"type": "tool", "content": "no such lamp", "tool_call_id": "t1", "status": "error"},
            {"type": "ai", "content": ANSWERS}]},
        [TURNS[0], ("ai_agent", ""), ("tool", "no such lamp"), TURNS[1]],
    ),
    "langfuse": (
        {"id": "trace-1", "sessionId": "c", "timestamp": "2026-01-05T10:00:00Z",
         "input": {"messages": [{"role": "user", "content": ASKS}]},
         "output": {"role": "assistant", "content": ANSWERS}},
        TURNS,
    ),
    "vercel": (
        {"id": "c", "messages": [
            {"id": "1", "role": "user", "parts": [{"type": "text", "text": ASKS}]},
            {"id": "2", "role": "assistant", "parts": [
                {"type": "step-start"},
                {"type": "tool-find", "toolCallId": "v1", "state": "output-error",
                 "input": {}, "errorText": "down"},
                {"type": "text", "text": ANSWERS}]}]},
        [TURNS[0], ("ai_agent", ""), ("tool", "down"), TURNS[1]],
    ),
    "chatwoot": (
        {"meta": {"contact": {"id": 4, "name": "Ada"}}, "payload": [
            {"id": 1, "content": ASKS, "message_type": 0, "created_at": AT, "conversation_id": 77,
             "sender": {"id": 4, "type": "contact"}},
            {"id": 2, "content": ANSWERS, "message_type": 1, "created_at": AT + 5,
             "sender": {"id": 2, "type": "agent_bot"}},
            {"id": 3, "content": "internal", "message_type": 1, "private": True},
            {"id": 4, "content": "assigned", "message_type": 2, "created_at": AT + 7},
            {"id": 5, "content": HELPS, "message_type": 1, "created_at": AT + 8,
             "sender": {"id": 9, "name": "Kim", "type": "user"}}]},
        [*TURNS, ("human_agent", HELPS)],
    ),
    "zendesk": (
        {"ticket": {"id": 35, "subject": "Lamp", "requester_id": 1},
         "users": [{"id": 1, "role": "end-user", "name": "Ada"}, {"id": 2, "role": "agent"}],
         "comments": [
             {"author_id": 1, "body": ASKS, "public": True, "created_at": "2026-01-05T10:00:00Z"},
             {"author_id": 2, "body": "secret", "public": False},
             {"author_id": 2, "html_body": f"<p>{HELPS}</p>", "created_at": "2026-01-05T10:05:00Z"},
         ]},
        [("customer", ASKS), ("human_agent", HELPS)],
    ),
    "intercom": (
        {"type": "conversation", "id": "c", "created_at": AT,
         "source": {"body": f"<p>{ASKS}</p>", "author": {"type": "user", "id": "u", "name": "Ada"}},
         "conversation_parts": {"conversation_parts": [
             {"part_type": "comment", "body": f"<p>{ANSWERS}</p>", "created_at": AT + 5,
              "author": {"type": "bot", "id": "b"}},
             {"part_type": "note", "body": "secret", "author": {"type": "admin"}},
             {"part_type": "assignment", "body": None, "author": {"type": "admin"}},
             {"part_type": "comment", "body": f"<p>{HELPS}</p>", "created_at": AT + 9,
              "author": {"type": "admin", "id": "k", "name": "Kim"}}]}},
        [*TURNS, ("human_agent", HELPS)],
    ),
    "twilio": (
        {"sid": "CHc", "messages": [
            {"sid": "IM2", "index": 1, "author": "bot", "body": ANSWERS,
             "date_created": "2026-01-05T10:00:05Z"},
            {"sid": "IM1", "index": 0, "author": "whatsapp:+15550100", "body": ASKS,
             "date_created": "2026-01-05T10:00:00Z"},
            {"sid": "IM3", "index": 2, "author": "kim", "body": HELPS,
             "date_created": "2026-01-05T10:01:00Z"}]},
        [*TURNS, ("human_agent", HELPS)],
    ),
}  # fmt: skip


def run(data: bytes | str, *arguments: str) -> Result:
    return CliRunner().invoke(import_, ["-", *arguments], input=data)


def turns(result: Result) -> list[tuple[str, str]]:
    events = [json.loads(line) for line in result.stdout.splitlines()]
    return [(event["role"], event.get("content", "")) for event in events]


def test_every_format_has_a_sample() -> None:
    assert set(SAMPLES) == set(names())


@pytest.mark.parametrize("name", SAMPLES)
def test_a_format_is_told_by_its_shape_and_named(name: str) -> None:
    log, wanted = SAMPLES[name]
    result = run(json.dumps(log))
    assert result.exit_code == 0, result.stderr
    assert turns(result) == wanted
    assert f"(1 {name})" in result.stderr
    # A list of conversations, over several lines, is the same.
    several = run(json.dumps([log], indent=2))
    assert turns(several) == wanted, several.stderr


@pytest.mark.parametrize("name", SAMPLES)
def test_a_damaged_log_of_any_format_is_no_traceback(name: str) -> None:
    log, _ = SAMPLES[name]

    def broken(value: Any, at: list[int]) -> Any:
        at[0] -= 1
        if at[0] == 0:
            return 7.5
        if isinstance(value, dict):
            return {key: broken(one, at) for key, one in value.items()}
        return [broken(one, at) for one in value] if isinstance(value, list) else value

    for number in range(2, 60):
        damaged = broken(log, [number])
        result = run(json.dumps(damaged))
        assert result.exit_code in (0, 1, 65), (damaged, result.exception)


def test_requests_that_repeat_a_history_become_one_conversation() -> None:
    messages = [
        {"role": "user", "content": ASKS},
        {"role": "assistant", "content": ANSWERS},
        {"role": "user", "content": "The green one."},
    ]
    whole = {"session_id": "s", "messages": messages}
    first = {"session_id": "s", "messages": messages[:1], "choices": [{"message": messages[1]}]}
    for logs in ([first, whole], [whole, first], [whole, first, whole, first]):
        result = run("\n".join(map(json.dumps, logs)))
        assert turns(result) == [*TURNS, ("customer", "The green one.")]
        assert "the longest is taken" in result.stderr or len(logs) == 4
        moved = run("\n".join(map(json.dumps, logs)), "--now")
        assert turns(moved) == turns(result)


def test_a_file_of_events_is_one_sentence() -> None:
    line = {"event_id": "a", "conversation_id": "c", "occurred_at": "2026-01-05T10:00:00Z"}
    result = run("\n".join([json.dumps(line)] * 1000))
    assert result.exit_code == 65
    assert result.stderr.count("\n") == 1
    assert "events already" in result.stderr


def test_complaints_are_capped_and_all_of_them_may_be_had() -> None:
    good = '{"id": "c", "messages": [{"role": "user", "content": "hello"}]}'
    lines = "\n".join([good, *['{"id": 1, "messages": "none"}'] * 500])
    result = run(lines)
    assert result.exit_code == 1
    assert "and 480 more; --all lists them" in result.stderr
    assert len(result.stderr.splitlines()) == 22
    assert len(run(lines, "--all").stderr.splitlines()) == 501


def test_a_table_is_read_by_its_columns() -> None:
    table = f"Chat,From,Said,When\n7,customer,{ASKS},2026-01-05 10:00\n7,bot,{ANSWERS},\n"
    result = run(table, "--columns", "conversation=Chat,role=From,content=Said,time=When")
    assert result.exit_code == 0, result.stderr
    assert turns(result) == TURNS
    guessed = run(table.replace("Chat,From,Said,When", "chat_id,role,text,time"), "--format", "csv")
    assert turns(guessed) == TURNS
    wrong = run(table, "--columns", "conversation=Talk")
    assert wrong.exit_code != 0
    assert "the table has Chat, From, Said, When" in wrong.stderr
    missing = run(table, "--format", "csv")
    assert "no column for" in missing.stderr


def test_html_becomes_text() -> None:
    assert plain_text("<p>One &amp; two</p><p>three<br>four</p>") == "One & two\nthree\nfour"
    assert plain_text("a < b") == "a < b"
    assert plain_text("<!-- not <b>shown --><P class='x'>One<br/>two</P>&lt;b&gt;") == "One\ntwo<b>"
