"""The parts of a replay: memory that spills, counts, partitions of a file's conversations."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from workers.audit.distinct_count import Distinct
from workers.chatlogs.event_files import lines_of
from workers.contracts.events import AgentTurn, Message, PolicyInForce
from workers.conversation.fold import ConversationWrite
from workers.conversation.state import State
from workers.kafka.publishing import partition_of
from workers.replay.conversation_cache import Memory
from workers.replay.counts import Share, Tally
from workers.replay.event_sources import look_at, read_files


def change(blob: bytes, *ids: str, fresh: bool = False) -> ConversationWrite:
    """Return what a chunk did to one conversation."""
    return ConversationWrite(State(), blob, fresh, [], list(ids))


def test_conversations_that_went_to_disk_come_back_whole(tmp_path: Path) -> None:
    memory = Memory(tmp_path, "m", in_memory=2)
    for number in range(10):
        memory.put(f"c{number}", memory.get(f"c{number}"), change(b"%d" % number, f"e{number}"))
        memory.trim()
    first = memory.get("c0")
    first.seen.add("intent:billing")
    first.escalated = 7
    memory.put("c0", first, change(b"again", "e99"))
    for number in range(20, 30):
        memory.put(f"c{number}", memory.get(f"c{number}"), change(b"x", "e"))
        memory.trim()
    again = memory.get("c0")
    assert (again.state, again.ids, again.seen, again.escalated) == (
        b"again", {"e0", "e99"}, {"intent:billing"}, 7,
    )  # fmt: skip
    assert memory.get("never").state is None
    assert memory.held == 3
    memory.close()


def test_a_conversation_that_starts_anew_forgets_its_ids(tmp_path: Path) -> None:
    memory = Memory(tmp_path, "m", in_memory=2)
    memory.put("c", memory.get("c"), change(b"1", "e1", "e2"))
    memory.put("c", memory.get("c"), change(b"2", "e3", fresh=True))
    assert memory.get("c").ids == {"e3"}
    memory.close()


def test_distinct_is_exact_up_to_its_limit_and_close_beyond() -> None:
    few = Distinct(limit=100)
    for number in range(100):
        few.add(str(number))
    few.add("7")
    assert (few.count, few.repeats, few.exact) == (100, 1, True)
    many = Distinct(limit=1000)
    for number in range(20_000):
        many.add(str(number))
    for number in range(10_000):
        many.add(str(number))
    assert not many.exact
    assert many.count == pytest.approx(20_000, rel=0.15)
    assert many.repeats == pytest.approx(10_000, rel=0.2)


def spoken(*intents: str, version: str | None = None) -> Message:
    """Return an AI turn."""
    return Message(
        event_id="e",
        conversation_id="c",
        occurred_at=datetime(2026, 11, 1, tzinfo=UTC),
        role="ai_agent",
        agent=AgentTurn(intents=intents, version=version),
    )


def test_a_conversation_counts_once_for_each_of_its_intents() -> None:
    tally = Tally()
    seen: set[str] = set()
    tally.spoken(spoken("billing", "refund", version="2.1"), seen)
    tally.spoken(spoken("billing", version="2.1"), seen)
    tally.escalated(seen)
    tally.spoken(spoken("late"), seen)
    tally.spoken(spoken("billing"), set())
    shares = {"billing": Share(2, 1), "refund": Share(1, 1), "late": Share(1, 0)}
    assert tally.splits["intent"] == shares
    assert tally.splits["ai_version"] == {"2.1": Share(1, 1)}


@pytest.mark.parametrize(
    ("key", "hashed"),
    # From the tests of Kafka's Java client.
    [("21", -973932308), ("foobar", -790332482), ("a-little-bit-long-string", -985981536)],
)
def test_a_file_is_spread_as_kafkas_clients_would(key: str, hashed: int) -> None:
    assert partition_of(key, 1009) == (hashed & 0x7FFFFFFF) % 1009


def line(**fields: object) -> bytes:
    """Return one event as a line."""
    return orjson.dumps({"occurred_at": "2026-11-01T09:30:00Z", **fields}) + b"\n"


def test_files_are_read_plain_or_packed_with_their_line_numbers(tmp_path: Path) -> None:
    rows = line(event_id="e1", conversation_id="c1", role="user", content="hi") + b"\n  \nrubbish\n"
    (tmp_path / "a.jsonl").write_bytes(rows)
    with gzip.open(tmp_path / "b.jsonl.gz", "wb") as file:
        file.write(rows)
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"]
    assert [(path.name, number) for path, number, _ in lines_of(paths)] == [
        ("a.jsonl", 1), ("a.jsonl", 4), ("b.jsonl.gz", 1), ("b.jsonl.gz", 4),
    ]  # fmt: skip
    lines = list(read_files(paths, 3, frozenset(range(3))))
    assert [one.incoming.offset for one in lines] == [0, 1, 2, 3]
    assert lines[0].incoming.event is not None
    assert lines[1].incoming.rejected is not None
    assert lines[1].incoming.rejected.reason == "not_json"
    shares = [list(read_files(paths, 3, frozenset({p}))) for p in range(3)]
    assert sorted(one.incoming.offset for share in shares for one in share) == [0, 1, 2, 3]


def test_the_first_look_finds_our_own_events_and_the_first_policy(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.jsonl"
    # A tool's result may well have a field named type.
    foreign.write_bytes(
        line(
            event_id="e", conversation_id="c", role="tool",
            tool={"name": "t", "status": "ok", "result": {"type": "policy"}},
        )
    )  # fmt: skip
    facts = look_at([foreign])
    assert (facts.lines, facts.own, facts.policy) == (1, False, None)
    own = tmp_path / "own.jsonl"
    fields = {"event_id": "p", "conversation_id": "policy", "type": "policy", "policy_hash": "h"}
    own.write_bytes(
        line(**fields, policy_version="1", policy="one")
        + line(**fields, policy_version="2", policy="two")
    )
    facts = look_at([foreign, own])
    assert facts.own
    assert isinstance(facts.policy, PolicyInForce)
    assert facts.policy.policy == "one"
    policies = list(read_files([own], 12, frozenset({3, 5})))
    assert [one.partition for one in policies] == [3, 5, 3, 5]
