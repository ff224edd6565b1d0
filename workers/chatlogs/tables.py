"""CSV files of messages, one row each, grouped into conversations."""

import csv
import io
from collections.abc import Iterator
from typing import IO, Any, Final, NamedTuple

from workers.chatlogs.files import ParsedChat

_GUESSES: Final = {
    "conversation": ("conversation_id", "conversation", "chat_id", "thread_id", "session_id", "id"),
    "role": ("role", "author_type", "sender_type", "from", "author", "sender"),
    "content": ("content", "message", "text", "body"),
    "time": ("occurred_at", "timestamp", "created_at", "time", "date"),
    "name": ("name", "customer_name", "author_name"),
}
_LONGEST: Final = 1_000_000
"""Characters of one cell."""
_LONGEST_LINE: Final = 4 * _LONGEST


class Columns(NamedTuple):
    """Mapping of the columns of a table; columns not given are guessed from the table's header."""

    given: dict[str, str]

    @classmethod
    def parse(cls, text: str | None) -> "Columns":
        """Return the mapping that a command line names; ValueError says what is wrong with it."""
        given: dict[str, str] = {}
        for pair in filter(None, (text or "").split(",")):
            name, equals, column = pair.partition("=")
            if not equals or name.strip() not in _GUESSES:
                known = ", ".join(_GUESSES)
                raise ValueError(
                    f"--columns: {pair.strip()!r}: use NAME=COLUMN with one of {known}"
                )
            given[name.strip()] = column.strip()
        return cls(given)

    def found(self, header: list[str]) -> dict[str, str]:
        """Return the column of each name that the table has; ValueError when one is missing."""
        for name, column in self.given.items():
            if column not in header:
                raise ValueError(
                    f"--columns: {name}={column}: the table has {', '.join(header) or 'no columns'}"
                )
        by_name = {column.casefold(): column for column in header}
        columns = dict(self.given)
        for name, guesses in _GUESSES.items():
            guess = next((by_name[one] for one in guesses if one in by_name), None)
            if name not in columns and guess is not None:
                columns[name] = guess
        missing = [name for name in ("conversation", "role", "content") if name not in columns]
        if missing:
            raise ValueError(
                f"no column for {', '.join(missing)}: name them with --columns, of "
                f"{', '.join(header) or 'no columns'}"
            )
        return columns


def read_table(source: IO[bytes], columns: Columns) -> Iterator[ParsedChat]:
    """Yield the conversations of a CSV file, which is read whole; rows may stand in any order.

    ValueError says which line cannot be read, or which column is missing.
    """
    csv.field_size_limit(_LONGEST)
    text = io.TextIOWrapper(source, encoding="utf-8-sig", errors="replace", newline="")
    rows = csv.DictReader(_lines(text))
    try:
        names = columns.found([name for name in rows.fieldnames or () if name])
        talks: dict[str, list[dict[str, Any]]] = {}
        places: dict[str, int] = {}
        for row in rows:
            key = row[names["conversation"]] or ""
            places.setdefault(key, rows.line_num)
            message: dict[str, Any] = {
                "role": row[names["role"]],
                "content": row[names["content"]] or "",
            }
            if "time" in names:
                message["timestamp"] = row[names["time"]]
            if "name" in names:
                message["sender"] = {"name": row[names["name"]]}
            talks.setdefault(key, []).append(message)
    except csv.Error as error:
        raise ValueError(f"line {rows.line_num}: {error}") from error
    for key, messages in talks.items():
        yield ParsedChat(str(places[key]), {"id": key, "messages": messages})


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    number = 0
    while line := text.readline(_LONGEST_LINE + 1):
        number += 1
        if len(line) > _LONGEST_LINE:
            raise ValueError(f"line {number}: more than {_LONGEST_LINE:,} characters: shorten it")
        yield line
