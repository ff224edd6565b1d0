"""The rule that no test passes over an error that was logged."""

from pathlib import Path

import pytest

_SETTINGS = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
markers = expects_errors
"""

_TESTS = """
import asyncio, logging
import pytest
from hypothesis import given, strategies

log = logging.getLogger("workers.somewhere")

def test_quiet():
    log.warning("only a warning")

def test_swallowed():
    log.error("went wrong")

async def test_forgotten_task():
    async def fail():
        raise ValueError("nobody looks")
    asyncio.create_task(fail())
    await asyncio.sleep(0)
    await asyncio.sleep(0)

@pytest.mark.expects_errors("went wrong")
def test_announced():
    log.error("it went wrong, as expected")

@pytest.mark.expects_errors("went wrong")
def test_announced_in_vain():
    pass

@pytest.mark.expects_errors("something else")
def test_announced_another():
    log.error("something else")
    log.error("went wrong")

@given(strategies.booleans())
def test_property(value):
    if value:
        log.error("went wrong")
"""


def test_an_error_that_nobody_announced_fails_the_test(pytester: pytest.Pytester) -> None:
    pytester.makeconftest((Path(__file__).parents[1] / "conftest.py").read_text())
    pytester.makeini(_SETTINGS)
    pytester.makepyfile(_TESTS)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    # The call of each test passes; it is the check after it that reports an error.
    result.assert_outcomes(passed=7, errors=5)
    for name in (
        "swallowed",
        "forgotten_task",
        "announced_in_vain",
        "announced_another",
        "property",
    ):
        result.stdout.fnmatch_lines([f"ERROR *::test_{name}*"])
