"""`handoff detect`: score texts for requests for a person and for frustration."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import IO

import click
import orjson

from workers.cli.common import CliError, numbered_lines, own_lists, progress
from workers.errors import EXIT_DEAD_LETTERS, EXIT_FINDINGS

_SHOWN = 20
_BATCH = 500


class BadRow(ValueError):
    """A line that holds no text to score; says what to do about it."""


@click.command("detect")
@click.argument("source", metavar="[FILE]", type=click.File("rb"), default="-")
def detect(source: IO[bytes]) -> None:
    """Score the "text" of each row of FILE (JSON lines; - or none is standard input).

    Writes the same rows with requested_human and frustrated (true or false at the thresholds of
    the policy's defaults) and requested_human_score and frustration_score (0 to 1). A row's
    "previous", if it has one, is what the AI said before: "ok" to an offer is a request. Rows that
    can't be read are named on standard error and left out.

    Exit code: 0 every row was scored, 1 some were left out, 65 none could be read.
    """
    scored = bad = 0
    with progress("bytes scored", _size(source)) as advance:
        for name, number, outcome in _scored(source, advance):
            if not isinstance(outcome, BadRow):
                sys.stdout.buffer.write(outcome)
                scored += 1
                continue
            bad += 1
            if bad <= _SHOWN:
                click.echo(f"{name}:{number}: {outcome}", err=True)
    sys.stdout.flush()
    if bad:
        code = EXIT_FINDINGS if scored else EXIT_DEAD_LETTERS
        raise CliError(f"{bad:,} row{'s' * (bad > 1)} left out (see above)", code)


def _scored(
    source: IO[bytes], advance: Callable[[int], None]
) -> Iterator[tuple[str, int, bytes | BadRow]]:
    """Yield file, line number and the row to write, or what is wrong with it."""
    name = getattr(source, "name", "<stdin>")
    read, own = 0, own_lists()
    for number, line in numbered_lines(source):
        try:
            outcome: bytes | BadRow = score_row(line, own)
        except BadRow as error:
            outcome = error
        yield name, number, outcome
        read += len(line) + 1
        if number % _BATCH == 0:
            advance(read)
            read = 0
    advance(read)


def score_row(line: bytes, own: str = "") -> bytes:
    """Return one row with its scores as a JSON line; BadRow when it has no text.

    `own` are word lists of the deployment's own, as a policy has them.
    """
    from workers.detection import (
        FRUSTRATION_THRESHOLD,
        THRESHOLD,
        read_customer,
        read_reply,
        vocabulary,
    )

    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadRow(f"not JSON ({error}); one JSON object a line is expected") from None
    if not isinstance(row, dict):
        raise BadRow(f'a JSON object with "text" is expected, found {_kind(row)}')
    if "text" not in row:
        raise BadRow('field "text" is missing')
    if not isinstance(row["text"], str):
        raise BadRow(f'field "text" must be a string, found {_kind(row["text"])}')
    previous = row.get("previous")
    if previous is not None and not isinstance(previous, str):
        raise BadRow(f'field "previous" must be a string, found {_kind(previous)}')
    text, lists = row["text"], vocabulary(own)
    if previous is None:
        found = read_customer(text, lists=lists)
    else:
        found = read_reply(text, previous, lists=lists)
    asks = found.requested_human.score if found.requested_human else 0.0
    cross = found.frustrated.score if found.frustrated else 0.0
    scores = {
        "requested_human": asks >= THRESHOLD,
        "requested_human_score": asks,
        "frustrated": cross >= FRUSTRATION_THRESHOLD,
        "frustration_score": cross,
    }
    return orjson.dumps(row | scores, option=orjson.OPT_APPEND_NEWLINE)


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
    return "null" if value is None else names.get(type(value), "a number")


def _size(source: IO[bytes]) -> int | None:
    """Bytes to read, where that can be known."""
    try:
        return os.fstat(source.fileno()).st_size or None
    except OSError:
        return None
