"""The end of a worker that can't go on: at once, without a commit, so that nothing is lost.

Whoever started the process starts it again; what it had in hand is read again from the log.
"""

import logging
import os
import sys
from typing import Final, NoReturn

EXIT_FAIL_STOP: Final = 70
"""Start it again: the mark moved, a chunk took too long, something unexpected was raised."""
EXIT_DEAD_LETTERS: Final = 65
"""Starting it again does not help: too many events in a row could not be read."""
EXIT_CONFIGURATION: Final = 78
"""Starting it again does not help: a server, a topic or a file is not as it must be."""

logger = logging.getLogger(__name__)


class ConfigurationError(Exception):
    """Something that an operator must put right first; the message says what and how."""


def fail_stop(
    reason: str, code: int = EXIT_FAIL_STOP, error: BaseException | None = None
) -> NoReturn:
    """End the process with `code` now: no handler runs, nothing is flushed to Kafka, no commit."""
    if isinstance(error, ConfigurationError):
        code, reason, error = EXIT_CONFIGURATION, str(error), None
    logger.critical("stopping (exit %d): %s", code, reason, exc_info=error)
    for handler in logging.getLogger().handlers:
        handler.flush()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
