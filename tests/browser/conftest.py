"""A real browser for the tests of our pages: Debian's Chromium, driven by Playwright."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.support.console_process import PATIENCE_S, ConsoleSystem

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_WIDE = {"width": 1360, "height": 900}
_PHONE = {"width": 360, "height": 780}
_PICTURES = (("", "light", 1360), ("-dark", "dark", 1360), ("-phone", "light", 360))
Accessible = Callable[[Page], None]
Visit = Callable[..., Page]
Picture = Callable[..., None]


def _executable() -> str:
    given = os.environ.get("CHROMIUM")
    found = given or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.fail("no Chromium: apt-get install chromium, or name one with CHROMIUM=...")
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start one browser for all tests."""
    expect.set_options(timeout=PATIENCE_S * 1000)
    with sync_playwright() as playwright:
        # The sandbox needs user namespaces, which containers seldom grant.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=_executable(), args=arguments)
        yield started
        started.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Open addresses, each in a profile of its own.

    A script that fails, or is refused by the page's policy, fails the test; `but` is a pattern
    of what a test provokes.
    """
    contexts, complaints = [], []

    def opened(address: str, but: str = "(?!)", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": _WIDE, "reduced_motion": "reduce", **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        heard: list[str] = []
        watch_complaints(page, heard)
        complaints.append((heard, but))
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        for page in context.pages:
            _leave_desk(page)
        context.close()
    told = [one for heard, but in complaints for one in heard if not re.search(but, one)]
    assert not told, f"the browser complained: {told}"


def _leave_desk(page: Page) -> None:
    """Say that whoever is at the desk is away, or it would be said a minute later."""
    token = page.locator("form[action='/desk/presence'] input[name=csrf]")
    if token.count():
        form: dict[str, str | float | bool] = {
            "csrf": token.get_attribute("value") or "",
            "present": "no",
        }
        page.request.post(urljoin(page.url, "/desk/presence"), form=form, max_redirects=0)


@pytest.fixture
def page(visit: Visit) -> Page:
    """Open an empty page."""
    return visit("about:blank")


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


@pytest.fixture(scope="session")
def fits(accessible: Accessible) -> Accessible:
    """Return a check that a page is accessible, in light and dark, and fits a phone."""

    def check(page: Page) -> None:
        size = page.viewport_size
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            accessible(page)
        page.set_viewport_size(_PHONE)  # type: ignore[arg-type]
        assert page.evaluate("document.documentElement.scrollWidth") == _PHONE["width"], page.url
        accessible(page)
        page.set_viewport_size(size or _WIDE)  # type: ignore[arg-type]

    return check


@pytest.fixture(scope="session")
def picture() -> Picture:
    """Return what takes the pictures of the documentation, where HANDOFF_PICTURES names a folder.

    Each is taken in light, in dark and on a phone.
    """
    folder = os.environ.get("HANDOFF_PICTURES")

    def take(page: Page, name: str, height: int = 900) -> None:
        if folder is None:
            return
        size = page.viewport_size
        for suffix, scheme, width in _PICTURES:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": height})
            page.screenshot(path=Path(folder) / f"{name}{suffix}.png")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(size or _WIDE)  # type: ignore[arg-type]

    return take


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSystem]:
    """Run servers, a worker of each kind and two consoles, for all tests."""
    with ConsoleSystem(tmp_path_factory.mktemp("system")) as running:
        yield running
