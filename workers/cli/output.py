"""Plain columns on standard output: whole words, one record a line, fit for grep and cut."""

import shutil
import sys
from collections.abc import Sequence
from typing import Final

import click

from workers.handoff.wording import one_line

_NARROWEST: Final = 6


def print_capped(lines: Sequence[str], *, every: bool, shown: int = 20) -> None:
    """Print complaints on standard error, and how many more there are than are shown."""
    for line in lines if every else lines[:shown]:
        click.echo(one_line(line), err=True)
    if not every and len(lines) > shown:
        click.echo(f"and {len(lines) - shown:,} more; --all lists them", err=True)


def print_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows below a header, each column as wide as its longest value.

    On a terminal that is too narrow for them the widest columns are cut.
    """
    lines = [[one_line(value) for value in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    if sys.stdout.isatty():
        _narrow(widths, shutil.get_terminal_size().columns)
    for row in lines:
        cells = (_cell(value, width) for value, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _narrow(widths: list[int], columns: int) -> None:
    while sum(widths) + 2 * (len(widths) - 1) > columns and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1


def _cell(value: str, width: int) -> str:
    return value.ljust(width) if len(value) <= width else f"{value[: width - 1]}…"
