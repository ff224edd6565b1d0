"""Files of chat logs: JSON lines, a JSON array or one JSON value, gzipped or not."""

import gzip
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO, Any, Final, NamedTuple, cast

import orjson

_GZIP: Final = b"\x1f\x8b"


class ParsedChat(NamedTuple):
    """One parsed conversation and its line in the file, or why that line is none."""

    place: str
    log: Any
    error: str | None = None


def read_logs(source: IO[bytes]) -> Iterator[ParsedChat]:
    """Yield the conversations of a file, one at a time unless it is one JSON value over lines.

    A gzipped file that is cut short or corrupt raises EOFError, zlib.error or gzip.BadGzipFile.
    """
    lines = iter(_unpacked(source))
    start, head = 1, b""
    for line in lines:
        if head := line.removeprefix(b"\xef\xbb\xbf").strip():
            break
        start += 1
    if not head:
        return
    try:
        first = orjson.loads(head)
    except orjson.JSONDecodeError:
        rest = list(lines)
        try:
            whole = orjson.loads(b"\n".join([head, *rest]))
        except orjson.JSONDecodeError:
            yield from _by_line(start, [head, *rest])
        else:
            yield from _expanded(str(start), whole)
    else:
        yield from _expanded(str(start), first)
        yield from _by_line(start + 1, lines)


def _unpacked(source: IO[bytes]) -> Iterable[bytes]:
    first = source.read(2)
    if first != _GZIP:
        # Put back by hand: standard input cannot be rewound.
        return chain([first + source.readline()], source)
    return gzip.GzipFile(fileobj=cast("IO[bytes]", _Prefixed(first, source)))


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


def _by_line(start: int, lines: Iterable[bytes]) -> Iterator[ParsedChat]:
    for number, line in enumerate(lines, start=start):
        if not line.strip():
            continue
        try:
            log = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield ParsedChat(str(number), None, f"not JSON ({error}): left out")
        else:
            yield from _expanded(str(number), log)


def _expanded(place: str, log: Any) -> Iterator[ParsedChat]:
    """Yield one conversation, or each of an array of conversations."""
    if isinstance(log, list) and not any(isinstance(i, dict) and "role" in i for i in log):
        for number, item in enumerate(log, start=1):
            yield ParsedChat(f"{place}, conversation {number}", item)
    else:
        yield ParsedChat(place, log)
