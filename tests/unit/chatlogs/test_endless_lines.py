"""Files with a line that does not end, or that unpack to far more than they are."""

import gzip
import io
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from workers.chatlogs.files import read_logs
from workers.chatlogs.lines import MAX_LINE_BYTES, MAX_LOG_BYTES, bounded
from workers.cli.main import handoff
from workers.replay.event_sources import count_ahead, look_at, read_files

_MB = 1_000_000
_GOOD = b'{"id":"c-2","messages":[{"role":"user","content":"A person, please"}]}\n'


class _Endless(io.RawIOBase):
    """Bytes that are made as they are read: the beginning of a line, and so much more of it."""

    def __init__(self, head: bytes, more: int, tail: bytes) -> None:
        self._parts: Iterator[bytes] = iter([head, *[b"a" * _MB] * (more // _MB), tail])
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        self._rest = self._rest or next(self._parts, b"")
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


@contextmanager
def at_most(megabytes: int) -> Iterator[None]:
    """Fail when more memory than this was in use at once."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < megabytes * _MB


@pytest.mark.parametrize(
    "head", [b'{"id":"c-1","messages":[{"role":"user","content":"', b"nothing "]
)
def test_an_endless_line_of_a_chat_log_is_named_and_the_next_is_read(head: bytes) -> None:
    source = io.BufferedReader(_Endless(head, 160 * _MB, b'"}]}\n' + _GOOD))
    with at_most(120):
        first, second = read_logs(source)
    assert first.place == "1"
    assert first.error is not None
    assert f"more than {MAX_LOG_BYTES:,} bytes" in first.error
    assert second.place == "2"
    assert second.log["id"] == "c-2"


def test_one_value_over_too_many_lines_says_how_to_split_it() -> None:
    source = io.BufferedReader(_Endless(b"[\n" + b"{}\n" * 10, MAX_LOG_BYTES + _MB, b"\n]\n"))
    with at_most(120):
        (only,) = read_logs(source)
    assert only.error is not None
    assert "write one conversation a line" in only.error


def test_a_first_line_that_is_no_json_holds_no_more_of_a_long_file() -> None:
    lines = b"no json\n" + b"\n".join([_GOOD.strip()] * 3) + b"\n"
    source = io.BufferedReader(_Endless(lines, MAX_LOG_BYTES + _MB, b"\n" + _GOOD))
    with at_most(150):
        logs = [log.place for log in read_logs(source) if log.error is None]
    assert logs == ["2", "3", "4", "6"]


@pytest.fixture
def bomb(tmp_path: Path) -> Path:
    """Return a small file that unpacks to one line of 60 MB between two ordinary ones."""
    path = tmp_path / "bomb.jsonl.gz"
    event = (
        b'{"event_id":"%s","conversation_id":"c","occurred_at":"2026-01-01T00:00:00Z","content":"'
    )
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(event % b"e-1" + b'Hello","role":"customer"}\n' + event % b"e-2")
        for _ in range(60):
            file.write(b"a" * _MB)
        file.write(b'","role":"customer"}\n' + event % b"e-3" + b'Bye","role":"customer"}\n')
    assert path.stat().st_size < _MB // 2
    return path


def test_a_small_gzip_file_that_unpacks_to_a_huge_line_is_read_in_bounds(bomb: Path) -> None:
    with at_most(30):
        assert look_at([bomb]).lines == 3
        assert count_ahead([bomb], 0) == 3
        (first, huge, last) = read_files([bomb], 1, frozenset([0]))
    assert [first.incoming.rejected, last.incoming.rejected] == [None, None]
    assert huge.number == 2
    assert huge.incoming.rejected is not None
    assert huge.incoming.rejected.reason == "too_large"
    assert len(huge.incoming.raw.value or b"") <= MAX_LINE_BYTES + 1


def test_replay_names_it(bomb: Path) -> None:
    result = CliRunner().invoke(handoff, ["replay", str(bomb)])
    assert "bomb.jsonl.gz:2: too_large: event: more than 4194304 bytes" in result.output


def test_an_endless_cell_of_a_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"id,role,content\n1,user," + b"a" * 20 * _MB)
    with at_most(60):
        result = CliRunner().invoke(handoff, ["import", "--format", "csv", str(path)])
    assert result.exit_code == 65
    assert "line 2: more than 4,000,000 characters" in result.output


def test_lines_come_whole_where_they_fit() -> None:
    assert [*bounded(io.BytesIO(b"ab\nabc\nabcd\nabcde\n\nx"), 3)] == [
        b"ab\n", b"abc\n", b"abcd", b"abcd", b"\n", b"x",
    ]  # fmt: skip
