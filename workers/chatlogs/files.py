"""Files of chat logs: JSON lines, a JSON array or one JSON value, gzipped or not."""

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO, Any, Final, NamedTuple, cast

import orjson

from workers.chatlogs.lines import MAX_LOG_BYTES, bounded
from workers.chatlogs.shapes import is_conversation

_GZIP: Final = b"\x1f\x8b"
_LONG_NUMBER: Final = re.compile(rb"[0-9]{19}")
_TOO_LONG: Final = f"more than {MAX_LOG_BYTES:,} bytes"
_SPLIT: Final = "write one conversation a line (jq -c '.[]')"


class ParsedChat(NamedTuple):
    """One parsed conversation and its line in the file, or why that line is none."""

    place: str
    log: Any
    error: str | None = None


def read_logs(source: IO[bytes]) -> Iterator[ParsedChat]:
    """Yield the conversations of a file, one at a time unless it is one JSON value over lines.

    A gzipped file that is cut short or corrupt raises EOFError, zlib.error or gzip.BadGzipFile.
    """
    lines = unpacked(source, MAX_LOG_BYTES)
    start, head = 1, b""
    for line in lines:
        if head := line.removeprefix(b"\xef\xbb\xbf").strip():
            break
        start += 1
    if not head:
        return
    try:
        first = _parsed(head)
    except ValueError:
        yield from _over_lines(start, head, lines)
    else:
        yield from _expanded(str(start), first)
        yield from _by_line(start + 1, lines)


def _over_lines(start: int, head: bytes, lines: Iterator[bytes]) -> Iterator[ParsedChat]:
    """Yield what is in a file whose first line is no JSON value: it may be one over many lines."""
    read, size = [head], len(head)
    for line in lines:
        read.append(line)
        size += len(line)
        if size > MAX_LOG_BYTES:
            if head in (b"[", b"{"):
                problem = f"one JSON value of {_TOO_LONG}: left out; {_SPLIT}"
                yield ParsedChat(str(start), None, problem)
            else:
                yield from _by_line(start, chain(read, lines))
            return
    try:
        whole = _parsed(b"\n".join(read))
    except ValueError:
        yield from _by_line(start, read)
    else:
        yield from _expanded(str(start), whole)


def unpacked(source: IO[bytes], most: int) -> Iterator[bytes]:
    """Return the lines of a stream that may be gzipped, as they come, each as `bounded` does."""
    first = source.read(2)
    # Put back by hand: standard input cannot be rewound.
    whole = _Prefixed(first, source)
    if first != _GZIP:
        return bounded(whole, most)
    return bounded(gzip.GzipFile(fileobj=cast("IO[bytes]", whole)), most)


class _Prefixed:
    """A stream with the bytes that were read from it to know it put back in front."""

    def __init__(self, first: bytes, rest: IO[bytes]) -> None:
        self.first, self.rest = first, rest

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes."""
        if not self.first:
            return self.rest.read(size)
        first, self.first = self.first, b""
        return first + (self.rest.read(size - len(first)) if size > len(first) else b"")

    def readline(self, size: int = -1, /) -> bytes:
        """Read a line, of at most `size` bytes, which are more than were put back."""
        if not self.first:
            return self.rest.readline(size)
        line, newline, self.first = self.first.partition(b"\n")
        return line + (newline or self.rest.readline(size - len(line)))


def _by_line(start: int, lines: Iterable[bytes]) -> Iterator[ParsedChat]:
    for number, line in enumerate(lines, start=start):
        if not line.strip():
            continue
        try:
            log = _parsed(line)
        except ValueError as error:
            yield ParsedChat(str(number), None, f"not JSON ({error}): left out")
        else:
            yield from _expanded(str(number), log)


def _parsed(text: bytes) -> Any:
    """Return the value of a JSON text; ValueError where it is none, or more than is looked at."""
    if len(text) > MAX_LOG_BYTES:
        raise ValueError(f"{_TOO_LONG}: {_SPLIT}")
    if not _LONG_NUMBER.search(text):
        return orjson.loads(text)
    # An id of more than 64 bits would lose its last digits there.
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _expanded(place: str, log: Any) -> Iterator[ParsedChat]:
    """Yield one conversation, or each of an array of conversations."""
    if isinstance(log, list) and not is_conversation(log):
        for number, item in enumerate(log, start=1):
            yield ParsedChat(f"{place}, conversation {number}", item)
    else:
        yield ParsedChat(place, log)
