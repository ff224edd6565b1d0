"""Files of chat logs: JSON lines, a JSON array or one JSON value, gzipped or not."""

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO, Any, Final, NamedTuple, cast

import orjson

from workers.chatlogs.shapes import is_conversation

_GZIP: Final = b"\x1f\x8b"
_LONG_NUMBER: Final = re.compile(rb"[0-9]{19}")


class ParsedChat(NamedTuple):
    """One parsed conversation and its line in the file, or why that line is none."""

    place: str
    log: Any
    error: str | None = None


def read_logs(source: IO[bytes]) -> Iterator[ParsedChat]:
    """Yield the conversations of a file, one at a time unless it is one JSON value over lines.

    A gzipped file that is cut short or corrupt raises EOFError, zlib.error or gzip.BadGzipFile.
    """
    lines = iter(unpacked(source))
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
        rest = list(lines)
        try:
            whole = _parsed(b"\n".join([head, *rest]))
        except ValueError:
            yield from _by_line(start, [head, *rest])
        else:
            yield from _expanded(str(start), whole)
    else:
        yield from _expanded(str(start), first)
        yield from _by_line(start + 1, lines)


def unpacked(source: IO[bytes]) -> Iterable[bytes]:
    """Return the lines of a stream that may be gzipped, as they come."""
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
            log = _parsed(line)
        except ValueError as error:
            yield ParsedChat(str(number), None, f"not JSON ({error}): left out")
        else:
            yield from _expanded(str(number), log)


def _parsed(text: bytes) -> Any:
    """Return the value of a JSON text; ValueError where it is none."""
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
