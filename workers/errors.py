"""Every error of our own that ends a process, with its exit code and what the operator is told."""

from typing import Final

EXIT_FAIL_STOP: Final = 70
"""Start it again: the mark moved, a chunk took too long, something unexpected was raised."""
EXIT_DEAD_LETTERS: Final = 65
"""Starting it again does not help: too many events in a row could not be read."""
EXIT_UNAVAILABLE: Final = 69
"""A server does not answer."""
EXIT_CONFIGURATION: Final = 78
"""Starting it again does not help: a server, a topic or a file is not as it must be."""


class UnreadableInputError(Exception):
    """An input file cannot be read; the message names it."""

    exit_code = EXIT_DEAD_LETTERS


class WorkerStop(Exception):
    """A condition that ends the process; the message is for the operator and quotes nobody."""

    exit_code = EXIT_FAIL_STOP


class ConfigurationError(WorkerStop):
    """Something that an operator must put right first; the message says what and how."""

    exit_code = EXIT_CONFIGURATION


class WentBackError(WorkerStop):
    """Redis lacks what it was seen to have: an older copy has taken its place."""


def cause_of(error: BaseException) -> BaseException:
    """Return the error inside groups: one of our own, which says what to do, before any other."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [cause_of(one) for one in error.exceptions]
    return next((one for one in causes if isinstance(one, WorkerStop)), causes[0])
