"""A real browser for the tests of our pages: Debian's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
Accessible = Callable[[Page], None]


def _executable() -> str:
    given = os.environ.get("CHROMIUM")
    found = given or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.fail("no Chromium: apt-get install chromium, or name one with CHROMIUM=...")
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start one browser for all tests."""
    with sync_playwright() as playwright:
        # The sandbox needs user namespaces, which containers seldom grant.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=_executable(), args=arguments)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open an empty page; a script that fails or is refused in it fails the test."""
    context = browser.new_context()
    opened = context.new_page()
    complaints: list[str] = []
    watch_complaints(opened, complaints)
    yield opened
    context.close()
    assert not complaints, f"the browser complained: {complaints}"


def watch_complaints(page: Page, complaints: list[str]) -> None:
    """Collect what the browser's console calls an error, and exceptions of scripts."""

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))


@pytest.fixture(scope="session")
def accessible() -> Accessible:
    """Return a check that fails on what axe finds wrong with the page as it is now."""

    def check(page: Page) -> None:
        found = Axe().run(page)
        assert not found.violations_count, found.generate_report()

    return check
