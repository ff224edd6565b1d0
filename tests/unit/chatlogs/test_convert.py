"""`handoff import`: chat logs in both formats become events that the contract accepts."""

import gzip
import io
import json
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from click.testing import CliRunner, Result

from workers.chatlogs.convert import BASE_MS, import_conversation
from workers.cli.import_ import import_
from workers.contracts.codec import Raw, decode_event
from workers.contracts.events import Message
from workers.contracts.time import to_ms

OPENAI: dict[str, Any] = {
    "id": "chat-7",
    "model": "support-bot-3",
    "metadata": {"customer": {"id": "C-9", "tier": "gold", "locale": "pt-PT"}, "channel": "web"},
    "messages": [
        {"role": "developer", "content": "You help customers of a ferry line."},
        {"role": "user", "content": [{"type": "text", "text": "My cabin is double booked."}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "find_cabin", "arguments": '{"ship": "Aurora"}'},
                },
                {"id": "call_2", "function": {"name": "hold_cabin", "arguments": "not json"}},
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": '{"free": 2}'},
        {"role": "tool", "tool_call_id": "call_2", "content": "Error: hold timed out"},
        {
            "role": "assistant",
            "content": "Two cabins are free.",
            "usage": {"prompt_tokens": 812},
            "metadata": {"confidence": 0.61, "intents": ["cabin_change"]},
        },
    ],
}
ANTHROPIC: dict[str, Any] = {
    "id": "msg-4",
    "system": [{"type": "text", "text": "You help customers of a museum."}],
    "messages": [
        {"role": "user", "content": "Is the east wing open?", "created_at": "2026-03-01T10:00:00Z"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm"},
                {"type": "text", "text": "Let me check."},
                {
                    "type": "tool_use",
                    "id": "t1",
                    "name": "opening_hours",
                    "input": {"wing": "east"},
                },
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t1",
                    "is_error": True,
                    "content": [{"type": "text", "text": "permission denied"}],
                },
                {"type": "text", "text": "And the café?"},
            ],
        },
    ],
}


def events(log: Any, position: int = 0) -> list[Message]:
    imported = import_conversation(log, position)
    decoded = [
        decode_event(Raw(imported.conversation_id.encode(), value, (), 2**42))
        for value in imported.events
    ]
    return [event for event in decoded if isinstance(event, Message)]


def run(data: bytes, *arguments: str) -> Result:
    return CliRunner().invoke(import_, ["-", *arguments], input=data)


def lines(*logs: Any) -> bytes:
    return b"".join(json.dumps(log).encode() + b"\n" for log in logs)


def test_openai_messages_become_one_event_each() -> None:
    turns = events(OPENAI)
    assert [turn.role for turn in turns] == [
        "system", "customer", "ai_agent", "tool", "tool", "ai_agent",
    ]  # fmt: skip
    asking, calling, good, bad, answering = turns[1:]
    assert asking.content == "My cabin is double booked."
    assert asking.customer is not None
    assert (asking.customer.id, asking.customer.tier, asking.channel) == ("C-9", "gold", "web")
    assert calling.agent is not None
    assert [(c.name, c.call_id, c.arguments) for c in calling.agent.tool_calls] == [
        ("find_cabin", "call_1", {"ship": "Aurora"}),
        ("hold_cabin", "call_2", "not json"),
    ]
    assert good.tool is not None
    assert bad.tool is not None
    assert (good.tool.name, good.tool.status, good.content) == ("find_cabin", "ok", '{"free": 2}')
    assert (bad.tool.name, bad.tool.status) == ("hold_cabin", "timeout")
    assert bad.tool.error == "Error: hold timed out"
    assert answering.agent is not None
    assert answering.agent.version == "support-bot-3"
    assert (answering.agent.confidence, answering.agent.intents) == (0.61, ("cabin_change",))
    assert answering.agent.context_tokens == 812


def test_anthropic_blocks_become_turns() -> None:
    turns = events(ANTHROPIC)
    assert [turn.role for turn in turns] == ["system", "customer", "ai_agent", "tool", "customer"]
    calling, result, asking = turns[2:]
    assert calling.content == "Let me check."
    assert calling.agent is not None
    assert calling.agent.tool_calls[0].arguments == {"wing": "east"}
    assert result.tool is not None
    assert (result.tool.name, result.tool.status) == ("opening_hours", "denied")
    assert asking.content == "And the café?"


def test_times_of_the_log_are_kept_and_missing_ones_follow() -> None:
    turns = events(ANTHROPIC)
    moments = [turn.occurred_at for turn in turns[1:]]
    assert moments[0].isoformat() == "2026-03-01T10:00:00+00:00"
    assert moments == sorted(moments)
    assert (moments[-1] - moments[0]).total_seconds() < 120


def test_without_any_time_the_same_log_gives_the_same_bytes_anywhere_in_a_file() -> None:
    first, second = import_conversation(OPENAI, 0), import_conversation(OPENAI, 31)
    assert first == second
    begins = to_ms(events(OPENAI)[0].occurred_at)
    assert BASE_MS <= begins < BASE_MS + 86_400_000
    other = events({**OPENAI, "id": "chat-8"})
    assert to_ms(other[0].occurred_at) != begins


