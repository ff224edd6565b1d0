"""Our errors that end a process, each with its exit code and the message for the operator."""

from typing import Final

EXIT_FINDINGS: Final = 1
EXIT_USAGE: Final = 2
EXIT_DEAD_LETTERS: Final = 65
EXIT_UNAVAILABLE: Final = 69
EXIT_FAIL_STOP: Final = 70
EXIT_CONFIGURATION: Final = 78
EXIT_INTERRUPTED: Final = 130
EXIT_CLOSED_PIPE: Final = 141

EXIT_CODES: Final[dict[int, str]] = {
    0: "done; a worker was told to stop",
    EXIT_FINDINGS: "findings, or something was skipped or is missing, which the output names",
    EXIT_USAGE: "bad usage: an option, a setting, or a file that one of them names",
    EXIT_DEAD_LETTERS: "nothing in the input could be read; a worker reached the dead-letter limit",
    EXIT_UNAVAILABLE: "a server is not reachable",
    EXIT_FAIL_STOP: "a worker ended itself so that nothing is lost: start it again",
    EXIT_CONFIGURATION: "a server, a topic or a file is not as it must be",
    EXIT_INTERRUPTED: "interrupted by Ctrl-C",
    EXIT_CLOSED_PIPE: "the reader of the output closed the pipe, as head does",
}
"""Every code that a command or a worker ends with; `handoff --help` and the docs print it."""


class UnreadableInputError(Exception):
    """An input file cannot be read; the message names it."""

    exit_code = EXIT_DEAD_LETTERS


class WorkerStop(Exception):
    """A condition that ends the process; the message is for the operator and quotes no one."""

    exit_code = EXIT_FAIL_STOP


class ConfigurationError(WorkerStop):
    """Something that an operator must put right first; the message says what and how."""

    exit_code = EXIT_CONFIGURATION


class WentBackError(WorkerStop):
    """Redis lacks data that it was seen to have: an older copy has taken its place."""


def cause_of(error: BaseException) -> BaseException:
    """Return the error inside groups: one of our own, which says what to do, before any other."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [cause_of(one) for one in error.exceptions]
    return next((one for one in causes if isinstance(one, WorkerStop)), causes[0])
