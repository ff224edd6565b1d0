"""Rules for every test."""

import gc
import logging
from collections.abc import Iterator

import pytest
from hypothesis import settings as hypothesis_settings

# The machines that run this are small and shared: slowness there is not a failure.
hypothesis_settings.register_profile("handoff", deadline=None)
hypothesis_settings.load_profile("handoff")

_WATCHED = ("workers", "asyncio")


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
            gc.collect()
    finally:
        for name in _WATCHED:
            logging.getLogger(name).removeHandler(errors)
    marker = request.node.get_closest_marker("expects_errors")
    expected = marker.args if marker else ()
    swallowed = [text for text in errors.messages if not any(part in text for part in expected)]
    assert not swallowed, f"errors were logged and swallowed: {swallowed}"
    missing = [part for part in expected if not any(part in text for text in errors.messages)]
    assert not missing, f"expected errors were not logged: {missing}"
