"""The line by which a measured process says that it has its first records in hand."""

import time
from functools import cache


@cache
def first() -> None:
    """Print `first <monotonic> <CPU seconds>`, once."""
    print(f"first {time.monotonic()} {time.process_time()}", flush=True)
