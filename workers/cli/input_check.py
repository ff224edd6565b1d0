"""A look at the files that a command is given, before it begins."""

from collections.abc import Iterable
from pathlib import Path

from workers.chatlogs.event_files import lines_of, shown
from workers.chatlogs.foreign_files import foreign_to_events
from workers.cli.common import CliError
from workers.errors import EXIT_DEAD_LETTERS


def require_event_files(paths: Iterable[Path]) -> None:
    """Raise CliError for a file of something else than events, as chat logs that are no events yet.

    Only its first lines are looked at.
    """
    for path in paths:
        lines = (line for _, _, line in lines_of([path]))
        if said := foreign_to_events(lines, shown(path)):
            raise CliError(said, EXIT_DEAD_LETTERS)