@pytest.mark.parametrize("log", [OPENAI, ANTHROPIC])
def test_moved_to_now_a_conversation_ends_now_and_is_the_same_otherwise(
    log: dict[str, Any],
) -> None:
    before = time.time()
    result = CliRunner().invoke(import_, ["--now", "-"], input=json.dumps(log))
    after = time.time()
    assert result.exit_code == 0
    moved = [json.loads(line) for line in result.stdout.splitlines()]
    kept = [json.loads(event) for event in import_conversation(log, 0).events]
    times = [[datetime.fromisoformat(e.pop("occurred_at")) for e in one] for one in (moved, kept)]
    assert moved == kept
    assert len({later - earlier for later, earlier in zip(*times, strict=True)}) == 1
    assert before - 0.001 <= times[0][-1].timestamp() <= after


def test_a_bare_list_of_messages_has_a_derived_id() -> None:
    bare = OPENAI["messages"]
    assert import_conversation(bare, 0) == import_conversation(bare, 0)
    assert (
        import_conversation(bare, 0).conversation_id != import_conversation(bare, 1).conversation_id
    )


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ({"role": "wizard", "content": "abracadabra"}, "wizard"),
        ({"role": "user", "content": ""}, "content"),
        ({"role": "assistant", "content": None}, "content"),
        ({"role": "user", "content": [{"type": "hologram"}]}, "hologram"),
        ({"role": "user", "content": True}, "true or false"),
        ({"role": "user", "content": {"mood": "sad"}}, "object without a type"),
        ({"role": "assistant", "content": "x", "tool_calls": [{"function": {}}]}, "without a name"),
        ({"role": "assistant", "content": "x", "metadata": {"confidence": 7}}, "confidence"),
        ("hello", "object"),
    ],
)
def test_what_cannot_be_mapped_is_reported_and_the_rest_is_kept(
    message: Any, complaint: str
) -> None:
    log = {"id": "c", "messages": [{"role": "user", "content": "hi"}, message]}
    result = run(lines(OPENAI, log))
    assert result.exit_code == 1
    assert "standard input:2: message 2:" in result.stderr
    assert complaint in result.stderr
    assert len(result.stdout.splitlines()) == len(OPENAI["messages"]) + 1


def test_bad_lines_and_logs_are_named_and_nothing_else_is_lost() -> None:
    data = (
        lines(OPENAI)
        + b"{broken\n"
        + lines(
            {"id": "x", "messages": []}, ANTHROPIC, {**OPENAI, "messages": OPENAI["messages"][1:]}
        )
    )
    result = run(data)
    assert result.exit_code == 1
    assert "standard input:2: not JSON" in result.stderr
    assert "standard input:3: no list of messages" in result.stderr
    assert "standard input:5: conversation chat-7: the same id as on line 1" in result.stderr
    assert len(result.stdout.splitlines()) == 6 + 5


@pytest.mark.parametrize(
    "pack",
    [
        lambda logs: lines(*logs),
        lambda logs: b"\n\n" + lines(*logs),
        lambda logs: b"\xef\xbb\xbf" + lines(*logs),
        lambda logs: json.dumps(logs).encode(),
        lambda logs: json.dumps(logs, indent=1).encode(),
        lambda logs: gzip.compress(lines(*logs)),
        lambda logs: gzip.compress(json.dumps(logs, indent=1).encode()),
    ],
    ids=["lines", "blank", "bom", "array", "pretty", "gzip", "gzipped array"],
)
def test_every_packing_of_the_same_logs_gives_the_same_events(pack: Any) -> None:
    logs: Sequence[Any] = [OPENAI, ANTHROPIC]
    result = run(pack(logs))
    assert result.exit_code == 0, result.stderr
    assert result.stdout == run(lines(*logs)).stdout
    assert "2 conversations with 9 messages: 11 events, 0 left out" in result.stderr


def test_one_pretty_printed_conversation_is_one() -> None:
    assert len(run(json.dumps(ANTHROPIC, indent=2).encode()).stdout.splitlines()) == 5


def test_a_gzip_file_that_is_cut_short_is_an_error() -> None:
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb") as packed:
        packed.write(lines(*({**OPENAI, "id": str(n)} for n in range(200))))
    result = run(stream.getvalue()[:-200])
    assert result.exit_code == 1
    assert "not a whole gzip file" in result.stderr


def test_nothing_in_gives_nothing_out() -> None:
    result = run(b"")
    assert (result.exit_code, result.stdout) == (0, "")


def test_files_in_a_message_become_attachments_and_never_its_text() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://files.example/hinge.png"}}
    inline = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "x"}}
    document = {"type": "document", "title": "invoice.pdf", "source": {"url": "data:x"}}
    told = [{"type": "text", "text": "See here."}, image, inline, document]
    log = {"id": "a", "messages": [{"role": "user", "content": told}]}
    (event,) = map(json.loads, import_conversation(log, 0).events)
    assert event["content"] == "See here."
    assert event["attachments"] == [
        {"type": "image", "url": "https://files.example/hinge.png"},
        {"type": "image/png"},
        {"type": "document", "name": "invoice.pdf"},
    ]
    alone = {"id": "a", "messages": [{"role": "user", "content": [image]}]}
    assert len(import_conversation(alone, 0).events) == 1
    result = {"role": "tool", "tool_call_id": "t", "content": [image]}
    (event,) = map(json.loads, import_conversation({"messages": [result]}, 0).events)
    assert event["content"] == "[image]"


def test_how_a_customer_is_reached_comes_with_the_first_message() -> None:
    customer = {"email": "kim@example.com", "phone": "5" * 41, "preferred_contact": "mail"}
    log = {"messages": [{"role": "user", "content": "Hi"}], "customer": customer}
    (event,) = map(json.loads, import_conversation(log, 0).events)
    assert event["customer"] == {"email": "kim@example.com", "preferred_contact": "mail"}
