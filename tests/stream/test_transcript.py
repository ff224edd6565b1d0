"""`handoff transcript` finds a conversation whichever partition the chat system chose."""

import json

import msgspec
import pytest
from click.testing import CliRunner, Result
from redis import Redis

from tests.support import packets
from workers.cli.transcript import transcript
from workers.contracts.decisions import Home
from workers.stores.partition_store import base_key


def run(redis_url: str, *arguments: str) -> Result:
    return CliRunner().invoke(transcript, [*arguments, "--redis", redis_url])


@pytest.mark.parametrize("partition", [0, 7, 11])
def test_it_is_found_in_any_partition(redis_url: str, partition: int) -> None:
    key = base_key("handoff", Home(topic="conversation-events", partition=partition)) + "t:c1"
    with Redis.from_url(redis_url) as redis:
        redis.rpush(key, *(msgspec.msgpack.encode(turn) for turn in packets.turns()))
    shown = run(redis_url, "c1")
    assert shown.exit_code == 0, shown.output
    assert "c1, 8 turns, 2026-11-02 UTC" in shown.output
    assert "tool rebook_flight [timeout]: Error: gateway timed out" in shown.output
    listed = json.loads(run(redis_url, "c1", "--json").output)
    assert [turn["event_id"] for turn in listed] == [f"e{n}" for n in range(8)]


def test_an_unknown_conversation_is_an_error(redis_url: str) -> None:
    result = run(redis_url, "c2")
    assert result.exit_code == 1
    assert "no transcript of c2" in result.stderr


def test_no_store_is_one_clear_line() -> None:
    result = run("redis://127.0.0.1:1/0", "c1")
    assert result.exit_code == 69
    assert "127.0.0.1:1" in result.stderr
