"""The end of a worker that can't go on: at once, without a commit, so that nothing is lost.

The supervisor starts the process again, which reads the unfinished chunk from the log anew.
"""

import logging
import os
import sys
import traceback
from typing import NoReturn

from aiokafka.errors import KafkaError
from redis.exceptions import RedisError

from workers.errors import EXIT_FAIL_STOP, WorkerStop, cause_of

logger = logging.getLogger(__name__)


def fail_stop(what: str, error: BaseException | None = None) -> NoReturn:
    """End the process now, by the error's exit code: nothing is flushed or committed."""
    error = None if error is None else cause_of(error)
    code = error.exit_code if isinstance(error, WorkerStop) else EXIT_FAIL_STOP
    explained, *frames = f"{what}{_explained(error)}".splitlines()
    logger.critical("stopping (exit %d): %s", code, explained)
    for line in frames:
        logger.critical("%s", line)
    for handler in logging.getLogger().handlers:
        handler.flush()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _explained(error: BaseException | None) -> str:
    """Return what may be said of an error: a library's error may quote the message at hand."""
    if error is None:
        return ""
    if isinstance(error, WorkerStop):
        return f": {error}"
    if isinstance(error, RedisError | KafkaError | OSError):
        return f": {type(error).__name__}: {error}"
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f": {type(error).__name__}, its text left out\n{frames}"
