"""Rules for every test."""

import gc
import logging
import time
from collections.abc import Iterator

import pytest
from hypothesis import settings as hypothesis_settings

# The machines that run this are small and shared: slowness there is not a failure.
hypothesis_settings.register_profile("handoff", deadline=None)
hypothesis_settings.load_profile("handoff")

_WATCHED = ("workers", "asyncio")
# Modules and collected tests are half a million objects: a quarter of a second to look at them.
_SLOW_S = 0.02


def pytest_collection_finish() -> None:
    """Have the garbage collector leave alone what collecting the tests has made."""
    gc.freeze()


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
