"""Logs as people really have them: what cannot be read is said, and nothing is lost in silence."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from workers.cli.main import handoff

QUESTION = {"role": "user", "content": "My bill is wrong."}
ANSWER = "I look into it."


def _import(*logs: Any, text: str | None = None, options: tuple[str, ...] = ()) -> Result:
    lines = "".join(json.dumps(log) + "\n" for log in logs) if text is None else text
    result = CliRunner().invoke(handoff, ["import", "-", *options], input=lines)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def _events(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def _said(result: Result) -> list[tuple[str, str]]:
    return [(event["role"], event.get("content", "")) for event in _events(result)]


# ---- Content ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        {"type": "text", "text": {"value": "get me a human", "annotations": []}},
        [{"type": "text", "text": {"value": "get me a human"}}],
        [{"text": {"value": "get me a human"}}],
        [{"type": "text", "text": ["get me", "a human"]}],
        [{"type": "input_text", "text": {"text": "get me a human"}}],
        {"text": "get me a human"},
        [{"value": "get me a human"}],
        ["get me a human"],
        [{"type": "thinking", "thinking": "x"}, {"type": "text", "text": "get me a human"}],
    ],
)
def test_text_is_found_however_it_is_wrapped(content: Any) -> None:
    result = _import({"messages": [{"role": "user", "content": content}]})
    assert _said(result)[0][1].replace("\n", " ") == "get me a human"


@pytest.mark.parametrize(
    "content", [{"mood": "sad"}, True, [{"type": "hologram"}], [[1]], [None], {"text": 7}]
)
def test_what_is_no_text_is_reported(content: Any) -> None:
    result = _import({"messages": [QUESTION, {"role": "user", "content": content}]})
    assert (result.exit_code, len(_events(result))) == (1, 1)
    assert "message 2" in result.stderr


def test_an_unknown_block_takes_nothing_else_with_it() -> None:
    blocks = [{"type": "text", "text": ANSWER}, {"type": "hologram"}]
    result = _import({"messages": [QUESTION, {"role": "assistant", "content": blocks}]})
    assert _said(result)[1] == ("ai_agent", ANSWER)
    assert result.exit_code == 1
    assert "content block of type 'hologram' is unknown: left out" in result.stderr


@pytest.mark.parametrize(
    "turn",
    [
        {"content": None, "refusal": "No."},
        {"content": "", "refusal": "No."},
        {"content": " ", "refusal": "No."},
        {"content": [], "refusal": "No."},
        {"content": [{"type": "refusal", "refusal": "No."}]},
        {"content": [{"type": "output_text", "text": ""}], "refusal": "No."},
        {"content": None, "refusal": ["No."]},
        {"content": None, "refusal": {"text": "No."}},
        {"content": None, "audio": {"id": "a", "transcript": "No."}},
        {"text": "No."},
        {"refusal": "No.", "reasoning_content": "hm"},
    ],
)
def test_a_refusal_is_what_the_ai_agent_said(turn: dict[str, Any]) -> None:
    result = _import({"messages": [QUESTION, {"role": "assistant", **turn}, QUESTION]})
    assert _said(result)[1] == ("ai_agent", "No.")
    assert result.exit_code == 0


# ---- The answer beside the messages -----------------------------------------------------------

MESSAGE = {"role": "assistant", "content": ANSWER}


@pytest.mark.parametrize(
    "beside",
    [
        {"choices": [{"message": MESSAGE}]},
        {"choices": [{"text": ANSWER}]},
        {"choices": [{"delta": {"content": ANSWER}}]},
        {"choices": [{"message": {"role": "assistant", "content": None, "refusal": ANSWER}}]},
        {"response": {"choices": [{"message": MESSAGE}]}},
        {"response": {"body": {"choices": [{"message": MESSAGE}]}}},
        {"response": [MESSAGE]},
        {"response": {"text": ANSWER}},
        {"completion": {"content": [{"type": "text", "text": ANSWER}]}},
        {"output": [{"type": "message", "role": "assistant",
                     "content": [{"type": "output_text", "text": ANSWER}]}]},
        {"output_text": ANSWER},
        {"outputs": [{"content": ANSWER}]},
        {"candidates": [{"content": {"parts": [{"text": ANSWER}], "role": "model"}}]},
        {"content": [{"type": "text", "text": ANSWER}], "stop_reason": "end_turn"},
        {"generated_text": ANSWER},
        {"model_response": ANSWER},
        {"assistant": ANSWER},
        {"message": MESSAGE},
        {"final_answer": ANSWER},
    ],
)  # fmt: skip
def test_the_answer_beside_the_messages_is_their_last(beside: dict[str, Any]) -> None:
    result = _import({"id": "c", "messages": [QUESTION], **beside})
    assert _said(result) == [("customer", QUESTION["content"]), ("ai_agent", ANSWER)]
    assert result.exit_code == 0


@pytest.mark.parametrize(
    "log",
    [
        {"request": {"messages": [QUESTION]}, "response": {"choices": [{"message": MESSAGE}]}},
        {"body": {"messages": [QUESTION]}, "response": ANSWER},
        {"input": [QUESTION], "output": ANSWER},
        {"prompt": [QUESTION], "completion": [MESSAGE]},
    ],
)
def test_a_request_is_unpacked(log: dict[str, Any]) -> None:
    assert _said(_import(log)) == [("customer", QUESTION["content"]), ("ai_agent", ANSWER)]


def test_an_answer_that_cannot_be_read_is_reported() -> None:
    result = _import({"messages": [QUESTION], "choices": [{"finish_reason": "length"}]})
    assert result.exit_code == 1
    assert "what stands under 'choices' is no answer that can be read: left out" in result.stderr
    empty: list[Any] = [[], None, ""]
    for nothing in empty:
        assert _import({"messages": [QUESTION], "choices": nothing}).exit_code == 0


# ---- Tools ------------------------------------------------------------------------------------


def _tools(*messages: Any) -> list[tuple[str, str, str]]:
    told = []
    for event in _events(_import({"messages": [QUESTION, *messages]}))[1:]:
        calls = event.get("agent", {}).get("tool_calls", [])
        told += [("call", call["name"], json.dumps(call.get("arguments"))) for call in calls]
        if tool := event.get("tool"):
            told.append(("result", tool["name"], tool["status"]))
        elif event.get("content"):
            told.append(("said", event["content"], ""))
    return told


@pytest.mark.parametrize(
    ("blocks", "told"),
    [
        (
            [{"type": "server_tool_use", "id": "s", "name": "code_execution", "input": {}},
             {"type": "code_execution_tool_result", "tool_use_id": "s", "content": {
                 "type": "code_execution_result", "stdout": "", "stderr": "1/0", "return_code": 1}},
             {"type": "text", "text": ANSWER}],
            [("call", "code_execution", "{}"), ("result", "code_execution", "error"),
             ("said", ANSWER, "")],
        ),
        (
            [{"type": "text", "text": ANSWER},
             {"type": "mcp_tool_use", "id": "m", "name": "orders", "input": {"a": 1}},
             {"type": "mcp_tool_result", "tool_use_id": "m", "is_error": False, "content": "3"}],
            [("call", "orders", '{"a": 1}'), ("said", ANSWER, ""), ("result", "orders", "ok")],
        ),
        (
            [{"toolUse": {"toolUseId": "1", "name": "find", "input": {}}}],
            [("call", "find", "{}")],
        ),
    ],
)  # fmt: skip
def test_blocks_of_tools_are_calls_and_results(
    blocks: list[Any], told: list[tuple[str, str, str]]
) -> None:
    assert _tools({"role": "assistant", "content": blocks}) == told


def test_a_call_that_a_log_has_twice_is_one() -> None:
    call = {"name": "find", "args": {"order": 7}, "id": "c"}
    block = {"type": "tool_use", "name": "find", "input": {"order": 7}, "id": "c"}
    turn = {"role": "assistant", "content": [block], "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "c", "content": {"error": "gone"}}
    assert _tools(turn, result) == [("call", "find", '{"order": 7}'), ("result", "find", "error")]


def test_what_a_service_calls_itself_is_call_and_result() -> None:
    output = [
        {"type": "mcp_call", "id": "m", "name": "orders", "arguments": "{}", "error": "down"},
        {"type": "web_search_call", "id": "w", "status": "completed"},
        {"type": "custom_tool_call", "call_id": "x", "name": "find", "input": "7"},
        {"type": "custom_tool_call_output", "call_id": "x", "output": "none"},
        {"type": "message", "role": "assistant", "content": ANSWER},
    ]
    result = _import({"object": "response", "id": "r", "input": "hi", "output": output})
    tools = [event["tool"] for event in _events(result) if "tool" in event]
    assert [(tool["name"], tool["status"]) for tool in tools] == [
        ("orders", "error"), ("web_search", "ok"), ("find", "ok"),
    ]  # fmt: skip
    assert _said(result)[-1] == ("ai_agent", ANSWER)


# ---- Histories that grow ----------------------------------------------------------------------

HISTORY = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hello!"},
           {"role": "user", "content": "get me a human"}]  # fmt: skip


def _session(*messages: Any, **fields: Any) -> dict[str, Any]:
    return {"session_id": "s", **fields, "messages": [*messages]}


@pytest.mark.parametrize(
    "logs",
    [
        [_session(*HISTORY), _session(HISTORY[0])],
        [_session(*HISTORY), _session(*HISTORY)],
        [_session(HISTORY[0], id="r1"), _session(*HISTORY, id="r2")],
        [{"thread_id": "s", "messages": HISTORY[:1]}, {"thread_id": "s", "messages": HISTORY}],
        [_session({"role": "system", "content": "It is 10:00."}, HISTORY[0]),
         _session({"role": "system", "content": "It is 10:05."}, *HISTORY)],
        [_session(HISTORY[0]),
         _session({"role": "user", "content": [{"type": "text", "text": "hi"}]}, *HISTORY[1:])],
        [_session(HISTORY[0], response="Hello!"), _session(*HISTORY)],
        [{"messages": HISTORY[:1]}, {"messages": HISTORY}],
        [HISTORY[:1], HISTORY],
        [{"messages": HISTORY}, {"messages": [QUESTION]}, {"messages": HISTORY[:2]}],
    ],
)  # fmt: skip
def test_of_a_history_that_grows_the_longest_is_taken(logs: list[Any]) -> None:
    result = _import(*logs)
    said = [
        text for role, text in _said(result) if role != "system" and text != QUESTION["content"]
    ]
    assert said == ["hi", "Hello!", "get me a human"]
    assert len({e["conversation_id"] for e in _events(result)}) == (2 if len(logs) == 3 else 1)
    assert "1 log repeated a conversation's history: the longest is taken" in result.stderr
    assert result.exit_code == 0


def test_two_conversations_that_begin_alike_stay_two() -> None:
    other = [HISTORY[0], {"role": "assistant", "content": "Good day."}]
    result = _import({"id": "a", "messages": HISTORY}, {"id": "b", "messages": other})
    assert len({e["conversation_id"] for e in _events(result)}) == 2
    refused = _import(_session(*HISTORY), _session(*other))
    assert refused.exit_code == 1
    assert "the same id as on line 1: left out" in refused.stderr


# ---- Ids --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "read"),
    [("7", "7"), ("7.0", "7"), ('" 7 "', "7"), ("1e3", "1000"), ("1.5", "1.5"), ("0", "0"),
     ("12345678901234567890123", "12345678901234567890123"), ('{"$oid": "65a"}', "65a"),
     ('{"$numberLong": "77"}', "77"), ("-3", "-3")],
)  # fmt: skip
def test_an_id_that_is_a_number_is_that_number(given: str, read: str) -> None:
    text = f'{{"id": {given}, "messages": [{{"role": "user", "content": "x"}}]}}\n'
    result = _import(text=text)
    assert _events(result)[0]["conversation_id"] == read
    assert result.exit_code == 0


@pytest.mark.parametrize(
    "given", ["true", '{"a": 1}', "[1]", "1e30", "12345678901234567890123.0", "9007199254740993.0"]
)
def test_an_id_that_is_not_what_it_was_is_reported(given: str) -> None:
    text = f'{{"id": {given}, "messages": [{{"role": "user", "content": "x"}}]}}\n'
    result = _import(text=text)
    assert result.exit_code == 1
    assert "standard input:1: id" in result.stderr
    assert "1 id doubtful" in result.stderr


def test_a_format_that_a_log_is_not_of_is_reported() -> None:
    for name in ("zendesk", "intercom", "chatwoot", "twilio", "sharegpt", "langfuse"):
        result = _import({"messages": [QUESTION]}, options=("--format", name))
        assert result.exit_code in (1, 65), name
        assert "Traceback" not in result.output


def test_requests_with_ids_of_their_own_become_the_conversation_that_they_repeat() -> None:
    turns = [{"role": "user", "content": "my bill"}]
    logs = []
    for number, answer in enumerate(("Which one?", "A person will look.")):
        message = {"role": "assistant", "content": answer}
        logs.append(
            {"id": f"chatcmpl-{number}", "messages": turns, "choices": [{"message": message}]}
        )
        turns = [*turns, message, {"role": "user", "content": "get me a human"}]
    result = _import(*logs)
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["content"] for one in events] == [
        "my bill", "Which one?", "get me a human", "A person will look.",
    ]  # fmt: skip
    assert {one["conversation_id"] for one in events} == {"chatcmpl-0"}


def test_two_requests_with_the_same_words_stay_two() -> None:
    logs = [
        {"id": f"chatcmpl-{number}", "messages": [QUESTION], "response": ANSWER} for number in "12"
    ]
    events = [json.loads(line) for line in _import(*logs).stdout.splitlines()]
    assert [one["conversation_id"] for one in events] == ["chatcmpl-1"] * 2 + ["chatcmpl-2"] * 2
