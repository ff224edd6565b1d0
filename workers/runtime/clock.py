"""The wall clock, asked in the shell alone."""

import time


def now_ms() -> int:
    """Return the wall clock's milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
