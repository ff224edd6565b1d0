"""Files of events as they are on disk, gzipped, packed or piped in."""

import gzip
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, Final, cast

from workers.chatlogs.lines import MAX_LINE_BYTES, bounded
from workers.chatlogs.packed_files import unpacked
from workers.errors import UnreadableInputError

_BOM: Final = b"\xef\xbb\xbf"
_FOLDER: Final = "handoff-replay-"


@contextmanager
def local_files(names: Sequence[str]) -> Iterator[list[Path]]:
    """Yield paths that can be read more than once, as lines that are plain or gzipped.

    `-` and pipes are copied to a temporary file first; zstd and Parquet are unpacked to one.
    """
    with tempfile.TemporaryDirectory(prefix=_FOLDER) as name:
        paths = []
        for number, given in enumerate(names):
            folder = Path(name) / str(number)
            folder.mkdir()
            path = Path(given)
            if given == "-" or path.is_fifo():
                copy = "standard input" if given == "-" else f"pipe {path.name}"
                with nullcontext(sys.stdin.buffer) if given == "-" else path.open("rb") as source:
                    path = folder / copy
                    with path.open("wb") as file:
                        shutil.copyfileobj(source, file)
                folder = folder / "unpacked"
                folder.mkdir()
            paths.append(unpacked(path, folder))
        yield paths


def shown(path: Path) -> str:
    """Return a path of `local_files` as its user named it."""
    return path.name if any(part.startswith(_FOLDER) for part in path.parts) else str(path)


def lines_of(paths: Sequence[Path]) -> Iterator[tuple[Path, int, bytes]]:
    """Yield the lines that are not blank, with file and number; .gz files are unpacked.

    Of a line longer than MAX_LINE_BYTES no more than is needed to refuse it.
    """
    for path in paths:
        with opened(path) as file:
            for number, line in enumerate(bounded(file, MAX_LINE_BYTES), start=1):
                if stripped := line.strip():
                    yield path, number, stripped.removeprefix(_BOM)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file that is plain or gzipped; UnreadableInputError where it is half of one."""
    with path.open("rb") as file:
        packed = file.peek(2)[:2] == b"\x1f\x8b"
        if not packed:
            yield file
            return
        try:
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield cast(BinaryIO, unpacked)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise UnreadableInputError(f"{shown(path)}: not a whole gzip file: {error}") from error
