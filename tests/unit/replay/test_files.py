"""`handoff replay` over files: by which policy, what differs, what is due, what is refused."""

import gzip
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from workers.cli.main import handoff
from workers.data import data_path

_START = datetime(2026, 11, 1, 9, tzinfo=UTC)
_POLICY = """
version: {version}
rules:
  - rule: long
    reason: unproductive_loop
    class: declinable
    when: {{turns: {turns}}}
    target_queue: {queue}
"""


def policy(version: str = "1", turns: int = 2, queue: str = "tier_2_support") -> str:
    """Return a policy that escalates a conversation with so many messages."""
    return _POLICY.format(version=version, turns=turns, queue=queue)


def event(conversation: str, number: int, **fields: Any) -> dict[str, Any]:
    """Return a customer's or, with odd numbers, the AI agent's turn."""
    role, content = ("ai_agent", "Let me see.") if number % 2 else ("customer", "It is broken.")
    return {
        "event_id": f"{conversation}-{number}",
        "conversation_id": conversation,
        "occurred_at": (_START + timedelta(seconds=10 * number)).isoformat(),
        "role": role,
        "content": content,
        **fields,
    }


def policy_event(text: str, version: str) -> dict[str, Any]:
    """Return the event that puts a policy in force."""
    return {
        "event_id": f"policy-{version}",
        "conversation_id": "policy",
        "occurred_at": _START.isoformat(),
        "type": "policy",
        "policy_version": version,
        "policy_hash": "0",
        "policy": text,
    }


def log(folder: Path, rows: list[dict[str, Any]], name: str = "log.jsonl") -> Path:
    """Write a file of events."""
    path = folder / name
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def replay(*arguments: str | Path, code: int = 0, stdin: bytes | None = None) -> Result:
    """Call the command."""
    result = CliRunner().invoke(handoff, ["replay", *map(str, arguments)], input=stdin)
    assert result.exit_code == code, result.output
    return result


def summary(*arguments: str | Path, stdin: bytes | None = None) -> Any:
    """Return what the command prints as JSON."""
    return orjson.loads(replay(*arguments, "--json", stdin=stdin).stdout)


