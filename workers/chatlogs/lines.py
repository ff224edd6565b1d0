"""Lines of files that others wrote, of which no more is in memory than is looked at."""

from collections.abc import Iterator
from typing import Final, Protocol

MAX_LINE_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a line with an event: four times what the contract takes."""
MAX_LOG_BYTES: Final = 32 * 1024 * 1024
"""Bytes of a chat log's line, or of a file that is one JSON value; parsed it takes many times that.
"""
_BLOCK: Final = 1024 * 1024


class LineReader(Protocol):
    """A source of lines."""

    def readline(self, size: int = -1, /) -> bytes:
        """Return the next line, or its first `size` bytes; nothing at the end."""
        ...


def bounded(source: LineReader, most: int) -> Iterator[bytes]:
    """Yield the lines of a stream, of a longer one than `most` bytes its first `most + 1`."""
    while line := source.readline(most + 1):
        if len(line) > most and not line.endswith(b"\n"):
            while (rest := source.readline(_BLOCK)) and not rest.endswith(b"\n"):
                pass
        yield line
