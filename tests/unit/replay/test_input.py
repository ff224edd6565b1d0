"""Inputs of a replay: packed files, logs out of order, conversations without an end."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cramjam
import pytest

from tests.unit.replay.test_files import event, log, policy, replay, summary
from workers.contracts.time import DAY
from workers.conversation.fold import ConversationWrite
from workers.conversation.state import State, decode_state, encode_state
from workers.replay.conversation_cache import CachedConversation, Memory

START = datetime(2026, 1, 1, 9, tzinfo=UTC)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Return a log of three conversations and a half-written line."""
    path = log(tmp_path, [event(f"c-{n % 3}", n // 3) for n in range(12)])
    with path.open("ab") as file:
        file.write(b'{"event_id": "half')
    return path


def test_files_are_read_as_they_are_packed(plain: Path, tmp_path: Path) -> None:
    gz, zst = tmp_path / "log.jsonl.gz", tmp_path / "log.jsonl.zst"
    gz.write_bytes(gzip.compress(plain.read_bytes()))
    zst.write_bytes(bytes(cramjam.zstd.compress(plain.read_bytes())))
    results = [summary(path) for path in (plain, gz, zst)]
    for result, where in zip(results, (str(plain), str(gz), "log.jsonl.zst"), strict=True):
        assert result["refusals"][0]["where"] == f"{where}:13"
        assert result["refused"] == {"not_json": 1}
        assert result["policies"] == results[0]["policies"]


def test_a_file_that_is_cut_off_is_named(plain: Path, tmp_path: Path) -> None:
    zst = tmp_path / "log.jsonl.zst"
    zst.write_bytes(bytes(cramjam.zstd.compress(plain.read_bytes()))[:-9])
    assert f"{zst}: not a whole zstd file" in replay(zst, code=65).output


def test_parquet_is_read_or_says_what_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    path.write_bytes(b"PAR1 and no more")
    shown = replay(path, code=65).output
    assert "not a whole Parquet file" in shown or "pip install 'warm-handoff[parquet]'" in shown


def test_what_is_late_or_sent_again_is_counted(tmp_path: Path) -> None:
    rows = [event("c", 0), event("c", 2), event("c", 1), event("c", 0)]
    result = summary(log(tmp_path, rows))
    # The repeat is older than what has come since, too.
    assert (result["events"], result["late"], result["duplicates"]) == (4, 2, 1)
    assert "1 sent again, 0 refused, 2 out of order" in replay(tmp_path / "log.jsonl").stdout


def returning() -> list[dict[str, Any]]:
    """Return conversations of which some come back after forty days, with others between."""
    rows = []
    for day in (0, 40):
        for name in ("back-1", "back-2"):
            at = START + timedelta(days=day)
            rows += [dated(name, f"{name}-{day}-{n}", at + timedelta(seconds=n)) for n in range(3)]
        for number in range(40):
            at = START + timedelta(days=day + 35 * number / 40)
            rows += [dated(f"other-{day}-{number}", f"o-{day}-{number}-{n}", at) for n in range(3)]
    return rows


def dated(name: str, event_id: str, at: datetime) -> dict[str, Any]:
    """Return a message at a time."""
    return event(name, 0, event_id=event_id, occurred_at=at.isoformat())


def test_little_memory_decides_alike_and_who_comes_back_counts_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.replay.backtest.CHUNK", 3)
    chosen = tmp_path / "policy.yaml"
    chosen.write_text(policy(turns=2))
    path = log(tmp_path, returning())
    outputs = []
    for size in ("1M", "1G"):
        out = tmp_path / f"{size}.jsonl"
        monkeypatch.setattr(
            "workers.replay.backtest.CONVERSATION_BYTES", 30_000 if size == "1M" else 1
        )
        result = summary(path, "--policy", chosen, "--memory", size, "--decisions", out)
        # The open ones go on: forty days are no end of an escalation.
        assert result["conversations"] == 82
        outputs.append(out.read_bytes())
    assert outputs[0] == outputs[1]


def test_an_idle_conversation_is_stripped_on_disk_and_an_open_one_is_not(tmp_path: Path) -> None:
    memory = Memory(tmp_path, "m", in_memory=1)

    def write(name: str, clock: int, *, is_open: bool = False) -> None:
        state = State(clock=clock, started_at=clock, turns=9, number=4, seq=7, epoch=5)
        change = ConversationWrite(state, encode_state(state), False, [], [f"{name}-{clock}"])
        entry = memory.get(name)
        memory.put(name, entry, change)
        entry.is_pending = is_open
        memory.trim()

    write("idle", 1)
    write("open", 1, is_open=True)
    write("young", 40 * DAY)
    write("last", 50 * DAY)
    for name, turns in (("idle", 0), ("open", 9), ("young", 9)):
        entry: CachedConversation = memory.get(name)
        state = decode_state(name, entry.state)
        assert (state.turns, state.number, state.seq, state.epoch) == (turns, 4, 7, 5), name
        assert bool(entry.ids) == bool(turns)
    memory.close()


def test_a_size_that_is_none_is_named(plain: Path) -> None:
    assert (
        "'much' is not a size: write it as 512M or 2G"
        in replay(plain, "--memory", "much", code=2).output
    )


def test_one_process_and_two_agree_to_the_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.write_text(policy(turns=1))
    other.write_text(policy(turns=3, queue="legal"))
    rows = [event(f"c-{n % 30}", n // 30, tenant=f"t-{n % 7}") for n in range(150)]
    path = log(tmp_path, rows)
    with path.open("ab") as file:
        file.writelines(b"rubbish %d\n" % n for n in range(40))
    outputs = []
    for processes in (1, 2):
        monkeypatch.setattr("workers.replay.processes.SMALL", 10**9 if processes == 1 else 1)
        monkeypatch.setattr("os.cpu_count", lambda: 2)
        out, page = tmp_path / f"{processes}.jsonl", tmp_path / f"{processes}.html"
        told = replay(
            path, "--policy", one, "--against", other, "--decisions", out, "--html", page, "--json"
        )
        outputs.append((told.stdout, out.read_bytes(), page.read_text()))
    assert outputs[0] == outputs[1]
    assert outputs[0][1].count(b"\n") == 30
