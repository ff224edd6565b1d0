"""Files that hold something else than a command reads, and the sentence that says so."""

from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from workers.chatlogs.json_values import as_dict, parsed
from workers.chatlogs.shapes import read_shape

_LOOKED_AT: Final = 50
"""Lines of a file that are looked at."""
_LONGEST: Final = 4 * 1024 * 1024
TABLE: Final = "a CSV table"
TEXT: Final = "text that is no JSON"
_MAGIC: Final = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd"),
    (b"PAR1", "a Parquet file"),
    (b"\xff\xfe", "UTF-16 text; save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text; save it as UTF-8"),
    (b"\x7fELF", "a program"),
)
_DELIMITERS: Final = (",", ";", "\t")
_EVENT: Final = frozenset(("event_id", "occurred_at"))


def foreign_to_events(lines: Iterable[bytes], name: str) -> str | None:
    """Return what a file without an event in its first lines is, and what to do; else None.

    `name` is the file as its user called it. A file without lines is not foreign.
    """
    first = list(islice(lines, _LOOKED_AT))
    values = [_parsed(line) for line in first]
    if not first or any(as_dict(value).keys() & _EVENT for value in values):
        return None
    # A file that is one JSON value over many lines has no value on its first ones.
    whole = _parsed(b"\n".join(first)) if values[0] is None else values[0]
    if whole is None and first[0][:1] in (b"[", b"{") and first[0][1:2] in (b"", b"\n"):
        return f"{name}: JSON over many lines, not one event a line: {_advice(name)}"
    if whole is None:
        kind = kind_of(b"\n".join(first[:2]))
        advice = f": {_advice(name)} with --columns" if kind == TABLE else ""
        return f"{name}: {kind}, not one event a line as JSON{advice}"
    shape = read_shape(whole[0] if _is_array_of_logs(whole) else whole)[0]
    if shape != "unknown":
        return f"{name}: chat logs ({shape}), not events: {_advice(name)}"
    return None


def kind_of(head: bytes) -> str:
    """Return in a few words what a file that is no JSON seems to be, by its first bytes."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character may be cut in two at the end.
        if error.start < len(head) - 4:
            return "no text in UTF-8"
        text = head[: error.start].decode("utf-8")
    if "\0" in text:
        return "no text"
    if text.lstrip().startswith("<"):
        return "HTML or XML"
    rows = text.splitlines()[:2]
    counts = [[row.count(one) for row in rows] for one in _DELIMITERS]
    if len(rows) == 2 and any(a == b > 0 for a, b in counts):
        return TABLE
    return TEXT


def _parsed(line: bytes) -> Any:
    return parsed(line) if len(line) <= _LONGEST else None


def _is_array_of_logs(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and bool(as_dict(value[0]).keys() & {"messages", "conversations", "conversation_parts"})
    )


def _advice(name: str) -> str:
    return f"handoff import {name} turns chat logs into events"
