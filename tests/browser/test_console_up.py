"""A new user's first steps: `handoff up --play`, and the address that it prints."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Picture, Visit
from tests.support.console_process import PATIENCE_S, eventually

_LEAST_ESCALATIONS = 8


@pytest.fixture
def playing(tmp_path: Path) -> Iterator[str]:
    """Return the address that `handoff up --play` prints; it leaves nothing behind at its end."""
    said, temporary = tmp_path / "said", tmp_path / "temporary"
    temporary.mkdir()
    ours = {name: value for name, value in os.environ.items() if name != "KAFKA_BOOTSTRAP"}
    ours.pop("REDIS_URL", None)
    with said.open("wb") as log:
        up = subprocess.Popen(
            [sys.executable, "-m", "workers.cli", "up", "--play"],
            env={**ours, "TMPDIR": str(temporary)},
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    try:
        found = eventually(
            lambda: re.search(r"the console is at (\S+)", said.read_text()), said.read_text
        )
        yield found[1]
    finally:
        up.send_signal(signal.SIGINT)
        code = up.wait(PATIENCE_S)
    assert code == 0, said.read_text()
    assert not list(temporary.iterdir())


@pytest.mark.timeout(300)
def test_a_lead_watches_what_is_handed_over_as_it_is(
    visit: Visit, picture: Picture, playing: str
) -> None:
    page = visit(playing)
    first = page.locator("#now-recent a.case").first
    expect(first).to_be_visible()
    # From here on nothing is asked of the page.
    cases = page.locator("#now-recent a.case")
    expect(cases.nth(_LEAST_ESCALATIONS - 1)).to_be_visible()
    expect(page.locator("#now-rate")).to_contain_text("conversations; healthy is")
    for queue in ("tier_2_support", "billing", "legal"):
        expect(page.locator("#now-queues")).to_contain_text(queue)
    expect(page.locator("#now-queues")).to_contain_text("closed")
    expect(page.locator("#now-aside")).to_contain_text("solved")
    picture(page, "console-now", 1080)
    cases.filter(has_text="asked for a person").first.click()
    expect(page.locator("#c-timeline")).to_contain_text("because requested human")
    expect(page.locator("#c-packet")).to_contain_text("Why")
    picture(page, "console-conversation")
    # The console ends before the page is closed, and would be missed.
    page.goto("about:blank")
