"""The page of `handoff replay --html` in a real browser."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Accessible
from tests.unit.replay.test_files import event, log, policy, replay
from workers.data import data_path

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


@pytest.fixture
def report(tmp_path: Path) -> str:
    """Return the address of a comparison whose log means harm."""
    agent = {"id": "bot", "version": HOSTILE, "intents": [HOSTILE]}
    rows = [event(HOSTILE, 0), event(HOSTILE, 1, agent=agent)]
    rows += [event("calm", number) for number in range(4)]
    other = tmp_path / "other.yaml"
    other.write_text(policy(turns=3))
    out = tmp_path / "out.html"
    default = data_path("policies/default.yaml")
    replay(log(tmp_path, rows), "--policy", default, "--against", other, "--html", out)
    return out.as_uri()


def test_hostile_text_stays_text(page: Page, report: str) -> None:
    page.goto(report)
    assert page.title() != "owned"
    assert page.locator("img, script").count() == 0
    assert HOSTILE in page.locator("body").inner_text()


def test_it_is_accessible(page: Page, report: str, accessible: Accessible) -> None:
    page.goto(report)
    accessible(page)
