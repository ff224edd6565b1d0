"""Entry point of `handoff` and of `python -m workers.cli`."""

import signal
import sys
from types import FrameType
from typing import NoReturn

# Loading takes a moment, in which Ctrl+C would print a traceback: it ends the process instead.
_interrupted = signal.getsignal(signal.SIGINT)
if _interrupted is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from workers.cli.main import Terminated, handoff, silence_output  # noqa: E402
from workers.errors import EXIT_CLOSED_PIPE, EXIT_USAGE  # noqa: E402

if _interrupted is signal.default_int_handler:
    signal.signal(signal.SIGINT, _interrupted)


def main() -> NoReturn:
    """Run the command line and exit with a code of `workers.errors.EXIT_CODES`.

    SIGTERM and SIGHUP end it with 143 and 129, as shells count, when temporary folders are gone.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        # One that a shell told us to ignore (nohup) stays ignored.
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _terminate)
    try:
        handoff(prog_name="handoff")
    except SystemExit as end:
        sys.exit(_flushed(end.code))
    except Terminated as terminated:
        sys.exit(128 + terminated.number)
    sys.exit()


def _terminate(number: int, _: FrameType | None) -> NoReturn:
    # Once: a second one ends what does not come to an end.
    signal.signal(number, signal.SIG_DFL)
    raise Terminated(number)


def _flushed(code: str | int | None) -> str | int | None:
    """Return the exit code once all output is written; another where it cannot be."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        silence_output()
        return EXIT_CLOSED_PIPE
    except OSError as error:
        silence_output()
        print(f"Error: standard output: {error.strerror}", file=sys.stderr)  # noqa: T201
        return code or EXIT_USAGE
    return code


if __name__ == "__main__":
    main()
