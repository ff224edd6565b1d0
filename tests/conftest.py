"""Rules for every test."""

import gc
import itertools
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

# Nothing that is imported or collected becomes garbage: to look for some takes a sixth of the time.
gc.disable()

# The machines that run this are small and shared: slowness there is not a failure.
hypothesis_settings.register_profile("handoff", deadline=None)
hypothesis_settings.load_profile("handoff")

_WATCHED = ("workers", "asyncio")
# Modules and collected tests are half a million objects: a quarter of a second to look at them.
_SLOW_S = 0.02


_WAITING = Path(__file__).parent / "stream"


def pytest_collection_finish() -> None:
    """Have the garbage collector leave alone what collecting the tests has made."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each of several processes as much that waits for servers as the others have.

    A process begins with an equal, contiguous part of the list. What waits comes in its first
    three quarters, a file at a time, and what computes uses the cores meanwhile.
    """
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    waiting = [item for item in items if item.path.is_relative_to(_WAITING)]
    computing = [item for item in items if not item.path.is_relative_to(_WAITING)]
    if processes == 1 or not waiting or not computing:
        return
    files = [list(group) for _, group in itertools.groupby(waiting, lambda item: item.path)]
    spread: list[pytest.Item] = []
    for number in range(processes):
        own = files[number::processes]
        end = len(items) * (number + 1) // processes
        share = max(0, end - len(spread) - sum(map(len, own)))
        spread += _mixed(own, computing[:share])
        del computing[:share]
    items[:] = spread + computing


def _mixed(files: list[list[pytest.Item]], between: list[pytest.Item]) -> list[pytest.Item]:
    """Return both, with the files evenly in the first three quarters."""
    part = len(between) * 3 // 4 // max(1, len(files))
    mixed: list[pytest.Item] = []
    for number, file in enumerate(files):
        mixed += [*file, *between[number * part : (number + 1) * part]]
    return mixed + between[len(files) * part :]


def _collect() -> None:
    """Collect garbage; what makes that slow is a library that was imported meanwhile, and stays."""
    started = time.thread_time()
    gc.collect()
    if time.thread_time() - started > _SLOW_S:
        gc.freeze()


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(f"{record.name}: {self.format(record)}")


@pytest.fixture(autouse=True)
def _no_swallowed_errors(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test in which our code or asyncio logged an error that nobody announced."""
    errors = _Errors()
    for name in _WATCHED:
        logging.getLogger(name).addHandler(errors)
    try:
        yield
        if request.node.get_closest_marker("asyncio"):
            # asyncio reports an exception that nobody fetched when its task is collected.
            _collect()
    finally:
        for name in _WATCHED:
            logging.getLogger(name).removeHandler(errors)
    marker = request.node.get_closest_marker("expects_errors")
    expected = marker.args if marker else ()
    swallowed = [text for text in errors.messages if not any(part in text for part in expected)]
    assert not swallowed, f"errors were logged and swallowed: {swallowed}"
    missing = [part for part in expected if not any(part in text for text in errors.messages)]
    assert not missing, f"expected errors were not logged: {missing}"