def test_a_policy_file_decides_over_files_plain_packed_and_standard_input(tmp_path: Path) -> None:
    rows = [event(f"c-{n % 3}", n // 3) for n in range(12)]
    plain = log(tmp_path, rows)
    packed = tmp_path / "log.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    chosen = tmp_path / "policy.yaml"
    chosen.write_text(policy())
    results = [
        summary(plain, "--policy", chosen),
        summary(packed, "--policy", chosen),
        summary("-", "--policy", chosen, stdin=plain.read_bytes()),
    ]
    for result in results:
        assert (result["events"], result["conversations"], result["duplicates"]) == (12, 3, 0)
        (judged,) = result["policies"]
        assert judged["overall"]["escalated"] == 3
        assert judged["reasons"] == {"unproductive_loop": 3}
    again = summary(plain, packed, "--policy", chosen)
    assert (again["events"], again["duplicates"]) == (24, 12)
    assert again["policies"] == results[0]["policies"]


def test_what_is_beyond_a_minutes_limit_was_not_sent_again(tmp_path: Path) -> None:
    chosen = tmp_path / "policy.yaml"
    chosen.write_text("messages_per_minute: 10\n" + policy(turns=5))
    rows = [event("loud", 0, event_id=f"e-{n}") for n in range(15)]
    result = summary(log(tmp_path, [*rows, rows[0]]), "--policy", chosen)
    assert (result["events"], result["duplicates"]) == (16, 1)


def test_without_a_policy_the_logs_own_events_decide_from_their_place_on(tmp_path: Path) -> None:
    early = [event("early", n) for n in range(2)]
    late = [event("late", n) for n in range(2)]
    rows = [*early, policy_event(policy("1", 2, "legal"), "1"), event("early", 2)]
    rows += [policy_event(policy("2", 1, "billing"), "2"), *late]
    result = summary(log(tmp_path, rows))
    assert result["policies"][0]["queues"] == {"legal": 1, "billing": 1}
    # The first event's policy holds before it too, and a given one outranks them all.
    before = [*early, event("early", 2), policy_event(policy("1", 2, "legal"), "1")]
    assert summary(log(tmp_path, before))["policies"][0]["queues"] == {"legal": 1}
    chosen = tmp_path / "policy.yaml"
    chosen.write_text(policy(queue="security", turns=1))
    result = summary(log(tmp_path, rows), "--policy", chosen)
    assert result["policies"][0]["queues"] == {"security": 2}


def test_two_policies_are_compared_conversation_by_conversation(tmp_path: Path) -> None:
    rows = [event("short", n) for n in range(2)] + [event("long", n) for n in range(6)]
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.write_text(policy(turns=1))
    other.write_text(policy(turns=4))
    path = log(tmp_path, rows)
    result = summary(path, "--policy", one, "--against", other)
    assert result["changed"] == {"gained": 1, "earlier": 1}
    long, short = result["changes"]
    assert (long["conversation_id"], long["kind"], long["turns_earlier"]) == ("long", "earlier", 3)
    assert (long["tried"]["event_id"], long["other"]["event_id"]) == ("long-1", "long-4")
    assert (short["conversation_id"], short["kind"]) == ("short", "gained")
    assert (short["tried"]["turn"], short["tried"]["words"]) == (2, "It is broken.")
    back = summary(path, "--policy", other, "--against", one)["changed"]
    assert back == {"lost": 1, "later": 1}
    assert summary(path, "--policy", one, "--against", one)["changed"] == {}
    other.write_text(policy(turns=1, queue="legal"))
    assert summary(path, "--policy", one, "--against", other)["changed"] == {"queue": 2}


def unanswered() -> list[dict[str, Any]]:
    """Return a conversation whose customer waits half an hour for an answer."""
    late = (_START + timedelta(minutes=30)).isoformat()
    return [event("c", 0), event("c", 1, occurred_at=late)]


def test_what_is_due_is_applied_in_a_log_without_our_own_events(tmp_path: Path) -> None:
    default = data_path("policies/default.yaml")
    foreign = log(tmp_path, unanswered())
    assert summary(foreign, "--policy", default)["policies"][0]["reasons"] == {"stalled": 1}
    # In a log of ours the deadlines are events, and none of them was there.
    ours = log(tmp_path, [policy_event(default.read_text(), "0"), *unanswered()])
    assert summary(ours, "--policy", default)["policies"][0]["reasons"] == {}


def test_lines_that_are_no_events_are_named_and_counted(tmp_path: Path) -> None:
    path = log(tmp_path, [event("c", 0), {"conversation_id": "c"}])
    with path.open("ab") as file:
        file.write(b"rubbish\n")
    result = summary(path)
    assert result["refused"] == {"missing_id": 1, "not_json": 1}
    places = [one["where"] for one in result["refusals"]]
    assert places == [f"{path}:2", f"{path}:3"]
    assert f"{path}:3: not_json" in replay(path).stdout


@pytest.mark.parametrize("processes", [1, 2])
def test_decisions_do_not_depend_on_processes_or_chunks(
    processes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers.replay.backtest import CandidatePolicy
    from workers.replay.planning import Asked, plan_files
    from workers.replay.processes import replay as run

    path = log(tmp_path, [event(f"c-{n % 20}", n // 20) for n in range(100)])
    default = data_path("policies/default.yaml").read_text()
    tried = [CandidatePolicy(name="p", text=policy(turns=2))]
    outputs = []
    for chunk, number in ((1000, 1), (7, processes)):
        monkeypatch.setattr("workers.replay.backtest.CHUNK", chunk)
        prepared = plan_files([path], tried, default, Asked(keep_decisions=True))
        out = tmp_path / f"out-{chunk}.jsonl"
        read: list[int] = []
        result = run(prepared.plan, prepared.records, read.append, out, number)
        assert result.events == 100
        assert sum(read) == 100
        outputs.append(out.read_bytes())
    assert outputs[0] == outputs[1]
    assert outputs[0].count(b'"action":"escalate"') == 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either files"),
        (["LOG", "--topic", "conversation-events"], "give either files"),
        (["LOG", "--policy", "BAD"], "bad.yaml:3: rules[0].when.turn"),
        (["LOG", "--topic", "x", "--since", "yesterday"], "is no time"),
        (["LOG", "--since", "2026-11-01T00:00:00Z"], "--since and --until choose records of"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], message: str, tmp_path: Path) -> None:
    path = log(tmp_path, [event("c", 0)])
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        "version: 1\nrules:\n  - {rule: r, reason: stalled, class: declinable, when: {turn: 2}}\n"
    )
    given = [{"LOG": str(path), "BAD": str(bad)}.get(one, one) for one in arguments]
    assert message in replay(*given, code=2).output


def test_times_ahead_of_now_are_decided_and_warned_of(tmp_path: Path) -> None:
    ahead = (datetime.now(UTC) + timedelta(days=400)).isoformat()
    path = log(tmp_path, [event("c", 0), event("c", 1, occurred_at=ahead)])
    result = replay(path)
    assert "2 events of 1 conversation " in result.stdout
    assert "1 event of a time ahead of now: decided as told" in result.stderr
    assert "ahead of now" not in replay(log(tmp_path, [event("c", 0)])).stderr


def test_a_pipe_is_read_like_a_file_and_named_in_errors(tmp_path: Path) -> None:
    rows = [event("c-1", n) for n in range(4)]
    label = {"conversation_id": "c-1", "escalate": True}
    given = {
        "events": gzip.compress(b"\n".join(map(orjson.dumps, rows)) + b'\n{"half\n'),
        "labels": orjson.dumps(label),
    }
    with ThreadPoolExecutor(2) as pool:
        for name, data in given.items():
            os.mkfifo(tmp_path / name)
            pool.submit((tmp_path / name).write_bytes, data)
        args = ["replay", "--json", "--labels", str(tmp_path / "labels"), str(tmp_path / "events")]
        result = CliRunner().invoke(handoff, args)
    assert result.exit_code == 0, result.output
    assert "pipe events:5" in result.stdout
    summary = orjson.loads(result.stdout)
    assert (summary["events"], summary["policies"][0]["agreement"]["judged"]) == (4, 1)
