"""Files that are unpacked before they are read: zstd, and the rows of a Parquet file as events."""

import mmap
from pathlib import Path
from typing import Any, Final

import cramjam
import orjson

from workers.errors import UnreadableInputError

_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_PARQUET: Final = b"PAR1"
_ROWS: Final = 10_000
"""Rows of a Parquet file that are in memory at once."""


def unpacked(path: Path, folder: Path) -> Path:
    """Return a file of lines with what is in `path`: a new one in `folder`, or `path` itself.

    The new one has the same name. Raise UnreadableInputError for one that is cut off or damaged,
    or that needs a package which is not installed.
    """
    with path.open("rb") as file:
        magic = file.read(4)
    if magic == _ZSTD:
        return _unzstd(path, folder / path.name)
    if magic == _PARQUET:
        return _rows(path, folder / path.name)
    return path


def _unzstd(path: Path, out: Path) -> Path:
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as packed,
    ):
        target = cramjam.File(str(out), read=True, write=True, truncate=True)
        try:
            cramjam.zstd.decompress_into(packed, target)
        except cramjam.DecompressionError as error:
            raise UnreadableInputError(f"{path}: not a whole zstd file: {error}") from error
    return out


def _rows(path: Path, out: Path) -> Path:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        advice = "Parquet needs pyarrow: pip install 'warm-handoff[parquet]'"
        raise UnreadableInputError(f"{path}: {advice}") from None
    try:
        with pyarrow.parquet.ParquetFile(path) as rows, out.open("wb") as file:
            for batch in rows.iter_batches(_ROWS):
                file.writelines(map(_line, batch.to_pylist()))
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError, OSError) as error:
        raise UnreadableInputError(f"{path}: not a whole Parquet file: {error}") from error
    return out


def _line(row: dict[str, Any]) -> bytes:
    """Return a row as an event: columns are fields, a null is an absent field."""
    event = {name: _given(value) for name, value in row.items() if value is not None}
    return orjson.dumps(event, default=str, option=orjson.OPT_NAIVE_UTC) + b"\n"


def _given(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _given(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_given(inner) for inner in value]
    return value
